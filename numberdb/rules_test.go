package numberdb

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// today is the day of [noon].
var today = DayOf(noon)

const callback = RoleCallback

// story plays reports and decisions on one number, by days after [noon].
type story struct {
	t     *testing.T
	rules Rules
	d     Dossier
}

func newStory(t *testing.T) *story { return &story{t: t, rules: DefaultRules()} }

// report has somebody report the number in the role callback.
func (s *story) report(day int, source Source, reporter string) Receipt {
	r := goodReport()
	r.Source, r.Reporter, r.At = source, reporter, noon.AddDate(0, 0, day)
	return s.d.Report(&s.rules, &r, 0, today+Day(day))
}

func (s *story) decide(day int, standing Standing, change ...func(*Decision)) bool {
	d := goodDecision()
	d.Standing, d.At = standing, noon.AddDate(0, 0, day)
	for _, c := range change {
		c(&d)
	}
	return s.d.Decide(&s.rules, &d, today+Day(day))
}

// expect checks the standing on the day and, since a standing ends at the beginning of a day, on nothing else.
func (s *story) expect(day int, want Standing) {
	s.t.Helper()
	if got := s.d.Listing.Roles[callback].At(today + Day(day)); got != want {
		s.t.Errorf("on day %d it is %v, want %v: %+v", day, got, want, s.d.Listing.Roles[callback])
	}
}

func trusted(organisation string) Source    { return Source{SourcePartner, organisation} }
func unverified(organisation string) Source { return Source{SourceFeed, organisation} }

func TestDefaultRulesAreSound(t *testing.T) {
	r := DefaultRules()
	if f := r.Check(); f != nil {
		t.Error(f)
	}
}

func TestTrustedReportWarnsAtOnceAndStepsDown(t *testing.T) {
	s := newStory(t)
	receipt := s.report(0, trusted("bank"), "a")
	if receipt.Repeat || receipt.Forging || receipt.Listing != s.d.Listing {
		t.Errorf("got %+v", receipt)
	}
	s.expect(0, StandingWarn)
	s.expect(179, StandingWarn)
	s.expect(180, StandingWatch)
	s.expect(364, StandingWatch)
	s.expect(365, StandingNone)
	if other := s.d.Listing.Roles[RoleCallerID]; other != (RoleListing{}) {
		t.Errorf("the other role became %+v", other)
	}
	if s.d.Listing.Roles[callback].Brand != "amazon" {
		t.Error("the listing does not name the brand")
	}
}

func TestThreeTrustedOrganisationsBlock(t *testing.T) {
	s := newStory(t)
	for i := range 50 {
		s.report(0, trusted("bank"), fmt.Sprint(i))
	}
	s.report(1, trusted("carrier"), "a")
	s.expect(1, StandingWarn)
	s.report(2, trusted("police"), "a")
	s.expect(2, StandingBlock)
	s.expect(2+89, StandingBlock)
	s.expect(2+90, StandingWarn)
	s.expect(2+180, StandingWatch)
	s.expect(2+365, StandingNone)
}

func TestOrganisationsCountTogetherForHalfAYear(t *testing.T) {
	s := newStory(t)
	s.report(0, trusted("bank"), "a")
	s.report(0, trusted("carrier"), "a")
	s.report(181, trusted("police"), "a")
	s.expect(181, StandingWarn)
	s.report(181, trusted("bank"), "a")
	s.expect(181, StandingWarn) // the carrier's report is too old
	s.report(182, trusted("carrier"), "a")
	s.expect(182, StandingBlock)
}

