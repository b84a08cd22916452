package extract

import (
	"slices"
	"strings"

	"github.com/linewarden/linewarden/numberdb"
)

// Found is a telephone number in a text.
type Found struct {
	// Start and End are where it stands in the text, in bytes; for a number that only a link names, where the link is.
	Start, End int
	Number     numberdb.Number
}

// MostNumbers is how many different numbers are found in one text at most: more are a directory, not a message.
const MostNumbers = 200

// triesPerKilobyte bounds how many windows are read as numbers, for a text may be made to cost time. Each kilobyte has its own, so that
// what is piled up in one place cannot hide a number in another. A directory of nothing but numbers needs a third of it.
const triesPerKilobyte = 200

// search is the search for numbers in one view.
type search struct {
	*view
	around surroundings
	origin numberdb.Origin
	tries  []int // by kilobyte of the view
	found  []Found
}

// search prepares the search of a view, of which it strikes out much.
func (v *view) search(origin numberdb.Origin) *search {
	origin.Bare = numberdb.BareNational
	v.spell()
	around := v.surroundings()
	v.strikeOthers()
	return &search{view: v, around: around, origin: origin, tries: make([]int, len(v.text)>>10+1)}
}

// run finds the numbers.
func (s *search) run() []Found {
	for _, l := range s.links {
		if n := s.dialled(l.number); n != 0 {
			s.found = append(s.found, Found{int(l.from), int(l.to), n})
		}
	}
	for _, run := range s.runs() {
		s.readRun(run)
	}
	return distinct(s.found)
}

// distinct leaves of each number the first place, and of all numbers the first ones.
func distinct(found []Found) []Found {
	slices.SortStableFunc(found, func(a, b Found) int { return a.Start - b.Start })
	seen := map[numberdb.Number]bool{}
	found = slices.DeleteFunc(found, func(f Found) bool {
		again := seen[f.Number]
		seen[f.Number] = true
		return again
	})
	return found[:min(len(found), MostNumbers)]
}

// dialled reads a number that is certainly one.
func (s *search) dialled(text string) numberdb.Number {
	p := s.origin.Parse(text)
	if p.Kind == numberdb.KindE164 && (p.Number.Valid() || strings.HasPrefix(text, "+")) {
		return p.Number
	}
	return 0
}

// readRun finds the numbers in a run, from its first group to its last.
func (s *search) readRun(run []group) {
	for at := 0; at < len(run); {
		number, length := s.longest(run, at)
		if length == 0 {
			at++
			continue
		}
		first, last := run[at], run[at+length-1]
		from, to := s.from[first.start], s.to[last.end-1]
		switch {
		case first.plus:
			from = s.from[s.plusAt(first.start)]
		case s.at(first.start-1) == '(' && slices.Contains(s.text[first.start:last.end], ')'):
			from = s.from[first.start-1]
		}
		s.found = append(s.found, Found{int(from), int(to), number})
		at += length
	}
}

// plusAt is where the plus before a place stands.
func (s *search) plusAt(i int) int {
	for s.at(i) != '+' {
		i--
	}
	return i
}

// How many digits a window has: the shortest number with an area code and the longest with an international prefix.
const (
	leastDigits = 7
	mostDigits  = 18
)

// longest is the number in the window that begins with a group and holds together best, and among those in the longest; zero groups for none.
func (s *search) longest(run []group, at int) (numberdb.Number, int) {
	if at > 0 && run[at].gap == gapTight && !run[at].plus {
		return 0, 0 // the middle of something
	}
	for widest := gapTight; widest < gapBreak; widest++ {
		reach, has, digits := at+1, widest == gapTight, len(run[at].digits)
		for reach < len(run) && run[reach].gap <= widest && !run[reach].plus && digits+len(run[reach].digits) <= mostDigits {
			has = has || run[reach].gap == widest
			digits += len(run[reach].digits)
			reach++
		}
		if !has {
			continue // the same windows as before
		}
		for end := reach; end > at; end-- {
			if end < len(run) && run[end].gap == gapTight && !run[end].plus {
				continue // what follows belongs to it
			}
			if n := s.read(window{run[at:end], widest}); n != 0 {
				return n, end - at
			}
		}
	}
	return 0, 0
}

// try counts an attempt to read a window; false if its part of the text had enough.
func (s *search) try(at int) bool {
	if s.tries[at>>10] == triesPerKilobyte {
		return false
	}
	s.tries[at>>10]++
	return true
}
