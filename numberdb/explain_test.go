package numberdb

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// record is what a story has come to, with what is listed about ranges.
func (s *story) record(ranges ...Change) *Record {
	r := &Record{Number: 12025550143, Listed: []Change{{Target{Number: 12025550143}, s.d.Listing}}, Evidence: s.d.Evidence}
	r.Listed = append(r.Listed, ranges...)
	return r
}

func TestExplain(t *testing.T) {
	protected := Change{Target: Target{Number: 1202555, Prefix: true}}
	protected.Listing.Roles[callback].Override = StandingProtected
	marked := Change{Target: Target{Number: 1202555, Prefix: true}, Listing: Listing{Marks: MarkAllowed}}
	for name, tc := range map[string]struct {
		tell   func(*story)
		ranges []Change
		day    int
		want   string
		level  int // its index in the rules; -1 for none
	}{
		"nothing":              {func(*story) {}, nil, 0, "none[] by 0 ", -1},
		"a trusted report":     {func(s *story) { s.report(0, trusted("bank"), "a") }, nil, 0, "warn[180 watch 365] by 2 +12025550143", 1},
		"the same, later":      {func(s *story) { s.report(0, trusted("bank"), "a") }, nil, 200, "watch[365] by 2 +12025550143", 2},
		"the same, ended":      {func(s *story) { s.report(0, trusted("bank"), "a") }, nil, 400, "none[] by 0 ", -1},
		"an unverified report": {func(s *story) { s.report(0, unverified("feed"), "a") }, nil, 0, "watch[365] by 2 +12025550143", 5},
		"three organisations": {func(s *story) {
			for _, o := range []string{"bank", "carrier", "police"} {
				s.report(0, trusted(o), "a")
			}
		}, nil, 0, "block[90 warn 180 watch 365] by 2 +12025550143", 0},
		"a decision":                {func(s *story) { s.decide(0, StandingBlock) }, nil, 0, "block[90 warn 180 watch 365] by 1 +12025550143", -1},
		"what follows a decision":   {func(s *story) { s.decide(0, StandingBlock) }, nil, 100, "warn[180 watch 365] by 1 +12025550143", -1},
		"a decision without an end": {func(s *story) { s.decide(0, StandingProtected) }, nil, 0, "protected[] by 1 +12025550143", -1},
		"a decision over reports": {func(s *story) {
			s.report(0, trusted("bank"), "a")
			s.decide(0, StandingBlock)
		}, nil, 0, "block[90 warn 180 watch 365] by 1 +12025550143", -1},
		"reports below a decision that has ended": {func(s *story) {
			s.decide(0, StandingBlock)
			s.report(80, trusted("bank"), "a")
		}, nil, 95, "warn[260 watch 445] by 2 +12025550143", 1},
		"a range":              {func(*story) {}, []Change{protected}, 0, "protected[] by 3 +1202555*", -1},
		"a genuine range":      {func(s *story) { s.report(0, trusted("bank"), "a") }, []Change{protected}, 0, "protected[] by 3 +1202555*", -1},
		"a decision before it": {func(s *story) { s.decide(0, StandingWarn) }, []Change{protected}, 0, "warn[180 protected] by 1 +12025550143", -1},
		"on the operator's":    {func(*story) {}, []Change{marked}, 0, "none[] by 4 ", -1},
		"earned by older ones": {func(s *story) { s.report(0, trusted("bank"), "a"); s.rules.Levels = s.rules.Levels[2:] }, nil, 0, "warn[180 watch 365] by 2 +12025550143", -1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			tc.tell(s)
			x := s.rules.Explain(s.record(tc.ranges...), callback, today+Day(tc.day))
			steps := ""
			for i, step := range append([]Step{x.Now}, x.After...) {
				if i > 0 {
					steps += " " + step.Standing.String()
				}
				if step.Until != 0 {
					steps += fmt.Sprintf("%s%d", map[bool]string{true: " "}[i > 0], step.Until-today)
				}
			}
			if got := fmt.Sprintf("%v[%s] by %d %v", x.Now.Standing, steps, x.Cause, x.By); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			level := -1
			for i := range s.rules.Levels {
				if x.Level == &s.rules.Levels[i] {
					level = i
				}
			}
			if level != tc.level {
				t.Errorf("it is level %d, want %d", level, tc.level)
			}
		})
	}
}

func TestExplainCountsAsOfToday(t *testing.T) {
	s := newStory(t)
	s.report(0, unverified("feed"), "a")
	s.report(0, unverified("other"), "b")
	s.report(2, trusted("bank"), "c")
	x := s.rules.Explain(s.record(), callback, today+14)
	if x.Tally.Short < 0.99 || x.Tally.Short > 1.01 || x.Tally.Trusted != 1 || x.Tally.Sources != 2 || x.Tally.Days != 1 || x.Last != today+2 {
		t.Errorf("after a half-life it is %+v, the last on day %d", x.Tally, x.Last-today)
	}
}

// TestExplanationHolds plays random histories, and wants each explanation to say of every later day what the list says.
func TestExplanationHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	causes := map[Cause]int{}
	for range 200 {
		s := newStory(t)
		var ranges []Change
		if random.IntN(2) == 0 {
			around := newStory(t)
			around.decide(0, Standing(1+random.IntN(5)), func(d *Decision) { d.Target = Target{Number: 1202555, Prefix: true} })
			ranges = []Change{{Target{Number: 1202555, Prefix: true}, around.d.Listing}}
		}
		for day := 0; day < 900; day += 1 + random.IntN(90) {
			if random.IntN(4) == 0 {
				s.decide(day, Standing(random.IntN(6)))
			} else {
				s.report(day, Source{SourceKind(random.IntN(4)), fmt.Sprint("o", random.IntN(5))}, fmt.Sprint(random.IntN(20)))
			}
			r := s.record(ranges...)
			x := s.rules.Explain(r, callback, today+Day(day))
			causes[x.Cause]++
			if (x.Cause == CauseNone) != (x.Now.Standing == StandingNone) || x.Level != nil && x.Level.Standing != x.Now.Standing {
				t.Fatalf("%v is said to be by %d, level %+v", x.Now.Standing, x.Cause, x.Level)
			}
			steps := append([]Step{x.Now}, x.After...)
			for d := today + Day(day); d < today+Day(day)+1000; d++ {
				for len(steps) > 0 && steps[0].Until != 0 && d >= steps[0].Until {
					steps = steps[1:]
				}
				said := StandingNone
				if len(steps) > 0 {
					said = steps[0].Standing
				}
				if l := r.Listing(d); l.Roles[callback].At(d) != said {
					t.Fatalf("day %d is explained as %v, and is %v", d-today, said, l.Roles[callback].At(d))
				}
			}
		}
	}
	for _, c := range []Cause{CauseDecision, CauseReports, CauseRange} {
		if causes[c] == 0 {
			t.Errorf("no standing was by %d", c)
		}
	}
}
