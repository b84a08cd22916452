package numberdb

import (
	"cmp"
	"slices"
)

// Explanation says why a number has its standing in one role on a day, and what becomes of it.
type Explanation struct {
	// Now holds on the day; After is what follows by itself, if nothing new is reported or decided: each step until the first day on which
	// it no longer holds. That nothing holds any more in the end is left out.
	Now   Step
	After []Step
	Cause Cause
	// By is whose listing holds: the number's or a range's; zero if nothing does.
	By Target
	// Level is by which of the levels reports earned it. It is nil if the cause is not reports, and where earlier evidence earned it than
	// what the rules see today.
	Level *Level
	// Tally is the evidence about the number itself as the rules count it, the scores as they are on the day; Last is the day of the
	// newest report in it, and Forged how many complained while it was known to be genuine or clean.
	Tally  Tally
	Last   Day
	Forged int
}

// Step is a standing and the first day on which it no longer holds: zero for no end.
type Step struct {
	Standing Standing
	Until    Day
}

// Cause is what a standing rests on.
type Cause uint8

const (
	CauseNone     Cause = iota // nothing holds
	CauseDecision              // people decided it, or it is what follows what they decided
	CauseReports               // reports earned it
	CauseRange                 // people decided it about a range around the number
	CauseMark                  // nothing holds, and the number is on one of the operator's own lists
)

// Explain says why a number has its standing in a role on a day: by the same counts with which [Rules.Earned] gives standings, and
// by the listings themselves, so that it cannot say anything else than what holds.
func (r *Rules) Explain(rec *Record, role Role, today Day) Explanation {
	e := &rec.Evidence[role]
	x := Explanation{Tally: r.tally(e), Last: e.lastReport(), Forged: e.Forged}
	steps := rec.steps(role, today)
	x.Now, x.After = steps[0], steps[1:]
	standing, at := rec.at(role, today)
	switch {
	case at < 0:
		if l := rec.Listing(today); l.Marks != 0 {
			x.Cause = CauseMark
		}
	case rec.Listed[at].Target.Prefix:
		x.Cause, x.By = CauseRange, rec.Listed[at].Target
	default:
		x.By = rec.Listed[at].Target
		x.Cause = CauseDecision
		if l := &rec.Listed[at].Listing.Roles[role]; !l.inForce(today) && today < e.Earned.of(standing) {
			x.Cause, x.Level = CauseReports, r.levelOf(e, &x.Tally, standing, today)
		}
	}
	if today > e.Last && e.Last != 0 {
		short, long := r.DayFactors()
		x.Tally.Short *= faded(short, int(today-e.Last))
		x.Tally.Long *= faded(long, int(today-e.Last))
	}
	return x
}

// levelOf is the level by which evidence earns a standing for the longest time beyond a day; nil if none does.
func (r *Rules) levelOf(e *Evidence, t *Tally, s Standing, today Day) (longest *Level) {
	for i := range r.Levels {
		l := &r.Levels[i]
		if end, reached := r.gives(l, e, t); reached && l.Standing == s && end > today {
			longest, today = l, end
		}
	}
	return longest
}

// steps are what holds in a role from a day on: at least one.
func (r *Record) steps(role Role, today Day) []Step {
	var ends []Day
	for _, c := range r.Listed {
		l := &c.Listing.Roles[role]
		for _, d := range []Day{l.OverrideUntil, l.BlockUntil, l.WarnUntil, l.WatchUntil} {
			if d > today {
				ends = append(ends, d)
			}
		}
	}
	slices.SortFunc(ends, cmp.Compare[Day])
	now, _ := r.at(role, today)
	steps := []Step{{Standing: now}}
	for _, d := range ends {
		last := &steps[len(steps)-1]
		if s, _ := r.at(role, d); s != last.Standing {
			last.Until = d
			steps = append(steps, Step{Standing: s})
		}
	}
	if n := len(steps); n > 1 && steps[n-1].Standing == StandingNone {
		steps = steps[:n-1]
	}
	return steps
}

// Step is the standing in a role on a day, and its end.
func (l *Listing) Step(role Role, today Day) Step {
	alone := Record{Listed: []Change{{Listing: *l}}}
	return alone.steps(role, today)[0]
}

// of is the end of a standing that can be earned; zero for any other.
func (e Ends) of(s Standing) Day {
	switch s {
	case StandingBlock:
		return e.Block
	case StandingWarn:
		return e.Warn
	case StandingWatch:
		return e.Watch
	}
	return 0
}

// lastReport is the day of the newest report, of whatever source.
func (e *Evidence) lastReport() Day {
	last := e.Last
	for _, d := range e.Trusted {
		last = max(last, d)
	}
	for _, d := range e.Sources {
		last = max(last, d)
	}
	return last
}