func TestUnverifiedReports(t *testing.T) {
	t.Run("one is watched", func(t *testing.T) {
		s := newStory(t)
		s.report(0, unverified("feed"), "a")
		s.expect(0, StandingWatch)
		s.expect(364, StandingWatch)
		s.expect(365, StandingNone)
	})
	t.Run("a wave from two sources warns until it fades", func(t *testing.T) {
		s := newStory(t)
		for day := range 3 {
			for i := range 4 {
				s.report(day, unverified("feed"), fmt.Sprint(day, i))
			}
		}
		s.expect(2, StandingWatch) // one source only
		s.report(2, Source{}, "anybody")
		s.expect(2, StandingWarn)
		e := s.d.Evidence[callback]
		if want := 5 + 4*math.Exp2(-1.0/14) + 4*math.Exp2(-2.0/14); math.Abs(e.Short-want) > 1e-9 {
			t.Errorf("the short score is %v, want %v", e.Short, want)
		}
		// 12.42 falls below 6 after 14 × log2(12.42/6) = 14.7 days, 15 whole ones.
		s.expect(2+14, StandingWarn)
		s.expect(2+15, StandingWatch)
		s.expect(2+365, StandingNone)
	})
	t.Run("a steady trickle warns by the long score", func(t *testing.T) {
		s := newStory(t)
		for i := range 30 {
			s.report(i*5, unverified([]string{"ftc", "ofcom"}[i%2]), fmt.Sprint(i))
		}
		if e := s.d.Evidence[callback]; e.Short >= 6 || e.Long < 15 {
			t.Fatalf("the scores are %.2f and %.2f: another test than it says", e.Short, e.Long)
		}
		s.expect(145, StandingWarn)
	})
	t.Run("they never warn for longer than 180 days", func(t *testing.T) {
		s := newStory(t)
		for i := range 10_000 {
			s.report(i%10, unverified([]string{"ftc", "ofcom"}[i%2]), fmt.Sprint(i))
		}
		s.expect(9+179, StandingWarn)
		s.expect(9+180, StandingWatch)
	})
	t.Run("a flood never blocks", func(t *testing.T) {
		s := newStory(t)
		for i := range 10_000 {
			s.report(i%365, unverified(fmt.Sprint("source-", i%200)), fmt.Sprint(i))
			if s.d.Listing.Roles[callback].BlockUntil != 0 {
				t.Fatalf("blocked after %d reports", i+1)
			}
		}
		if n := len(s.d.Evidence[callback].Sources); n != MaxOrganisations {
			t.Errorf("the evidence tells %d sources apart", n)
		}
	})
	t.Run("they do not prolong what trusted ones earned", func(t *testing.T) {
		s := newStory(t)
		for _, o := range []string{"bank", "carrier", "police"} {
			s.report(0, trusted(o), "a")
		}
		s.report(80, unverified("feed"), "a")
		s.expect(90, StandingWarn)
		s.expect(180, StandingWatch)
	})
}

func TestOneReporterCountsOnce(t *testing.T) {
	s := newStory(t)
	for i := range 1000 {
		if receipt := s.report(i/100, unverified([]string{"ftc", "ofcom"}[i%2]), "same"); receipt.Repeat != (i > 1) {
			t.Fatalf("report %d: repeat is %v", i, receipt.Repeat)
		}
	}
	e := s.d.Evidence[callback]
	// One reporter in each of two sources, both refreshed on the last day.
	if math.Abs(e.Short-2) > 1e-9 || math.Abs(e.Long-2) > 1e-9 {
		t.Errorf("a thousand repeats have scores of %v and %v", e.Short, e.Long)
	}
	s.expect(9, StandingWatch)
	s.report(3, unverified("ftc"), "same") // late news of an earlier day
	if after := s.d.Evidence[callback]; after.Short != e.Short || after.Last != e.Last {
		t.Error("an older repeat changed the scores")
	}
}

func TestReporterNameIsTakenWithinASourceOnly(t *testing.T) {
	s := newStory(t)
	s.report(0, Source{SourcePublic, "bank"}, "desk-1")
	if s.report(0, trusted("bank"), "desk-1").Repeat {
		t.Error("anybody can use up a partner's report")
	}
	s.expect(0, StandingWarn)
}

func TestLateReportCountsByItsDay(t *testing.T) {
	s := newStory(t)
	s.report(28, unverified("feed"), "a")
	s.report(14, unverified("feed"), "b")
	e := s.d.Evidence[callback]
	if e.Last != today+28 || len(e.Days) != 2 || math.Abs(e.Short-1.5) > 1e-9 {
		t.Errorf("got %+v", e)
	}
}

func TestSeparateDaysCountInAnyOrder(t *testing.T) {
	s, reversed := newStory(t), newStory(t)
	for day := range 100 {
		s.report(day, unverified("feed"), fmt.Sprint(day))
		reversed.report(99-day, unverified("feed"), fmt.Sprint(day))
	}
	days := s.d.Evidence[callback].Days
	if len(days) != MaxDays || days[0] != today+99 || days[MaxDays-1] != today+99-MaxDays+1 {
		t.Errorf("the days are %v", days)
	}
	if !slices.Equal(days, reversed.d.Evidence[callback].Days) {
		t.Errorf("the other way round they are %v", reversed.d.Evidence[callback].Days)
	}
}

