package asterisk

import (
	"context"
	"strings"
	"time"
)

// The instances on one Asterisk show each other that they live. One that hangs, or whose machine has disappeared without a word, is
// listed like any other for as long as Asterisk believes in its connection. So each sends every connected fellow an event through
// Asterisk (POST /events/user), named as its own application, and who is silent for Config.FellowTimeout counts as dead. That the
// process runs and reaches Asterisk is all that a sign says: no patrol that waits and no handler is taken for a hung process.

// signsUntilDead is how many signs of life a fellow misses before it counts as dead.
const signsUntilDead = 10

// maxFellows bounds whose signs are noted between two rounds of the patrol.
const maxFellows = 256

// showSigns sends signs of life until the connection ends.
func (s *session) showSigns() error {
	tick := time.NewTicker(max(1, s.c.cfg.FellowTimeout/signsUntilDead))
	defer tick.Stop()
	for {
		s.mu.Lock()
		fellows := s.fellows
		s.mu.Unlock()
		for _, app := range fellows {
			// An error says nothing of us: the fellow has just left, or the next sign fares better.
			_, _ = s.c.do(context.Background(), s.rest, request{op: opSign, uri: path("events/user/", s.c.cfg.App).with("application", app).String()})
		}
		select {
		case <-tick.C:
		case <-s.lost:
			return nil
		}
	}
}

// noteSign notes a fellow's sign of life. The reader calls it; a name that is no fellow's has no effect.
func (s *session) noteSign(app string) {
	if prefix := s.c.cfg.PeerPrefix; prefix == "" || !strings.HasPrefix(app, prefix) || !validAppName(app) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.signs) < maxFellows {
		s.signs[app] = struct{}{}
	}
}

// exchangeSigns takes the signs that came since the last call, and has signs sent to these fellows as far as they are connected.
func (s *session) exchangeSigns(listing []application) (came map[string]struct{}) {
	var connected []string
	for _, a := range listing {
		if a.live {
			connected = append(connected, a.name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	came, s.signs = s.signs, make(map[string]struct{})
	s.fellows = connected
	return came
}
