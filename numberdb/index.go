package numberdb

import (
	"iter"
	"sync"
	"unsafe"
)

// Index holds the listings of many numbers and prefixes in memory, for the way of a call. It is safe for concurrent use: readers
// never lock and never wait, writers take turns.
//
// A number takes 12 to 20 bytes beside its share of the distinct listings (about 250 bytes each; there are few, for a listing is
// days, a brand and little else), a prefix some 25. Nobody can choose numbers that make lookups slow: where a number lies depends on a
// secret that every index draws for itself.
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
// Each listing is found as it was before or after any change made meanwhile, never as a mix. Lookup does not allocate.
func (x *Index) Lookup(n Number, today Day) (found Listing) {
	if n == 0 || n > MaxNumber {
		return found
	}
	found = x.prefixes.around(n, today)
	if l := x.numbers.find(n); l != nil {
		around := found
		found = *l
		found.Fill(&around, today)
	}
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

// mostReserved is the most numbers that are prepared for: a billion, for which the shards alone take two megabytes.
const mostReserved = 1 << 30

// Reserve prepares for n numbers, so that loading them does not begin small and grow. The memory for them is taken as numbers come, in
// pieces for some thousands. The index can hold fewer or more, and never shrinks below what it has.
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
