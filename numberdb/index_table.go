package numberdb

import (
	"iter"
	"sync/atomic"
)

// table maps numbers to listings: a hash table cut into shards, so that growing is a matter of microseconds and of little memory.
//
// A number is scrambled into 50 other bits (see scramble). The first few of these choose the shard; the rest, with the ref of the
// listing, make one 64-bit word, so that a reader gets both, and always those that belong together, with one atomic load:
//
//	scrambled number   [ shard bits | rest            ]  50 bits
//	slot of a shard                 [ rest | ref      ]  64 bits, 0 while empty
//
// With every shard bit more there is room for one ref bit more. There are so many shards that a slot has room for four times as many
// refs as there are numbers, and book.mostlyUnused sees to it that no more than twice as many are taken, and a few.
type table struct {
	shards atomic.Pointer[shardSet]
	live   atomic.Int64 // listed numbers

	// The rest is for writers.
	book     *book // where new listings go
	reserved int   // numbers that are prepared for
	moved    int   // how many shards, from the first, have no refs of an earlier book
}

// shardSet is all shards of a table. It is replaced by one with more when they get too full.
type shardSet struct {
	scramble scramble
	restBits uint
	shards   []atomic.Pointer[shard] // nil where nothing is listed
}

const (
	numberBits   = 50
	minShardBits = 6
	splitBits    = 2    // a split makes four shards of one
	perShard     = 4096 // numbers in a shard, on average, at which all are split
	moveAtOnce   = 8    // shards
	fillFresh    = 50   // per cent of its slots that a shard's numbers fill when it was made anew
	fillReserved = 62   // and that they will fill when as many are there as were reserved
)

func newTable() *table {
	t := &table{book: newBook()}
	t.install(newShardSet(newScramble(), minShardBits))
	return t
}

// install makes a set of shards that have only refs of the newest book the table's.
func (t *table) install(s *shardSet) {
	t.shards.Store(s)
	t.moved = len(s.shards)
}

func newShardSet(s scramble, shardBits uint) *shardSet {
	return &shardSet{s, numberBits - shardBits, make([]atomic.Pointer[shard], 1<<shardBits)}
}

// locate gives where a number lies: the index of its shard, and the rest of its bits.
func (s *shardSet) locate(n Number) (index, rest uint64) {
	v := s.scramble.forward(uint64(n))
	return v >> s.restBits, v & (1<<s.restBits - 1)
}

// refBits is the width of a ref in a slot.
func (s *shardSet) refBits() uint { return 64 - s.restBits }

// refOf is the ref in a slot.
func (s *shardSet) refOf(slot uint64) ref { return ref(slot & (1<<s.refBits() - 1)) }

// slot is the word of a number and a ref.
func (s *shardSet) slot(rest uint64, r ref) uint64 { return rest<<s.refBits() | uint64(r) }

// start is the bucket at which the search for rest begins.
func (s *shardSet) start(rest uint64, h *shard) int {
	return int(rest * uint64(len(h.tags)) >> s.restBits)
}

// find is the listing of a number, nil for none. The listing never changes.
func (t *table) find(n Number) *Listing {
	s := t.shards.Load()
	index, rest := s.locate(n)
	h := s.shards[index].Load()
	if h == nil {
		return nil
	}
	if r := s.refOf(s.find(h, rest)); r >= refFirst {
		return h.book.at(r)
	}
	return nil
}

// fetchAhead is how many numbers are fetched before the first of them is put: some more than a processor can fetch at once.
const fetchAhead = 32

// fetch makes the processor fetch the memory that put will need for a number. Reads that do not depend on each other go on side by side,
// while each put waits for its own.
func (t *table) fetch(n Number) {
	if n > MaxNumber {
		return
	}
	s := t.shards.Load()
	index, rest := s.locate(n)
	if h := s.shards[index].Load(); h != nil {
		i := s.start(rest, h)
		h.tags[i].Load()
		h.slots[i][0].Load()
	}
}

// put lists a number, or with a zero listing lists it no longer, and gives the change in how many are listed: 1, 0 or -1.
func (t *table) put(n Number, l Listing) int {
	var change int
	if l != (Listing{}) {
		t.split(int(t.live.Load()) + 1)
		change = t.set(n, t.book.add(l))
	} else {
		change = t.remove(n)
	}
	t.live.Add(int64(change))
	t.renewBook()
	return change
}

