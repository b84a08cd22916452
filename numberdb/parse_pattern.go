package numberdb

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
)

// pattern is a regular expression of a numbering plan, as the automaton that its compiler makes. It is walked along all beginnings of
// numbers at once, to learn before any call what the expression can say about a number that begins so.
type pattern struct {
	prog *syntax.Prog
	ends map[string]uint32 // what wholeLengths found, by where it began: many leads lead to the same places
}

func newPattern(expr string) (*pattern, error) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	return &pattern{prog, map[string]uint32{}}, nil
}

// states is where a number's digits can have brought the automaton.
type states struct {
	might []uint32 // if conditions such as the end of the number hold wherever they stand
	sure  []uint32 // if none does
}

// leadMatch is how an expression can match at the beginning of numbers with a certain lead.
type leadMatch struct {
	might uint32 // bit i is set if it might match the first i digits, at least one and none beyond the lead
	sure  uint32 // the same if it matches them whatever follows
	open  bool   // it might match more digits than the lead has
	after states
}

// none says that the expression matches no digits.
func (m leadMatch) none() bool { return m.might == 0 && !m.open }

// settled says that the lead alone tells which digits match.
func (m leadMatch) settled() bool { return !m.open && m.might == m.sure }

// walk gives, for all leads of so many digits, how the expression can match: for those from lo up to, not including, hi in the same way.
func (p *pattern) walk(digits int, each func(lo, hi int, m leadMatch)) {
	p.walkFrom(leadMatch{after: p.start()}, 0, digits, 0, int(powersOfTen[digits]), each)
}

// walkFrom goes on from where the digits that were read have led.
func (p *pattern) walkFrom(m leadMatch, read, digits, lo, width int, each func(lo, hi int, m leadMatch)) {
	if read > 0 && p.matched(m.after.might) {
		m.might |= 1 << read
	}
	if read > 0 && p.matched(m.after.sure) {
		m.sure |= 1 << read
	}
	m.open = slices.ContainsFunc(m.after.might, func(pc uint32) bool { return p.prog.Inst[pc].Op != syntax.InstMatch })
	if !m.open || read == digits {
		each(lo, lo+width, m)
		return
	}
	for d := range 10 {
		next := m
		next.after = states{p.step(m.after.might, d, true), p.step(m.after.sure, d, false)}
		p.walkFrom(next, read+1, digits, lo+d*width/10, width/10, each)
	}
}

// start is where the automaton begins.
func (p *pattern) start() states {
	first := uint32(p.prog.Start)
	return states{p.reach(nil, make([]bool, len(p.prog.Inst)), first, true), p.reach(nil, make([]bool, len(p.prog.Inst)), first, false)}
}

// matchesNothing says whether the expression might match no digits at all.
func (p *pattern) matchesNothing() bool { return p.matched(p.start().might) }

// wholeLengths has bit i set if the expression might match all of a number of i digits, up to 31, of which so many were read to get to the
// places in the automaton.
func (p *pattern) wholeLengths(places []uint32, read int) uint32 {
	key := make([]byte, 0, 64)
	for _, pc := range places {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	more, known := p.ends[string(key)]
	if !known {
		more = p.moreDigits(places)
		p.ends[string(key)] = more
	}
	return more << read
}

// moreDigits has bit i set if i more digits might lead from the places to a match.
func (p *pattern) moreDigits(places []uint32) (lengths uint32) {
	for more := 0; more < 32 && len(places) > 0; more++ {
		if p.matched(places) {
			lengths |= 1 << more
		}
		var next []uint32
		seen := make([]bool, len(p.prog.Inst))
		for d := range 10 {
			next = p.stepInto(next, seen, places, d, true)
		}
		places = next
	}
	return lengths
}

// matched says whether one of the places is a match.
func (p *pattern) matched(places []uint32) bool {
	return slices.ContainsFunc(places, func(pc uint32) bool { return p.prog.Inst[pc].Op == syntax.InstMatch })
}

// step is where a digit leads from the places, if conditions hold or if they do not.
func (p *pattern) step(from []uint32, digit int, hold bool) []uint32 {
	if len(from) == 0 {
		return nil
	}
	return p.stepInto(nil, make([]bool, len(p.prog.Inst)), from, digit, hold)
}

func (p *pattern) stepInto(next []uint32, seen []bool, from []uint32, digit int, hold bool) []uint32 {
	for _, pc := range from {
		if inst := &p.prog.Inst[pc]; inst.Op != syntax.InstMatch && inst.MatchRune('0'+rune(digit)) {
			next = p.reach(next, seen, inst.Out, hold)
		}
	}
	return next
}

// reach adds to places those not yet seen that can be reached from pc without reading a digit.
func (p *pattern) reach(places []uint32, seen []bool, pc uint32, hold bool) []uint32 {
	if seen[pc] {
		return places
	}
	seen[pc] = true
	inst := &p.prog.Inst[pc]
	switch inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return p.reach(p.reach(places, seen, inst.Out, hold), seen, inst.Arg, hold)
	case syntax.InstCapture, syntax.InstNop:
		return p.reach(places, seen, inst.Out, hold)
	case syntax.InstEmptyWidth:
		if hold {
			return p.reach(places, seen, inst.Out, hold)
		}
		return places
	case syntax.InstFail:
		return places
	}
	return append(places, pc)
}
