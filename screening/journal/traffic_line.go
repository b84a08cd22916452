package journal

import (
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// line is what a sketch counts calls of, in a direction: the other party's number; a range around it; or all numbers of one length in a
// range of six digits. It is a number (below 2^50) with the direction and the kind above it.
type line uint64

const (
	rangeLine  = 1 << 60
	lengthLine = 2 << 60

	lengthShift    = 52
	directionShift = 63
)

func numberLine(d screening.Direction, n numberdb.Number) line {
	return line(d)<<directionShift | line(n)
}

// rangeOf is the range of all numbers that begin with the digits of first and have at least three more: only those are counted for it.
func rangeOf(d screening.Direction, first numberdb.Number) line {
	return numberLine(d, first) | rangeLine
}

// lengthOf is all numbers of one length in the range of the six digits of first.
func lengthOf(d screening.Direction, first numberdb.Number, digits int) line {
	return numberLine(d, first) | lengthLine | line(digits)<<lengthShift
}

func (l line) direction() screening.Direction { return screening.Direction(l >> directionShift) }

// number is that of a numberLine.
func (l line) number() numberdb.Number { return numberdb.Number(l &^ (1 << directionShift)) }

const (
	// shortestRange and longestRange are how many digits a range that can be listed fixes ([numberdb.Decision.Check]).
	shortestRange = numberdb.MinPrefixDigits
	longestRange  = mostDigits - 1
	mostDigits    = 15 // of a number (ITU-T E.164)
	// openDigits is how many digits a range leaves open at least to be counted as such. Below that it is cheaper to ask for each number.
	openDigits = 3
)

func digitsOf(n numberdb.Number) (digits int) {
	for ; n > 0; n /= 10 {
		digits++
	}
	return digits
}

// cut is the first digits of a number that has so many.
func cut(n numberdb.Number, has, digits int) numberdb.Number {
	for ; has > digits; has-- {
		n /= 10
	}
	return n
}

// linesOf appends all lines for which a call with a number counts.
func linesOf(lines []line, d screening.Direction, n numberdb.Number) []line {
	lines = append(lines, numberLine(d, n))
	has := digitsOf(n)
	if has < shortestRange {
		return lines
	}
	first := n
	for digits := has - 1; digits >= shortestRange; digits-- {
		if first /= 10; has-digits >= openDigits {
			lines = append(lines, rangeOf(d, first))
		}
	}
	return append(lines, lengthOf(d, first, has))
}
