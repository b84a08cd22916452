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
	s := tab.shards.Load()
	live := 0
	for index := range s.shards {
		h := s.shards[index].Load()
		if h == nil {
			continue
		}
		taken, listed, ends := 0, 0, 0
		for i := range h.slots {
			empty := false
			for j := range h.slots[i] {
				slot := h.slots[i][j].Load()
				if tag := h.tags[i].Load() >> (j * tagBits) & (1<<tagBits - 1); (tag == 0) != (slot == 0) ||
					tag != 0 && tag != tagOf(slot>>s.refBits())&(1<<tagBits-1) {
					t.Fatalf("shard %d, bucket %d: slot %d is %#x and its tag %#x", index, i, j, slot, tag)
				}
				switch {
				case slot == 0:
					empty = true
				case empty:
					t.Fatalf("shard %d, bucket %d: a slot is taken behind an empty one", index, i)
				default:
					taken++
					if s.refOf(slot) >= refFirst {
						listed++
					}
				}
			}
			if empty {
				ends++
			}
		}
		if ends == 0 {
			t.Fatalf("shard %d: no search in its %d buckets ends", index, len(h.slots))
		}
		if taken != int(h.taken) || listed != int(h.live) || listed == 0 {
			t.Fatalf("shard %d: has %d slots taken, %d listed; counted %d and %d", index, taken, listed, h.taken, h.live)
		}
		if most := len(h.slots) * bucketSlots * 3 / 4; taken > most {
			t.Fatalf("shard %d: %d slots are taken, at most %d may be", index, taken, most)
		}
		live += listed
	}
	if live != int(tab.live.Load()) {
		t.Fatalf("%d are listed, counted %d", live, tab.live.Load())
	}
}

// crowd gives numbers that all want the last bucket of the table's first shard, so that searches go on at the first bucket.
func crowd(tab *table, count int) (numbers []Number) {
	s := tab.shards.Load()
	for rest := uint64(1)<<s.restBits - 1; len(numbers) < count; rest-- {
		if n := Number(s.scramble.backward(rest)); n > 0 && n <= MaxNumber {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// TestIndexSearchesEndAtTheBound keeps one shard as full as a shard may get, with all numbers in the worst place: they come, go and come back
// around the very change at which the shard is rebuilt, while readers look for them and for others.
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
	first := func() *shard { return tab.shards.Load().shards[0].Load() }
	rnd := rand.New(rand.NewPCG(7, 8))
	rebuilt := 0
	for size := 1; size < 300; size++ {
		tab.put(numbers[size-1], l)
		checkTable(t, tab)
		if h := first(); h == nil || int(h.live) != size {
			t.Fatalf("the first shard does not hold all %d numbers", size)
		}
		// Numbers that were never there take new slots, those that were there get theirs back; live stays what it is or one less.
		for range 10 {
			before := first()
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
			if first() != before {
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
		t.Errorf("the shard was rebuilt only %d times: it was not at its bound", rebuilt)
	}
	for _, n := range numbers { // and all the way down
		tab.put(n, Listing{})
		checkTable(t, tab)
	}
}

// TestIndexSplitsWhileItMoves splits a table in the middle of its move to a new book, with shards of both books and at their bound.
func TestIndexSplitsWhileItMoves(t *testing.T) {
	for _, reserve := range []int{0, 1, 1000, perShard << minShardBits, perShard<<minShardBits + 1, 40_000_000} {
		t.Run(fmt.Sprint(reserve), func(t *testing.T) {
			x, plain := NewIndex(), plainIndex{}
			apply := func(c Change) {
				x.Apply(c)
				plain.apply(c)
			}
			tab := x.numbers
			for day := 1; tab.moved == len(tab.shards.Load().shards); day++ {
				for i := range Number(500) {
					if tab.moved != len(tab.shards.Load().shards) {
						break
					}
					l := Listing{}
					l.Roles[RoleCallback] = RoleListing{WarnUntil: Day(day), WatchUntil: Day(i + 1)}
					apply(Change{Target{Number: 12025550000 + i}, l})
				}
			}
			x.Reserve(reserve)
			checkTable(t, tab)
			for i := range Number(1000) {
				c := Change{Target: Target{Number: 12025550000 + i}}
				if i%3 != 0 {
					c.Listing.Marks = MarkAllowed
				}
				apply(c)
			}
			checkTable(t, tab)
			checkSame(t, x, plain)
		})
	}
}

// TestIndexReserve: whatever is asked for, it ends, and costs little.
func TestIndexReserve(t *testing.T) {
	for _, n := range []int{math.MinInt, -1, 0, 1, mostReserved, mostReserved + 1, math.MaxInt / 2, math.MaxInt} {
		x := NewIndex()
		x.Apply(Change{Target{Number: 12025550143}, Listing{Marks: MarkAllowed}})
		x.Reserve(n)
		if bytes := x.Bytes(); bytes > 32<<20 {
			t.Errorf("Reserve(%d) takes %d bytes", n, bytes)
		}
		if l := x.Lookup(12025550143, 0); l.Marks != MarkAllowed {
			t.Errorf("after Reserve(%d) the number is %+v", n, l)
		}
		if shards := len(x.numbers.shards.Load().shards); bits.OnesCount(uint(shards)) != 1 {
			t.Errorf("Reserve(%d) makes %d shards", n, shards)
		}
		x.Reserve(0)
		checkTable(t, x.numbers)
	}
}
