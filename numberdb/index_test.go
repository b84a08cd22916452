package numberdb

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// plainIndex is an index that is plainly right: maps, and every prefix tried.
type plainIndex map[Target]Listing

func (p plainIndex) apply(c Change) {
	if c.Listing == (Listing{}) {
		delete(p, c.Target)
	} else {
		p[c.Target] = c.Listing
	}
}

func (p plainIndex) lookup(n Number, today Day) (found Listing) {
	around := []Listing{p[Target{Number: n}]} // the nearest first
	for ; n > 0; n /= 10 {
		around = append(around, p[Target{n, true}])
	}
	for _, l := range around {
		found.Marks |= l.Marks
	}
	for r := range found.Roles {
		var said []RoleListing
		for _, l := range around {
			if l.Roles[r] == (RoleListing{}) {
				continue
			}
			said = append(said, l.Roles[r])
			if l.Roles[r].inForce(today) { // nothing further away counts
				break
			}
		}
		holds := 0
		for i := range said {
			if graver := said[i].At(today) > said[holds].At(today); graver || said[i].At(today) == said[holds].At(today) && said[i].inForce(today) {
				holds = i
			}
		}
		if len(said) > 0 {
			found.Roles[r] = said[holds]
			genuine := said[holds].isGenuine(today)
			for i := holds - 1; i >= 0 && !genuine && found.Roles[r].Brand == ""; i-- {
				if said[i].At(today) != StandingNone {
					found.Roles[r].Brand = said[i].Brand
				}
			}
		}
	}
	return found
}

func (p plainIndex) count() (numbers, prefixes int) {
	for t := range p {
		if t.Prefix {
			prefixes++
		} else {
			numbers++
		}
	}
	return numbers, prefixes
}

// drawListing draws one of some hundred listings; about a third say something in one role only, and a sixth is decided.
func drawListing(rnd *rand.Rand) Listing {
	var l Listing
	for r := range l.Roles {
		if rnd.IntN(2) == 0 {
			l.Roles[r] = RoleListing{WarnUntil: Day(1 + rnd.IntN(8)), Brand: Brand([]string{"", "amazon", "microsoft"}[rnd.IntN(3)])}
			if decided := rnd.IntN(3); decided == 0 {
				l.Roles[r].Override, l.Roles[r].OverrideUntil = Standing(1+rnd.IntN(5)), Day(rnd.IntN(8))
			} else if decided == 1 {
				l.Roles[r].BlockUntil, l.Roles[r].WatchUntil = Day(rnd.IntN(4)), Day(rnd.IntN(12))
			}
		}
	}
	l.Marks = Marks(rnd.IntN(4))
	return l
}

func checkSame(t *testing.T, x *Index, plain plainIndex) {
	t.Helper()
	numbers, prefixes := x.Len()
	if n, p := plain.count(); n != numbers || p != prefixes {
		t.Fatalf("Len() = %d, %d, want %d, %d", numbers, prefixes, n, p)
	}
	seen := 0
	for c := range x.All() {
		if want, listed := plain[c.Target]; !listed || c.Listing != want {
			t.Fatalf("All gives %+v, want %+v (listed: %v)", c, want, listed)
		}
		seen++
	}
	if seen != len(plain) {
		t.Fatalf("All gives %d changes, want %d", seen, len(plain))
	}
}

func TestIndexAgreesWithPlainMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	x, plain := NewIndex(), plainIndex{}
	// Few enough numbers that they meet, in lengths from 1 to 15 digits; removals come in waves, so that the grid shrinks and grows.
	draw := func() Number {
		n := Number(rnd.Uint64N(3000)) + 120255500000000
		return n / powersOfTen[rnd.IntN(15)]
	}
	for i := range 60_000 {
		c := Change{Target: Target{draw(), rnd.IntN(10) == 0}}
		if removing := i / 6_000 % 2; rnd.IntN(4) > 2*removing {
			c.Listing = drawListing(rnd)
		}
		x.Apply(c)
		plain.apply(c)
		for range 3 {
			n, today := draw(), Day(rnd.IntN(10)) // listings end on the days from 1 to 8
			if got, want := x.Lookup(n, today), plain.lookup(n, today); got != want {
				t.Fatalf("after %d changes Lookup(%d, %d) = %+v, want %+v", i+1, n, today, got, want)
			}
		}
		if i%6_000 == 0 {
			checkSame(t, x, plain)
		}
	}
	checkSame(t, x, plain)
	for target := range plain {
		x.Apply(Change{Target: target})
	}
	checkSame(t, x, plainIndex{})
	if x.prefixes.short.Load() != nil {
		t.Error("without a prefix there are short ones")
	}
	for i := range prefixBlocks {
		if b := x.prefixes.blocks.Load()[i].Load(); b != nil {
			t.Errorf("without a prefix there is the block %d: %+v", i, b)
		}
	}
}

