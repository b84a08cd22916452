package pages

import (
	"sort"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// regions is all countries that have telephone numbers, by name in the person's language, after the operator's own.
func (v *visit) regions(chosen string) []option {
	var list []option
	for code := range phonenumbers.GetSupportedRegions() {
		list = append(list, option{code, v.words.region(code), code == chosen})
	}
	order := collate.New(language.MustParse(v.words.tag))
	sort.Slice(list, func(i, j int) bool { return order.CompareString(list[i].Text, list[j].Text) < 0 })
	return append([]option{{"", v.words.text("report.region.own"), chosen == ""}}, list...)
}
