package asterisk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// The instances on one Asterisk show each other that they live. One that hangs, or whose machine has disappeared without a word, is
// listed like any other for as long as Asterisk believes in its connection. So each sends every fellow an event through Asterisk
// (POST /events/user), named as its own application, and who is silent for Config.FellowTimeout counts as dead. A sign says that the
// process runs and reaches Asterisk: a slow patrol or handler does not stop it. Each sends itself signs, too, because silence means
// something only while Asterisk passes events on.

// signsUntilDead is how many signs of life a fellow misses before it counts as dead.
const signsUntilDead = 10

// signsName is the name under which an application is connected a third time, as with liveName. It says that the process shows signs
// of life: versions without them are not dead because they are silent.
func signsName(app string) string { return "signs-" + app }

// deathNotice is the event by which a fellow is told that it counted as dead: if it reads it one day, its calls are not its own any more.
func deathNotice(app string) string { return "dead-" + app }

// showSigns sends signs of life until the connection ends.
func (s *session) showSigns() error {
	tick := time.NewTicker(max(1, s.c.cfg.FellowTimeout/signsUntilDead))
	defer tick.Stop()
	for {
		var sent sync.WaitGroup
		for _, app := range s.shownTo() {
			// An error says nothing of us: the fellow has just left, or the next sign fares better.
			sent.Go(func() { _ = s.signal(app, s.c.cfg.App) })
		}
		sent.Wait()
		select {
		case <-tick.C:
		case <-s.lost:
			return nil
		}
	}
}

// signal sends an event to an application.
func (s *session) signal(app, event string) error {
	_, err := s.c.do(context.Background(), s.rest, request{op: opSign, uri: path("events/user/", event).with("application", app).String()})
	return err
}

func (s *session) shownTo() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.signs))
}

// noteSign notes a sign of life; of strangers it has no effect. The reader calls it. Our own death ends the session.
func (s *session) noteSign(event string) error {
	if event == deathNotice(s.c.cfg.App) {
		return fmt.Errorf("%w: the other instances took this one for dead, because it was silent", ErrConnectionLost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.signs[event]; ok {
		s.signs[event] = true
	}
	return nil
}

// exchangeSigns gives whose signs came since the last call, and has signs sent to these fellows.
func (s *session) exchangeSigns(fellows []application) (came map[string]bool) {
	next := make(map[string]bool, len(fellows)+1)
	for _, a := range fellows {
		if a.live && a.signs {
			next[a.name] = false
			next[s.c.cfg.App] = false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	came, s.signs = s.signs, next
	return came
}
