package numberdb

import (
	"iter"
	"maps"
	"slices"
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
	prefixes []prefix               // in the order of their keys; lastly, glance that are none, and come behind all
	starts   [blockLeads + 1]uint32 // by the last two digits of a lead: where its prefixes begin, and so where those of the one before end
}

// prefix is one prefix of a block, small enough that a search reads little memory.
type prefix struct {
	key     prefixKey
	listing unique.Handle[Listing]
}

// prefixKey is, from its highest bits on, the last two digits of a lead with a tail, how many digits of the tail the prefix has, and how far
// before it in its block the prefix around it is, 0 for none. If that is too far away, it is one on the way there, which lies in the same one.
type prefixKey uint64

const (
	leadDigits   = 6 // decisions list no shorter prefixes
	tailDigits   = 9
	blockLeads   = 100
	prefixBlocks = 10_000

	perLead  = 1_000_000_000        // tails
	perBlock = blockLeads * perLead // leads with tails

	backBits  = 8
	extraBits = 4
	mostBack  = 1<<backBits - 1
	noPrefix  = prefixKey(1 << 62) // behind all others

	glance = 4 // prefixes that a search compares at once, without a decision after each that the processor could guess wrong
)

// keyOf is the key of a prefix or number of so many digits in its block. It comes behind those of all prefixes of the number, whatever is
// around them.
func keyOf(inBlock Number, digits int) prefixKey {
	return prefixKey(inBlock<<extraBits|Number(digits-leadDigits))<<backBits | mostBack
}

func (k prefixKey) inBlock() Number { return Number(k >> (extraBits + backBits)) }
func (k prefixKey) lead() int       { return int(k.inBlock() / perLead) }
func (k prefixKey) extra() int      { return int(k >> backBits & (1<<extraBits - 1)) }
func (k prefixKey) back() int       { return int(k & mostBack) }

// holds says whether a key that does not come before k lies within it.
func (k prefixKey) holds(inner prefixKey) bool {
	return inner.inBlock()-k.inBlock() < powersOfTen[tailDigits-k.extra()]
}

// find is the longest prefix of a number: its block, nil for none, and its place there. It does not look among the short ones.
func (p *prefixes) find(n Number) (b *prefixBlock, at int) {
	blocks := p.blocks.Load()
	full, digits := fillUp(n)
	if blocks == nil || digits < leadDigits {
		return nil, 0
	}
	block, inBlock := full/perBlock, full%perBlock
	b = blocks[block].Load()
	if b == nil {
		return nil, 0
	}
	lead := inBlock / perLead
	start, end := int(b.starts[lead]), int(b.starts[lead+1])
	if start == end {
		return nil, 0
	}
	key := keyOf(inBlock, digits)
	if at = start + b.last(key, start, end); at < start {
		return nil, 0
	}
	if !b.prefixes[at].key.holds(key) {
		if at = b.outer(at, key); at < 0 {
			return nil, 0
		}
	}
	return b, at
}

// outer is the place of the next prefix around the one at a place that also holds the key, -1 for none.
func (b *prefixBlock) outer(at int, key prefixKey) int {
	for {
		k := b.prefixes[at].key
		if k.back() == 0 {
			return -1
		}
		at -= k.back()
		if b.prefixes[at].key.holds(key) {
			return at
		}
	}
}

// around is what the list says about the prefixes of a number of which find found the longest, merged from the shortest one in ([Listing.Fill]).
func (p *prefixes) around(n Number, b *prefixBlock, at int, today Day) (found Listing) {
	if short := p.short.Load(); short != nil {
		digits := decimalDigits(n)
		for length := 1; length <= min(digits, leadDigits-1); length++ {
			if l, listed := (*short)[n/powersOfTen[digits-length]]; listed {
				own := l.Value()
				own.Fill(&found, today)
				found = own
			}
		}
	}
	if b != nil {
		b.lay(at, &found, today)
	}
	return found
}

// lay lays what the list says about the prefix at a place, and about those around it, over what is around them all.
func (b *prefixBlock) lay(at int, found *Listing, today Day) {
	p := &b.prefixes[at]
	if outer := b.outer(at, p.key); outer >= 0 {
		b.lay(outer, found, today)
	}
	own := p.listing.Value()
	own.Fill(found, today)
	*found = own
}

// alone says that no other prefix is around the one at a place.
func (b *prefixBlock) alone(at int) bool { return b.prefixes[at].key.back() == 0 }

// last is the place behind start of the last prefix before end that does not come behind the key, -1 for none.
func (b *prefixBlock) last(key prefixKey, start, end int) int {
	at := start // all before are known not to come behind
	for n := end - start; n > glance; {
		half := n / 2
		if b.prefixes[at+half-1].key <= key {
			at += half
			n -= half
		} else {
			n = half
		}
	}
	// Whatever follows the rest comes behind, too.
	rest := (*[glance]prefix)(b.prefixes[at:])
	return at - start - 1 + rest[0].key.notBehind(key) + rest[1].key.notBehind(key) + rest[2].key.notBehind(key) + rest[3].key.notBehind(key)
}

// notBehind is 1 if k does not come behind another key, 0 if it does, found without a branch.
func (k prefixKey) notBehind(other prefixKey) int { return int((k - other - 1) >> 63) }

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
		old = noPrefixes
	}
	fresh := old.with(keyOf(full%perBlock, digits), l)
	p.live.Add(int64(fresh.len() - old.len()))
	if fresh.len() == 0 {
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

// noPrefixes is a block without any.
var noPrefixes = &prefixBlock{prefixes: slices.Repeat([]prefix{{key: noPrefix}}, glance)}

// with is a copy of the block in which a prefix has a listing, or is not with a zero one.
func (b *prefixBlock) with(key prefixKey, l Listing) *prefixBlock {
	before := b.last(key, 0, b.len()) + 1 // where it goes if it is not there
	behind := before
	if before > 0 && b.prefixes[before-1].key|mostBack == key {
		before--
	}
	fresh := &prefixBlock{prefixes: make([]prefix, 0, before+1+len(b.prefixes)-behind)}
	fresh.prefixes = append(fresh.prefixes, b.prefixes[:before]...)
	if l != (Listing{}) {
		fresh.prefixes = append(fresh.prefixes, prefix{key, unique.Make(l)})
	}
	fresh.prefixes = append(fresh.prefixes, b.prefixes[behind:]...)
	fresh.connect()
	return fresh
}

// connect finds out where leads start, and which prefix is around which.
func (b *prefixBlock) connect() {
	lead, count := 0, len(b.prefixes)-glance
	for i := range b.prefixes[:count] {
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
		b.starts[lead+1] = uint32(count)
	}
}

// len counts the prefixes of a block.
func (b *prefixBlock) len() int { return int(b.starts[blockLeads]) }

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
			for _, p := range b.prefixes[:b.len()] {
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
			sum += int(unsafe.Sizeof(*b)) + len(b.prefixes)*int(unsafe.Sizeof(prefix{}))
		}
	}
	return sum
}
