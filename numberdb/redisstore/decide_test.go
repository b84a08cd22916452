package redisstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

func TestDecideNeedsTwoPeopleForWhatTwoDecided(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	n := exact(fiction(1))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(n, numberdb.StandingProtected)))
	alone := aDecision(n, numberdb.StandingWarn)
	alone.Approver = ""
	if _, err := s.Decide(ctx, anActor, alone); !errors.Is(err, numberdb.ErrNeedsApprover) {
		t.Errorf("one person could warn about a genuine line: %v", err)
	}
	if l := must[numberdb.Listing](t)(s.Listing(ctx, n.Number)); standing(l, callback) != numberdb.StandingProtected {
		t.Errorf("it is now %+v", l)
	}
	if l := must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(n, numberdb.StandingBlock))); standing(l, callback) != numberdb.StandingBlock {
		t.Errorf("two people got %+v", l)
	}
	if l := must[numberdb.Listing](t)(s.Decide(ctx, anActor, alone)); standing(l, callback) != numberdb.StandingWarn {
		t.Errorf("the emergency brake gave %+v", l)
	}
}

func TestHistory(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	n := exact(fiction(1))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(n, numberdb.StandingBlock)))
	if err := s.Mark(ctx, n, numberdb.MarkAllowed, true, "cleo", "our own line", noon); err != nil {
		t.Fatal(err)
	}
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(n, numberdb.StandingNone)))
	s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.decisions(placeOf(n, 4)), Values: []string{"d", "{damaged"}})
	var got []string
	for e, err := range s.History(ctx, n) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Decision != nil:
			got = append(got, fmt.Sprintf("%v %s %s %v", e.Decision.Standing, e.Decision.Author, e.Decision.Approver, e.Decision.Target))
		case e.Marking != nil:
			got = append(got, fmt.Sprintf("%v %v %s %s", e.Marking.Mark, e.Marking.On, e.Marking.Author, e.Marking.Reason))
		}
	}
	want := []string{"none ann bob +33199000001", "allowed true cleo our own line", "block ann bob +33199000001"}
	if !slices.Equal(got, want) {
		t.Errorf("the history is %q, want %q", got, want)
	}
}

func TestMarks(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	mark := func(n numberdb.Target, m numberdb.Marks, on bool) {
		t.Helper()
		if err := s.Mark(ctx, n, m, on, "ann", "asked", noon); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := exact(fiction(1)), exact(fiction(2)), ranged(3319900)
	mark(a, numberdb.MarkOptOut, true)
	mark(a, numberdb.MarkOptOut, true)
	mark(b, numberdb.MarkOptOut, true)
	mark(b, numberdb.MarkAllowed, true)
	mark(c, numberdb.MarkAllowed, true)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(b.Number)))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(b, numberdb.StandingBlock)))
	if l := must[numberdb.Listing](t)(s.Listing(ctx, a.Number)); l.Marks != numberdb.MarkOptOut|numberdb.MarkAllowed {
		t.Errorf("a number in an allowed range is marked %v", l.Marks)
	}
	marked := func(m numberdb.Marks) map[numberdb.Target]bool {
		t.Helper()
		found := map[numberdb.Target]bool{}
		for n, err := range s.Marked(ctx, m) {
			if err != nil {
				t.Fatal(err)
			}
			found[n] = true
		}
		return found
	}
	if got := marked(numberdb.MarkOptOut); len(got) != 2 || !got[a] || !got[b] {
		t.Errorf("opted out: %v", got)
	}
	if got := marked(numberdb.MarkAllowed); len(got) != 2 || !got[b] || !got[c] {
		t.Errorf("allowed: %v", got)
	}
	mark(a, numberdb.MarkOptOut, false)
	mark(b, numberdb.MarkOptOut, false)
	if got := marked(numberdb.MarkOptOut); len(got) != 0 {
		t.Errorf("still opted out: %v", got)
	}
	all, _ := loadAll(t, s)
	if _, listed := all[a]; listed || all[b].Marks != numberdb.MarkAllowed || standing(all[b], callback) != numberdb.StandingBlock {
		t.Errorf("the list is %v", all)
	}
}

