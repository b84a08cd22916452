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

// decimalDigits counts the digits of a number from 1 to MaxNumber.
func decimalDigits(n Number) int {
	// 1233/4096 is log10(2) to four places, enough for 64 bits.
	d := bits.Len64(uint64(n)) * 1233 >> 12
	return d + int((powersOfTen[d]-1-n)>>63) // one more from the next power of ten on, without a branch
}