// Prefixes lie within one another and apart from each other, many of them side by side, and change day by day.
func TestIndexNestedPrefixes(t *testing.T) {
	x, plain := NewIndex(), plainIndex{}
	rnd := rand.New(rand.NewPCG(9, 10))
	apply := func(c Change) {
		x.Apply(c)
		plain.apply(c)
	}
	apply(Change{Target{120255, true}, Listing{Marks: MarkAllowed}})
	for n := Number(120255_000); n < 120255_999; n++ {
		apply(Change{Target{n, true}, drawListing(rnd)})
	}
	checkSame(t, x, plain)
	for i := range 20_000 {
		n := 120_255_000_000_000 + Number(rnd.Uint64N(1_010_000_000)) // a hundredth is behind the last one
		n /= powersOfTen[rnd.IntN(10)]
		today := Day(1 + i/2_000)
		if got, want := x.Lookup(n, today), plain.lookup(n, today); got != want {
			t.Fatalf("Lookup(%d, %d) = %+v, want %+v", n, today, got, want)
		}
	}
}

func TestIndexGrows(t *testing.T) {
	for name, tc := range map[string]struct{ reserve, changes int }{"grown": {0, 290_000}, "reserved": {2 << 20, 20_000}} {
		t.Run(name, func(t *testing.T) {
			x, plain := NewIndex(), plainIndex{}
			x.Reserve(tc.reserve)
			rnd := rand.New(rand.NewPCG(1, 2))
			for range tc.changes {
				c := Change{Target{Number: MaxNumber - Number(rnd.Uint64N(1e9))}, drawListing(rnd)}
				x.Apply(c)
				plain.apply(c)
			}
			if shards := len(x.numbers.grid.Load().taken); shards < 64 {
				t.Fatalf("only %d shards", shards)
			}
			checkTable(t, x.numbers)
			checkSame(t, x, plain)
		})
	}
}

// Listings that are no longer used must not stay for ever, and neither must the slots of numbers that come and go.
func TestIndexForgets(t *testing.T) {
	x := NewIndex()
	const numbers = 5000
	apply := func(day int) {
		for n := range Number(numbers) {
			l := Listing{}
			l.Roles[RoleCallback] = RoleListing{WarnUntil: Day(day), WatchUntil: Day(n % 1000)}
			x.Apply(Change{Target{Number: 12025550000 + n}, l})
		}
	}
	apply(1)
	before := x.Bytes()
	for day := range 60 {
		apply(2 + day)
	}
	if after := x.Bytes(); after > 4*before {
		t.Errorf("60 days of changes took the index from %d to %d bytes", before, after)
	}
	for round := range 60 { // other numbers every time
		for n := range Number(numbers) {
			at := 12025550000 + Number(round*numbers) + n
			l := x.Lookup(at, 0)
			x.Apply(Change{Target: Target{Number: at}})
			x.Apply(Change{Target{Number: at + numbers}, l})
		}
	}
	if n, _ := x.Len(); n != numbers {
		t.Fatalf("%d numbers, want %d", n, numbers)
	}
	if after := x.Bytes(); after > 4*before {
		t.Errorf("numbers that came and went took the index from %d to %d bytes", before, after)
	}
	for c := range x.All() {
		x.Apply(Change{Target: c.Target})
	}
	for range 1000 { // changes that find nothing still tidy up
		x.Apply(Change{Target: Target{Number: 1}})
	}
	if after := x.Bytes(); after > before/3 {
		t.Errorf("emptied, the index holds %d of %d bytes", after, before)
	}
}

