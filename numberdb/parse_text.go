package numberdb

import (
	"slices"
	"strings"
	"unicode"
)

// dialled is a number text reduced to what can be dialled.
type dialled struct {
	digits      string // ASCII digits; those behind an extension mark or a pause are left out
	plus        bool   // they followed a plus
	serviceCode bool   // they followed a service code such as *67 or #31#, which changes how a call is made, not to whom
}

// maxDigits is the most digits that are looked at: a number of 15 behind a prefix and a carrier's code.
const maxDigits = 32

// readDialled reads the digits from a text of any script. Spaces, punctuation, and invisible characters as they come along with
// copied text are passed over; what no number contains, such as control characters, makes the text no number. Three or more
// letters among the digits stand for the digits of their keys (ITU-T E.161). With label, words may stand before the number.
func readDialled(text string, label bool) (dialled, bool) {
	s, ok := foldText(text)
	if !ok {
		return dialled{}, false
	}
	s = strings.TrimLeft(s, " ")
	if label {
		s = cutLabel(s)
	}
	var d dialled
	if s, d.serviceCode = cutServiceCode(s); d.serviceCode {
		s = strings.TrimLeft(s, " ")
	}
	if rest := strings.TrimLeft(s, "+"); rest != s {
		d.plus, s = true, rest
	}
	var letters int
	d.digits, letters, ok = keyedDigits(s)
	switch {
	case !ok, letters > 0 && letters < 3, len(d.digits) > maxDigits:
		return dialled{}, false
	case d.digits == "":
		return dialled{}, d.serviceCode
	}
	return d, true
}

// keyedDigits takes the digits up to an extension or a pause, letters by their keys, and counts the letters.
func keyedDigits(s string) (digits string, letters int, ok bool) {
	var b []byte
	for len(s) > 0 {
		switch c := s[0]; {
		case c == ' ':
			s = s[1:]
		case '0' <= c && c <= '9':
			b, s = append(b, c), s[1:]
		case c == '#' || c == ',':
			return string(b), letters, true
		case 'a' <= c && c <= 'z':
			if len(b) == 0 {
				return "", 0, false
			}
			word := s[:len(s)-len(strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz"))]
			s = s[len(word):]
			if marksExtension(word, s) {
				return string(b), letters, true
			}
			for i := range len(word) {
				b = append(b, "22233344455566677778889999"[word[i]-'a'])
			}
			letters += len(word)
		default:
			return "", 0, false
		}
	}
	return string(b), letters, true
}

// marksExtension says whether a word between digits begins what is dialled after the call is answered.
func marksExtension(word, rest string) bool {
	rest = strings.TrimLeft(rest, " ")
	if rest != "" && (rest[0] < '0' || rest[0] > '9') {
		return false
	}
	switch word {
	case "x", "xt", "ext", "extn", "extension", "xtn", "int", "anexo", "poste", "ramal", "dw", // names of an extension
		"p", "w": // pauses
		return true
	}
	return false
}

// cutLabel takes away words before a number, such as "Tel.". They must be parted from it: in alice2025550143 is no number.
func cutLabel(s string) string {
	start := strings.IndexAny(s, "+*#0123456789")
	if start <= 0 || s[start-1] != ' ' || strings.ContainsRune(s[:start], ',') {
		return s
	}
	return s[start:]
}

// cutServiceCode takes away a service code: * or # and up to three digits and closing * or # (3GPP TS 22.030: #31#), or * and two
// digits (North America: *67). A code that nothing follows leaves nothing.
func cutServiceCode(s string) (string, bool) {
	number := strings.TrimLeft(s, "*#")
	if number == s {
		return s, false
	}
	code := number[:len(number)-len(strings.TrimLeft(number, "0123456789"))]
	rest := number[len(code):]
	switch {
	case rest != "" && (rest[0] == '*' || rest[0] == '#') && len(code) <= 3:
		return strings.TrimLeft(rest, "*#"), true
	case len(code) <= 3 && strings.Trim(rest, " ") == "":
		return "", true
	case len(code) >= 2 && s[0] == '*':
		return number[2:], true
	}
	return s, false
}

// foldText maps a text to lower-case ASCII: digits of any script to digits, separators to spaces, letters of other scripts to '?'.
// It reports whether the text holds nothing else.
func foldText(text string) (string, bool) {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r >= '！' && r <= '～' { // full-width forms, as far from ASCII as U+FF01 is from U+0021
			r -= '！' - '!'
		}
		switch {
		case r < unicode.MaxASCII:
			c := foldASCII(byte(r))
			if c == 0 {
				return "", false
			}
			b = append(b, c)
		case r == unicode.ReplacementChar:
			return "", false
		case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me): // invisible, or part of the character before
		case r == '﹢' || r == '➕':
			b = append(b, '+')
		case unicode.Is(unicode.Nd, r):
			b = append(b, '0'+digitValue(r))
		case unicode.In(r, unicode.Zs, unicode.Pd, unicode.So) || strings.ContainsRune("−ー·•", r):
			b = append(b, ' ')
		case unicode.IsLetter(r):
			b = append(b, '?')
		default:
			return "", false
		}
	}
	return string(b), true
}

// foldASCII is foldText for one ASCII character, zero for one that no number contains.
func foldASCII(c byte) byte {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', strings.IndexByte("+*#,", c) >= 0:
		return c
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case strings.IndexByte(" \t-./()[]~:_'", c) >= 0:
		return ' '
	}
	return 0
}

// digitValue is the value of a decimal digit of any script. Unicode has them in rows of ten from 0 to 9 (chapter 4.6 of its
// standard), some of which follow upon one another.
func digitValue(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	return 0
}

// withheldWords are what networks and telephones write where the number is withheld or missing, letters only: those of RFC 3323 and
// 3GPP TS 24.607 and 24.229, the codes O and P of Telcordia GR-31, and what is seen in the field.
var withheldWords = []string{
	"anonym", "anonymous", "blocked", "callerunknown", "coinlinepayphone", "idunavailable", "idwithheld",
	"interactionwithotherservice", "nocallerid", "none", "nonumber", "notavailable", "null", "numberunavailable", "numberwithheld",
	"o", "outofarea", "p", "private", "privatecaller", "privatenumber", "restricted", "unavailable", "unknown", "unknowncaller",
	"unknownnumber", "withheld",
}

// saysWithheld says whether a text is nothing, or words for a number that is not given.
func saysWithheld(text string) bool {
	s, ok := foldText(text)
	if !ok {
		return false
	}
	s = strings.ReplaceAll(s, " ", "")
	_, found := slices.BinarySearch(withheldWords, s)
	return s == "" || found
}
