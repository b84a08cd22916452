package dialplan

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryLanguageSaysEverything(t *testing.T) {
	var codes []string
	for _, l := range Languages() {
		codes = append(codes, l.Code)
	}
	if want := []string{"de", "en", "es", "fr", "hi", "it", "pt", "zh"}; !slices.Equal(codes, want) {
		t.Errorf("languages %v, want %v", codes, want)
	}
	for _, code := range codes {
		if _, err := textsOf(code); err != nil {
			t.Error(err)
			continue
		}
		for _, p := range Prompts() {
			generic, err := Text(code, p, "")
			if err != nil || generic == "" || strings.Contains(generic, brandMark) {
				t.Errorf("%s %s: %q, %v", code, p, generic, err)
			}
			named, err := Text(code, p, "netflix")
			if err != nil || strings.Contains(named, "Netflix") != p.NamesBrand() {
				t.Errorf("%s %s with a brand: %q, %v", code, p, named, err)
			}
		}
		// What Media plays and what Build makes must be the same clips.
		scripts, err := scriptOf(code)
		if err != nil {
			t.Error(err)
		}
		built := make(map[string]bool)
		for _, s := range scripts {
			if strings.Trim(s.text, ",.。। ") == "" {
				t.Errorf("%s %s says nothing", code, s.name)
			}
			built["sound:linewarden/"+s.name] = true
		}
		for _, b := range Brands() {
			for _, media := range slices.Concat(NewVoice().Media(b.Slug, Prompts()...), NewVoice().Media("", Prompts()...)) {
				if !built[media] {
					t.Errorf("%s: %s is played but never built", code, media)
				}
			}
		}
	}
	if _, err := Text("xx", PromptWarn, ""); err == nil || !strings.Contains(err.Error(), "de en es fr") {
		t.Errorf("an unknown language: %v, want the known ones named", err)
	}
}

func TestParseTextsFindsEveryFault(t *testing.T) {
	good, err := promptFiles.ReadFile("prompts/en.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ old, new, want string }{
		"a prompt is missing":      {"no-key = ", "#", "no-key is missing"},
		"a brand is missing":       {"brand/paypal = Pay Pal\n", "", "brand/paypal is missing"},
		"an unknown id":            {"no-key = ", "no-keys = ", "no-key is missing"},
		"a line without text":      {"advice = The real", "advice\nThe real", "line 1"},
		"twice":                    {"advice = ", "warn = ", "line 1"},
		"a brand where none goes":  {"advice = The real", "advice = The {brand}", "go together"},
		"no brand where one goes":  {"fake {brand} support line.\nchoices", "fake support line.\nchoices", "go together"},
		"nothing before the brand": {"warn {brand} = This number has been reported as a fake {brand}", "warn {brand} = {brand}", "both sides"},
		"nothing behind the brand": {"fake {brand} support line.\nchoices", "fake {brand}.\nchoices", "both sides"},
	} {
		bad := strings.Replace(string(good), tc.old, tc.new, 1)
		if bad == string(good) {
			t.Errorf("%s: the fault was not made", name)
		}
		if _, err := parseTexts(bad); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