// A reader sees a listing as it was or as it is, while the table grows, shrinks and begins new books around it.
func TestIndexReadersSeeWholeListings(t *testing.T) {
	x := NewIndex()
	whole := func(version int) Listing { // of one version in all its parts, and of one brand
		d := Day(1 + version%50_000)
		r := RoleListing{BlockUntil: d, WarnUntil: d, WatchUntil: d, Brand: Brand("brand-" + string(rune('a'+version%26)))}
		return Listing{Roles: [RoleCount]RoleListing{r, r}}
	}
	isWhole := func(l Listing) bool {
		r := l.Roles[0]
		return r == l.Roles[1] && r.BlockUntil == r.WarnUntil && r.WarnUntil == r.WatchUntil
	}
	const steady, prefix, changing Number = 12025550100, 1809555, 1809556
	x.Apply(Change{Target{Number: steady}, whole(7)})
	x.Apply(Change{Target{prefix, true}, whole(9)})
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := Number(0); !done.Load(); i++ {
				if l := x.Lookup(steady, 0); l != whole(7) {
					t.Errorf("a number that nobody changes has become %+v", l)
					return
				}
				if l := x.Lookup(prefix*10_000+i%10_000, 0); l != whole(9) {
					t.Errorf("a range that nobody changes has become %+v", l)
					return
				}
				if l := x.Lookup(changing*10_000, Day(i%3)); !isWhole(l) {
					t.Errorf("mixed listing %+v of a range", l)
					return
				}
				if l := x.Lookup(442079460000+i%1000, 0); !isWhole(l) {
					t.Errorf("mixed listing %+v", l)
					return
				}
				runtime.Gosched() // the writer needs a processor too
			}
		})
	}
	readers.Go(func() {
		for !done.Load() {
			steadies := 0
			for c := range x.All() {
				if !isWhole(c.Listing) {
					t.Errorf("All gives %+v", c)
					return
				}
				if c.Target == (Target{Number: steady}) && c.Listing == whole(7) {
					steadies++
				}
				runtime.Gosched()
			}
			if steadies != 1 {
				t.Errorf("All gives a number that nobody changes %d times", steadies)
				return
			}
		}
	})
	for i := range 30_000 {
		n := 442079460000 + Number(i%1000)
		x.Apply(Change{Target{Number: n}, whole(i)}, Change{Target{changing, true}, whole(i)})
		if l := x.Lookup(changing*10_000, 1); l != whole(i) {
			t.Fatalf("a range that was changed to %+v is %+v", whole(i), l)
		}
		if i%3 == 0 {
			x.Apply(Change{Target: Target{Number: n}})
		}
		if i%5_000 == 0 { // grows, and shrinks with the next number that goes
			x.Reserve(10_000 << (i / 5_000))
		}
		if i%16 == 0 {
			runtime.Gosched()
		}
	}
	done.Store(true)
	readers.Wait()
}

// longestSearch is the most buckets that any search in the table can look at.
func longestSearch(tab *table) int {
	longest := 0
	g := tab.grid.Load()
	for shard := range g.taken {
		run := 0
		for j := range 2 * g.width() { // twice, for a run around the end
			run++
			if g.slots[shard*g.width()+j%g.width()][bucketSlots-1].Load() == 0 {
				longest, run = max(longest, run), 0
			}
		}
	}
	return longest
}

// Whoever chooses numbers, but does not know an index's secret, cannot make its searches long.
func TestIndexHostileNumbers(t *testing.T) {
	const count = 60_000
	other := newTable() // an index of the same program, whose secret the attacker knows
	crowd := func(i int) Number {
		return Number(other.grid.Load().scramble.backward(uint64(i))) // all in the first bucket of the other index
	}
	for name, number := range map[string]func(i int) Number{
		"in a row":               func(i int) Number { return 12025550000 + Number(i) },
		"equal low digits":       func(i int) Number { return 123_456_789 + Number(i)*1_000_000_000 },
		"equal low bits":         func(i int) Number { return 1 + Number(i)<<31 },
		"half the bits equal":    func(i int) Number { return 1 + Number(i)<<halfBits },
		"crowded in another one": crowd,
	} {
		t.Run(name, func(t *testing.T) {
			tab := newTable()
			l := Listing{Marks: MarkAllowed}
			listed := 0
			for i := range count {
				if n := number(i); n > 0 && n <= MaxNumber {
					listed += tab.put(n, l)
				}
			}
			if listed < count/2 {
				t.Fatalf("only %d numbers", listed)
			}
			longest := longestSearch(tab)
			t.Logf("at most %d buckets", longest)
			if longest > 60 { // random numbers make runs of up to about 15 full buckets
				t.Errorf("a search looks at up to %d buckets", longest)
			}
		})
	}
}

func TestScrambleIsAPermutation(t *testing.T) {
	s := newScramble()
	for range 100_000 {
		v := rand.Uint64N(1 << numberBits)
		w := s.forward(v)
		if w >= 1<<numberBits || s.backward(w) != v {
			t.Fatalf("%d becomes %d and then %d", v, w, s.backward(w))
		}
	}
}

