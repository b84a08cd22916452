package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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

// A fellow that is connected and silent counts as dead, for as long as it is silent; not one of a version that shows no signs.
func TestSilentFellow(t *testing.T) {
	f := newFake(t)
	f.do(func() {
		f.apps["test-x"] = &fakeApp{live: true, channels: []string{"9.1"}}
		f.apps["other-x"] = &fakeApp{live: true, signs: true} // not one of ours
	})
	var awake atomic.Bool
	f.rule = func(method, uri string) *answer {
		if uri == "applications" && awake.Load() {
			for _, name := range []string{"test-x", "other-x", "dead-test-x", ""} {
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
	long := 3 * (10 + 2*strikes)
	r.afterRounds(long)
	awake.Store(true)
	f.do(func() { f.apps["test-x"].signs = true })
	f.awaitRequest("POST events/user/test-a?application=test-x")
	r.afterRounds(long)
	if f.saw("POST channels/") {
		t.Fatal("the call was touched of a fellow that shows no signs by its version, or shows them")
	}
	before := r.rounds()
	awake.Store(false)
	f.awaitRequest("POST channels/9.1/continue?context=orphans")
	if n := r.rounds() - before; n < 10 {
		t.Errorf("released after %d listings", n)
	}
	f.mu.Lock()
	told, released := slices.Index(f.requests, "POST events/user/dead-test-x?application=test-x"), slices.Index(f.requests, "POST channels/9.1/continue?context=orphans")
	f.mu.Unlock()
	if told < 0 || told > released {
		t.Errorf("the fellow was told with request %d, its call released with %d", told, released)
	}
	awake.Store(true)
	r.afterRounds(2)
	f.do(func() { f.apps["test-x"].channels = []string{"9.2"} })
	r.afterRounds(long)
	if f.saw("POST channels/9.2") {
		t.Error("the call was touched of a fellow that woke up")
	}
	if f.saw("POST events/user/test-a?application=other-x") {
		t.Error("a stranger was shown a sign")
	}
}

// While the calls of a fellow are released, it wakes up: those that are left, and those that it takes now, are its own.
func TestFellowWakesUp(t *testing.T) {
	f := newFake(t)
	var awake atomic.Bool
	f.rule = func(method, uri string) *answer {
		switch {
		case uri == "applications" && awake.Load():
			f.event("test-a", "ChannelUserevent", `"eventname":"test-x","userevent":{}`)
		case strings.HasSuffix(uri, "/continue") && !awake.Swap(true):
			late := make(chan struct{})
			time.AfterFunc(fresh, func() { close(late) }) // then the listing is too old for the second call
			return &answer{code: 204, late: late}
		}
		return nil
	}
	f.do(func() { f.apps["test-x"] = &fakeApp{live: true, signs: true, channels: []string{"9.1", "9.2"}} })
	cfg := f.config()
	cfg.FellowTimeout = 10 * cfg.PatrolInterval
	r := run(t, cfg, func(context.Context, *Channel) {})
	f.await("the first call is released", func() bool { return f.made("POST channels/") > 0 })
	r.afterRounds(4 * strikes)
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.made("POST channels/"); n != 1 {
		t.Errorf("%d calls were released", n)
	}
}

// One that counted as dead and reads so has no calls any more: what became of them is not known. It connects again.
func TestTakenForDead(t *testing.T) {
	f := newFake(t)
	calls := make(chan *Channel, 1)
	r := run(t, f.config(), hold(calls))
	r.connected()
	f.arrive("test-a", "9.1")
	ch := receive(t, "call", calls)
	f.event("test-a", "ChannelUserevent", `"eventname":"dead-test-a","userevent":{}`)
	f.event("test-a", "StasisEnd", `"channel":`+channelJSON("9.1"))
	f.await("a second connection", func() bool { return f.dials == 2 })
	r.eventually("the call is lost", func() bool { return errors.Is(ch.Err(), ErrConnectionLost) })
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
