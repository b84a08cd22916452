package numberdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The names by which the closed types are written in JSON, in configuration, on the command line and as metric labels. A name is
// stored with every report and decision: never rename one.
var (
	roleNames     = []string{"callback", "caller_id"}
	standingNames = []string{"none", "watch", "warn", "block", "cleared", "protected"}
	classNames    = []string{"analytics", "do_not_originate", "subscriber_request"}
	markNames     = []string{"opt_out", "allowed"}
	categoryNames = []string{"other", "fake_customer_care", "tech_support", "refund", "account_locked", "order_or_delivery", "payment"}
	arrivalNames  = []string{"unknown", "call", "voicemail", "sms", "email", "popup", "chat", "search"}
	redFlagNames  = []string{"sign_in_code", "card_or_bank_data", "remote_access", "gift_cards", "odd_purchases", "fee", "installs_software", "refund"}
	sourceNames   = []string{"public", "feed", "partner", "staff"}

	proposalKindNames  = []string{"decision", "bulk", "brand", "access"}
	proposalStateNames = []string{"pending", "approved", "rejected", "withdrawn", "expired"}
)

// ErrUnknownName is wrapped by every error about a text that names no member of a closed type.
var ErrUnknownName = errors.New("unknown name")

// name is the name of a value, or says that there is none, such as "standing(9)".
func name[T ~uint8](v T, what string, names []string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", what, uint8(v))
}

// marshalName is the name of a value; one without a name is an error.
func marshalName[T ~uint8](v T, what string, names []string) ([]byte, error) {
	if int(v) < len(names) {
		return []byte(names[v]), nil
	}
	return nil, fmt.Errorf("%s %d: %w", what, uint8(v), ErrUnknownName)
}

