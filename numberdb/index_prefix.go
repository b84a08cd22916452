package numberdb

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"unique"
	"unsafe"
)

// prefixes maps prefixes to listings, and finds in one search what is listed about all that a number begins with. Readers never wait: what they
// read is replaced, not changed.
//
// A prefix, filled up with zeros to 15 digits, is cut into a lead of six digits, of which the first four choose a block, and nine more,
// its tail. Prefixes lie within each other or apart, so they divide the numbers into spans, and all numbers of a span begin with the same
// prefixes. What is listed about these is merged for a whole day.
type prefixes struct {
	blocks atomic.Pointer[[prefixBlocks]atomic.Pointer[prefixBlock]] // by the first four digits; nil before the first prefix
	short  atomic.Pointer[map[Number]unique.Handle[Listing]]         // those of fewer than leadDigits digits; nil for none
	live   atomic.Int64
}

// prefixBlock is the prefixes of a hundred leads. It never changes.
type prefixBlock struct {
	merged   bool // the spans are there, for the day
	day      Day
	spans    []span                 // in the order of their keys; lastly, glance that begin behind all numbers
	starts   [blockLeads + 1]uint32 // by the last two digits of a lead: where its spans begin, and so where those of the one before end
	prefixes []prefix               // in the order of their keys
}

// prefix is one prefix of a block.
type prefix struct {
	key     prefixKey
	listing unique.Handle[Listing]
}

// prefixKey is, from its highest bits on, the last two digits of a lead with a tail, and how many digits of the tail a prefix or number has.
// In the order of their keys, right behind a prefix come the numbers and longer prefixes that begin with it.
type prefixKey uint64

const (
	leadDigits   = 6 // decisions list no shorter prefixes
	tailDigits   = 9
	blockLeads   = 100
	prefixBlocks = 10_000

	perLead  = 1_000_000_000        // tails
	perBlock = blockLeads * perLead // leads with tails

	extraBits = 4
)

// keyOf is the key of a prefix or number of so many digits in its block.
func keyOf(inBlock Number, digits int) prefixKey {
	return prefixKey(inBlock<<extraBits | Number(digits-leadDigits))
}

func (k prefixKey) inBlock() Number { return Number(k >> extraBits) }
func (k prefixKey) lead() int       { return int(k.inBlock() / perLead) }
func (k prefixKey) extra() int      { return int(k & (1<<extraBits - 1)) }

// end is the first key behind those of all numbers that begin with the prefix.
func (k prefixKey) end() prefixKey {
	return keyOf(k.inBlock()+powersOfTen[tailDigits-k.extra()], leadDigits)
}

// find is what is listed about all prefixes of a number, merged from the shortest one in ([Listing.Fill]); the zero handle for none.
func (p *prefixes) find(n Number, today Day) (around unique.Handle[Listing]) {
	if p.short.Load() != nil {
		return p.findEach(n, today)
	}
	blocks := p.blocks.Load()
	full, digits := fillUp(n)
	if blocks == nil || digits < leadDigits {
		return around
	}
	block, inBlock := full/perBlock, full%perBlock
	b := blocks[block].Load()
	if b == nil {
		return around
	}
	if b.day != today || !b.merged {
		listed := b
		b = listed.merge(today)
		blocks[block].CompareAndSwap(listed, b) // unless somebody else was faster
	}
	return b.find(keyOf(inBlock, digits), inBlock/perLead)
}

// findEach is find for when there are short prefixes, too: it tries every length.
func (p *prefixes) findEach(n Number, today Day) (around unique.Handle[Listing]) {
	digits := decimalDigits(n)
	for length := 1; length <= digits; length++ {
		if l := p.get(n / powersOfTen[digits-length]); l != (unique.Handle[Listing]{}) {
			around = laid(l, around, today)
		}
	}
	return around
}

// get is what is listed about one prefix; the zero handle for nothing.
func (p *prefixes) get(n Number) (l unique.Handle[Listing]) {
	full, digits := fillUp(n)
	if digits < leadDigits {
		if short := p.short.Load(); short != nil {
			l = (*short)[n]
		}
		return l
	}
	blocks := p.blocks.Load()
	if blocks == nil {
		return l
	}
	if b := blocks[full/perBlock].Load(); b != nil {
		if at, listed := b.place(keyOf(full%perBlock, digits)); listed {
			l = b.prefixes[at].listing
		}
	}
	return l
}

