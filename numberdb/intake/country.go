package intake

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// countryName is the English name of a region of ISO 3166-1; empty if there is none.
func countryName(region string) string {
	r, err := language.ParseRegion(region)
	if err != nil {
		return ""
	}
	return display.English.Regions().Name(r)
}
