package numberdb

import (
	"iter"
	"sync"
	"unique"
	"unsafe"
)

// Index holds the listings of many numbers and prefixes in memory, for the way of a call. It is safe for concurrent use: readers
// never lock and never wait, writers take turns.
//
// A number takes 12 to 18 bytes beside its share of the distinct listings (about 250 bytes each; there are few, for a listing is
// days, a brand and little else), a prefix some 60. Each time that the numbers have become some 40 % more, all of them are copied to a
// larger piece of memory: for ten million, one change takes some 0.4 s and 180 MB more until Go's collector has run. Readers do not
// notice. Nobody can choose numbers that make lookups slow: where a number lies depends on a secret that every index draws for itself.
type Index struct {
	numbers  *table
	prefixes prefixes

	mu sync.Mutex // held by writers
}

// NewIndex makes an empty index.
func NewIndex() *Index {
	return &Index{numbers: newTable()}
}

// Lookup is what the list says about a number on the given day, in all roles: what is listed about the number itself, and around it about
// prefixes of it, the longest the nearest ([Listing.Fill]). The zero Listing says nothing.
//
// Each listing is found as it was before or after any change made meanwhile, never as a mix. Lookup does not allocate, with one exception: the
// first one of a day, or after a change, among numbers whose first four digits are those of a listed prefix merges what is listed about all such
// prefixes, which takes some 0.1 µs for each of them.
func (x *Index) Lookup(n Number, today Day) Listing {
	if n == 0 || n > MaxNumber {
		return Listing{}
	}
	own := x.numbers.grid.Load().find(n)
	around := x.prefixes.find(n, today)
	switch nothing := (unique.Handle[Listing]{}); {
	case around == nothing && own == nil:
		return Listing{}
	case around == nothing:
		return *own
	case own == nil:
		return around.Value()
	}
	found, less := *own, around.Value()
	found.Fill(&less, today)
	return found
}

// Apply makes changes, in their order. One that is about no number, or more than 15 digits, is ignored. Many at once take less time than
// each for itself.
func (x *Index) Apply(changes ...Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(changes) > 0 {
		some := changes[:min(fetchAhead, len(changes))]
		changes = changes[len(some):]
		if len(some) > 1 {
			for _, c := range some {
				x.numbers.fetch(c.Target.Number)
			}
		}
		for _, c := range some {
			x.apply(c)
		}
	}
}

func (x *Index) apply(c Change) {
	switch n := c.Target.Number; {
	case n == 0 || n > MaxNumber:
	case c.Target.Prefix:
		x.prefixes.put(n, c.Listing)
	default:
		x.numbers.put(n, c.Listing)
	}
}

// mostReserved is the most numbers that are prepared for, some 300 MB; a list that is larger grows as it comes.
const mostReserved = 1 << 24

// Reserve prepares for n numbers and takes the memory for them, so that loading them does not begin small and grow. The index can hold fewer or
// more, and never shrinks below what it has.
func (x *Index) Reserve(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.numbers.reserve(min(n, mostReserved))
}

// Len counts the listed numbers and prefixes.
func (x *Index) Len() (numbers, prefixes int) {
	return int(x.numbers.live.Load()), int(x.prefixes.live.Load())
}

// Bytes is the memory that the index holds, without the memory that Go keeps in reserve. It takes time in proportion to the size.
func (x *Index) Bytes() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return int(unsafe.Sizeof(*x)) + x.numbers.bytes() + x.prefixes.bytes()
}

// All goes through all listed targets in no order: every one that stays as it is meanwhile exactly once, and one that is changed
// meanwhile as before or after, or not at all if it came or went. It does not hold up readers or writers.
func (x *Index) All() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for n, l := range x.numbers.all() {
			if !yield(Change{Target{Number: n}, *l}) {
				return
			}
		}
		for n, l := range x.prefixes.all() {
			if !yield(Change{Target{Number: n, Prefix: true}, l}) {
				return
			}
		}
	}
}
