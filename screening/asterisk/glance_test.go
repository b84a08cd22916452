package asterisk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// glancing is a client whose glance sends on all channels but those whose id begins with "hold".
type glancing struct {
	*running
	f       *fake
	told    chan error
	handled chan *Channel
}

func glance(t *testing.T, change func(*Config), rule func(method, uri string) *answer) *glancing {
	t.Helper()
	f := newFake(t)
	f.rule = rule
	g := &glancing{f: f, told: make(chan error, 10), handled: make(chan *Channel, 10)}
	cfg := f.config()
	cfg.Transport = TransportWebsocket
	cfg.Glance = func(ch *Channel) (Place, func(error), bool) {
		if strings.HasPrefix(ch.ID(), "panic") {
			panic("of a test")
		}
		told := func(err error) {
			g.told <- err
			if strings.HasPrefix(ch.ID(), "late") {
				panic("of a test")
			}
		}
		return Place{"linewarden-verdict", "allow_clean", 1}, told, !strings.HasPrefix(ch.ID(), "hold")
	}
	if change != nil {
		change(&cfg)
	}
	g.running = run(t, cfg, func(_ context.Context, ch *Channel) { g.handled <- ch })
	g.connected()
	return g
}

// wantHandled wants a channel to come to the handler, and nothing to have been told about it.
func (g *glancing) wantHandled(id string) {
	g.t.Helper()
	if ch := receive(g.t, "handler", g.handled); ch.ID() != id {
		g.t.Errorf("the handler got %s", ch.ID())
	}
	g.eventually("no call left", func() bool { return g.Status().Calls == 0 })
	select {
	case err := <-g.told:
		g.t.Errorf("told: %v", err)
	default:
	}
}

func TestGlance(t *testing.T) {
	g := glance(t, nil, nil)
	g.f.arrive("test-a", "1.1", "v1")
	if err := receive(t, "told", g.told); err != nil {
		t.Error(err)
	}
	g.f.awaitRequest("POST channels/1.1/continue?context=linewarden-verdict&extension=allow_clean&priority=1")
	g.eventually("no call left", func() bool { return g.Status().Calls == 0 && count(g.metrics.calls) == 0 })
	g.f.arrive("test-a", "hold.1", "v1")
	g.wantHandled("hold.1")
	g.f.arrive("test-a", "panic.1", "v1")
	g.wantHandled("panic.1")
	g.f.arrive("test-a", "late.1", "v1")
	if err := receive(t, "told", g.told); err != nil {
		t.Error(err)
	}
	g.eventually("both panics", func() bool { return count(g.metrics.panics) == 2 && g.Status().Calls == 0 })
	if err := g.stopped(); err != nil {
		t.Error(err)
	}
	if n := count(g.metrics.released[releaseAbandoned]); n != 2 {
		t.Errorf("%d calls were abandoned; only the two handlers' should have been", n)
	}
}

func TestGlanceAtAChannelThatIsGone(t *testing.T) {
	g := glance(t, nil, func(_, uri string) *answer {
		if strings.HasPrefix(uri, "channels/1.1/continue") {
			return &answer{code: 404, body: `{"message":"Channel not found"}`}
		}
		return nil
	})
	g.f.start("test-a", "1.1", "v1")
	if err := receive(t, "told", g.told); !errors.Is(err, ErrGone) {
		t.Errorf("told: %v", err)
	}
	g.eventually("no call left", func() bool { return g.Status().Calls == 0 })
	if len(g.handled) != 0 {
		t.Error("the handler got a channel that is gone")
	}
}

// TestGlanceFails: whatever keeps a channel from being sent on at once, its handler gets it.
func TestGlanceFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		first  answer // to the first continue; zero for what Asterisk answers
	}{
		{"refused", nil, answer{code: 500, body: `{"message":"no"}`}},
		{"not answered", func(c *Config) { c.RequestTimeout = 200 * time.Millisecond }, answer{never: true}},
		{"by HTTP", func(c *Config) { c.Transport = TransportHTTP }, answer{}},
		{"a place that cannot be", func(c *Config) {
			c.Glance = func(*Channel) (Place, func(error), bool) { return Place{Extension: "s"}, func(error) {}, true }
		}, answer{}},
		{"nobody to tell", func(c *Config) {
			c.Glance = func(*Channel) (Place, func(error), bool) { return Place{}, nil, true }
		}, answer{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tries := 0
			g := glance(t, test.change, func(_, uri string) *answer {
				if strings.HasPrefix(uri, "channels/1.1/continue") {
					if tries++; tries == 1 && (test.first.code != 0 || test.first.never) {
						return &test.first
					}
				}
				return nil
			})
			g.f.arrive("test-a", "1.1", "v1")
			g.wantHandled("1.1")
		})
	}
}

func TestGlanceWhenTheConnectionIsLost(t *testing.T) {
	g := glance(t, nil, func(_, uri string) *answer {
		if strings.HasPrefix(uri, "channels/1.1/continue") {
			return &answer{never: true}
		}
		return nil
	})
	g.f.arrive("test-a", "1.1", "v1")
	g.f.awaitRequest("POST channels/1.1/continue")
	g.f.do(func() { g.f.rule = nil })
	g.f.cut()
	if ch := receive(t, "handler", g.handled); ch.ID() != "1.1" {
		t.Errorf("the handler got %s", ch.ID())
	}
	g.f.await("the call to be released", func() bool { return len(g.f.apps["test-a"].channels) == 0 })
}

// TestGlanceAndStop: a stop waits for the answer, as for a handler.
func TestGlanceAndStop(t *testing.T) {
	late := make(chan struct{})
	g := glance(t, nil, func(_, uri string) *answer {
		if strings.HasPrefix(uri, "channels/1.1/continue") {
			return &answer{code: 204, late: late}
		}
		return nil
	})
	g.f.arrive("test-a", "1.1", "v1")
	g.f.awaitRequest("POST channels/1.1/continue")
	g.stop()
	g.eventually("draining", g.draining.Load)
	if n := g.Status().Calls; n != 1 {
		t.Errorf("%d calls while one waits for its answer", n)
	}
	g.f.depart("1.1")
	close(late)
	if err := receive(t, "told", g.told); err != nil {
		t.Error(err)
	}
	if err := g.stopped(); err != nil {
		t.Error(err)
	}
}

func TestGlanceWhenTooManyRequestsAreInFlight(t *testing.T) {
	late := make(chan struct{})
	g := glance(t, func(c *Config) { c.MaxInFlight = 1; c.PatrolInterval = time.Hour }, func(_, uri string) *answer {
		if strings.HasPrefix(uri, "channels/1.1/continue") {
			return &answer{code: 204, late: late}
		}
		return nil
	})
	g.eventually("the first patrol", func() bool { return count(g.metrics.requests[opApplications][outcomeOK]) > 0 })
	g.f.arrive("test-a", "1.1", "v1")
	g.f.awaitRequest("POST channels/1.1/continue")
	g.f.arrive("test-a", "1.2", "v1")
	if ch := receive(t, "handler", g.handled); ch.ID() != "1.2" {
		t.Errorf("the handler got %s", ch.ID())
	}
	g.f.depart("1.1")
	close(late)
	if err := receive(t, "told", g.told); err != nil {
		t.Error(err)
	}
}
