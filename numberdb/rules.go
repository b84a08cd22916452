package numberdb

import (
	"fmt"
	"math"
)

// Rules are how reports and decisions become a listing. All thresholds are here; [DefaultRules] has the usual ones. Rules are data,
// so that the loop that reads them exists once in Go ([Rules.Earned], the reference and the source of explanations) and once in
// the store's script, where it must be atomic.
type Rules struct {
	// ShortHalfLife and LongHalfLife are the days in which an unverified report loses half its weight in the short and in the
	// long score: one sees a wave of calls, the other a steady trickle.
	ShortHalfLife int `yaml:"short_half_life"`
	LongHalfLife  int `yaml:"long_half_life"`
	// Together is how many days apart separate organisations' reports, and separate days, may be and still count together.
	Together int `yaml:"together"`
	// Levels are what can be earned by reports.
	Levels []Level `yaml:"levels"`
	// Terms are how long decisions hold.
	Terms Terms `yaml:"terms"`
}

// Level is one way to earn a standing. All its minima must be reached; zero asks for nothing.
type Level struct {
	Standing Standing `yaml:"standing"` // watch, warn or block
	// Trusted is how many separate trusted organisations must have reported. A level without it is for unverified reports.
	Trusted int `yaml:"trusted"`
	// Short and Long are the least decayed scores of unverified reports: each counts 1 on its day and less with each later one.
	// The standing ends when a score falls below.
	Short float64 `yaml:"short"`
	Long  float64 `yaml:"long"`
	// Days and Sources are how many separate days and separate organisations unverified reports must come from.
	Days    int `yaml:"days"`
	Sources int `yaml:"sources"`
	// Keeps is for how many days at most the standing holds after the last report of the kind that earned it, trusted or not.
	Keeps int `yaml:"keeps"`
}

// Terms are for how many days decisions hold that name no end. What was decided steps down like what reports earn: a block is
// followed by a warning until Warn days after the decision, and that by watching until Watch days. Protection has no end.
type Terms struct {
	Block   int `yaml:"block"`
	Warn    int `yaml:"warn"`
	Watch   int `yaml:"watch"`
	Cleared int `yaml:"cleared"`
}

// DefaultRules are the usual rules.
//
// Unverified reports have levels of their own, and each kind of report moves only its own ends: reports that anybody can send must
// not prolong what trusted organisations earned, or whoever inherits a number from a scammer could be kept blocked by hearsay.
// None of these levels is a block, and each asks for separate sources, since one source is easily flooded.
func DefaultRules() Rules {
	return Rules{
		ShortHalfLife: 14,
		LongHalfLife:  125,
		Together:      180, // as long as the warning that each earns alone
		Levels: []Level{
			{Standing: StandingBlock, Trusted: 3, Keeps: 90},
			{Standing: StandingWarn, Trusted: 1, Keeps: 180},
			{Standing: StandingWatch, Trusted: 1, Keeps: 365},
			{Standing: StandingWarn, Short: 6, Days: 3, Sources: 2, Keeps: 180},
			{Standing: StandingWarn, Long: 15, Days: 7, Sources: 2, Keeps: 180},
			{Standing: StandingWatch, Days: 1, Keeps: 365},
		},
		Terms: Terms{Block: 90, Warn: 180, Watch: 365, Cleared: 365},
	}
}

// mostDays bounds every number of days in the rules: about ten years.
const mostDays = 3650

// Check is all that is wrong with the rules, with fields named as in YAML; nil if nothing is.
func (r *Rules) Check() Faults {
	var f Faults
	within := func(field string, v, least, most int) {
		if v < least || v > most {
			f.add(field, fmt.Sprintf("is %d", v), fmt.Sprintf("write %d to %d", least, most))
		}
	}
	within("short_half_life", r.ShortHalfLife, 1, mostDays)
	within("long_half_life", r.LongHalfLife, 1, mostDays)
	within("together", r.Together, 0, mostDays)
	within("levels", len(r.Levels), 1, 32)
	for i, l := range r.Levels {
		at := func(field string) string { return fmt.Sprintf("levels[%d].%s", i, field) }
		if l.Standing < StandingWatch || l.Standing > StandingBlock {
			f.add(at("standing"), "is "+l.Standing.String(), "reports can earn watch, warn or block")
		}
		if l.Standing == StandingBlock && l.Trusted < 2 {
			f.add(at("trusted"), "lets one organisation alone block", "ask for at least 2 separate trusted organisations")
		}
		if l.Trusted == 0 && l.Days == 0 {
			f.add(at("days"), "asks for no report at all", "ask for at least 1 day of unverified reports, or 1 trusted organisation")
		}
		within(at("trusted"), l.Trusted, 0, MaxOrganisations)
		within(at("sources"), l.Sources, 0, MaxOrganisations)
		within(at("days"), l.Days, 0, MaxDays)
		within(at("keeps"), l.Keeps, 1, mostDays)
		for field, v := range map[string]float64{"short": l.Short, "long": l.Long} {
			if !(v >= 0 && v <= 1e9) {
				f.add(at(field), fmt.Sprintf("is %g", v), "write a score from 0 to 1e9")
			}
		}
	}
	t := r.Terms
	within("terms.block", t.Block, 1, mostDays)
	within("terms.warn", t.Warn, t.Block, mostDays)
	within("terms.watch", t.Watch, t.Warn, mostDays)
	within("terms.cleared", t.Cleared, 1, mostDays)
	return f
}

