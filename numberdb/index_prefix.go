package numberdb

import (
	"iter"
	"maps"
	"sync/atomic"
	"unique"
	"unsafe"
)

// prefixes maps prefixes to listings, and finds all that a number begins with in one search. Readers never wait: what they read is
// replaced, not changed.
//
// A prefix, filled up with zeros to 15 digits, is cut into a lead of six digits, of which the first four choose a block, and nine more,
// its tail. Prefixes lie within each other or apart, so in the order of their tails, the shorter ones first, the last one that does not
// come behind a number is either a prefix of it, or lies in the longest one that is (as D. Knuth has it for nested intervals and trees,
// TAOCP 1, section 2.3.3). From there on each knows the one around it.
type prefixes struct {
	blocks atomic.Pointer[[prefixBlocks]atomic.Pointer[prefixBlock]] // by the first four digits; nil before the first prefix
	short  atomic.Pointer[map[Number]unique.Handle[Listing]]         // those of fewer than leadDigits digits; nil for none
	live   atomic.Int64
}

// prefixBlock is the prefixes of a hundred leads. It never changes. Its slices are in the same order.
type prefixBlock struct {
	starts   [blockLeads + 1]uint32 // by the last two digits of a lead: where its prefixes begin, and so where those of the one before end
	keys     []prefixKey
	around   []uint32 // how far before it the prefix around it is; 0 for none
	listings []unique.Handle[Listing]
}

// prefixKey is, from its highest bits on, the last two digits of a lead, a tail, and how many digits of it the prefix has.
type prefixKey uint64

const (
	leadDigits   = 6 // decisions list no shorter prefixes
	tailDigits   = 9
	blockLeads   = 100
	prefixBlocks = 10_000

	extraBits = 4
	tailBits  = 30
)

// splitPrefix cuts a prefix or number of so many digits, at least leadDigits, into the index of its block and its key there.
func splitPrefix(n Number, digits int) (block uint64, key prefixKey) {
	full := uint64(n * powersOfTen[15-digits])
	lead, tail := full/1_000_000_000, full%1_000_000_000
	key = prefixKey(lead%blockLeads<<tailBits|tail)<<extraBits | prefixKey(digits-leadDigits)
	return lead / blockLeads, key
}

func (k prefixKey) lead() uint64 { return uint64(k) >> (tailBits + extraBits) }
func (k prefixKey) tail() Number { return Number(k >> extraBits & (1<<tailBits - 1)) }
func (k prefixKey) extra() int   { return int(k & (1<<extraBits - 1)) }

// holds says whether a key that does not come before k lies within it.
func (k prefixKey) holds(inner prefixKey) bool {
	return inner.lead() == k.lead() && inner.tail()-k.tail() < powersOfTen[tailDigits-k.extra()]
}

// fill fills in what the list says about the prefixes of a number, the longest first ([Listing.Fill]).
func (p *prefixes) fill(found *Listing, n Number, today Day) {
	digits := decimalDigits(n)
	blocks, short := p.blocks.Load(), p.short.Load()
	if blocks != nil && digits >= leadDigits {
		at, key := splitPrefix(n, digits)
		if b := blocks[at%prefixBlocks].Load(); b != nil {
			b.fill(found, key, today)
		}
	}
	if short != nil {
		for length := min(digits, leadDigits-1); length > 0; length-- {
			if l, listed := (*short)[n/powersOfTen[digits-length]]; listed {
				less := l.Value()
				found.Fill(&less, today)
			}
		}
	}
}

func (b *prefixBlock) fill(found *Listing, key prefixKey, today Day) {
	lead := key.lead() % blockLeads
	start, end := int(b.starts[lead]), int(b.starts[lead+1])
	if start == end {
		return
	}
	at := start + b.last(key, start, end)
	if at < start {
		return
	}
	for inside := false; ; {
		if inside = inside || b.keys[at].holds(key); inside {
			less := b.listings[at].Value()
			found.Fill(&less, today)
		}
		back := int(b.around[at])
		if back == 0 {
			return
		}
		at -= back
	}
}

// last is the place behind start of the last key before end that is not behind the given one, -1 for none.
func (b *prefixBlock) last(key prefixKey, start, end int) int {
	keys := b.keys[start:end]
	at := 0 // as many keys are known not to be behind
	for n := len(keys); n > 0; {
		half := (n + 1) / 2
		if keys[at+half-1] <= key {
			at += half
			n -= half
		} else {
			n = half - 1
		}
	}
	return at - 1
}

// put lists a prefix, or with a zero listing lists it no longer. It takes time in proportion to the prefixes of the same first four digits.
func (p *prefixes) put(n Number, l Listing) {
	digits := decimalDigits(n)
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
	at, key := splitPrefix(n, digits)
	old := blocks[at].Load()
	if old == nil {
		old = new(prefixBlock)
	}
	fresh := old.with(key, l)
	p.live.Add(int64(len(fresh.keys) - len(old.keys)))
	if len(fresh.keys) == 0 {
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
	at := b.last(key, 0, len(b.keys)) + 1 // where it goes if it is not there
	rest := at
	if at > 0 && b.keys[at-1] == key {
		at--
	}
	count := at + len(b.keys) - rest
	if l != (Listing{}) {
		count++
	}
	fresh := &prefixBlock{
		keys: make([]prefixKey, 0, count), around: make([]uint32, count), listings: make([]unique.Handle[Listing], 0, count),
	}
	fresh.keys = append(fresh.keys, b.keys[:at]...)
	fresh.listings = append(fresh.listings, b.listings[:at]...)
	if l != (Listing{}) {
		fresh.keys = append(fresh.keys, key)
		fresh.listings = append(fresh.listings, unique.Make(l))
	}
	fresh.keys = append(fresh.keys, b.keys[rest:]...)
	fresh.listings = append(fresh.listings, b.listings[rest:]...)
	fresh.connect()
	return fresh
}

// connect finds out where leads start, and which prefix is around which.
func (b *prefixBlock) connect() {
	lead := uint64(0)
	for i, key := range b.keys {
		for ; lead < key.lead(); lead++ {
			b.starts[lead+1] = uint32(i)
		}
		// The one around it is the one before, or around that, and so on.
		for outer := i - 1; outer >= 0; outer -= int(b.around[outer]) {
			if b.keys[outer].holds(key) {
				b.around[i] = uint32(i - outer)
				break
			}
			if b.around[outer] == 0 {
				break
			}
		}
	}
	for ; lead < blockLeads; lead++ {
		b.starts[lead+1] = uint32(len(b.keys))
	}
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
			for i, key := range b.keys {
				lead := Number(at)*blockLeads + Number(key.lead())
				n := (lead*powersOfTen[tailDigits] + key.tail()) / powersOfTen[tailDigits-key.extra()]
				if !yield(n, b.listings[i].Value()) {
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
			sum += int(unsafe.Sizeof(*b)) + len(b.keys)*int(unsafe.Sizeof(b.keys[0])+unsafe.Sizeof(b.around[0])+unsafe.Sizeof(b.listings[0]))
		}
	}
	return sum
}