// set lists a number with a ref of the newest book and gives 1 if it was not listed.
func (t *table) set(n Number, r ref) int {
	s := t.shards.Load()
	index, rest := s.locate(n)
	h := t.current(s, index)
	if h == nil {
		h = newShard(t.book, t.reserved/len(s.shards), fillReserved)
	}
	i, j := s.place(h, rest)
	before := s.refOf(h.slots[i][j].Load())
	if before == refNone {
		if h.full() {
			h = s.rebuild(h, t.book)
			i, j = s.place(h, rest)
		}
		s.take(h, i, j, rest, r)
		s.shards[index].Store(h) // if it is new, readers get it with the number in it
		return 1
	}
	h.slots[i][j].Store(s.slot(rest, r))
	if before == refGone {
		h.live++
		return 1
	}
	t.book.release(before)
	return 0
}

// remove lists a number no longer and gives -1 if it was listed.
func (t *table) remove(n Number) int {
	s := t.shards.Load()
	index, rest := s.locate(n)
	h := t.current(s, index)
	if h == nil {
		return 0
	}
	i, j := s.place(h, rest)
	before := s.refOf(h.slots[i][j].Load())
	if before == refNone || before == refGone {
		return 0
	}
	t.book.release(before)
	h.slots[i][j].Store(s.slot(rest, refGone))
	h.live--
	if h.live == 0 {
		s.shards[index].Store(nil)
	} else if h.wasteful() {
		s.shards[index].Store(s.rebuild(h, t.book))
	}
	return -1
}

// current is a shard for writing, with refs of the newest book; nil for none.
func (t *table) current(s *shardSet, index uint64) *shard {
	h := s.shards[index].Load()
	if h != nil && h.book != t.book {
		h = s.rebuild(h, t.book)
		s.shards[index].Store(h)
	}
	return h
}

// renewBook begins a new book when most of the old one is no longer used, and after that moves some shards to it with every change,
// so that no change takes long.
func (t *table) renewBook() {
	s := t.shards.Load()
	if t.moved == len(s.shards) {
		if t.book.mostlyUnused() {
			t.book, t.moved = newBook(), 0
		}
		return
	}
	for end := min(t.moved+moveAtOnce, len(s.shards)); t.moved < end; t.moved++ {
		t.current(s, uint64(t.moved))
	}
}

// rebuild makes a copy of a shard with refs of the book b, with room to grow and without the slots of what is no longer listed.
func (s *shardSet) rebuild(h *shard, b *book) *shard {
	fresh := newShard(b, int(h.live), fillFresh)
	for rest, r := range s.listed(h) {
		s.copyInto(fresh, rest, r, h.book)
	}
	return fresh
}

// copyInto adds what is listed with a ref of the book from to a shard that nobody reads yet and that has room for it.
func (s *shardSet) copyInto(h *shard, rest uint64, r ref, from *book) {
	if h.book != from {
		r = h.book.add(*from.at(r))
	}
	i, j := s.place(h, rest)
	s.take(h, i, j, rest, r)
}

// reserve prepares for n numbers.
func (t *table) reserve(n int) {
	t.split(n)
	t.reserved = max(n, 0)
}

// split makes more shards if n numbers are too many for those that there are. That happens at 262,144 numbers, at four times as
// many, and so on, and takes some 20 ns for each.
func (t *table) split(n int) {
	old := t.shards.Load()
	shardBits := numberBits - old.restBits
	more := uint(0)
	for n > perShard<<(shardBits+more) {
		more += splitBits
	}
	if more == 0 {
		return
	}
	fresh := newShardSet(old.scramble, shardBits+more)
	for index := range old.shards {
		h := old.shards[index].Load()
		if h == nil {
			continue
		}
		for rest, r := range old.listed(h) {
			to := &fresh.shards[index<<more|int(rest>>fresh.restBits)]
			part := to.Load()
			switch {
			case part == nil:
				part = newShard(t.book, int(h.live)>>more, fillFresh)
				to.Store(part)
			case part.full():
				part = fresh.rebuild(part, t.book)
				to.Store(part)
			}
			fresh.copyInto(part, rest&(1<<fresh.restBits-1), r, h.book)
		}
	}
	t.install(fresh)
}

// all goes through all listed numbers, as [Index.All] says.
func (t *table) all() iter.Seq2[Number, *Listing] {
	return func(yield func(Number, *Listing) bool) {
		s := t.shards.Load()
		for index := range s.shards {
			h := s.shards[index].Load()
			if h == nil {
				continue
			}
			for rest, r := range s.listed(h) {
				n := s.scramble.backward(uint64(index)<<s.restBits | rest)
				if !yield(Number(n), h.book.at(r)) {
					return
				}
			}
		}
	}
}

// bytes is the memory that the table holds, but for an earlier book while it is moving.
func (t *table) bytes() int {
	s := t.shards.Load()
	sum := len(s.shards)*8 + t.book.bytes()
	for i := range s.shards {
		if h := s.shards[i].Load(); h != nil {
			sum += h.bytes()
		}
	}
	return sum
}
