package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/CyCoreSystems/ari/v5"
)

// stage is one call of a fake Asterisk whose playbacks end only when the test says so.
type stage struct {
	*fake
	ch     *Channel
	events chan ari.Event
}

func newStage(t *testing.T, stop func(try int) *answer) *stage {
	st := &stage{fake: newFake(t), events: make(chan ari.Event, 10)}
	tries := 0
	st.rule = func(method, uri string) *answer {
		if method != "DELETE" || !strings.HasPrefix(uri, "playbacks/") {
			return nil
		}
		tries++
		return stop(tries)
	}
	calls := make(chan *Channel, 1)
	run(t, st.config(), func(ctx context.Context, ch *Channel) {
		calls <- ch
		for {
			select {
			case e, open := <-ch.Events():
				if !open {
					return
				}
				st.events <- e
			case <-ctx.Done():
				return
			}
		}
	}).connected()
	st.arrive("test-a", "1.1")
	st.ch = receive(t, "call", calls)
	return st
}

func stopped(int) *answer { return &answer{code: 204} }

// asked are the requests about the call, shortened.
func (st *stage) asked() (got []string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, r := range st.requests {
		r, _, _ = strings.Cut(r, "?")
		if strings.Contains(r, "1.1-play-") || strings.HasSuffix(r, "/continue") {
			got = append(got, r)
		}
	}
	return got
}

func (st *stage) finished(i int) {
	st.event("test-a", "PlaybackFinished", fmt.Sprintf(`"playback":{"id":"1.1-play-%d","target_uri":"channel:1.1","state":"done"}`, i))
}

// The end of a playback that was stopped is told after the next one has been queued: the next one is stopped all the same.
func TestPlaybackEndTakenForTheNext(t *testing.T) {
	st := newStage(t, stopped)
	if err := errors.Join(
		st.ch.Play(soon(t), "first", "", "sound:x"), st.ch.StopPlayback(soon(t), "first"), st.ch.Play(soon(t), "second", "", "sound:x"),
	); err != nil {
		t.Fatal(err)
	}
	st.finished(0)
	if e, ok := receive(t, "the first one's end", st.events).(*ari.PlaybackFinished); !ok || e.Playback.ID != "first" {
		t.Errorf("%+v", e)
	}
	if err := st.ch.SetVariables(soon(t), Variable{"A", "b"}); !errors.Is(err, ErrPlaying) {
		t.Errorf("variables while the second one plays: %v", err)
	}
	if err := st.ch.Continue(soon(t), Place{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST channels/1.1/play/1.1-play-0", "DELETE playbacks/1.1-play-0", "POST channels/1.1/play/1.1-play-1",
		"DELETE playbacks/1.1-play-1", "POST channels/1.1/continue",
	}
	if got := st.asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
}

func TestPlaybackSlots(t *testing.T) {
	st := newStage(t, stopped)
	play := func(name string) error { return st.ch.Play(soon(t), name, "", "sound:x") }
	for i := range playbackSlots {
		if err := play(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"0", "another"} {
		if play(name) == nil {
			t.Errorf("%q was queued", name)
		}
	}
	// Asterisk's agreement to stop one frees no slot; its end does, and then for a new one of the same name.
	if err := st.ch.StopPlayback(soon(t), "1"); err != nil {
		t.Fatal(err)
	}
	if play("another") == nil {
		t.Error("a slot was used again before its playback had ended")
	}
	st.finished(1)
	receive(t, "the end", st.events)
	if err := play("1"); err != nil {
		t.Error(err)
	}
	// A refusal frees it, too.
	st.finished(2)
	receive(t, "the end", st.events)
	st.do(func() { st.rule = func(string, string) *answer { return &answer{code: 400} } })
	for range 2 {
		if err := play("refused"); !refused(err) {
			t.Errorf("refused play: %v", err)
		}
	}
}

// The one slot that is free is not the one whose playback has only just ended: Asterisk may still find that under its id.
func TestPlaybackSlotsInTurn(t *testing.T) {
	st := newStage(t, stopped)
	for i := range playbackSlots + 1 {
		if err := st.ch.Play(soon(t), "x", "", "sound:x"); err != nil {
			t.Fatal(err)
		}
		st.finished(i % playbackSlots)
		receive(t, "the end", st.events)
	}
	want := []string{"POST channels/1.1/play/1.1-play-0", "POST channels/1.1/play/1.1-play-1", "POST channels/1.1/play/1.1-play-2",
		"POST channels/1.1/play/1.1-play-3", "POST channels/1.1/play/1.1-play-0"}
	if got := st.asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
}

// Asterisk cannot stop a playback in the moment in which it begins.
func TestPlaybackStoppedTooEarly(t *testing.T) {
	cannot := &answer{code: 500, body: `{"message":"Could not stop playback"}`}
	for name, tt := range map[string]struct {
		stop  func(try int) *answer
		tries int
	}{
		"at once":      {stopped, 1},
		"over already": {func(int) *answer { return nil }, 1},
		"a moment later": {func(try int) *answer {
			if try <= 3 {
				return cannot
			}
			return stopped(try)
		}, 4},
		"never": {func(int) *answer { return cannot }, stopTries},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, tt.stop)
			if err := st.ch.Play(soon(t), "warning", "", "sound:x"); err != nil {
				t.Fatal(err)
			}
			if err := st.ch.Continue(soon(t), Place{"after", "s", 1}); err != nil {
				t.Errorf("the call does not go on where it should: %v", err)
			}
			want := []string{"POST channels/1.1/play/1.1-play-0"}
			for range tt.tries {
				want = append(want, "DELETE playbacks/1.1-play-0")
			}
			if got := st.asked(); !slices.Equal(got, append(want, "POST channels/1.1/continue")) {
				t.Errorf("asked %q", got)
			}
		})
	}
}

// Whoever takes over a channel plays in no slot in which a dead process's playback is still ending.
func TestPlaybackOfAdopted(t *testing.T) {
	f := newFake(t)
	f.app("test-a").channels = []string{"1.1"}
	f.rule = func(method, uri string) *answer {
		if uri == "playbacks/1.1-play-0" {
			return &answer{code: 204}
		}
		return nil
	}
	done := make(chan error, 1)
	run(t, f.config(), func(ctx context.Context, ch *Channel) {
		done <- errors.Join(ch.Play(ctx, "warning", "", "sound:x"), ch.Continue(ctx, Place{}))
	}).connected()
	if err := receive(t, "the adopted call", done); err != nil {
		t.Fatal(err)
	}
	if !f.saw("POST channels/1.1/play/1.1-play-1?") {
		t.Error("played elsewhere")
	}
}
