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
	silent map[string]int // by application: listings in a row without a sign of life, of those that ever showed one
	dead   map[string]int // by application: listings in a row with channels but not alive
	freed  map[string]int // by channel: listings since it was released
}

func newFellows(cfg Config) *fellows {
	return &fellows{
		most:   max(strikes, int(cfg.FellowTimeout/cfg.PatrolInterval)),
		silent: make(map[string]int), dead: make(map[string]int), freed: make(map[string]int),
	}
}

// listen counts for how long connected fellows have been silent, in listings: while we hang ourselves, nobody is. One that never
// showed a sign since we connected may be of a version that shows none, and is not counted.
func (f *fellows) listen(listing []application, signs map[string]struct{}) {
	silent := make(map[string]int)
	for _, a := range listing {
		_, shown := signs[a.name]
		before, known := f.silent[a.name]
		switch {
		case !a.live:
		case shown:
			silent[a.name] = 0
		case known:
			silent[a.name] = before + 1
		}
	}
	f.silent = silent
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
				f.free(s, a, id, before)
				freed[id] = 0
			}
		}
	}
	f.dead, f.freed = dead, freed
	return again
}

// free releases one channel of a dead fellow; before says that this was tried already.
func (f *fellows) free(s *session, fellow application, id string, before bool) {
	err := s.c.free(context.Background(), s.rest, id)
	log := s.c.log.With("fellow", oneLine(fellow.name, 80), "connected", fellow.live, "channel", logID(id))
	switch {
	case err != nil:
		log.Warn("a dead fellow's call could not be released; trying again", "error", err)
	case before:
		log.Warn("a dead fellow's call was still there; released it again")
	default:
		s.c.metrics.released[releaseFellow].Inc()
		log.Warn("released the call of a fellow that is gone or hangs")
	}
}
