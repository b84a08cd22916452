package asterisk

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
)

// rounds is how many listings the patrol has had.
func (r *running) rounds() int { return count(r.metrics.requests[opApplications][outcomeOK]) }

func (r *running) afterRounds(n int) {
	r.t.Helper()
	want := r.rounds() + n
	r.eventually("rounds of the patrol", func() bool { return r.rounds() >= want })
}

func TestDeadFellow(t *testing.T) {
	f := newFake(t)
	f.do(func() { f.apps["test-x"] = &fakeApp{live: true, channels: []string{"9.1"}} })
	f.do(func() { f.apps["other-x"] = &fakeApp{channels: []string{"8.1"}} }) // not one of ours
	cfg := f.config()
	cfg.OrphanPlace = Place{Context: "orphans"}
	r := run(t, cfg, func(context.Context, *Channel) {})
	r.connected()
	r.afterRounds(4 * strikes)
	if f.saw("POST channels/") {
		t.Fatal("a live fellow's call was touched")
	}
	f.do(func() { f.apps["test-x"].live = false })
	f.awaitRequest("POST channels/9.1/continue?context=orphans")
	// Before that, everything that the fellow may have been playing is stopped.
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := slices.Index(f.requests, "POST channels/9.1/continue?context=orphans"); at < 0 ||
		!slices.Contains(f.requests[:at], "DELETE playbacks/9.1-play-0") {
		t.Errorf("no playback was stopped: %q", f.requests[max(0, len(f.requests)-8):])
	}
	if f.made("POST channels/8.1") > 0 {
		t.Error("a stranger's call was touched")
	}
}

// A fellow that is connected and silent counts as dead, from its first sign of life on, and no longer than it is silent.
func TestSilentFellow(t *testing.T) {
	f := newFake(t)
	f.do(func() {
		f.apps["test-x"] = &fakeApp{live: true, channels: []string{"9.1"}}
		f.apps["other-x"] = &fakeApp{live: true} // not one of ours
	})
	var awake atomic.Bool
	f.rule = func(method, uri string) *answer {
		if uri == "applications" && awake.Load() {
			for _, name := range []string{"test-x", "other-x", "test- b", ""} {
				f.event("test-a", "ChannelUserevent", fmt.Sprintf(`"eventname":%q,"userevent":{}`, name))
			}
		}
		return nil
	}
	cfg := f.config()
	cfg.OrphanPlace = Place{Context: "orphans"}
	cfg.FellowTimeout = 10 * cfg.PatrolInterval
	r := run(t, cfg, func(context.Context, *Channel) {})
	r.connected()
	f.awaitRequest("POST events/user/test-a?application=test-x")
	silence := 10 + 2*strikes
	r.afterRounds(2 * silence)
	awake.Store(true)
	r.afterRounds(2 * silence)
	if f.saw("POST channels/") {
		t.Fatal("the call was touched of a fellow that never showed a sign, or shows them")
	}
	awake.Store(false)
	before := r.rounds()
	f.awaitRequest("POST channels/9.1/continue?context=orphans")
	if n := r.rounds() - before; n < 10 {
		t.Errorf("released after %d listings", n)
	}
	awake.Store(true)
	r.afterRounds(2)
	f.do(func() { f.apps["test-x"].channels = []string{"9.2"} })
	r.afterRounds(2 * silence)
	if f.saw("POST channels/9.2") {
		t.Error("the call was touched of a fellow that woke up")
	}
	if f.saw("POST events/user/test-a?application=other-x") {
		t.Error("a stranger was shown a sign")
	}
}

func TestFellowsTakeTurns(t *testing.T) {
	f := newFake(t)
	f.do(func() {
		f.apps["test-x"] = &fakeApp{live: true, channels: []string{"9.1"}}
		f.apps["test-0"] = &fakeApp{live: true} // comes first, but does nothing
	})
	r := run(t, f.config(), func(context.Context, *Channel) {})
	r.connected()
	r.afterRounds(2)
	before := r.rounds()
	f.do(func() { f.apps["test-x"].live = false })
	f.awaitRequest("POST channels/9.1/continue")
	if n := r.rounds() - before; n < 2*strikes-1 {
		t.Errorf("released after %d listings, though it was another's turn", n)
	}
}

func TestStubbornOrphan(t *testing.T) {
	f := newFake(t)
	refusals := 2
	f.rule = func(method, uri string) *answer {
		if uri == "channels/9.1/continue" && refusals > 0 {
			if refusals--; refusals == 1 {
				return &answer{code: 500}
			}
			return &answer{code: 204} // accepted, without effect
		}
		return nil
	}
	f.do(func() { f.apps["test-x"] = &fakeApp{live: true, channels: []string{"9.1", "9.2"}} })
	r := run(t, f.config(), func(context.Context, *Channel) {})
	r.connected()
	r.afterRounds(2)
	f.do(func() { f.apps["test-x"].live = false })
	f.await("both are released in the end", func() bool { return len(f.apps["test-x"].channels) == 0 })
	if f.saw("POST channels/9.2/continue?") {
		t.Error("not to the next priority")
	}
}

func TestApplicationForgotten(t *testing.T) {
	f := newFake(t)
	r := run(t, f.config(), func(context.Context, *Channel) {})
	r.connected()
	f.do(func() {
		conn := f.apps["test-a"].conn
		f.apps["test-a"] = &fakeApp{}
		t.Cleanup(func() { conn.CloseNow() })
	})
	f.await("a second connection", func() bool { return f.dials == 2 })
}
