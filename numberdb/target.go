package numberdb

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// String is the target as people write it: +12025550143, or +1202555* for a range. It names a subscriber: log the Target itself.
func (t Target) String() string {
	if t.Prefix {
		return t.Number.String() + "*"
	}
	return t.Number.String()
}

// LogValue implements [slog.LogValuer]: a number is masked, a range is not, for it names nobody.
func (t Target) LogValue() slog.Value {
	if t.Prefix {
		return slog.StringValue(t.String())
	}
	return t.Number.LogValue()
}

// MarshalText implements [encoding.TextMarshaler] with [Target.String].
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseTarget].
func (t *Target) UnmarshalText(text []byte) error {
	v, err := ParseTarget(string(text))
	if err == nil {
		*t = v
	}
	return err
}

// ParseTarget reads a number in E.164 form, or a plus, 1 to 14 digits and a star for a range. Whether a range is narrow enough to
// be listed is for [Decision.Check] to say. The error wraps [ErrNotE164].
func ParseTarget(s string) (Target, error) {
	digits, isPrefix := strings.CutSuffix(s, "*")
	if !isPrefix {
		n, err := ParseE164(s)
		return Target{Number: n}, err
	}
	if len(digits) < 2 || len(digits) > 15 || digits[0] != '+' || digits[1] < '1' || digits[1] > '9' {
		return Target{}, fmt.Errorf("range %.20q: %w", s, ErrNotE164)
	}
	n, err := strconv.ParseUint(digits[1:], 10, 64)
	if err != nil {
		return Target{}, fmt.Errorf("range %.20q: %w", s, ErrNotE164)
	}
	return Target{Number: Number(n), Prefix: true}, nil
}
