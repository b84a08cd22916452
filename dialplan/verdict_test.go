package dialplan

import (
	"regexp"
	"strings"
	"testing"
)

func TestVerdictExtensions(t *testing.T) {
	const long = "abcdefghijklmnopqrstuvwxyz-01234" // 32
	voice := NewVoice("acme", long)
	label := func(language, slug string) string { return voice.LabelExtension("listed_warn", language, slug) }
	for name, c := range map[string]struct{ got, want string }{
		"plain":                    {VerdictExtension(ActionAllow, "clean"), "allow_clean"},
		"class":                    {BlockExtension("listed_block", ClassDoNotOriginate), "block_listed_block.do_not_originate"},
		"class that needs no word": {BlockExtension("listed_block", ClassAnalytics), "block_listed_block"},
		"hostile class":            {BlockExtension("listed_block", "${SHELL(id)}"), "block_listed_block"},
		"no brand":                 {label("fr", ""), "label_listed_warn.fr.."},
		"brand":                    {label("fr", "att"), "label_listed_warn.fr.att.AT&T"},
		"brand recorded":           {label("fr", "acme"), "label_listed_warn.fr.acme."},
		"brand not spoken":         {label("fr", "other"), "label_listed_warn.fr..other"},
		"long brand":               {label("de-CH-1996", long), "label_listed_warn.de-CH-1996." + long + "."},
		"hostile brand":            {label("fr", "a.b,${SHELL(id)}"), "label_listed_warn.fr.."},
		"brand too long":           {label("fr", long+"5"), "label_listed_warn.fr.."},
		"no language":              {label("", "amazon"), "label_listed_warn.en.amazon.Amazon"},
		"hostile language":         {label("f.r", "amazon"), "label_listed_warn.en.amazon.Amazon"},
		"language of one letter":   {label("h", "amazon"), "label_listed_warn.en.amazon.Amazon"},
		"language of digits":       {label("12", "amazon"), "label_listed_warn.en.amazon.Amazon"},
		"language in script":       {label("中文", "amazon"), "label_listed_warn.en.amazon.Amazon"},
		"language too long":        {label(strings.Repeat("a", 17), "amazon"), "label_listed_warn.en.amazon.Amazon"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
}

// Whatever brand and language a listing and a channel hold, the extension has room and holds only what the dialplan lets pass.
func FuzzLabelExtension(f *testing.F) {
	f.Add("en", "amazon", true)
	f.Add("x\x00", "a-b", false)
	f.Add("zz-zzzzzzzzzzzzz", "abcdefghijklmnopqrstuvwxyz-01234", true)
	f.Add("fr", "..", true)
	fit := regexp.MustCompile(`^label_listed_warn\.[a-z][-_0-9A-Za-z]+\.[-0-9a-z]*\.[-& 0-9A-Za-z]*$`)
	f.Fuzz(func(t *testing.T, language, slug string, recorded bool) {
		voice := NewVoice()
		if recorded {
			voice = NewVoice(slug)
		}
		if got := voice.LabelExtension("listed_warn", language, slug); !fit.MatchString(got) || len(got) > MaxExtension {
			t.Errorf("LabelExtension(%q, %q) = %q", language, slug, got)
		}
	})
}
