package numberdb

import "math/bits"

// powersOfTen has 10 to the power of its index.
var powersOfTen = func() (p [16]Number) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// mostDigits is how many digits MaxNumber has.
const mostDigits = 15

// digitsByBits has, by how many bits numbers have, the fewest digits that they may have, the first of them that has one digit more, and what fills
// those of the fewest digits up to mostDigits.
var digitsByBits = func() (d [64]struct {
	digits       int
	longer, fill Number
}) {
	for n := range d {
		digits := 1
		for digits < mostDigits && uint64(powersOfTen[digits])<<1 <= 1<<n {
			digits++
		}
		d[n].digits, d[n].longer, d[n].fill = digits, powersOfTen[digits], powersOfTen[mostDigits-digits]
	}
	return d
}()

// fillUp fills a number from 1 to MaxNumber up with zeros to mostDigits, and counts the digits that it had.
func fillUp(n Number) (full Number, digits int) {
	d := &digitsByBits[bits.Len64(uint64(n))%64]
	if n < d.longer {
		return n * d.fill, d.digits
	}
	return n * (d.fill / 10), d.digits + 1
}

// decimalDigits counts the digits of a number from 1 to MaxNumber.
func decimalDigits(n Number) int {
	_, digits := fillUp(n)
	return digits
}