func TestForging(t *testing.T) {
	for _, standing := range []Standing{StandingProtected, StandingCleared} {
		s := newStory(t)
		s.decide(0, standing)
		before := s.d.Listing
		for i := range 10_000 {
			s.report(i%30, unverified(fmt.Sprint("s", i%9)), fmt.Sprint(i/2))
		}
		for _, o := range []string{"bank", "carrier", "police"} {
			if receipt := s.report(30, trusted(o), "a"); !receipt.Forging || receipt.Repeat {
				t.Errorf("%v: got %+v", standing, receipt)
			}
		}
		if s.d.Listing != before {
			t.Errorf("%v: reports changed it to %+v", standing, s.d.Listing)
		}
		if e := s.d.Evidence[callback]; e.Forged < 5000 || len(e.Days) != 0 || e.Earned != (Ends{}) {
			t.Errorf("%v: the evidence is %+v", standing, e)
		}
		// Withdrawn, the reports about forging earn nothing; a new one does.
		s.decide(40, StandingNone)
		s.expect(40, StandingNone)
		s.report(41, trusted("bank"), "a")
		s.expect(41, StandingWarn)
	}
}

func TestGenuineRangeAroundTheNumber(t *testing.T) {
	var d Dossier
	rules, r := DefaultRules(), goodReport()
	if receipt := d.Report(&rules, &r, RolesOf(callback), today); !receipt.Forging || d.Listing != (Listing{}) {
		t.Errorf("got %+v and %+v", receipt, d.Listing)
	}
}

func TestDecisionsHoldAndStepDown(t *testing.T) {
	tests := []struct {
		standing Standing
		until    int // days, zero for the usual term
		want     map[int]Standing
	}{
		{StandingBlock, 0, map[int]Standing{89: StandingBlock, 90: StandingWarn, 179: StandingWarn, 180: StandingWatch, 364: StandingWatch, 365: StandingNone}},
		{StandingBlock, 10, map[int]Standing{9: StandingBlock, 10: StandingWarn, 99: StandingWarn, 100: StandingWatch, 284: StandingWatch, 285: StandingNone}},
		{StandingWarn, 0, map[int]Standing{179: StandingWarn, 180: StandingWatch, 364: StandingWatch, 365: StandingNone}},
		{StandingWatch, 0, map[int]Standing{364: StandingWatch, 365: StandingNone}},
		{StandingCleared, 0, map[int]Standing{364: StandingCleared, 365: StandingNone}},
		{StandingProtected, 0, map[int]Standing{20_000: StandingProtected}},
		{StandingProtected, 7, map[int]Standing{6: StandingProtected, 7: StandingNone}},
	}
	for _, test := range tests {
		s := newStory(t)
		if !s.decide(0, test.standing, func(d *Decision) {
			if test.until != 0 {
				d.Until = noon.AddDate(0, 0, test.until)
			}
		}) {
			t.Fatalf("%v: refused", test.standing)
		}
		for day, want := range test.want {
			s.expect(day, want)
		}
	}
}

func TestDecisionOverReports(t *testing.T) {
	s := newStory(t)
	s.report(0, trusted("bank"), "a")
	s.decide(1, StandingBlock, func(d *Decision) { d.Class, d.Brand = ClassDoNotOriginate, "dhl" })
	s.report(2, trusted("bank"), "b")
	l := s.d.Listing.Roles[callback]
	if l.Class != ClassDoNotOriginate || l.Brand != "dhl" {
		t.Errorf("a report changed the decision's class or brand: %+v", l)
	}
	s.expect(1+89, StandingBlock)
	s.expect(1+90, StandingWarn)
	s.expect(2+179, StandingWarn) // the report's, a day longer than the decision's
	s.decide(3, StandingNone)
	if l := s.d.Listing.Roles[callback]; l.Class != ClassAnalytics || l.Brand != "amazon" {
		t.Errorf("withdrawn, the decision left %+v", l)
	}
	s.expect(3, StandingWarn)
	s.expect(2+180, StandingWatch)
}

func TestWithdrawnDecisionLeavesNothing(t *testing.T) {
	s := newStory(t)
	s.decide(0, StandingBlock, func(d *Decision) { d.Brand = "dhl" })
	s.decide(1, StandingNone)
	if s.d.Listing != (Listing{}) {
		t.Errorf("it left %+v", s.d.Listing)
	}
}

func TestNewDecisionReplacesTheOldOnesEnds(t *testing.T) {
	s := newStory(t)
	s.decide(0, StandingBlock)
	s.decide(0, StandingCleared)
	s.expect(0, StandingCleared)
	s.expect(365, StandingNone)
	if ends := s.d.Listing.Roles[callback]; ends.WarnUntil != 0 || ends.WatchUntil != 0 {
		t.Errorf("the first decision left %+v", ends)
	}
}

