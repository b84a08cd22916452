package numberdb

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestCanonicalLeadHoldsForAllNumbers tries numbers below every lead: none may be read as anything but itself.
func TestCanonicalLeadHoldsForAllNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	origins := []Origin{{}, {Region: "US"}, {Region: "FR", Bare: BareE164}, {Region: "AR"}, {Region: "IT"}}
	held := 0
	for _, width := range []int{3, 4} {
		for lead := range pow10(width) {
			for digits := 8; digits <= 15; digits++ {
				text := fmt.Sprintf("%0*d", width, lead)
				if !CanonicalLead(text, digits) {
					continue
				}
				held++
				number := text + fmt.Sprintf("%0*d", digits-width, random.Int64N(int64(pow10(digits-width))))
				for _, o := range origins {
					if p := o.Parse("+" + number); p.Kind != KindE164 || p.Number.String() != "+"+number {
						t.Fatalf("+%s is read as %v %v in %q, but %s may begin %d digits", number, p.Kind, p.Number, o.Region, text, digits)
					}
				}
			}
		}
	}
	if held < 5000 {
		t.Errorf("only %d leads hold: hardly a number could be told", held)
	}
}

// TestCanonicalLeadTellsMostNumbers wants four digits to be enough for the numbers of large countries.
func TestCanonicalLeadTellsMostNumbers(t *testing.T) {
	for lead, digits := range map[string]int{"1202": 11, "4420": 12, "3319": 11, "4930": 11, "3906": 11, "5511": 13, "9198": 12, "8613": 13, "3531": 11} {
		if !CanonicalLead(lead, digits) {
			t.Errorf("%s, %d digits: not told", lead, digits)
		}
	}
}

func TestCanonicalLeadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		lead   string
		digits int
	}{
		"too short a lead":      {"12", 11},
		"no country code":       {"999", 11},
		"zero":                  {"0440", 12},
		"a national prefix":     {"4402", 13},
		"a national one":        {"1120", 11},
		"too few digits":        {"1202", 7},
		"too many digits":       {"1202", 16},
		"another length":        {"1202", 12},
		"a lead beyond the end": {"12025550143", 8},
		"letters":               {"12a", 11},
	} {
		if CanonicalLead(tc.lead, tc.digits) {
			t.Errorf("%s: %s with %d digits is told as canonical", name, tc.lead, tc.digits)
		}
	}
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
