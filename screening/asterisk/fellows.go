package asterisk

import (
	"context"
	"time"
)

const (
	// fresh is how old a listing may be when a fellow's channel is released by it: the fellow might come back.
	fresh = 250 * time.Millisecond
	// longAbsent is in how many listings in a row a fellow must be without a live mark whom we never saw with one. It is longer
	// than remark, so that a fellow who connected while Asterisk could not mark anybody has had its chance.
	longAbsent = 4 * remark
)

// fellows is what the patrol knows of the other instances.
type fellows struct {
	live   map[string]struct{} // by application: was seen with the live mark
	absent map[string]int      // by application: listings in a row with channels but without the mark
	freed  map[string]int      // by channel: listings since it was released
}

func newFellows() *fellows {
	return &fellows{live: make(map[string]struct{}), absent: make(map[string]int), freed: make(map[string]int)}
}

// look takes a listing in which we ourselves bear the live mark, and releases the channels of fellows who are dead. Of several
// live instances the one with the smallest name does it; the others step in if the channels stay. It says whether the listing
// grew too old to go on with, and another is wanted at once.
func (f *fellows) look(s *session, listing []application, asked time.Time) (again bool) {
	turn := strikes
	for _, a := range listing {
		if a.live {
			f.live[a.name] = struct{}{}
			if a.name < s.c.cfg.App {
				turn = 2 * strikes
			}
		}
	}
	absent, freed := make(map[string]int), make(map[string]int)
	for _, a := range listing {
		if a.live || len(a.channels) == 0 {
			continue
		}
		absent[a.name] = f.absent[a.name] + 1
		needed := turn
		if _, seen := f.live[a.name]; !seen {
			needed = longAbsent + turn
		}
		if absent[a.name] < needed {
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
	f.absent, f.freed = absent, freed
	for name := range f.live {
		if !listed(listing, name) {
			delete(f.live, name) // gone with all its channels; if it comes again, it starts anew
		}
	}
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
		log.Warn("released the call of a fellow that is not connected")
	}
}

func listed(listing []application, name string) bool {
	for _, a := range listing {
		if a.name == name {
			return true
		}
	}
	return false
}
