package journal

import "math"

// A sketch counts the calls of millions of lines, and the subscribers of each, in a few megabytes: a count-min sketch with conservative update (G. Cormode
// and S. Muthukrishnan 2005; C. Estan and G. Varghese 2002). A line has some cells that it shares with others. A call raises those of them that
// hold the least, and the least is the answer: never less than what was counted, and more only where all cells of a line met others.
//
// Nearly all lines have a handful of calls a day, so cells come in three sizes (as in the cold filter of Y. Zhou et al. 2018): one that is full passes on what
// comes after to a larger one. The cells of a line lie in one block, so that a line can be asked for without
// reading all of a sketch.

const (
	// sketchBlocks is how many blocks a node's sketch has, of 14 kB each.
	sketchBlocks = 1024

	smallCells, mostSmall   = 8192, 15
	middleCells, mostMiddle = 1536, math.MaxUint16
	largeCells, mostLarge   = 16, math.MaxUint32

	// cellsOfLine is how many cells of each size a line has.
	cellsOfLine = 3
)

// quantity is what is counted of a line.
type quantity int

const (
	ofCalls quantity = iota
	ofSubscribers
	quantities
)

// block is one part of a sketch. The zero value is empty.
type block struct {
	small  [smallCells]uint8 // calls in the lower four bits, subscribers in the upper
	middle [middleCells][quantities]uint16
	large  [largeCells][quantities]uint32
}

// place is where a line's cells are.
type place struct {
	block                int
	small, middle, large [cellsOfLine]int
}

// placeOf finds a line in a sketch of so many blocks.
func placeOf(k TrafficKey, l line, blocks int) (p place) {
	high, low := k.of(uint64(l), 0)
	next := func(from *uint64, n int) int {
		i := *from % uint64(n)
		*from /= uint64(n)
		return int(i)
	}
	p.block = next(&high, blocks)
	for i := range cellsOfLine {
		p.small[i] = next(&high, smallCells)
		p.middle[i], p.large[i] = next(&low, middleCells), next(&low, largeCells)
	}
	return p
}

// add counts one.
func (b *block) add(p *place, q quantity) {
	shift := 4 * q
	if least := b.leastSmall(p, q); least < mostSmall {
		for _, i := range p.small {
			if b.small[i]>>shift&mostSmall == least {
				b.small[i] += 1 << shift
			}
		}
		return
	}
	if least := b.leastMiddle(p, q); least < mostMiddle {
		for _, i := range p.middle {
			b.middle[i][q] = max(b.middle[i][q], least+1)
		}
		return
	}
	if least := b.leastLarge(p, q); least < mostLarge {
		for _, i := range p.large {
			b.large[i][q] = max(b.large[i][q], least+1)
		}
	}
}

// count is how many were counted, or a few more.
func (b *block) count(p *place, q quantity) uint64 {
	n := uint64(b.leastSmall(p, q))
	if n == mostSmall {
		n += uint64(b.leastMiddle(p, q))
	}
	if n == mostSmall+mostMiddle {
		n += uint64(b.leastLarge(p, q))
	}
	return n
}

func (b *block) leastSmall(p *place, q quantity) uint8 {
	least := uint8(mostSmall)
	for _, i := range p.small {
		least = min(least, b.small[i]>>(4*q)&mostSmall)
	}
	return least
}

func (b *block) leastMiddle(p *place, q quantity) uint16 {
	least := uint16(mostMiddle)
	for _, i := range p.middle {
		least = min(least, b.middle[i][q])
	}
	return least
}

func (b *block) leastLarge(p *place, q quantity) uint32 {
	least := uint32(mostLarge)
	for _, i := range p.large {
		least = min(least, b.large[i][q])
	}
	return least
}
