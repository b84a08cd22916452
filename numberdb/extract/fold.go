package extract

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold appends characters to the view in ASCII.
func (v *view) fold(units []unit) {
	for i, u := range units {
		switch {
		case u.r == utf8.RuneError:
			v.add(someSign, u.from, u.to)
		case u.r < utf8.RuneSelf:
			v.foldASCII(u)
		case telephoneSigns[u.r]:
			v.addWord(" tel ", u.from, u.to)
		case raised(u.r) && !(i > 0 && raised(units[i-1].r)) && !(i+1 < len(units) && raised(units[i+1].r)):
			v.add(' ', u.from, u.to) // a footnote
		default:
			v.foldWide(u)
		}
	}
}

// telephoneSigns are pictures that say what follows.
var telephoneSigns = map[rune]bool{'☎': true, '☏': true, '✆': true, '📞': true, '📱': true, '📲': true, '🕿': true, '🖀': true, '℡': true}

func (v *view) foldASCII(u unit) {
	switch {
	case u.r == '\r':
	case u.r == '\t' || u.r == '\v' || u.r == '\f':
		v.add(' ', u.from, u.to)
	case u.r < ' ' && u.r != '\n' || u.r == 0x7f:
		v.add(someSign, u.from, u.to)
	default:
		v.add(byte(u.r), u.from, u.to)
	}
}

// foldWide takes a character beyond ASCII apart: what it looks like counts, not what it is.
func (v *view) foldWide(u unit) {
	if unicode.In(u.r, unicode.Cf, unicode.Mn, unicode.Me) || blankLetters[u.r] {
		return // invisible
	}
	if c := twins[u.r]; c != 0 {
		v.add(c, u.from, u.to)
		return
	}
	var buffer [utf8.UTFMax]byte
	n := utf8.EncodeRune(buffer[:], u.r)
	decomposed := norm.NFKD.Properties(buffer[:n]).Decomposition()
	if decomposed == nil {
		v.foldRune(u.r, u.from, u.to)
		return
	}
	for _, r := range string(decomposed) {
		if c := twins[r]; c != 0 {
			v.add(c, u.from, u.to)
		} else if !unicode.In(r, unicode.Mn) {
			v.foldRune(r, u.from, u.to)
		}
	}
}

func (v *view) foldRune(r rune, from, to int32) {
	c := someSign
	switch {
	case r < utf8.RuneSelf:
		c = byte(r)
	case unicode.Is(unicode.Nd, r):
		c = '0' + digitValue(r)
	case enclosed(r) != 0:
		c = enclosed(r)
	case unicode.Is(unicode.Pd, r):
		c = '-'
	case unicode.Is(unicode.Zs, r):
		c = ' '
	case r == '\u2028' || r == '\u2029' || r == '\u0085':
		c = lineEnd
	case unicode.Is(unicode.Sc, r):
		c = '$'
	case unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt):
		c = someLetter // letters without case, as in Chinese, are not joined into words
	}
	v.add(c, from, to)
}

// digitValue is the value of a decimal digit of any script: Unicode has them in rows of ten from 0 to 9 (chapter 4.6 of its standard).
func digitValue(r rune) byte {
	value := byte(0)
	for first := r; value < 9 && unicode.Is(unicode.Nd, first-1) && !isZero(first); first-- {
		value++
	}
	return value
}

// isZero says whether a digit begins a row although the row before it ends where it begins: those of the mathematical alphabets.
func isZero(r rune) bool { return r >= 0x1d7ce && r <= 0x1d7ff && (r-0x1d7ce)%10 == 0 }

// enclosed is a digit in a circle that Unicode does not take apart; zero for any other character.
func enclosed(r rune) byte {
	for _, first := range []rune{'\u24f5', '\u2776', '\u2780', '\u278a'} { // of the digits 1 to 9
		if r >= first && r < first+9 {
			return '1' + byte(r-first)
		}
	}
	if r == '\u24ff' || r == '\U0001f10b' || r == '\U0001f10c' {
		return '0'
	}
	return 0
}

// blankLetters look like nothing and are neither spaces nor marked as invisible.
var blankLetters = map[rune]bool{'\u115f': true, '\u1160': true, '\u3164': true, '\uffa0': true, '\u2800': true}

// raised says whether a digit stands above or below the line.
func raised(r rune) bool {
	return r == '²' || r == '³' || r == '¹' || r >= '⁰' && r <= '⁹' || r >= '₀' && r <= '₉'
}

// twins are characters that look like another of ASCII, as they are used for filters to miss a word or a number (Unicode Technical Standard
// 39 has all of them; these are what is seen in scams).
var twins = map[rune]byte{
	'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'Х': 'X', 'І': 'I', 'Ј': 'J', 'Ѕ': 'S',
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ј': 'j', 'ѕ': 's', 'һ': 'h', 'ԁ': 'd', 'ӏ': 'l', 'Ӏ': 'I',
	'Α': 'A', 'Β': 'B', 'Ε': 'E', 'Ζ': 'Z', 'Η': 'H', 'Ι': 'I', 'Κ': 'K', 'Μ': 'M', 'Ν': 'N', 'Ο': 'O', 'Ρ': 'P', 'Τ': 'T', 'Υ': 'Y', 'Χ': 'X',
	'ο': 'o', 'ν': 'v', 'ι': 'i', 'ı': 'i', 'ɩ': 'i', 'ⅼ': 'l', 'Ⅰ': 'I', 'ⅰ': 'i', 'ｏ': 'o',
	'−': '-', '﹣': '-', '－': '-', 'ー': '-', '⁃': '-', '﹢': '+', '＋': '+', '➕': '+', '✚': '+', '⊕': '+',
	'·': '.', '•': '.', '∙': '.', '⋅': '.', '●': '.', '▪': '.', '◦': '.', '。': '.', '・': '.', '․': '.',
	'⁄': '/', '∕': '/', '¦': '|', '∣': '|', 'ǀ': '|', '’': '\'', '‘': '\'', '“': '"', '”': '"',
}
