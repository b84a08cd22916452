package numberdb

import (
	"math/bits"
	"sync/atomic"
)

// prefixLengths knows of which lengths a number's listed prefixes may be, so that a lookup searches for few or none in vain.
type prefixLengths struct {
	short atomic.Uint32            // bit i is set while a prefix of i digits is listed, for i below leadDigits
	cells [leadCells]atomic.Uint32 // the same for longer ones, by a hash of their first leadDigits
	count map[prefixGroup]int      // for writers: how many prefixes are listed
}

const (
	leadDigits   = 6 // decisions list no shorter prefixes
	leadCellBits = 12
	leadCells    = 1 << leadCellBits
)

// prefixGroup is the prefixes that share a bit.
type prefixGroup struct {
	cell   int // -1 for short ones
	length int
}

// groupOf is the group of a prefix of so many digits.
func groupOf(prefix Number, digits int) prefixGroup {
	if digits < leadDigits {
		return prefixGroup{-1, digits}
	}
	return prefixGroup{leadCell(prefix, digits), digits}
}

// leadCell is the cell of a number of at least leadDigits digits.
func leadCell(n Number, digits int) int {
	lead := uint64(n / powersOfTen[digits-leadDigits])
	return int(lead * 0x9E3779B97F4A7C15 >> (64 - leadCellBits)) // Fibonacci hashing (Knuth, TAOCP 3, section 6.4)
}

// of has bit i set if a prefix of i digits may be listed for a number of so many digits.
func (p *prefixLengths) of(n Number, digits int) uint32 {
	lengths := p.short.Load()
	if digits >= leadDigits {
		lengths |= p.cells[leadCell(n, digits)].Load()
	}
	return lengths & (2<<digits - 1)
}

func (p *prefixLengths) bits(g prefixGroup) *atomic.Uint32 {
	if g.cell < 0 {
		return &p.short
	}
	return &p.cells[g.cell]
}

// announce sets the bit of a group before a prefix of it is listed, so that no reader passes it over once it is.
func (p *prefixLengths) announce(g prefixGroup) { p.bits(g).Or(1 << g.length) }

// add counts how many more or fewer prefixes of a group are listed, and clears the bit of one without any.
func (p *prefixLengths) add(g prefixGroup, change int) {
	p.count[g] += change
	if p.count[g] == 0 {
		delete(p.count, g)
		p.bits(g).And(^uint32(1 << g.length))
	}
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
	if n >= powersOfTen[d] {
		d++
	}
	return d
}
