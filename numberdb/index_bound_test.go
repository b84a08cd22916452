package numberdb

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// checkTable fails the test unless every search in the table ends: at an empty slot for a writer, at a bucket whose last slot is empty for a
// reader. It looks without searching, so that a fault fails and does not hang.
func checkTable(t *testing.T, tab *table) {
	t.Helper()
	g := tab.grid.Load()
	live := 0
	for shard := range g.taken {
		taken, ends := 0, 0
		for i := shard * g.width(); i < (shard+1)*g.width(); i++ {
			empty := false
			for j := range g.slots[i] {
				slot := g.slots[i][j].Load()
				if tag := g.tags[i].Load() >> (j * tagBits) & (1<<tagBits - 1); (tag == 0) != (slot == 0) ||
					tag != 0 && tag != tagOf(slot/(g.refMask+1))&(1<<tagBits-1) {
					t.Fatalf("shard %d, bucket %d: slot %d is %#x and its tag %#x", shard, i, j, slot, tag)
				}
				switch {
				case slot == 0:
					empty = true
				case empty:
					t.Fatalf("shard %d, bucket %d: a slot is taken behind an empty one", shard, i)
				default:
					taken++
					if g.refOf(slot) >= refFirst {
						live++
					}
				}
			}
			if empty {
				ends++
			}
		}
		if ends == 0 {
			t.Fatalf("shard %d: no search in its %d buckets ends", shard, g.width())
		}
		if taken != int(g.taken[shard]) {
			t.Fatalf("shard %d: has %d slots taken, counted %d", shard, taken, g.taken[shard])
		}
		if most := g.width() * bucketSlots * 3 / 4; taken > most {
			t.Fatalf("shard %d: %d slots are taken, at most %d may be", shard, taken, most)
		}
	}
	if live != int(tab.live.Load()) {
		t.Fatalf("%d are listed, counted %d", live, tab.live.Load())
	}
	if refs := len(*g.book.listings.Load()); refs > int(g.refMask) {
		t.Fatalf("%d refs have no room in a slot's %d bits", refs, 64-g.restBits)
	}
}

