package numberdb

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Company is somebody whose lines are genuine: a company that criminals pose as, a helpline, a hospital, an authority. Its lines are
// protected: reports about them are kept as signs that they are being forged, and never warn or block anybody.
type Company struct {
	Slug Brand       `json:"slug"`
	Name string      `json:"name"` // as it writes itself: 1 to 100 characters
	Kind CompanyKind `json:"kind"`
	// Lines are its genuine numbers and ranges, at most [MaxLines].
	Lines []GenuineLine `json:"numbers"`
	// NeverAsks is what it never asks for or does on the telephone.
	NeverAsks RedFlags `json:"never_asks"`
	// Prompt is the slug under which a recorded or built clip speaks its name; empty if none does.
	Prompt Brand `json:"prompt,omitempty"`
}

// CompanyRecord is a company as the registry keeps it.
type CompanyRecord struct {
	Company
	// Shipped says that it came with the program, and nobody has changed it since.
	Shipped   bool      `json:"shipped"`
	UpdatedBy string    `json:"updated_by,omitempty"` // who proposed the last change
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	Proposal  string    `json:"proposal,omitempty"` // the proposal by which it was changed last
	// Version counts its changes from 1. The store sets it.
	Version uint64 `json:"-"`
}

// GenuineLine is a number or range of a company, and how that is known.
type GenuineLine struct {
	Target Target `json:"number"`
	Note   string `json:"note,omitempty"` // what it is for: at most 200 characters
	// Source is the address of the page on which the company or an authority says so: http or https.
	Source string `json:"source"`
	// Checked is the day on which somebody looked.
	Checked Date `json:"checked"`
}

// CompanyKind is what sort of a company it is. The zero value is a brand.
type CompanyKind uint8

const (
	CompanyBrand     CompanyKind = iota // sells something, and is impersonated
	CompanyHelpline                     // counsels people, among them victims
	CompanyHospital                     // or another part of health care
	CompanyOperator                     // runs telephone networks
	CompanyAuthority                    // of a state
)

var companyKindNames = []string{"brand", "helpline", "hospital", "operator", "authority"}

// String is the kind's name.
func (k CompanyKind) String() string { return name(k, "company kind", companyKindNames) }

// MarshalText implements [encoding.TextMarshaler] with [CompanyKind.String].
func (k CompanyKind) MarshalText() ([]byte, error) {
	return marshalName(k, "company kind", companyKindNames)
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *CompanyKind) UnmarshalText(b []byte) error {
	return parseName(k, string(b), "company kind", companyKindNames)
}

// Date is a [Day] as people write it: 2026-01-31 (ISO 8601), empty for none.
type Date Day

// String is the date as people write it.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return Day(d).Time().Format(time.DateOnly)
}

// MarshalText implements [encoding.TextMarshaler] with [Date.String].
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("%.40q is no day: write it as 2026-01-31", b)
	}
	*d = Date(DayOf(t))
	return nil
}

// Bounds of a company.
const (
	MaxLines       = 50
	MaxCompanyName = 100
	MaxLineNote    = 200
	MaxLineSource  = 300
)

// Check is all that is wrong with the company at the given time, in the order of its fields; nil if nothing is.
func (c *Company) Check(now time.Time) Faults {
	var f Faults
	if c.Slug == "" {
		f.add("slug", "is missing", "write 1 to 32 of a-z, 0-9 and hyphen, such as amazon")
	}
	if !c.Slug.Valid() {
		f.add("slug", "is not a slug", "write 1 to 32 of a-z, 0-9 and hyphen, such as amazon")
	}
	checkText(&f, "name", c.Name, 1, MaxCompanyName)
	if strings.ContainsAny(c.Name, "\r\n\t") {
		f.add("name", "has more than one line", "write the name on one line")
	}
	checkClosed(&f, "kind", c.Kind, companyKindNames)
	if len(c.Lines) > MaxLines {
		f.add("numbers", fmt.Sprintf("are %d", len(c.Lines)), fmt.Sprintf("name at most %d; a block of numbers is one range", MaxLines))
	}
	seen := map[Target]bool{}
	for i := range c.Lines {
		l := &c.Lines[i]
		at := func(field string) string { return fmt.Sprintf("numbers[%d].%s", i, field) }
		checkTargetNamed(&f, at("number"), l.Target)
		if seen[l.Target] {
			f.add(at("number"), "is there twice", "write each number once")
		}
		seen[l.Target] = true
		checkText(&f, at("note"), l.Note, 0, MaxLineNote)
		checkSource(&f, at("source"), l.Source)
		checkTime(&f, at("checked"), Day(l.Checked).Time(), now)
	}
	if !c.Prompt.Valid() {
		f.add("prompt", "is not a slug", "name the clip by 1 to 32 of a-z, 0-9 and hyphen, or leave it out")
	}
	return f
}

// checkSource wants the address of a public page.
func checkSource(f *Faults, field, s string) {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	if !ok || rest == "" || len(s) > MaxLineSource || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		f.add(field, "is not the address of a page", fmt.Sprintf("write where the company or an authority names the number, beginning with https://, at most %d characters of ASCII", MaxLineSource))
	}
}

// Targets are the company's lines alone.
func (c *Company) Targets() []Target {
	targets := make([]Target, len(c.Lines))
	for i, l := range c.Lines {
		targets[i] = l.Target
	}
	return targets
}

// Matches says whether the company is one that somebody looks for: by a part of its name or slug, whatever the case, or by a number that it
// has. An empty text matches all.
func (c *Company) Matches(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" || utf8.ValidString(text) && strings.Contains(strings.ToLower(c.Name), text) || strings.Contains(string(c.Slug), text) {
		return true
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	return len(digits) >= 4 && slices.ContainsFunc(c.Lines, func(l GenuineLine) bool { return strings.Contains(l.Target.String(), digits) })
}

//go:embed companies.json
var shippedJSON []byte

// ShippedCompanies is the registry with which a new list begins: few, all of them public, each with its source.
var ShippedCompanies = sync.OnceValue(func() []Company {
	var companies []Company
	if err := json.Unmarshal(shippedJSON, &companies); err != nil {
		panic("numberdb: the shipped registry: " + err.Error()) // a test reads it
	}
	return companies
})
