package numberdb

import (
	"encoding"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// closed is a closed type's value and pointer in one, so that one test covers them all.
type closed interface {
	encoding.TextMarshaler
	String() string
}

func testNames[T interface {
	~uint8
	closed
}, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, names []string, value func(i int) T) {
	t.Helper()
	for i, want := range names {
		v := value(i)
		text, err := v.MarshalText()
		if err != nil || string(text) != want || v.String() != want {
			t.Errorf("%d is written %q, %v and shown as %q; want %q", i, text, err, v, want)
		}
		got := T(255)
		if err := P(&got).UnmarshalText([]byte(want)); err != nil || got != v {
			t.Errorf("%q is read as %v, %v", want, got, err)
		}
	}
	beyond := value(len(names))
	if text, err := beyond.MarshalText(); !errors.Is(err, ErrUnknownName) {
		t.Errorf("a value without a name is written %q, %v", text, err)
	}
	if beyond.String() == "" {
		t.Error("a value without a name shows as nothing")
	}
	before := value(1)
	got := before
	err := P(&got).UnmarshalText([]byte("nonsense"))
	if !errors.Is(err, ErrUnknownName) || !strings.Contains(err.Error(), names[0]) || got != before {
		t.Errorf("an unknown name gives %v and the value %v", err, got)
	}
}

func TestNamesOfClosedTypes(t *testing.T) {
	t.Run("role", func(t *testing.T) { testNames(t, roleNames, func(i int) Role { return Role(i) }) })
	t.Run("standing", func(t *testing.T) { testNames(t, standingNames, func(i int) Standing { return Standing(i) }) })
	t.Run("class", func(t *testing.T) { testNames(t, classNames, func(i int) Class { return Class(i) }) })
	t.Run("category", func(t *testing.T) { testNames(t, categoryNames, func(i int) Category { return Category(i) }) })
	t.Run("arrival", func(t *testing.T) { testNames(t, arrivalNames, func(i int) Arrival { return Arrival(i) }) })
	t.Run("source kind", func(t *testing.T) { testNames(t, sourceNames, func(i int) SourceKind { return SourceKind(i) }) })
	t.Run("proposal kind", func(t *testing.T) {
		testNames(t, proposalKindNames, func(i int) ProposalKind { return ProposalKind(i) })
	})
	t.Run("proposal state", func(t *testing.T) {
		testNames(t, proposalStateNames, func(i int) ProposalState { return ProposalState(i) })
	})
	t.Run("roles", func(t *testing.T) { testNames(t, roleNames, func(i int) Roles { return 1 << i }) })
	t.Run("marks", func(t *testing.T) { testNames(t, markNames, func(i int) Marks { return 1 << i }) })
	t.Run("red flags", func(t *testing.T) {
		// All eight bits have a name: the one beyond is that of a set with fewer.
		for i, want := range redFlagNames {
			if got := (RedFlags(1) << i).String(); got != want {
				t.Errorf("bit %d is %q, want %q", i, got, want)
			}
		}
	})
}

func TestSetsInJSON(t *testing.T) {
	both := RolesOf(RoleCallback, RoleCallerID)
	for text, want := range map[string]Roles{
		`["callback","caller_id"]`: both,
		`"callback, caller_id"`:    both,
		`["caller_id"]`:            RolesOf(RoleCallerID),
		`[]`:                       0,
		`""`:                       0,
	} {
		var got Roles
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{`["callback","owner"]`, `3`, `{"callback":true}`, `[1]`} {
		got := both
		if err := json.Unmarshal([]byte(text), &got); err == nil || got != both {
			t.Errorf("%s is read as %v, %v", text, got, err)
		}
	}
	b, err := json.Marshal(struct {
		Roles Roles
		Flags RedFlags
	}{both, RedFlagFee | RedFlagGiftCards})
	if want := `{"Roles":["callback","caller_id"],"Flags":["gift_cards","fee"]}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v; want %s", b, err, want)
	}
}

func TestBrandValid(t *testing.T) {
	for brand, want := range map[Brand]bool{
		"": true, "amazon": true, "best-buy": true, "3": true, Brand(strings.Repeat("a", 32)): true,
		Brand(strings.Repeat("a", 33)): false, "Amazon": false, "a b": false, "é": false, "a\x00": false, "a/b": false,
	} {
		if brand.Valid() != want {
			t.Errorf("Brand(%q).Valid() = %v", brand, !want)
		}
	}
}

func TestTargetText(t *testing.T) {
	for text, want := range map[string]Target{
		"+12025550143": {Number: 12025550143},
		"+1202555*":    {Number: 1202555, Prefix: true},
	} {
		var got Target
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "*", "+*", "+0*", "+1a*", "+1**", "1202555*", "+1234567890123456*", "+1 202*", "+１*", "+-1*"} {
		if got, err := ParseTarget(text); !errors.Is(err, ErrNotE164) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	if got := (Target{Number: 12025550143}).LogValue().String(); strings.Contains(got, "2025550") {
		t.Errorf("a log would name %s", got)
	}
}
