package dialplan

import (
	"strings"
	"testing"
)

func TestLabel(t *testing.T) {
	for _, c := range []struct{ language, slug, want string }{
		{"en", "amazon", "Fraud? Fake Amazon"},
		{"fr", "", "Fraude possible"},
		{"fr", "a-brand-we-cannot-speak", "Fraude ? Faux a-brand-we-cannot-speak"},
		{"xx", "paypal", "Fraud? Fake PayPal"},
		{"en", "${SHELL(id)}", "Suspected fraud"},
		{"en", strings.Repeat("a", 33), "Suspected fraud"},
	} {
		if got := Label(c.language, c.slug); got != c.want {
			t.Errorf("Label(%q, %q) = %q, want %q", c.language, c.slug, got, c.want)
		}
	}
	for language := range labels {
		if got := Label(language, strings.Repeat("a", 32)); len(got) > MaxLabel {
			t.Errorf("%s: %q has %d bytes, the dialplan passes on %d", language, got, len(got), MaxLabel)
		}
	}
}