// A number costs at most 24 bytes however full the index is, measured as the heap sees it.
func TestIndexMemory(t *testing.T) {
	listings := make([]Listing, 200)
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range listings {
		listings[i] = drawListing(rnd)
		listings[i].Marks |= MarkAllowed
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	x := NewIndex()
	n := 0
	for size := 8_000; size <= 1_200_000; size = size * 6 / 5 { // so that some steps lie close behind a growth, where the grid is emptiest
		for ; n < size; n++ {
			x.Apply(Change{Target{Number: 10_000_000_000 + Number(n)*7919}, listings[n%len(listings)]})
		}
		used := heap() - before
		perNumber := float64(used) / float64(size)
		t.Logf("%8d numbers: %.1f bytes each", size, perNumber)
		if perNumber > 24 {
			t.Errorf("%d numbers take %.1f bytes each", size, perNumber)
		}
		if stat := x.Bytes(); float64(stat) < 0.8*float64(used) || float64(stat) > 1.2*float64(used) {
			t.Errorf("%d numbers: Bytes() = %d, measured %d", size, stat, used)
		}
	}
	runtime.KeepAlive(x)
}

func TestIndexLookupMerges(t *testing.T) {
	warn := RoleListing{WarnUntil: 9, WatchUntil: 9}
	block := RoleListing{Override: StandingBlock}
	watch := RoleListing{Override: StandingWatch, OverrideUntil: 5}
	ended := RoleListing{Override: StandingCleared, OverrideUntil: 4, BlockUntil: 3, Brand: "amazon"}
	x := NewIndex()
	for target, l := range map[Target]Listing{
		{12025550100, false}:   {Roles: [RoleCount]RoleListing{RoleCallback: warn}},
		{120255501, true}:      {Roles: [RoleCount]RoleListing{RoleCallback: watch, RoleCallerID: watch}, Marks: MarkAllowed},
		{1202555, true}:        {Roles: [RoleCount]RoleListing{RoleCallback: block, RoleCallerID: block}},
		{12025550177, false}:   {Marks: MarkOptOut},
		{12025550188, false}:   {Roles: [RoleCount]RoleListing{RoleCallback: ended, RoleCallerID: warn}, Marks: MarkOptOut},
		{18095550100, false}:   {Roles: [RoleCount]RoleListing{RoleCallback: ended}},
		{1809555, true}:        {Roles: [RoleCount]RoleListing{RoleCallback: {WatchUntil: 2}}},
		{12025557, true}:       {Roles: [RoleCount]RoleListing{RoleCallback: ended, RoleCallerID: watch}},
		{1, true}:              {},
		{0, true}:              {Marks: MarkOptOut}, // about no number: ignored
		{MaxNumber + 1, false}: {Marks: MarkOptOut},
	} {
		x.Apply(Change{target, l})
	}
	for _, tc := range []struct {
		name   string
		number Number
		want   Listing
	}{
		{"exact in one role, longest prefix in the other", 12025550100,
			Listing{Roles: [RoleCount]RoleListing{RoleCallback: warn, RoleCallerID: watch}, Marks: MarkAllowed}},
		{"longest prefix", 12025550101,
			Listing{Roles: [RoleCount]RoleListing{RoleCallback: watch, RoleCallerID: watch}, Marks: MarkAllowed}},
		{"marks alone hide nothing, and add up", 12025550177,
			Listing{Roles: [RoleCount]RoleListing{RoleCallback: watch, RoleCallerID: watch}, Marks: MarkAllowed | MarkOptOut}},
		{"what has ended hides nothing", 12025550188,
			Listing{Roles: [RoleCount]RoleListing{RoleCallback: watch, RoleCallerID: warn}, Marks: MarkAllowed | MarkOptOut}},
		{"a prefix that has ended hides nothing", 12025557999,
			Listing{Roles: [RoleCount]RoleListing{RoleCallback: block, RoleCallerID: watch}}},
		{"where nothing holds, the most specific stays", 18095550100, Listing{Roles: [RoleCount]RoleListing{RoleCallback: ended}}},
		{"shorter prefix", 12025559999, Listing{Roles: [RoleCount]RoleListing{RoleCallback: block, RoleCallerID: block}}},
		{"the digits of a prefix as a number", 1202555, Listing{Roles: [RoleCount]RoleListing{RoleCallback: block, RoleCallerID: block}}},
		{"shorter than the prefix", 120255, Listing{}},
		{"another number", 442079460123, Listing{}},
		{"none", 0, Listing{}},
		{"too long", MaxNumber + 1, Listing{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := x.Lookup(tc.number, 4); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestIndexLookupDoesNotAllocate(t *testing.T) {
	x := NewIndex()
	x.Apply(Change{Target{Number: 12025550100}, Listing{Marks: MarkAllowed}})
	x.Apply(Change{Target{1809555, true}, Listing{Marks: MarkOptOut}})
	for _, n := range []Number{12025550100, 18095550100, 442079460123} {
		if got := testing.AllocsPerRun(100, func() { x.Lookup(n, 1) }); got != 0 {
			t.Errorf("Lookup(%v) allocates %v times", n, got)
		}
	}
}

func TestDecimalDigits(t *testing.T) {
	for n := Number(1); n <= MaxNumber; n *= 10 {
		for _, m := range []Number{n, n + 1, n*10 - 1} {
			if m <= MaxNumber && decimalDigits(m) != len(strings.TrimPrefix(m.String(), "+")) {
				t.Errorf("decimalDigits(%d) = %d", m, decimalDigits(m))
			}
		}
	}
}
