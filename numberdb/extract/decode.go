package extract

import (
	"regexp"
	"unicode/utf8"
)

// quotedPrintable is what only quoted-printable text (RFC 2045 section 6.7) is likely to hold: a line end that does not count, an equals sign, a
// blank at the end of a line, or the first byte of a character beyond ASCII.
var quotedPrintable = regexp.MustCompile(`=\r?\n|=3D|=20\r?\n|=C[23]=[89AB][0-9A-F]|=E2=80`)

// looksQuotedPrintable says whether an e-mail was copied as it is sent, not as it is shown.
func looksQuotedPrintable(source string) bool { return quotedPrintable.MatchString(source) }

// decodeQuotedPrintable replaces the escapes. What is no escape stays.
func decodeQuotedPrintable(units []unit) []unit {
	plain := make([]unit, 0, len(units))
	for i := 0; i < len(units); {
		if units[i].r != '=' {
			plain = append(plain, units[i])
			i++
			continue
		}
		if n := softBreak(units[i:]); n > 0 {
			i += n
			continue
		}
		bytes, next := escapedBytes(units, i)
		if len(bytes) == 0 {
			plain = append(plain, units[i])
			i++
			continue
		}
		for len(bytes) > 0 {
			r, size := utf8.DecodeRune(bytes)
			plain = append(plain, unit{r, units[i].from, units[i+3*size-1].to})
			bytes, i = bytes[size:], i+3*size
		}
		i = next
	}
	return plain
}

// softBreak is how many characters a line end takes that does not count; zero if there is none.
func softBreak(units []unit) int {
	switch {
	case len(units) > 1 && units[1].r == '\n':
		return 2
	case len(units) > 2 && units[1].r == '\r' && units[2].r == '\n':
		return 3
	}
	return 0
}

// escapedBytes reads escapes that follow one another, and gives where they end.
func escapedBytes(units []unit, i int) (bytes []byte, next int) {
	for i+2 < len(units) && units[i].r == '=' {
		high, low := hexValue(units[i+1].r), hexValue(units[i+2].r)
		if high < 0 || low < 0 {
			break
		}
		bytes = append(bytes, byte(high<<4|low))
		i += 3
	}
	return bytes, i
}

func hexValue(r rune) int {
	switch {
	case '0' <= r && r <= '9':
		return int(r - '0')
	case 'A' <= r && r <= 'F':
		return int(r-'A') + 10
	case 'a' <= r && r <= 'f':
		return int(r-'a') + 10
	}
	return -1
}