func TestEndedDecisionIsForgottenWithTheNextReport(t *testing.T) {
	s := newStory(t)
	s.decide(0, StandingBlock, func(d *Decision) { d.Class, d.Brand = ClassDoNotOriginate, "dhl" })
	s.report(91, trusted("bank"), "a")
	l := s.d.Listing.Roles[callback]
	if l.Override != StandingNone || l.OverrideUntil != 0 || l.Class != ClassAnalytics || l.Brand != "amazon" {
		t.Errorf("got %+v", l)
	}
	s.expect(91, StandingWarn)
}

func TestOneInsiderCannotRemoveANumber(t *testing.T) {
	alone := func(d *Decision) { d.Approver = "" }
	s := newStory(t)
	for _, o := range []string{"bank", "carrier", "police"} {
		s.report(0, trusted(o), "a")
	}
	for _, standing := range []Standing{StandingNone, StandingWatch, StandingCleared, StandingProtected} {
		if s.decide(0, standing, alone) {
			t.Errorf("one person turned a blocked number to %v", standing)
		}
	}
	s.expect(0, StandingBlock)
	if !s.decide(0, StandingWarn, alone) {
		t.Error("the emergency brake is stuck")
	}
	s.expect(0, StandingWarn)
	s.decide(0, StandingProtected)
	if s.decide(0, StandingWarn, alone) {
		t.Error("one person took the protection off a genuine line")
	}
	s.expect(0, StandingProtected)
}

// TestReportsNeverLowerAStanding plays random histories: each report may only raise what the listing says of any later day.
func TestReportsNeverLowerAStanding(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		s := newStory(t)
		for day := 0; day < 1500; day += random.IntN(60) {
			before := s.d.Listing.Roles[callback]
			source := Source{SourceKind(random.IntN(4)), fmt.Sprint("o", random.IntN(5))}
			s.report(day-random.IntN(day+1)*random.IntN(2), source, fmt.Sprint(random.IntN(20)))
			for d := day; d < day+400; d++ {
				was, is := before.At(today+Day(d)), s.d.Listing.Roles[callback].At(today+Day(d))
				if is < was {
					t.Fatalf("a report lowered day %d from %v to %v", d, was, is)
				}
			}
		}
	}
}

func TestFadedHalvesInAHalfLife(t *testing.T) {
	r := DefaultRules()
	short, long := r.DayFactors()
	for _, test := range []struct {
		factor float64
		days   int
		want   float64
	}{{short, 0, 1}, {short, 14, 0.5}, {short, 28, 0.25}, {long, 125, 0.5}, {long, 1, math.Exp2(-1.0 / 125)}, {short, 65535, 0}} {
		if got := faded(test.factor, test.days); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("after %d days %v is left, want %v", test.days, got, test.want)
		}
	}
}

func TestRulesCheck(t *testing.T) {
	tests := map[string]struct {
		change func(*Rules)
		want   string
	}{
		"half-life":            {func(r *Rules) { r.ShortHalfLife = 0 }, "short_half_life"},
		"no levels":            {func(r *Rules) { r.Levels = nil }, "levels"},
		"hearsay blocks":       {func(r *Rules) { r.Levels[3].Standing = StandingBlock }, "levels[3].trusted"},
		"one blocks":           {func(r *Rules) { r.Levels[0].Trusted = 1 }, "levels[0].trusted"},
		"reports protect":      {func(r *Rules) { r.Levels[0].Standing = StandingProtected }, "levels[0].standing"},
		"level for nothing":    {func(r *Rules) { r.Levels[5].Days = 0 }, "levels[5].days"},
		"score that is no one": {func(r *Rules) { r.Levels[3].Short = math.NaN() }, "levels[3].short"},
		"keeps nothing":        {func(r *Rules) { r.Levels[1].Keeps = 0 }, "levels[1].keeps"},
		"warn before block":    {func(r *Rules) { r.Terms.Warn = 30 }, "terms.warn"},
	}
	for name, test := range tests {
		r := DefaultRules()
		test.change(&r)
		if f := r.Check(); len(f) != 1 || f[0].Field != test.want || !strings.Contains(f.Error(), test.want) {
			t.Errorf("%s: got %v, want a fault in %s", name, f, test.want)
		}
	}
}

func BenchmarkDossierReport(b *testing.B) {
	rules, r := DefaultRules(), goodReport()
	var d Dossier
	for i := range b.N {
		r.At = noon.Add(time.Duration(i) * time.Second)
		d.Report(&rules, &r, 0, today)
	}
}
