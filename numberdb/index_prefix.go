package numberdb

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// prefixLengths knows of which lengths a number's listed prefixes may be, so that a lookup searches for few or none in vain. Below most
// beginnings of numbers there are no prefixes at all, which one read tells: all leads of a country lie together, and only of countries
// that have prefixes.
type prefixLengths struct {
	short atomic.Uint32                       // bit i is set while a prefix of i digits is listed, for i below leadDigits
	leads [blocks]atomic.Pointer[prefixLeads] // by the upper half of a lead; nil where there never was a prefix
	count map[prefixGroup]int                 // for writers: how many prefixes are listed
}

// prefixLeads has bit i set while a prefix of i digits is listed that begins with a lead, by the lead's lower half.
type prefixLeads [leadBlock]atomic.Uint32

const (
	leadDigits = 6 // decisions list no shorter prefixes
	leadBlock  = 1000
	blocks     = 1000
)

// prefixGroup is the prefixes that share a bit.
type prefixGroup struct {
	lead   int // -1 for short ones
	length int
}

// groupOf is the group of a prefix of so many digits.
func groupOf(prefix Number, digits int) prefixGroup {
	if digits < leadDigits {
		return prefixGroup{-1, digits}
	}
	return prefixGroup{leadingDigits(prefix, digits), digits}
}

// leadingDigits is the lead of a number of at least leadDigits digits.
func leadingDigits(n Number, digits int) int { return int(n / powersOfTen[digits-leadDigits]) }

// of has bit i set if a prefix of i digits may be listed for a number of so many digits.
func (p *prefixLengths) of(n Number, digits int) uint32 {
	lengths := p.short.Load()
	if digits >= leadDigits {
		lead := uint(leadingDigits(n, digits))
		if block := p.leads[lead/leadBlock%blocks].Load(); block != nil {
			lengths |= block[lead%leadBlock].Load()
		}
	}
	return lengths & (2<<digits - 1)
}

// bits are those of a group. The block that has them is made for a prefix that is to be listed.
func (p *prefixLengths) bits(g prefixGroup) *atomic.Uint32 {
	if g.lead < 0 {
		return &p.short
	}
	block := p.leads[g.lead/leadBlock].Load()
	if block == nil {
		block = new(prefixLeads)
		p.leads[g.lead/leadBlock].Store(block)
	}
	return &block[g.lead%leadBlock]
}

// announce sets the bit of a group before a prefix of it is listed, so that no reader passes it over once it is.
func (p *prefixLengths) announce(g prefixGroup) { p.bits(g).Or(1 << g.length) }

// add counts how many more or fewer prefixes of a group are listed, and clears the bit of one without any.
func (p *prefixLengths) add(g prefixGroup, change int) {
	if change == 0 {
		return
	}
	p.count[g] += change
	if p.count[g] == 0 {
		delete(p.count, g)
		p.bits(g).And(^uint32(1 << g.length))
	}
}

// bytes is the memory that the lengths hold beside their own size.
func (p *prefixLengths) bytes() int {
	sum := len(p.count) * int(unsafe.Sizeof(prefixGroup{})+unsafe.Sizeof(int(0))+1) * 4 / 3
	for i := range p.leads {
		if p.leads[i].Load() != nil {
			sum += int(unsafe.Sizeof(prefixLeads{}))
		}
	}
	return sum
}

// powersOfTen has 10 to the power of its index.
var powersOfTen = func() (p [16]Number) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// decimalDigits counts the digits of a number from 1 to MaxNumber.
func decimalDigits(n Number) int {
	// 1233/4096 is log10(2) to four places, enough for 64 bits.
	d := bits.Len64(uint64(n)) * 1233 >> 12
	return d + int((powersOfTen[d]-1-n)>>63) // one more from the next power of ten on, without a branch
}
