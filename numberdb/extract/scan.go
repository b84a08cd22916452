package extract

import (
	"regexp"
	"strings"
)

// group is digits that stand together in a view.
type group struct {
	start, end int // in the view
	digits     string
	plus       bool // a plus stands before it
	disguised  bool // letters stand for some of the digits that they look like
	keyed      bool // letters stand for the digits of their keys
	glued      bool // a word that goes with numbers is written without a blank beside it
	gap        gap  // between it and the group before
}

// gap says how far two groups are apart, the closest first. A window is a number the more likely, the closer its groups are.
type gap uint8

const (
	gapTight gap = iota // one sign, as in 555-0143 or (202)555
	gapSpace            // a blank, or a sign with a blank beside it
	gapLoose            // several signs or blanks, or signs that numbers are rarely written with
	gapLine             // a line end
	gapBreak            // too far: the groups belong to different numbers
)

// longestGap is in characters.
const longestGap = 6

// gapOf judges what stands between two groups.
func gapOf(between []byte) gap {
	if len(between) == 0 || len(between) > longestGap {
		return gapBreak
	}
	blanks, signs, odd, lines := 0, 0, 0, 0
	for _, c := range between {
		switch c {
		case ' ':
			blanks++
		case '-', '.', '(', ')':
			signs++
		case '/', ',', '_', '*', '~', '|', '[', ']', '{', '}', '=', ':', '+':
			odd++
		case lineEnd:
			lines++
		default:
			return gapBreak
		}
	}
	switch {
	case lines > 1:
		return gapBreak
	case lines == 1:
		return gapLine
	case odd > 0 || blanks > 2 || blanks+signs > 4 || string(between) == "  " || string(between) == ". ": // the last ends a sentence
		return gapLoose
	case blanks == 0 && signs <= 2 || string(between) == ") ":
		return gapTight
	case signs <= 1 || blanks == 1 && signs <= 3:
		return gapSpace
	}
	return gapLoose
}

// lookalike is the digit that a letter looks like, zero for none.
func lookalike(c byte) byte {
	switch c {
	case 'O', 'o':
		return '0'
	case 'l', 'I', 'i':
		return '1'
	case 'S':
		return '5'
	case 'B':
		return '8'
	}
	return 0
}

// keyOf is the digit on whose key a letter stands (ITU-T E.161).
func keyOf(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return "22233344455566677778889999"[c-'A']
}

// runs gives all groups of a view, parted where nothing can span.
func (v *view) runs() [][]group {
	var all [][]group
	var run []group
	finish := func() {
		if len(run) > 0 {
			all = append(all, run)
			run = nil
		}
	}
	end := -1 // of the last group
	for i := 0; i < len(v.text); {
		c := v.text[i]
		if !isDigit(c) && !isLetter(c) {
			if c == someLetter || c == struckOut {
				finish()
			}
			i++
			continue
		}
		start := i
		for isDigit(v.at(i)) || isLetter(v.at(i)) {
			i++
		}
		from, to := v.unglue(start, i)
		g, ok := v.group(from, to)
		if !ok {
			finish()
			continue
		}
		if len(run) > 0 {
			g.gap = gapOf(v.text[end:start])
			if g.gap == gapBreak {
				finish()
			}
		}
		g.plus = v.plusBefore(g.start)
		g.glued = g.start > start || g.end < i
		run = append(run, g)
		end = g.end
	}
	finish()
	return all
}

// glued are words that are written without a blank before or behind a number.
var glued = regexp.MustCompile(`^(?i:call|tel|phone|dial|fax|text|sms|whatsapp|appelez|composez)?([0-9]{7,15})(?i:now|today|or|and|to|for|maintenant)?$`)

// unglue leaves out words that are glued to a number.
func (v *view) unglue(start, end int) (int, int) {
	if m := glued.FindSubmatchIndex(v.text[start:end]); m != nil {
		return start + m[2], start + m[3]
	}
	return start, end
}

// plusBefore says whether a plus stands before a place, perhaps with a bracket or blank between.
func (v *view) plusBefore(i int) bool {
	for range 2 {
		i--
		switch v.at(i) {
		case '+':
			return true
		case ' ', '(':
		default:
			return false
		}
	}
	return false
}

// mostGroupDigits is the most digits that one group of a number can have: 15 behind a prefix.
const mostGroupDigits = 18

// group reads letters and digits that stand together; false if they cannot be a part of a number.
func (v *view) group(start, end int) (group, bool) {
	if end-start > mostGroupDigits || v.partOfWord(start-1, -1) || v.partOfWord(end, 1) || v.at(start-1) == '@' {
		return group{}, false
	}
	word := v.text[start:end]
	digits, alike, upper := 0, 0, 0
	for _, c := range word {
		switch {
		case isDigit(c):
			digits++
		case lookalike(c) != 0:
			alike++
		}
		if 'A' <= c && c <= 'Z' {
			upper++
		}
	}
	g := group{start: start, end: end}
	switch {
	case digits == len(word):
		g.digits = string(word)
	case digits+alike == len(word) && (digits > 0 || len(word) <= 4):
		g.digits, g.disguised = convert(word, lookalike), true
	case digits+upper == len(word) && upper >= 3 || digits == 0 && len(word) >= 3 && upper == 1 && isUpper(word[0]):
		g.digits, g.keyed = convert(word, keyOf), true
	default:
		return group{}, false
	}
	return g, true
}

// partOfWord says whether what stands at a place beside digits, and beyond it in a direction, makes them part of an identifier.
func (v *view) partOfWord(i, direction int) bool {
	return v.at(i) == someLetter || v.at(i) == '_' && !isDigit(v.at(i+direction))
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// convert replaces the letters of a word by digits.
func convert(word []byte, digit func(byte) byte) string {
	var b strings.Builder
	for _, c := range word {
		if isDigit(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte(digit(c))
		}
	}
	return b.String()
}
