package numberdb

import (
	"sync/atomic"
	"unsafe"
)

// ref names a listing in a book.
type ref uint32

const (
	refNone  ref = iota // no listing: an empty slot
	refGone             // no longer listed: a slot that searches go on behind
	refFirst            // the first listing
)

// book holds each distinct listing once. A listing, once in, stays as it is where it is, so that readers need no lock; what is no
// longer used goes with the whole book, when the table begins a new one.
type book struct {
	listings atomic.Pointer[[]Listing] // by ref; only ever longer

	// The rest is for writers.
	refs   map[Listing]ref
	uses   []uint32 // by ref: how many targets have the listing
	unused int      // listings without any
	brands map[Brand]Brand
}

func newBook() *book {
	b := &book{refs: map[Listing]ref{}, brands: map[Brand]Brand{}, uses: make([]uint32, refFirst)}
	b.listings.Store(new(make([]Listing, refFirst)))
	return b
}

// at is the listing of a ref of this book.
func (b *book) at(r ref) *Listing { return &(*b.listings.Load())[r] }

// add gives the ref of a listing and counts one more use of it.
func (b *book) add(l Listing) ref {
	r, known := b.refs[l]
	if !known {
		for i := range l.Roles {
			l.Roles[i].Brand = b.brand(l.Roles[i].Brand)
		}
		// Readers of the shorter slice do not see what append writes behind its end.
		longer := append(*b.listings.Load(), l)
		r = ref(len(longer) - 1)
		b.listings.Store(&longer)
		b.refs[l] = r
		b.uses = append(b.uses, 0)
		b.unused++
	}
	if b.uses[r] == 0 {
		b.unused--
	}
	b.uses[r]++
	return r
}

// brand is the one copy of a brand's text in this book.
func (b *book) brand(name Brand) Brand {
	if _, known := b.brands[name]; !known {
		b.brands[name] = name
	}
	return b.brands[name]
}

// release counts one use of a ref less.
func (b *book) release(r ref) {
	if b.uses[r]--; b.uses[r] == 0 {
		b.unused++
	}
}

// mostlyUnused says whether a new book would be much smaller, and smaller by more than a few bytes for each of so many numbers.
func (b *book) mostlyUnused(live int) bool {
	const worthwhile, share = 256, 128
	return b.unused > max(worthwhile, len(b.refs)/2, live/share)
}

// adopt gives what a target's ref of another book is in this one.
func (b *book) adopt(from *book) func(ref) ref {
	if b == from {
		return func(r ref) ref { return r }
	}
	refs := make([]ref, len(*from.listings.Load()))
	return func(r ref) ref {
		if refs[r] == refNone {
			refs[r] = b.add(*from.at(r))
		} else {
			b.uses[refs[r]]++
		}
		return refs[r]
	}
}

// bytes is the memory that the book holds.
func (b *book) bytes() int {
	const listing, mapSlot = int(unsafe.Sizeof(Listing{})), int(unsafe.Sizeof(Listing{}) + 4 + 1)
	return cap(*b.listings.Load())*listing + cap(b.uses)*4 + len(b.refs)*mapSlot*4/3 + len(b.brands)*80
}