// TestListingMergesAsTheIndex decides about random targets, some of them reported, and wants the same from the store as from an index with the same list.
func TestListingMergesAsTheIndex(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	random := rand.New(rand.NewPCG(7, 8))
	for range 60 {
		target := exact(fiction(random.IntN(100)))
		if random.IntN(2) == 0 {
			target = ranged([]numberdb.Number{331990, 3319900, 33199000, 331990000, 3319900001, 33199000012}[random.IntN(6)])
		}
		d := aDecision(target, numberdb.Standing(1+random.IntN(5)))
		d.Roles = numberdb.Roles(1 + random.IntN(3))
		if random.IntN(2) == 0 {
			d.Until = noon.AddDate(0, 0, 50+random.IntN(300))
		}
		must[numberdb.Listing](t)(s.Decide(ctx, anActor, d))
		if random.IntN(3) == 0 {
			if err := s.Mark(ctx, target, 1<<random.IntN(2), true, "ann", "asked", noon); err != nil {
				t.Fatal(err)
			}
		}
		for i := range random.IntN(4) {
			r := aReport(fiction(random.IntN(100)))
			r.Roles = numberdb.Roles(1 + random.IntN(3))
			r.Source = numberdb.Source{Kind: []numberdb.SourceKind{numberdb.SourcePublic, numberdb.SourceStaff}[random.IntN(2)], Organisation: fmt.Sprint("helpline-", i)}
			must[numberdb.Receipt](t)(s.Report(ctx, r))
		}
	}
	index := numberdb.NewIndex()
	all, _ := loadAll(t, s)
	for target, l := range all {
		index.Apply(numberdb.Change{Target: target, Listing: l})
	}
	for _, days := range []int{0, 100, 200, 400} { // until what ends has ended
		now := noon.AddDate(0, 0, days)
		s.options.Now = func() time.Time { return now }
		for i := range 120 {
			got, want := must[numberdb.Listing](t)(s.Listing(ctx, fiction(i))), index.Lookup(fiction(i), numberdb.DayOf(now))
			if got != want {
				t.Errorf("%v in %d days: the store has\n%+v, the index\n%+v", fiction(i), days, got, want)
			}
		}
	}
}

// TestReportsDoNotWeakenARange reports numbers of a range, by one of the public and by three trusted organisations, before and after two people
// have decided about the range: a blocked one stays blocked, a genuine one genuine.
func TestReportsDoNotWeakenARange(t *testing.T) {
	for _, decided := range []numberdb.Standing{numberdb.StandingBlock, numberdb.StandingProtected, numberdb.StandingCleared} {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprint(decided, before), func(t *testing.T) {
				s := newStore(t, sharedRedis(t))
				ctx := soon(t)
				decide := func() { must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(331990000), decided))) }
				if !before {
					decide()
				}
				public := aReport(fiction(1))
				public.Source = numberdb.Source{Kind: numberdb.SourcePublic, Organisation: "public"}
				must[numberdb.Receipt](t)(s.Report(ctx, public))
				for i := range 3 {
					r := aReport(fiction(2))
					r.Source.Organisation = fmt.Sprint("helpline-", i)
					must[numberdb.Receipt](t)(s.Report(ctx, r))
				}
				if before {
					decide()
				}
				index := numberdb.NewIndex()
				all, _ := loadAll(t, s)
				for target, l := range all {
					index.Apply(numberdb.Change{Target: target, Listing: l})
				}
				for i := range 4 {
					n := fiction(i)
					if l := index.Lookup(n, numberdb.DayOf(noon)); standing(l, callback) != decided {
						t.Errorf("%v is %v on a node", n, standing(l, callback))
					}
					if l := must[numberdb.Listing](t)(s.Listing(ctx, n)); standing(l, callback) != decided {
						t.Errorf("%v is %v in the store", n, standing(l, callback))
					}
					// No one person gets a call through, or a genuine line warned about: softening the block is all.
					for _, standing := range []numberdb.Standing{numberdb.StandingNone, numberdb.StandingWatch, numberdb.StandingWarn} {
						alone := aDecision(exact(n), standing)
						alone.Approver = ""
						softens := decided == numberdb.StandingBlock && standing == numberdb.StandingWarn
						if _, err := s.Decide(ctx, anActor, alone); errors.Is(err, numberdb.ErrNeedsApprover) == softens || softens && err != nil {
							t.Errorf("one person decides %v about %v: %v", standing, n, err)
						}
					}
				}
			})
		}
	}
}