// crowd gives numbers that all want the last bucket of the table's first shard, so that searches go on at the first bucket.
func crowd(tab *table, count int) (numbers []Number) {
	g := tab.grid.Load()
	for v := uint64(1)<<g.restBits - 1; len(numbers) < count; v-- {
		if n := Number(g.scramble.backward(v)); n > 0 && n <= MaxNumber {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// TestIndexSearchesEndAtTheBound keeps a table of one shard as full as a shard may get, with all numbers in the worst place: they come, go and come back
// around the very change at which the table is rebuilt, while readers look for them and for others.
func TestIndexSearchesEndAtTheBound(t *testing.T) {
	tab := newTable()
	l, other := Listing{Marks: MarkAllowed}, Listing{Marks: MarkOptOut}
	numbers := crowd(tab, 400)
	var done atomic.Bool
	var readers sync.WaitGroup
	for r := range 2 {
		readers.Go(func() {
			for i := r; !done.Load(); i++ {
				if found := tab.find(numbers[i%len(numbers)]); found != nil && *found != l && *found != other {
					t.Errorf("found %+v", *found)
					return
				}
				runtime.Gosched()
			}
		})
	}
	defer func() { done.Store(true); readers.Wait() }()
	rnd := rand.New(rand.NewPCG(7, 8))
	rebuilt := 0
	for size := 1; size < 300; size++ {
		tab.put(numbers[size-1], l)
		checkTable(t, tab)
		if g := tab.grid.Load(); len(g.taken) != 1 {
			t.Fatalf("%d numbers have %d shards", size, len(g.taken))
		}
		// Numbers that were never there take new slots, those that were there get theirs back; live stays what it is or one less.
		for range 10 {
			before := tab.grid.Load()
			gone := rnd.IntN(size)
			tab.put(numbers[gone], Listing{})
			checkTable(t, tab)
			passing := numbers[size+rnd.IntN(len(numbers)-size)]
			tab.put(passing, l)
			checkTable(t, tab)
			tab.put(passing, Listing{})
			checkTable(t, tab)
			tab.put(numbers[gone], other)
			tab.put(numbers[gone], l)
			checkTable(t, tab)
			if tab.grid.Load() != before {
				rebuilt++
			}
		}
		for i, n := range numbers {
			if found := tab.find(n); (found != nil) != (i < size) {
				t.Fatalf("with %d numbers, the one at %d is found: %v", size, i, found != nil)
			}
		}
	}
	if rebuilt < 30 {
		t.Errorf("the table was rebuilt only %d times: it was not at its bound", rebuilt)
	}
	for _, n := range numbers { // and all the way down
		tab.put(n, Listing{})
		checkTable(t, tab)
	}
}

// TestIndexBeginsNewBooks reserves around the change with which most listings of a book are no longer used, with slots of numbers that went.
func TestIndexBeginsNewBooks(t *testing.T) {
	for _, reserve := range []int{0, 1, 1000, 100_000, 4_000_000} {
		t.Run(fmt.Sprint(reserve), func(t *testing.T) {
			x, plain := NewIndex(), plainIndex{}
			apply := func(c Change) {
				x.Apply(c)
				plain.apply(c)
			}
			tab, renewed := x.numbers, 0
			for day := range 6 {
				for i := range Number(500) {
					book := tab.grid.Load().book
					c := Change{Target: Target{Number: 12025550000 + i}}
					if i%7 != Number(day) {
						c.Listing.Roles[RoleCallback] = RoleListing{WarnUntil: Day(1 + day), WatchUntil: Day(i + 1)}
					}
					apply(c)
					if tab.grid.Load().book != book {
						renewed++
						checkTable(t, tab)
						x.Reserve(reserve)
						checkTable(t, tab)
						checkSame(t, x, plain)
					}
				}
			}
			if renewed < 3 {
				t.Errorf("only %d new books", renewed)
			}
			checkTable(t, tab)
			checkSame(t, x, plain)
		})
	}
}

// TestIndexCrowdedShard: numbers that all belong into one of many shards, chosen by somebody who knows the secret, cost a new secret and nothing else.
func TestIndexCrowdedShard(t *testing.T) {
	x, plain := NewIndex(), plainIndex{}
	x.Reserve(100_000)
	tab := x.numbers
	secret := tab.grid.Load().scramble
	for _, n := range crowd(tab, 30_000) {
		c := Change{Target{Number: n}, Listing{Marks: MarkAllowed}}
		x.Apply(c)
		plain.apply(c)
	}
	if tab.grid.Load().scramble == secret {
		t.Error("the secret is the old one")
	}
	if longest := longestSearch(tab); longest > 60 {
		t.Errorf("a search looks at up to %d buckets", longest)
	}
	checkTable(t, tab)
	checkSame(t, x, plain)
}

// TestIndexReserve: whatever is asked for, it ends, and costs no more than a list of 17 million.
func TestIndexReserve(t *testing.T) {
	for _, n := range []int{math.MinInt, -1, 0, 1, mostReserved, mostReserved + 1, math.MaxInt / 2, math.MaxInt} {
		x := NewIndex()
		x.Apply(Change{Target{Number: 12025550143}, Listing{Marks: MarkAllowed}})
		x.Reserve(n)
		if bytes := x.Bytes(); bytes > 320<<20 {
			t.Errorf("Reserve(%d) takes %d bytes", n, bytes)
		}
		if l := x.Lookup(12025550143, 0); l.Marks != MarkAllowed {
			t.Errorf("after Reserve(%d) the number is %+v", n, l)
		}
		if shards := len(x.numbers.grid.Load().taken); bits.OnesCount(uint(shards)) != 1 {
			t.Errorf("Reserve(%d) makes %d shards", n, shards)
		}
		x.Reserve(0)
		checkTable(t, x.numbers)
	}
}
