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

// prefixBlock is the prefixes of a hundred leads. It never changes.
type prefixBlock struct {
	prefixes []prefix               // in the order of their keys
	starts   [blockLeads + 1]uint32 // by the last two digits of a lead: where its prefixes begin, and so where those of the one before end
}

// prefix is one prefix of a block, small enough that a search reads little memory.
type prefix struct {
	key     prefixKey
	listing unique.Handle[Listing]
}

// prefixKey is, from its highest bits on, the last two digits of a lead, a tail, how many digits of it the prefix has, and how far before
// it in its block the prefix around it is, 0 for none. If that is too far away, it is one on the way there, which lies in the same one.
type prefixKey uint64

const (
	leadDigits   = 6 // decisions list no shorter prefixes
	tailDigits   = 9
	blockLeads   = 100
	prefixBlocks = 10_000

	backBits  = 8
	extraBits = 4
	tailBits  = 30
	mostBack  = 1<<backBits - 1
)

// splitPrefix cuts a prefix or number of so many digits, at least leadDigits, into the index of its block and its key there. The key comes
// behind those of all prefixes of the number, whatever is around them.
func splitPrefix(n Number, digits int) (block uint64, key prefixKey) {
	full := uint64(n * powersOfTen[15-digits])
	lead, tail := full/1_000_000_000, full%1_000_000_000
	key = prefixKey(lead%blockLeads<<tailBits|tail)<<extraBits | prefixKey(digits-leadDigits)
	return lead / blockLeads, key<<backBits | mostBack
}

func (k prefixKey) lead() uint64 { return uint64(k) >> (tailBits + extraBits + backBits) }
func (k prefixKey) tail() Number { return Number(k >> (extraBits + backBits) & (1<<tailBits - 1)) }
func (k prefixKey) extra() int   { return int(k >> backBits & (1<<extraBits - 1)) }
func (k prefixKey) back() int    { return int(k & mostBack) }

// holds says whether a key that does not come before k lies within it.
func (k prefixKey) holds(inner prefixKey) bool {
	return inner.lead() == k.lead() && inner.tail()-k.tail() < powersOfTen[tailDigits-k.extra()]
}

// around is what the list says about the prefixes of a number, merged from the shortest one in ([Listing.Fill]).
func (p *prefixes) around(n Number, today Day) (found Listing) {
	digits := decimalDigits(n)
	blocks, short := p.blocks.Load(), p.short.Load()
	if short != nil {
		for length := 1; length <= min(digits, leadDigits-1); length++ {
			if l, listed := (*short)[n/powersOfTen[digits-length]]; listed {
				own := l.Value()
				own.Fill(&found, today)
				found = own
			}
		}
	}
	if blocks != nil && digits >= leadDigits {
		at, key := splitPrefix(n, digits)
		if b := blocks[at%prefixBlocks].Load(); b != nil {
			b.lay(&found, key, today)
		}
	}
	return found
}

// lay lays what the list says about the prefixes of a number in this block over what is around them.
func (b *prefixBlock) lay(around *Listing, key prefixKey, today Day) {
	lead := key.lead() % blockLeads
	start, end := int(b.starts[lead]), int(b.starts[lead+1])
	if start == end {
		return
	}
	var held [tailDigits + 1]unique.Handle[Listing] // by prefixes of the number, the longest first
	count := 0
	for at := start + b.last(key, start, end); at >= start; {
		p := &b.prefixes[at]
		if p.key.holds(key) {
			held[count] = p.listing
			count++
		}
		back := p.key.back()
		if back == 0 {
			break
		}
		at -= back
	}
	for count--; count >= 0; count-- {
		own := held[count].Value()
		own.Fill(around, today)
		*around = own
	}
}

// last is the place behind start of the last prefix before end that does not come behind the key, -1 for none.
func (b *prefixBlock) last(key prefixKey, start, end int) int {
	some := b.prefixes[start:end]
	at := 0 // as many are known not to come behind
	for n := len(some); n > 0; {
		half := (n + 1) / 2
		if some[at+half-1].key <= key {
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
	at := b.last(key, 0, len(b.prefixes)) + 1 // where it goes if it is not there
	rest := at
	if at > 0 && b.prefixes[at-1].key|mostBack == key {
		at--
	}
	count := at + len(b.prefixes) - rest
	if l != (Listing{}) {
		count++
	}
	fresh := &prefixBlock{prefixes: make([]prefix, 0, count)}
	fresh.prefixes = append(fresh.prefixes, b.prefixes[:at]...)
	if l != (Listing{}) {
		fresh.prefixes = append(fresh.prefixes, prefix{key, unique.Make(l)})
	}
	fresh.prefixes = append(fresh.prefixes, b.prefixes[rest:]...)
	fresh.connect()
	return fresh
}

// connect finds out where leads start, and which prefix is around which.
func (b *prefixBlock) connect() {
	lead := uint64(0)
	for i := range b.prefixes {
		key := &b.prefixes[i].key
		for ; lead < key.lead(); lead++ {
			b.starts[lead+1] = uint32(i)
		}
		*key &^= mostBack
		// The one around it is the one before, or around that, and so on.
		for outer := i - 1; outer >= 0; {
			if k := b.prefixes[outer].key; k.holds(*key) {
				*key |= prefixKey(min(i-outer, mostBack))
				break
			} else if k.back() == 0 {
				break
			} else {
				outer -= k.back()
			}
		}
	}
	for ; lead < blockLeads; lead++ {
		b.starts[lead+1] = uint32(len(b.prefixes))
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
			for _, p := range b.prefixes {
				lead := Number(at)*blockLeads + Number(p.key.lead())
				n := (lead*powersOfTen[tailDigits] + p.key.tail()) / powersOfTen[tailDigits-p.key.extra()]
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
			sum += int(unsafe.Sizeof(*b)) + len(b.prefixes)*int(unsafe.Sizeof(prefix{}))
		}
	}
	return sum
}