// TestOnePersonsWarningInARange goes through what one person and two decide about a number and about a range around it, in either order. What two
// people decided about the range later outdoes what one person warned of before; what two people decided about the number itself, and the
// emergency brake, hold.
func TestOnePersonsWarningInARange(t *testing.T) {
	const none, watch, warn, block = numberdb.StandingNone, numberdb.StandingWatch, numberdb.StandingWarn, numberdb.StandingBlock
	const cleared, protected = numberdb.StandingCleared, numberdb.StandingProtected
	client := sharedRedis(t)
	number, narrow, wide := exact(fiction(1)), ranged(331990000), ranged(3319900)
	type step struct {
		about  numberdb.Target
		what   numberdb.Standing
		people int
	}
	for name, tc := range map[string]struct {
		steps []step
		want  numberdb.Standing
	}{
		"one warns":                                 {[]step{{number, warn, 1}}, warn},
		"one warns, the range is blocked":           {[]step{{number, warn, 1}, {wide, block, 2}}, block},
		"one warns twice, the range is blocked":     {[]step{{number, warn, 1}, {number, warn, 1}, {wide, block, 2}}, block},
		"one warns, a block of the range is over":   {[]step{{number, warn, 1}, {wide, block, 2}, {wide, none, 2}}, warn},
		"one warns, the range is cleared":           {[]step{{number, warn, 1}, {wide, cleared, 2}}, cleared},
		"one warns, the range is genuine":           {[]step{{number, warn, 1}, {wide, protected, 2}}, protected},
		"one warns, the range is watched":           {[]step{{number, warn, 1}, {wide, watch, 2}}, warn},
		"one warns, the range is softened":          {[]step{{number, warn, 1}, {wide, block, 2}, {wide, warn, 1}}, warn},
		"one warns, then brakes":                    {[]step{{number, warn, 1}, {wide, block, 2}, {number, warn, 1}}, warn},
		"one brakes":                                {[]step{{wide, block, 2}, {number, warn, 1}}, warn},
		"one brakes in the nearer range":            {[]step{{wide, block, 2}, {narrow, warn, 1}}, warn},
		"one brakes, and warns again":               {[]step{{wide, block, 2}, {number, warn, 1}, {number, warn, 1}}, warn},
		"one brakes on the number's own block":      {[]step{{number, block, 2}, {number, warn, 1}, {wide, block, 2}}, warn},
		"two warn, the range is blocked":            {[]step{{number, warn, 2}, {wide, block, 2}}, warn},
		"two warn, one again, the range is blocked": {[]step{{number, warn, 2}, {number, warn, 1}, {wide, block, 2}}, warn},
		"two watch, the range is blocked":           {[]step{{number, watch, 2}, {wide, block, 2}}, watch},
		"two watch in a blocked range, one warns":   {[]step{{wide, block, 2}, {number, watch, 2}, {number, warn, 1}}, warn},
		"two clear, the range is blocked":           {[]step{{number, cleared, 2}, {wide, block, 2}}, cleared},
		"one warns, two clear in a blocked range":   {[]step{{number, warn, 1}, {wide, block, 2}, {number, cleared, 2}}, cleared},
		"one warns, two warn in a blocked range":    {[]step{{number, warn, 1}, {wide, block, 2}, {number, warn, 2}}, warn},
		"a genuine line, the range is blocked":      {[]step{{number, protected, 2}, {wide, block, 2}}, protected},
		"a genuine line in a blocked range":         {[]step{{wide, block, 2}, {number, protected, 2}}, protected},
		"a genuine range in a blocked one":          {[]step{{narrow, protected, 2}, {wide, block, 2}}, protected},
		"one warns, its genuine range in a blocked": {[]step{{number, warn, 1}, {narrow, protected, 2}, {wide, block, 2}}, protected},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, client)
			for i, step := range tc.steps {
				d := aDecision(step.about, step.what)
				if step.people == 1 {
					d.Approver = ""
				}
				if _, err := s.Decide(soon(t), anActor, d); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			index := numberdb.NewIndex()
			all, _ := loadAll(t, s)
			for target, l := range all {
				index.Apply(numberdb.Change{Target: target, Listing: l})
			}
			if got := standing(index.Lookup(number.Number, numberdb.DayOf(noon)), callback); got != tc.want {
				t.Errorf("it is %v on a node, want %v", got, tc.want)
			}
			if got := standing(must[numberdb.Listing](t)(s.Listing(soon(t), number.Number)), callback); got != tc.want {
				t.Errorf("it is %v in the store, want %v", got, tc.want)
			}
		})
	}
}
