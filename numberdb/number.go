package numberdb

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
)

// Number is an international telephone number of ITU-T E.164: country code and national significant number, at most 15 digits,
// without the plus. Zero means that there is no number.
//
// Its String is the full number; in a log record ([slog.LogValuer]) all but the country code and the last two digits are masked,
// so that no log names a subscriber.
type Number uint64

// MaxNumber is the largest number of 15 digits, the most that ITU-T E.164 (11/2010) section 6.1 allows.
const MaxNumber Number = 999_999_999_999_999

// String is the number in E.164 form with the plus, such as +12025550143, or empty for none.
func (n Number) String() string {
	if n == 0 {
		return ""
	}
	return string(n.appendE164(make([]byte, 0, 16)))
}

// appendE164 appends the E.164 form to b, nothing for no number.
func (n Number) appendE164(b []byte) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, '+'), uint64(n), 10)
}

// Masked is the number with all digits but the country code and the last two replaced by x: +1xxxxxxxx43.
func (n Number) Masked() string {
	if n == 0 {
		return ""
	}
	b := n.appendE164(make([]byte, 0, 16))
	for i := 1 + countryCodeLen(b[1:]); i < len(b)-2; i++ {
		b[i] = 'x'
	}
	return string(b)
}

// LogValue implements [slog.LogValuer] with [Number.Masked].
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

// MarshalText implements [encoding.TextMarshaler] with the E.164 form.
func (n Number) MarshalText() ([]byte, error) { return n.appendE164(nil), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseE164]; an empty text is no number.
func (n *Number) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*n = 0
		return nil
	}
	v, err := ParseE164(string(text))
	*n = v
	return err
}

// ErrNotE164 says that a text is not a number in E.164 form.
var ErrNotE164 = errors.New("not an E.164 number: write + and 7 to 15 digits, the first not 0")

// ParseE164 reads a plus and 7 to 15 digits, nothing else: the form in which Linewarden itself writes numbers. What people or
// networks write goes through [Origin.Parse]. The error wraps [ErrNotE164].
func ParseE164(s string) (Number, error) {
	if len(s) < 8 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return 0, fmt.Errorf("%.20q: %w", s, ErrNotE164)
	}
	var n uint64
	for i := 1; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, fmt.Errorf("%.20q: %w", s, ErrNotE164)
		}
		n = n*10 + uint64(d)
	}
	return Number(n), nil
}

// countryCodeLen is how many of the leading digits are the country code, by the assignments of ITU-T E.164 Annex D: zones 1 and 7
// have one digit, the listed ones two, all others three.
func countryCodeLen(digits []byte) int {
	if len(digits) < 2 {
		return len(digits)
	}
	switch digits[0] {
	case '1', '7':
		return 1
	}
	switch string(digits[:2]) {
	case "20", "27", "28", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
		"51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66",
		"81", "82", "83", "84", "86", "89", "90", "91", "92", "93", "94", "95", "98":
		return 2
	}
	return min(3, len(digits))
}
