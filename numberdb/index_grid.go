package numberdb

import (
	"iter"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// grid is the memory of a table: buckets of slots, one for each number, all in one piece. A number is scrambled into 50 other bits (see
// scramble). The first few of these choose a shard, which is a run of buckets; the rest chooses the bucket in it and, with the ref of the
// listing, makes one 64-bit word, so that a reader gets both, and always those that belong together, with one atomic load:
//
//	scrambled number   [ shard bits | rest            ]  50 bits
//	slot                            [ rest | ref      ]  64 bits, 0 while empty
//
// With every shard bit more there is room for one ref bit more. There are so many shards that a slot has room for four times as many
// refs as there can be numbers, and book.mostlyUnused sees to it that not many more than twice as many are taken.
//
// A slot, once taken, is the number's for the life of the grid, listed or not. A bucket is filled from its first slot to its last, and
// after that the next bucket, behind the last one of a shard its first; so a search may stop at a bucket whose last slot is empty. There
// always is one, as a quarter of the slots of every shard stays empty (full), even if that has only one bucket.
//
// Most calls are about numbers that are not listed, and the slots of a large list lie in memory that no cache holds. So each slot has a
// tag of one byte, which differs from that of another number in all but one of 255 cases. A search reads the tags of a bucket, which
// are one word, and goes to a slot only where they agree (as in Abseil's Swiss tables, 2017).
//
// Where a number's tags and slots are follows from the number alone, without another read of memory. That lets the processor read for
// the next numbers while it waits for the memory of this one.
type grid struct {
	scramble scramble
	restBits uint            // of a scrambled number, behind those that choose the shard
	refMask  uint64          // the bits of the ref in a slot
	tags     []atomic.Uint64 // by bucket; the first slot's in the lowest byte, 0 while empty
	slots    []bucket
	book     *book    // that the refs are of
	taken    []uint32 // for writers: by shard, slots that are not empty
}

// bucket is what the processor fetches from memory at once.
type bucket [bucketSlots]atomic.Uint64

const (
	numberBits  = 50
	bucketSlots = 8
	tagBits     = 64 / bucketSlots
	perShard    = 4096 // numbers in a shard at most, on average

	everyTag   = ^uint64(0) / (1<<tagBits - 1) // 1 in each tag
	lastTag    = 64 - tagBits                  // the bits below the last tag
	freshSlots = bucketSlots / 2               // slots of a bucket, on average, that numbers take in a grid that was made for them: seldom all of them
	fullSlots  = bucketSlots * 3 / 4           // and at most, in every shard
)

// newGrid makes an empty grid with room for so many numbers, and some 40 % more until a shard is full.
func newGrid(s scramble, b *book, numbers int) *grid {
	buckets := numbers/freshSlots + 1
	shardBits := bits.Len(uint(buckets * fullSlots / perShard))
	width := (buckets-1)>>shardBits + 1
	buckets = width << shardBits
	g := &grid{
		scramble: s, restBits: uint(numberBits - shardBits), refMask: 1<<(64-numberBits+shardBits) - 1, book: b,
		tags: make([]atomic.Uint64, buckets), slots: make([]bucket, buckets), taken: make([]uint32, 1<<shardBits),
	}
	hugePages(unsafe.Pointer(unsafe.SliceData(g.slots)), len(g.slots)*int(unsafe.Sizeof(bucket{})))
	hugePages(unsafe.Pointer(unsafe.SliceData(g.tags)), len(g.tags)*int(unsafe.Sizeof(g.tags[0])))
	return g
}

// shard is the shard of a scrambled number.
func (g *grid) shard(v uint64) uint64 { return v >> g.restBits }

// width is the buckets of a shard.
func (g *grid) width() int { return len(g.slots) >> (numberBits - g.restBits) }

// start is the bucket at which the search for a scrambled number begins: as the number lies among all numbers, it lies among all buckets, and so
// in its shard.
func (g *grid) start(v uint64) int {
	i, _ := bits.Mul64(v<<(64-numberBits), uint64(len(g.tags)))
	return int(i)
}

// next is the bucket in which a search goes on behind bucket i.
func (g *grid) next(v uint64, i int) int {
	if i++; i == int(g.shard(v)+1)*g.width() {
		i -= g.width()
	}
	return i
}

// slot is the word of a scrambled number and a ref; the bits of the shard fall out of it.
func (g *grid) slot(v uint64, r ref) uint64 { return v*(g.refMask+1) | uint64(r) }

// refOf is the ref in a slot.
func (g *grid) refOf(slot uint64) ref { return ref(slot & g.refMask) }

// tagOf is the tag of a scrambled number, repeated in every byte. The upper bits choose the bucket, so the lower ones tell numbers of a
// bucket apart.
func tagOf(v uint64) uint64 {
	tag := v & (1<<tagBits - 1)
	tag |= (tag - 1) >> 63 // 1 in the place of 0, which means an empty slot
	return tag * everyTag
}

// candidates has the highest bit set of each tag in the word that agrees, and seldom of one above it that does not (H. S. Warren,
// Hacker's Delight, section 6-1).
func candidates(word, tag uint64) uint64 {
	differ := word ^ tag
	return (differ - everyTag) &^ differ & (everyTag << (tagBits - 1))
}

// find is the listing of a number, nil for none. The listing never changes.
func (g *grid) find(n Number) *Listing {
	v := g.scramble.forward(uint64(n))
	tag, own := tagOf(v), g.slot(v, refNone)
	for i := g.start(v); ; i = g.next(v, i) {
		word := g.tags[i].Load()
		for at := candidates(word, tag); at != 0; at &= at - 1 {
			// The processor guesses that there is a candidate where there was one before, and reads on meanwhile. Where in the bucket it is
			// cannot be guessed, so this makes the bucket be read at the same time as the tags, of numbers that are not listed none.
			g.slots[i][0].Load()
			slot := g.slots[i][bits.TrailingZeros64(at)/tagBits].Load()
			if r := slot ^ own; r <= g.refMask { // all but the ref is the same
				if ref(r) < refFirst {
					return nil
				}
				return g.book.at(ref(r))
			}
		}
		if word>>lastTag == 0 {
			return nil
		}
	}
}

// place finds the slot of a scrambled number, or the empty one that it is to have: a bucket, and the place in it.
func (g *grid) place(v uint64) (i, j int) {
	tag, own := tagOf(v), g.slot(v, refNone)
	for i := g.start(v); ; i = g.next(v, i) {
		word := g.tags[i].Load()
		for at := candidates(word, tag); at != 0; at &= at - 1 {
			j := bits.TrailingZeros64(at) / tagBits
			if g.slots[i][j].Load()^own <= g.refMask {
				return i, j
			}
		}
		if word>>lastTag == 0 {
			return i, (bits.Len64(word) + tagBits - 1) / tagBits
		}
	}
}

// full says whether no number more may take a slot in the shard of a scrambled number: up to three quarters, few buckets overflow.
func (g *grid) full(v uint64) bool {
	return int(g.taken[g.shard(v)])+1 > g.width()*fullSlots
}

// room is for how many numbers the grid was made.
func (g *grid) room() int { return len(g.slots) * freshSlots }

// wasteful says whether the grid is much larger than so many numbers need.
func (g *grid) wasteful(live int) bool { return len(g.slots) > 1 && live < g.room()/2 }

// take gives a scrambled number the empty slot that place found for it. The tag comes last, so that no reader looks into a slot too early.
func (g *grid) take(i, j int, v uint64, r ref) {
	g.slots[i][j].Store(g.slot(v, r))
	g.tags[i].Store(g.tags[i].Load() | tagOf(v)&(1<<tagBits-1)<<(j*tagBits))
	g.taken[g.shard(v)]++
}

// change gives a scrambled number that has a slot another ref.
func (g *grid) change(i, j int, v uint64, r ref) { g.slots[i][j].Store(g.slot(v, r)) }

// listed goes through what the grid lists: scrambled numbers, nearly in their order, and refs.
func (g *grid) listed() iter.Seq2[uint64, ref] {
	return func(yield func(uint64, ref) bool) {
		for shard := range g.taken {
			for i := shard * g.width(); i < (shard+1)*g.width(); i++ {
				for j := range g.slots[i] {
					slot := g.slots[i][j].Load()
					if r := g.refOf(slot); r >= refFirst && !yield(uint64(shard)<<g.restBits|slot/(g.refMask+1), r) {
						return
					}
				}
			}
		}
	}
}

// bytes is the memory that the grid holds, without the book.
func (g *grid) bytes() int {
	return int(unsafe.Sizeof(*g)) + len(g.slots)*int(unsafe.Sizeof(bucket{})+unsafe.Sizeof(g.tags[0])) + len(g.taken)*4
}
