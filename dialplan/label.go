package dialplan

import "strings"

// labels are the caller names that a labelled call shows, by language: with the impersonated brand, and without. Telephones show
// some 15 to 25 characters, so the warning comes first.
var labels = map[string]struct{ brand, generic string }{
	"en": {"Fraud? Fake {brand}", "Suspected fraud"},
	"fr": {"Fraude ? Faux {brand}", "Fraude possible"},
	"es": {"¿Fraude? Falso {brand}", "Posible fraude"},
	"de": {"Betrug? Angeblich {brand}", "Betrugsverdacht"},
	"hi": {"धोखा? नकली {brand}", "धोखाधड़ी की आशंका"},
	"zh": {"疑似诈骗：假冒{brand}", "疑似诈骗"},
	"pt": {"Fraude? Falso {brand}", "Possível fraude"},
	"it": {"Frode? Falso {brand}", "Sospetta frode"},
}

// Label is the value for VarLabel: the caller name that warns the called person, at most MaxLabel bytes. A language without a label
// gets English, an empty or unfit slug the form without a brand.
func Label(language, slug string) string {
	l, ok := labels[language]
	if !ok {
		l = labels["en"]
	}
	if !validSlug(slug) {
		return l.generic
	}
	return strings.ReplaceAll(l.brand, "{brand}", BrandName(slug))
}
