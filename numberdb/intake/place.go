package intake

import (
	"cmp"
	"strconv"

	"github.com/linewarden/linewarden/numberdb"
)

// place is where a target stands among all others in the order of digits, as words stand in a dictionary: a range before all numbers in it. It
// is the digits, each one more than it is, with zeros behind, as a number of base 11 and 15 places; and in the last bit 0 for a range.
type place uint64

// mostDigits is how many digits a number has at most (ITU-T E.164).
const mostDigits = 15

// powersOf11 has 11 to the power of its index.
var powersOf11 = func() (p [mostDigits + 1]place) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 11
	}
	return p
}()

func placeOf(t numberdb.Target) place {
	var digits [20]byte
	p := placeOfDigits(strconv.AppendUint(digits[:0], uint64(t.Number), 10)) << 1
	if !t.Prefix {
		p |= 1
	}
	return p
}

// placeOfDigits is the place of digits, at most 15, without the last bit.
func placeOfDigits[T string | []byte](digits T) (p place) {
	for i := range len(digits) {
		p = p*11 + place(digits[i]-'0') + 1
	}
	return p * powersOf11[mostDigits-len(digits)]
}

// target is the target that stands there.
func (p place) target() numberdb.Target {
	t := numberdb.Target{Prefix: p&1 == 0}
	rest := p >> 1
	for i := mostDigits - 1; i >= 0; i-- {
		digit := rest / powersOf11[i] % 11
		if digit == 0 {
			break
		}
		t.Number = t.Number*10 + numberdb.Number(digit-1)
	}
	return t
}

func compare(a, b place) int { return cmp.Compare(a, b) }

// cursor is the place in a page's cursor, and placeAt reads it.
func (p place) cursor() string { return strconv.FormatUint(uint64(p), 36) }

func placeAt(cursor string) (place, error) {
	if cursor == "" {
		return 0, nil
	}
	p, err := strconv.ParseUint(cursor, 36, 64)
	if err != nil || place(p).cursor() != cursor {
		return 0, numberdb.ErrBadCursor
	}
	return place(p), nil
}
