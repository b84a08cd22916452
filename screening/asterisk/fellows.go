package asterisk

import (
	"context"
	"time"
)

// fresh is how old a listing may be when a fellow's channel is released by it: the fellow might come back.
const fresh = 250 * time.Millisecond

// fellows is what the patrol knows of the other instances.
type fellows struct {
	most   int            // listings in which a connected one may be silent
	silent map[string]int // by application: listings in a row without a sign of life
	dead   map[string]int // by application: listings in a row with channels but not alive
	freed  map[string]int // by channel: listings since it was released
}

func newFellows(cfg Config) *fellows {
	return &fellows{
		most:   max(strikes, int(cfg.FellowTimeout/cfg.PatrolInterval)),
		silent: make(map[string]int), dead: make(map[string]int), freed: make(map[string]int),
	}
}

// listen counts for how long fellows have been silent, in listings between which our own sign came back: so a stall of ours or of Asterisk
// makes nobody look silent. A hurried listing comes too soon to count.
func (f *fellows) listen(s *session, listing []application, came map[string]bool, hurried bool) {
	counts := !hurried && came[s.c.cfg.App]
	silent := make(map[string]int)
	for _, a := range listing {
		if !a.live || !a.signs {
			continue
		}
		n := f.silent[a.name]
		switch {
		case came[a.name]:
			n = 0
		case counts:
			if n++; n == f.most+1 {
				f.bury(s, a)
			}
		}
		silent[a.name] = n
	}
	f.silent = silent
}

// bury lets it be known that a fellow counts as dead from now on. It comes before anything is done about its calls.
func (f *fellows) bury(s *session, a application) {
	s.c.log.Warn("a fellow is connected, but hangs or has lost its machine: its calls are released", "fellow", oneLine(a.name, 80))
	if err := s.signal(a.name, deathNotice(a.name)); err != nil {
		s.c.log.Warn("the fellow could not be told", "fellow", oneLine(a.name, 80), "error", err)
	}
}

// alive says whether a fellow looks after its calls itself.
func (f *fellows) alive(a application) bool { return a.live && f.silent[a.name] <= f.most }

// look releases the channels of fellows who are dead. Of several live instances the one with the smallest name does it; the others
// step in if the channels stay. It says whether the listing grew too old to go on with, and another is wanted at once.
func (f *fellows) look(s *session, listing []application, asked time.Time) (again bool) {
	needed := strikes
	for _, a := range listing {
		if f.alive(a) && a.name < s.c.cfg.App {
			needed = 2 * strikes
		}
	}
	dead, freed := make(map[string]int), make(map[string]int)
	for _, a := range listing {
		if f.alive(a) || len(a.channels) == 0 {
			continue
		}
		if dead[a.name] = f.dead[a.name] + 1; dead[a.name] < needed {
			continue
		}
		for _, id := range a.channels {
			since, before := f.freed[id]
			switch {
			case before && since < patience:
				freed[id] = since + 1
			case again || time.Since(asked) > fresh:
				again = true
				if before {
					freed[id] = since
				}
			default:
				f.free(s, a.name, id, before)
				freed[id] = 0
			}
		}
	}
	f.dead, f.freed = dead, freed
	return again
}

// free releases one channel of a dead fellow; before says that this was tried already.
func (f *fellows) free(s *session, fellow, id string, before bool) {
	err := s.c.free(context.Background(), s.rest, id)
	log := s.c.log.With("fellow", oneLine(fellow, 80), "channel", logID(id))
	switch {
	case err != nil:
		log.Warn("a dead fellow's call could not be released; trying again", "error", err)
	case before:
		log.Warn("a dead fellow's call was still there; released it again")
	default:
		s.c.metrics.released[releaseFellow].Inc()
		log.Warn("released the call of a dead fellow")
	}
}