// place is where in its block a prefix is, or is to be, and whether it is there.
func (b *prefixBlock) place(key prefixKey) (at int, listed bool) {
	return slices.BinarySearchFunc(b.prefixes, key, func(p prefix, key prefixKey) int { return cmp.Compare(p.key, key) })
}

// put lists a prefix, or with a zero listing lists it no longer. It takes time in proportion to the prefixes of the same first four digits.
func (p *prefixes) put(n Number, l Listing) {
	full, digits := fillUp(n)
	if digits < leadDigits {
		p.putShort(n, l)
		return
	}
	blocks := p.blocks.Load()
	if blocks == nil {
		if l == (Listing{}) {
			return
		}
		blocks = new([prefixBlocks]atomic.Pointer[prefixBlock])
		p.blocks.Store(blocks)
	}
	at := full / perBlock
	old := blocks[at].Load()
	if old == nil {
		old = &prefixBlock{}
	}
	fresh := old.with(keyOf(full%perBlock, digits), l)
	p.live.Add(int64(len(fresh.prefixes) - len(old.prefixes)))
	if len(fresh.prefixes) == 0 {
		fresh = nil
	}
	blocks[at].Store(fresh)
}

func (p *prefixes) putShort(n Number, l Listing) {
	fresh := map[Number]unique.Handle[Listing]{}
	before := 0
	if old := p.short.Load(); old != nil {
		maps.Copy(fresh, *old)
		before = len(fresh)
	}
	if l == (Listing{}) {
		delete(fresh, n)
	} else {
		fresh[n] = unique.Make(l)
	}
	p.live.Add(int64(len(fresh) - before))
	if len(fresh) == 0 {
		p.short.Store(nil)
	} else {
		p.short.Store(&fresh)
	}
}

// with is a copy of the block in which a prefix has a listing, or is not with a zero one.
func (b *prefixBlock) with(key prefixKey, l Listing) *prefixBlock {
	at, listed := b.place(key)
	rest := b.prefixes[at:]
	if listed {
		rest = rest[1:]
	}
	fresh := &prefixBlock{prefixes: make([]prefix, 0, at+1+len(rest))}
	fresh.prefixes = append(fresh.prefixes, b.prefixes[:at]...)
	if l != (Listing{}) {
		fresh.prefixes = append(fresh.prefixes, prefix{key, unique.Make(l)})
	}
	fresh.prefixes = append(fresh.prefixes, rest...)
	return fresh
}

// all goes through all prefixes, as [Index.All] says.
func (p *prefixes) all() iter.Seq2[Number, Listing] {
	return func(yield func(Number, Listing) bool) {
		if short := p.short.Load(); short != nil {
			for n, l := range *short {
				if !yield(n, l.Value()) {
					return
				}
			}
		}
		blocks := p.blocks.Load()
		if blocks == nil {
			return
		}
		for at := range blocks {
			b := blocks[at].Load()
			if b == nil {
				continue
			}
			for _, p := range b.prefixes {
				n := (Number(at)*perBlock + p.key.inBlock()) / powersOfTen[tailDigits-p.key.extra()]
				if !yield(n, p.listing.Value()) {
					return
				}
			}
		}
	}
}

// bytes is the memory that the prefixes hold, beside their distinct listings.
func (p *prefixes) bytes() int {
	sum := 0
	if short := p.short.Load(); short != nil {
		sum += len(*short) * 2 * int(unsafe.Sizeof(Number(0))+unsafe.Sizeof(unique.Handle[Listing]{}))
	}
	blocks := p.blocks.Load()
	if blocks == nil {
		return sum
	}
	sum += int(unsafe.Sizeof(*blocks))
	for i := range blocks {
		if b := blocks[i].Load(); b != nil {
			sum += int(unsafe.Sizeof(*b)) + cap(b.prefixes)*int(unsafe.Sizeof(prefix{})) + cap(b.spans)*int(unsafe.Sizeof(span{}))
		}
	}
	return sum
}
