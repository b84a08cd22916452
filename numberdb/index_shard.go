package numberdb

import (
	"iter"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// shard is a hash table of buckets. A slot, once taken, is the number's for the life of the shard, listed or not. A bucket is filled
// from its first slot to its last, and after that the next bucket; so a search may stop at a bucket whose last slot is empty. There
// always is one, as a quarter of all slots stays empty (full), even in the smallest shard of one bucket.
//
// Most calls are about numbers that are not listed, and the slots of a large list lie in memory that no cache holds. So each slot has a
// tag of one byte, which differs from that of another number in all but one of 255 cases. A search reads the tags of a bucket, which
// are one word, and goes to a slot only where they agree (as in Abseil's Swiss tables, 2017).
type shard struct {
	tags  []atomic.Uint64 // by bucket; the first slot's in the lowest byte, 0 while empty
	slots []bucket
	book  *book  // that the refs are of
	live  uint32 // for writers: slots with a listing
	taken uint32 // for writers: slots that are not empty
}

// bucket is what the processor fetches from memory at once.
type bucket [bucketSlots]atomic.Uint64

const (
	bucketSlots = 8
	tagBits     = 64 / bucketSlots

	everyTag  = ^uint64(0) / (1<<tagBits - 1) // 1 in each tag
	lastTag   = 64 - tagBits                  // the bits below the last tag
	fullParts = 4                             // a shard is full when three quarters of its slots are taken
	fullTaken = 3
)

// newShard makes a shard that live numbers fill to the given percentage.
func newShard(b *book, live, percent int) *shard {
	n := live*100/(percent*bucketSlots) + 1
	h := &shard{book: b, slots: make([]bucket, n), tags: make([]atomic.Uint64, n)}
	adviseHuge(unsafe.Pointer(unsafe.SliceData(h.slots)), len(h.slots)*int(unsafe.Sizeof(bucket{})))
	adviseHuge(unsafe.Pointer(unsafe.SliceData(h.tags)), len(h.tags)*int(unsafe.Sizeof(h.tags[0])))
	return h
}

// tagOf is the tag of a number, repeated in every byte. The upper bits of rest choose the bucket, so the lower ones tell numbers of a
// bucket apart.
func tagOf(rest uint64) uint64 {
	tag := rest & (1<<tagBits - 1)
	tag |= (tag - 1) >> 63 // 1 in the place of 0, which means an empty slot
	return tag * everyTag
}

// candidates has the highest bit set of each tag in the word that agrees, and seldom of one above it that does not (H. S. Warren,
// Hacker's Delight, section 6-1).
func candidates(word, tag uint64) uint64 {
	differ := word ^ tag
	return (differ - everyTag) &^ differ & (everyTag << (tagBits - 1))
}

// find is the slot of a number as it is now, 0 if it has none.
func (s *shardSet) find(h *shard, rest uint64) uint64 {
	tag := tagOf(rest)
	for i := s.start(rest, h); ; {
		word := h.tags[i].Load()
		for at := candidates(word, tag); at != 0; at &= at - 1 {
			slot := h.slots[i][bits.TrailingZeros64(at)/tagBits].Load()
			if slot>>s.refBits() == rest {
				return slot
			}
		}
		if word>>lastTag == 0 {
			return 0
		}
		if i++; i == len(h.tags) {
			i = 0
		}
	}
}

// place finds the slot of a number, or the empty one that it is to have: a bucket, and the place in it.
func (s *shardSet) place(h *shard, rest uint64) (i, j int) {
	tag := tagOf(rest)
	for i := s.start(rest, h); ; {
		word := h.tags[i].Load()
		for at := candidates(word, tag); at != 0; at &= at - 1 {
			j := bits.TrailingZeros64(at) / tagBits
			if h.slots[i][j].Load()>>s.refBits() == rest {
				return i, j
			}
		}
		if word>>lastTag == 0 {
			return i, (bits.Len64(word) + tagBits - 1) / tagBits
		}
		if i++; i == len(h.tags) {
			i = 0
		}
	}
}

// take gives a number the empty slot that place found for it. The tag comes last, so that no reader looks into a slot too early.
func (s *shardSet) take(h *shard, i, j int, rest uint64, r ref) {
	h.slots[i][j].Store(s.slot(rest, r))
	h.tags[i].Store(h.tags[i].Load() | tagOf(rest)&(1<<tagBits-1)<<(j*tagBits))
	h.taken++
	h.live++
}

// full says whether the shard must be rebuilt before another slot is taken: up to three quarters, few buckets overflow.
func (h *shard) full() bool { return int(h.taken+1) > len(h.slots)*bucketSlots*fullTaken/fullParts }

// wasteful says whether the shard is much larger than it need be.
func (h *shard) wasteful() bool {
	return len(h.slots) > 1 && int(h.live) < len(h.slots)*bucketSlots/4
}

// listed goes through what a shard lists.
func (s *shardSet) listed(h *shard) iter.Seq2[uint64, ref] {
	return func(yield func(uint64, ref) bool) {
		for i := range h.slots {
			for j := range h.slots[i] {
				slot := h.slots[i][j].Load()
				r := s.refOf(slot)
				if r == refNone || r == refGone {
					continue
				}
				if !yield(slot>>s.refBits(), r) {
					return
				}
			}
		}
	}
}

// bytes is the memory that the shard holds.
func (h *shard) bytes() int {
	return int(unsafe.Sizeof(*h)) + len(h.slots)*int(unsafe.Sizeof(bucket{})+unsafe.Sizeof(h.tags[0]))
}
