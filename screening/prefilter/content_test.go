package prefilter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/ami"
)

// database is what the actions of a content make of an empty one. It wants no key to be put or removed twice.
type database map[string]bool

func (db database) do(t *testing.T) func(ami.Action) bool {
	return func(a ami.Action) bool {
		key := a.Fields[3]
		if there := a.Name == "DBPut"; db[key] == there {
			t.Fatalf("%s %s, which changes nothing", a.Name, key)
		} else if there {
			db[key] = true
		} else {
			delete(db, key)
		}
		return true
	}
}

const today numberdb.Day = 20_000

// someListing is one of all kinds of listings: most of them end, have ended, or end soon.
func someListing(r *rand.Rand) (l numberdb.Listing) {
	for i := range l.Roles {
		switch r.IntN(6) {
		case 0, 1:
		case 2:
			l.Roles[i].Override = numberdb.Standing(r.IntN(6))
			l.Roles[i].OverrideUntil = numberdb.Day(r.IntN(2)) * (today - 2 + numberdb.Day(r.IntN(5)))
			l.Roles[i].Class = numberdb.Class(r.IntN(3))
		default:
			l.Roles[i].BlockUntil = today - 2 + numberdb.Day(r.IntN(4))
			l.Roles[i].WarnUntil = l.Roles[i].BlockUntil + numberdb.Day(r.IntN(3))
			l.Roles[i].WatchUntil = l.Roles[i].WarnUntil + numberdb.Day(r.IntN(3))
		}
	}
	if r.IntN(4) == 0 {
		l.Marks = numberdb.Marks(r.IntN(4))
	}
	return l
}

// someTarget is a number of a fictional range, or a range around such numbers of any width.
func someTarget(r *rand.Rand) numberdb.Target {
	n := numberdb.Number(442079460000 + r.Int64N(1000))
	if r.IntN(3) > 0 {
		return numberdb.Target{Number: n}
	}
	for range r.IntN(10) {
		n /= 10
	}
	return numberdb.Target{Number: n, Prefix: true}
}

// TestContentFollows makes thousands of changes, days going by, and wants what is written at each time to be what would be written anew,
// and every call to be handed out that is not clean.
func TestContentFollows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	index := numberdb.NewIndex()
	day := today
	c, db := newContent("f"), database{}
	for i := range 3000 {
		ch := numberdb.Change{Target: someTarget(r), Listing: someListing(r)}
		index.Apply(ch)
		c.change(ch, day, db.do(t))
		if i%500 == 499 {
			day++
			for ch := range index.All() {
				c.change(ch, day, db.do(t))
			}
		}
		if i%100 != 99 {
			continue
		}
		anew, fresh := newContent("f"), database{}
		for ch := range index.All() {
			anew.change(ch, day, fresh.do(t))
		}
		if !maps.Equal(db, fresh) {
			t.Fatalf("after %d changes %d keys are written, and anew %d", i+1, len(db), len(fresh))
		}
		if c.keys != len(db) || c.optOuts != anew.optOuts {
			t.Fatalf("%d keys and %d opt-outs are counted, there are %d and %d", c.keys, c.optOuts, len(db), anew.optOuts)
		}
		for range 100 {
			expectKeys(t, db, index, numberdb.Number(442079460000+r.Int64N(1000)), day)
		}
	}
	for ch := range index.All() {
		c.change(numberdb.Change{Target: ch.Target}, day, db.do(t))
	}
	if len(db)+len(c.leads)+len(c.targets)+c.keys+c.optOuts != 0 {
		t.Errorf("nothing is listed, and there are %d keys", len(db))
	}
}

// expectKeys wants a number whose calls are not clean on the day, or on one after it, to be found.
func expectKeys(t *testing.T, db database, index *numberdb.Index, n numberdb.Number, day numberdb.Day) {
	t.Helper()
	party := numberdb.Parsed{Kind: numberdb.KindE164, Number: n}
	found := func(role dialplan.PrefilterRole) bool {
		return db[fmt.Sprintf("%s/%d", role, n)] || db[fmt.Sprintf("%s/%.6s", role, n.String()[1:])]
	}
	for on := day; on < day+5; on++ {
		l := index.Lookup(n, on)
		for d, role := range map[screening.Direction]dialplan.PrefilterRole{
			screening.Inbound: dialplan.PrefilterInbound, screening.Outbound: dialplan.PrefilterOutbound,
		} {
			call := screening.Call{Direction: d, Calling: party, Called: party}
			if v := (screening.Policy{}).Decide(call, l, numberdb.Listing{}, on); v.Reason != screening.ReasonClean && !found(role) {
				t.Fatalf("%v, %v: %v, and nothing is written", n, d, v.Reason)
			}
		}
		if l.Marks&numberdb.MarkOptOut != 0 && !found(dialplan.PrefilterOptOut) {
			t.Fatalf("%v opted out, and nothing is written", n)
		}
	}
}

func TestLeadsOfRanges(t *testing.T) {
	for prefix, want := range map[numberdb.Number]struct {
		first, last uint64
		count       int
	}{
		442079:         {442079, 442079, 1},
		4420794601:     {442079, 442079, 1},
		44207946012345: {442079, 442079, 1},
		44207:          {442070, 442079, 10},
		442:            {442000, 442999, 1000},
		4:              {400000, 499999, 100000},
	} {
		all := slices.Collect(leadsOf(prefix))
		if len(all) != want.count || all[0] != want.first || all[len(all)-1] != want.last {
			t.Errorf("%d: %d leads from %d to %d, want %d from %d to %d", prefix, len(all), all[0], all[len(all)-1], want.count, want.first, want.last)
		}
	}
}

// TestConstantKeys wants every text that is no canonical number to be found among the odd ones.
func TestConstantKeys(t *testing.T) {
	c, db := newContent("f"), database{}
	origins := map[string]numberdb.Origin{
		"default": {Region: "US", ExtraEmergency: "1122 33199009112,*1234567890"},
		"bare":    {Region: "FR", Bare: numberdb.BareE164, ExtraEmergency: "33199009112"},
	}
	if !c.constant(origins, db.do(t)) || !c.bare {
		t.Error("the policy with bare digits was not seen")
	}
	r := rand.New(rand.NewPCG(5, 6))
	clear := 0
	for range 50_000 {
		digits := fmt.Sprintf("%0*d", 8+r.IntN(8), r.Int64N(1e15))
		digits = digits[:min(len(digits), 15)]
		if db[dialplan.PrefilterOddKey(len(digits), digits[:3])] || db[dialplan.PrefilterOddKey(len(digits), digits[:4])] {
			continue
		}
		clear++
		for name, o := range origins {
			if p := o.Parse("+" + digits); p.Kind != numberdb.KindE164 || p.Number.String() != "+"+digits {
				t.Fatalf("+%s is not odd, and the policy %s reads %v %v", digits, name, p.Kind, p.Number)
			}
		}
	}
	if clear < 1000 {
		t.Errorf("only %d of 50000 texts can be told to be numbers", clear)
	}
	for _, key := range []string{"bare/bare", "inbound/33199009112", "outbound/33199009112"} {
		if !db[key] {
			t.Errorf("%s is not written", key)
		}
	}
	for key := range db {
		if strings.HasPrefix(key, "bare/") && key != "bare/bare" || strings.Contains(key, "1122") || strings.Contains(key, "*") {
			t.Errorf("%s is written", key)
		}
	}
}
