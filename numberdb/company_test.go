package numberdb

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestShippedCompanies(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	slugs, lines := map[Brand]bool{}, map[Target]bool{}
	for _, c := range ShippedCompanies() {
		if faults := c.Check(now); faults != nil {
			t.Errorf("%s: %v", c.Slug, faults)
		}
		if slugs[c.Slug] || len(c.Lines) == 0 {
			t.Errorf("%s is there twice, or without a line", c.Slug)
		}
		slugs[c.Slug] = true
		for _, l := range c.Lines {
			if lines[l.Target] || !l.Target.Number.Valid() || !strings.HasPrefix(l.Source, "https://") {
				t.Errorf("%s: the line %v is another company's, not assigned, or without a safe source", c.Slug, l.Target)
			}
			lines[l.Target] = true
		}
	}
	if len(slugs) < 5 {
		t.Errorf("only %d companies", len(slugs))
	}
}

func TestCompanyFaults(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	sound := func() Company {
		return Company{Slug: "amazon", Name: "Amazon", Lines: []GenuineLine{
			{Target: Target{Number: 12025550143}, Source: "https://example.com/", Checked: Date(DayOf(now) - 30)},
		}}
	}
	if c := sound(); c.Check(now) != nil {
		t.Fatal(c.Check(now))
	}
	for field, spoil := range map[string]func(*Company){
		"slug":               func(c *Company) { c.Slug = "Amazon!" },
		"name":               func(c *Company) { c.Name = "a\nb" },
		"kind":               func(c *Company) { c.Kind = 99 },
		"numbers":            func(c *Company) { c.Lines = make([]GenuineLine, MaxLines+1) },
		"numbers[0].number":  func(c *Company) { c.Lines[0].Target = Target{Number: 1809, Prefix: true} },
		"numbers[1].number":  func(c *Company) { c.Lines = append(c.Lines, c.Lines[0]) },
		"numbers[0].note":    func(c *Company) { c.Lines[0].Note = strings.Repeat("x", MaxLineNote+1) },
		"numbers[0].source":  func(c *Company) { c.Lines[0].Source = "javascript:alert(1)" },
		"numbers[0].checked": func(c *Company) { c.Lines[0].Checked = Date(DayOf(now) + 2) },
		"prompt":             func(c *Company) { c.Prompt = "../x" },
	} {
		c := sound()
		spoil(&c)
		if faults := c.Check(now); !faults.Has(field) {
			t.Errorf("%s: the faults are %v", field, faults)
		}
	}
}

func TestCompanyAsJSON(t *testing.T) {
	for _, c := range ShippedCompanies() {
		text, err := json.Marshal(c)
		var back Company
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		again, _ := json.Marshal(back)
		if err != nil || string(again) != string(text) {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	var d Date
	if err := d.UnmarshalText([]byte("31.1.2026")); err == nil || !strings.Contains(err.Error(), "2026-01-31") {
		t.Errorf("got %v", err)
	}
}

func TestCompanyMatches(t *testing.T) {
	c := Company{Slug: "best-buy", Name: "Best Buy", Lines: []GenuineLine{{Target: Target{Number: 12025550143}}}}
	for text, want := range map[string]bool{"": true, " best": true, "T B": true, "-bu": true, "202 555 0143": true, "0143": true, "14": false, "amazon": false, "\xff": false} {
		if c.Matches(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestCovers(t *testing.T) {
	for text, want := range map[string]uint64{
		"+12025550143": 1, "+12025550*": 1000, "+1202555*": 10_000, "+1000000*": 0, "+3319900*": 10_000, "+331990012345*": 0,
	} {
		target, err := ParseTarget(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Covers(); got != want {
			t.Errorf("%s covers %d, want %d", text, got, want)
		}
	}
}
