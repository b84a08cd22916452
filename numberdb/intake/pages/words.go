package pages

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/linewarden/linewarden/dialplan"
)

// prettyNumber is a number in groups, as its country writes it for foreigners: "+1 202-555-0143". What is no number, such as a range, is
// left as it is.
func prettyNumber(e164 string) string {
	if !strings.HasPrefix(e164, "+") || strings.HasSuffix(e164, "*") {
		return e164
	}
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return e164
	}
	return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}

// brandName is how people write a brand.
func brandName(slug string) string { return dialplan.BrandName(slug) }

// money is a sum in a currency.
func (l *words) money(sum float64, currency string) string {
	if sum == 0 {
		return ""
	}
	return l.print.Sprintf("%.2f", sum) + " " + currency
}

// inert is a text that somebody outside sent, without the characters that change how the text around them is read: controls, and the
// marks that turn its direction (Unicode TR 36: a number can be made to read backwards). Each becomes a mark that can be seen.
func inert(text string) string {
	const shown = '\ufffd'
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return -1
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c': // joiners are part of scripts and emoji
			return shown
		}
		return r
	}, strings.ToValidUTF8(text, string(shown)))
}