// parseName sets v to the value that has the name, and leaves it alone if there is none.
func parseName[T ~uint8](v *T, text string, what string, names []string) error {
	for i, n := range names {
		if n == text {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%w of a %s: %.40q: use one of %s", ErrUnknownName, what, text, strings.Join(names, ", "))
}

// members are the names of the members of a set whose bits are the values of a closed type.
func members[S ~uint8](set S, what string, names []string) ([]string, error) {
	if int(set)>>len(names) != 0 {
		return nil, fmt.Errorf("%s set %#b: %w", what, uint8(set), ErrUnknownName)
	}
	list := []string{}
	for i, n := range names {
		if set&(1<<i) != 0 {
			list = append(list, n)
		}
	}
	return list, nil
}

// marshalSet is the text form of a set: the names with commas between.
func marshalSet[S ~uint8](set S, what string, names []string) ([]byte, error) {
	list, err := members(set, what, names)
	return []byte(strings.Join(list, ",")), err
}

// marshalSetJSON is the JSON form of a set: a list of names.
func marshalSetJSON[S ~uint8](set S, what string, names []string) ([]byte, error) {
	list, err := members(set, what, names)
	if err != nil || len(list) == 0 {
		return []byte("[]"), err
	}
	return []byte(`["` + strings.Join(list, `","`) + `"]`), nil // names need no escapes
}

// parseSet sets set to the members that list names, and leaves it alone if one is unknown.
func parseSet[S ~uint8](set *S, list []string, what string, names []string) error {
	var s S
	for _, text := range list {
		var bit uint8
		if err := parseName(&bit, strings.TrimSpace(text), what, names); err != nil {
			return err
		}
		s |= 1 << bit
	}
	*set = s
	return nil
}

// parseSetText reads names with commas between; an empty text is the empty set.
func parseSetText[S ~uint8](set *S, text []byte, what string, names []string) error {
	if len(text) == 0 {
		*set = 0
		return nil
	}
	return parseSet(set, strings.Split(string(text), ","), what, names)
}

// parseSetJSON reads a list of names, or one text as [parseSetText] does.
func parseSetJSON[S ~uint8](set *S, b []byte, what string, names []string) error {
	if len(b) > 0 && b[0] == '"' {
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		return parseSetText(set, []byte(text), what, names)
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("%s set: write a list of %s: %w", what, strings.Join(names, ", "), err)
	}
	return parseSet(set, list, what, names)
}

func (r Role) String() string                { return name(r, "role", roleNames) }
func (r Role) MarshalText() ([]byte, error)  { return marshalName(r, "role", roleNames) }
func (r *Role) UnmarshalText(b []byte) error { return parseName(r, string(b), "role", roleNames) }

func (s Roles) String() string                { return setString(s, "role", roleNames) }
func (s Roles) MarshalText() ([]byte, error)  { return marshalSet(s, "role", roleNames) }
func (s *Roles) UnmarshalText(b []byte) error { return parseSetText(s, b, "role", roleNames) }
func (s Roles) MarshalJSON() ([]byte, error)  { return marshalSetJSON(s, "role", roleNames) }
func (s *Roles) UnmarshalJSON(b []byte) error { return parseSetJSON(s, b, "role", roleNames) }

func (s Standing) String() string               { return name(s, "standing", standingNames) }
func (s Standing) MarshalText() ([]byte, error) { return marshalName(s, "standing", standingNames) }
func (s *Standing) UnmarshalText(b []byte) error {
	return parseName(s, string(b), "standing", standingNames)
}

func (c Class) String() string                { return name(c, "class", classNames) }
func (c Class) MarshalText() ([]byte, error)  { return marshalName(c, "class", classNames) }
func (c *Class) UnmarshalText(b []byte) error { return parseName(c, string(b), "class", classNames) }

func (m Marks) String() string                { return setString(m, "mark", markNames) }
func (m Marks) MarshalText() ([]byte, error)  { return marshalSet(m, "mark", markNames) }
func (m *Marks) UnmarshalText(b []byte) error { return parseSetText(m, b, "mark", markNames) }
func (m Marks) MarshalJSON() ([]byte, error)  { return marshalSetJSON(m, "mark", markNames) }
func (m *Marks) UnmarshalJSON(b []byte) error { return parseSetJSON(m, b, "mark", markNames) }

func (c Category) String() string               { return name(c, "category", categoryNames) }
func (c Category) MarshalText() ([]byte, error) { return marshalName(c, "category", categoryNames) }
func (c *Category) UnmarshalText(b []byte) error {
	return parseName(c, string(b), "category", categoryNames)
}

func (a Arrival) String() string               { return name(a, "arrival", arrivalNames) }
func (a Arrival) MarshalText() ([]byte, error) { return marshalName(a, "arrival", arrivalNames) }
func (a *Arrival) UnmarshalText(b []byte) error {
	return parseName(a, string(b), "arrival", arrivalNames)
}

func (f RedFlags) String() string                { return setString(f, "red flag", redFlagNames) }
func (f RedFlags) MarshalText() ([]byte, error)  { return marshalSet(f, "red flag", redFlagNames) }
func (f *RedFlags) UnmarshalText(b []byte) error { return parseSetText(f, b, "red flag", redFlagNames) }
func (f RedFlags) MarshalJSON() ([]byte, error)  { return marshalSetJSON(f, "red flag", redFlagNames) }
func (f *RedFlags) UnmarshalJSON(b []byte) error { return parseSetJSON(f, b, "red flag", redFlagNames) }

func (k SourceKind) String() string               { return name(k, "source kind", sourceNames) }
func (k SourceKind) MarshalText() ([]byte, error) { return marshalName(k, "source kind", sourceNames) }
func (k *SourceKind) UnmarshalText(b []byte) error {
	return parseName(k, string(b), "source kind", sourceNames)
}

func (k ProposalKind) String() string { return name(k, "proposal kind", proposalKindNames) }
func (k ProposalKind) MarshalText() ([]byte, error) {
	return marshalName(k, "proposal kind", proposalKindNames)
}
func (k *ProposalKind) UnmarshalText(b []byte) error {
	return parseName(k, string(b), "proposal kind", proposalKindNames)
}

func (s ProposalState) String() string { return name(s, "proposal state", proposalStateNames) }
func (s ProposalState) MarshalText() ([]byte, error) {
	return marshalName(s, "proposal state", proposalStateNames)
}
func (s *ProposalState) UnmarshalText(b []byte) error {
	return parseName(s, string(b), "proposal state", proposalStateNames)
}

// setString is the text form of a set for people, whatever its bits.
func setString[S ~uint8](set S, what string, names []string) string {
	b, err := marshalSet(set, what, names)
	if err != nil {
		return fmt.Sprintf("%s set(%#b)", what, uint8(set))
	}
	return string(b)
}

// Valid says whether the brand is empty or a slug: 1 to 32 of a-z, 0-9 and hyphen.
func (b Brand) Valid() bool { return b == "" || validSlug(string(b)) }

// validSlug says whether s is 1 to 32 of a-z, 0-9 and hyphen.
func validSlug(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