// DayFactors are what one day leaves of the short and the long score.
func (r *Rules) DayFactors() (short, long float64) {
	return math.Exp2(-1 / float64(r.ShortHalfLife)), math.Exp2(-1 / float64(r.LongHalfLife))
}

// Longest is for how many days after the last report something in the evidence can still matter: the store may forget it then.
func (r *Rules) Longest() int {
	longest := r.Together
	for _, l := range r.Levels {
		longest = max(longest, l.Keeps)
	}
	return longest
}

// Earned is what the evidence earns: the ends that it already had, moved out to what each level now gives. They never move in, so
// that no report lowers a standing.
func (r *Rules) Earned(e *Evidence) Ends {
	t, ends := r.tally(e), e.Earned
	for i := range r.Levels {
		if end, reached := r.gives(&r.Levels[i], e, &t); reached {
			ends.extend(r.Levels[i].Standing, end)
		}
	}
	return ends
}

// gives says whether evidence reaches a level, and until when the level's standing then holds.
func (r *Rules) gives(l *Level, e *Evidence, t *Tally) (end Day, reached bool) {
	if t.Trusted < l.Trusted || t.Sources < l.Sources || t.Days < l.Days || t.Short < l.Short || t.Long < l.Long {
		return 0, false
	}
	short, long := r.DayFactors()
	end = dayAfter(e.Last, l.Keeps)
	if l.Trusted > 0 {
		end = dayAfter(t.LastTrusted, l.Keeps)
	}
	return min(end, fadesBelow(t.Short, l.Short, short, e.Last, l.Keeps), fadesBelow(t.Long, l.Long, long, e.Last, l.Keeps)), true
}

// Tally is evidence as the levels of [Rules] count it.
type Tally struct {
	// Trusted and Sources are how many separate trusted organisations and unverified sources reported, and Days on how many separate days
	// unverified reports came, within [Rules.Together] of the newest of each.
	Trusted, Sources, Days int
	// Short and Long are the scores of unverified reports.
	Short, Long float64
	// LastTrusted is the day of the last report of a trusted organisation.
	LastTrusted Day
}

// tally counts evidence as of the day of the newest unverified report.
func (r *Rules) tally(e *Evidence) Tally {
	t := Tally{Short: e.Short, Long: e.Long}
	t.Trusted, t.LastTrusted = separate(e.Trusted, r.Together)
	t.Sources, _ = separate(e.Sources, r.Together)
	for _, d := range e.Days {
		if int(e.Days[0]-d) <= r.Together {
			t.Days++
		}
	}
	return t
}

// separate counts the organisations whose last report is at most together days older than the newest, and gives the newest's day.
func separate(organisations map[string]Day, together int) (count int, newest Day) {
	for _, d := range organisations {
		newest = max(newest, d)
	}
	for _, d := range organisations {
		if int(newest-d) <= together {
			count++
		}
	}
	return count, newest
}

// fadesBelow is the first day on which a score is below a minimum; at most keeps days after the day that the score is of, or the end of
// days if there is no minimum. It multiplies day by day, as the store's script does, so that both give the same day on every machine.
func fadesBelow(score, minimum, factor float64, of Day, keeps int) Day {
	if minimum == 0 {
		return ^Day(0)
	}
	days := 0
	for days < keeps && score >= minimum {
		score = float64(score * factor)
		days++
	}
	return dayAfter(of, days)
}

// faded is what is left of a weight of 1 after some days: factor to that power, by squaring, as the store's script does it. The
// conversions here and elsewhere keep compilers from fusing a product and a sum, which would round otherwise than the script.
func faded(factor float64, days int) float64 {
	left := 1.0
	for ; days > 0; days /= 2 {
		if days%2 == 1 {
			left = float64(left * factor)
		}
		factor = float64(factor * factor)
	}
	return left
}

// dayAfter is the day some days later, or the last day that there is.
func dayAfter(d Day, days int) Day { return Day(min(int(d)+days, int(^Day(0)))) }

// Ruling is a decision with its ends worked out.
type Ruling struct {
	Standing Standing
	Until    Day  // the first day on which Standing no longer holds; zero for no end, and for a withdrawal
	After    Ends // what follows
	Class    Class
	Brand    Brand
}

// Ruling works out the ends of a decision. Watching that one person decided holds nothing down: reports may earn more. Otherwise an insider
// could have a number watched before it is reported, and so keep people from being warned about it.
func (r *Rules) Ruling(d *Decision) Ruling {
	v := Ruling{Standing: d.Standing, Class: d.Class, Brand: d.Brand}
	term := map[Standing]int{StandingBlock: r.Terms.Block, StandingWarn: r.Terms.Warn, StandingWatch: r.Terms.Watch, StandingCleared: r.Terms.Cleared}[d.Standing]
	switch {
	case d.Standing == StandingNone:
		return Ruling{}
	case !d.Until.IsZero():
		v.Until = DayOf(d.Until)
	case term > 0:
		v.Until = dayAfter(DayOf(d.At), term)
	}
	if d.Standing == StandingBlock && v.Until != 0 {
		v.After.Warn = dayAfter(v.Until, r.Terms.Warn-r.Terms.Block)
	}
	switch d.Standing {
	case StandingBlock:
		v.After.Watch = dayAfter(v.Until, r.Terms.Watch-r.Terms.Block)
	case StandingWarn:
		v.After.Watch = dayAfter(v.Until, r.Terms.Watch-r.Terms.Warn)
	case StandingWatch:
		if !d.Approved() {
			v.Standing, v.Until, v.After.Watch = StandingNone, 0, v.Until
		}
	}
	return v
}
