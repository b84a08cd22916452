package numberdb

import (
	"iter"
	"sync/atomic"
)

// table maps numbers to listings. Readers find them in a grid; a writer changes single slots of it, and when it is too full, or much too
// large, puts a fresh one in its place. Meanwhile readers go on in the old one, which stays as it was.
type table struct {
	grid atomic.Pointer[grid]
	live atomic.Int64 // listed numbers
}

func newTable() *table {
	t := &table{}
	t.grid.Store(newGrid(newScramble(), newBook(), 0))
	return t
}

// find is the listing of a number, nil for none. The listing never changes.
func (t *table) find(n Number) *Listing { return t.grid.Load().find(n) }

// fetchAhead is how many numbers are fetched before the first of them is put: some more than a processor can fetch at once.
const fetchAhead = 32

// fetch makes the processor fetch the memory that put will need for a number. Reads that do not depend on each other go on side by side,
// while each put waits for its own.
func (t *table) fetch(n Number) {
	if n > MaxNumber {
		return
	}
	g := t.grid.Load()
	i := g.start(g.scramble.forward(uint64(n)))
	g.tags[i].Load()
	g.slots[i][0].Load()
}

// put lists a number, or with a zero listing lists it no longer, and gives the change in how many are listed: 1, 0 or -1.
func (t *table) put(n Number, l Listing) int {
	change := 0
	if l == (Listing{}) {
		change = t.remove(n)
	} else {
		change = t.set(n, l)
	}
	live := int(t.live.Add(int64(change)))
	g := t.grid.Load()
	if g.book.mostlyUnused(live) || change < 0 && g.wasteful(live) {
		t.rebuild(live)
	}
	return change
}

// set lists a number and gives 1 if it was not listed.
func (t *table) set(n Number, l Listing) int {
	g := t.grid.Load()
	v := g.scramble.forward(uint64(n))
	i, j := g.place(v)
	before := g.refOf(g.slots[i][j].Load())
	if before == refNone && g.full(v) {
		g = t.rebuild(int(t.live.Load()) + 1)
		v = g.scramble.forward(uint64(n))
		i, j = g.place(v)
	}
	r := g.book.add(l)
	switch before {
	case refNone:
		g.take(i, j, v, r)
		return 1
	case refGone:
		g.change(i, j, v, r)
		return 1
	}
	g.change(i, j, v, r)
	g.book.release(before)
	return 0
}

// remove lists a number no longer and gives -1 if it was listed.
func (t *table) remove(n Number) int {
	g := t.grid.Load()
	v := g.scramble.forward(uint64(n))
	i, j := g.place(v)
	before := g.refOf(g.slots[i][j].Load())
	if before < refFirst {
		return 0
	}
	g.change(i, j, v, refGone)
	g.book.release(before)
	return -1
}

// reserve prepares for n numbers.
func (t *table) reserve(n int) {
	g := t.grid.Load()
	if n > int(t.live.Load()) && n > g.room() {
		t.rebuild(n)
	}
}

// rebuild puts a grid for so many numbers, as many as are listed or more, in the place of the present one: without the slots of what is no
// longer listed, and with a new book where that is worthwhile. Meanwhile other changes wait, some 40 ns for each number. Between one and the
// next some 40 % more numbers have come, or half of them gone, or as many listings been given up as book.mostlyUnused says, so that it adds
// little to a change.
func (t *table) rebuild(numbers int) *grid {
	old := t.grid.Load()
	renew := old.book.mostlyUnused(int(t.live.Load()))
	for secret := old.scramble; ; secret = newScramble() { // another one only if somebody knew it, and chose numbers for one shard
		b := old.book
		if renew {
			b = newBook()
		}
		fresh := newGrid(secret, b, numbers)
		if fresh.copy(old) {
			t.grid.Store(fresh)
			return fresh
		}
	}
}

// copy fills an empty grid, which nobody reads yet, with what another one lists. It fails if one of its shards has no room for one more.
func (g *grid) copy(old *grid) bool {
	take := g.book.adopt(old.book)
	for v, r := range old.listed() {
		if g.scramble != old.scramble {
			v = g.scramble.forward(old.scramble.backward(v))
		}
		i, j := g.place(v)
		g.take(i, j, v, take(r))
		if g.full(v) {
			return false
		}
	}
	return true
}

// all goes through all listed numbers, as [Index.All] says.
func (t *table) all() iter.Seq2[Number, *Listing] {
	return func(yield func(Number, *Listing) bool) {
		g := t.grid.Load()
		for v, r := range g.listed() {
			if !yield(Number(g.scramble.backward(v)), g.book.at(r)) {
				return
			}
		}
	}
}

// bytes is the memory that the table holds.
func (t *table) bytes() int {
	g := t.grid.Load()
	return g.bytes() + g.book.bytes()
}
