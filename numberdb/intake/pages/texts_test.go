package pages

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

func mustLanguages(t testing.TB) map[string]*words {
	t.Helper()
	all, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var verbs = regexp.MustCompile(`%[a-z]`)

// TestEveryTextInEveryLanguage holds each catalogue to the first one: the same keys, with the same verbs in the same order.
func TestEveryTextInEveryLanguage(t *testing.T) {
	all := mustLanguages(t)
	first := all[spoken[0].code]
	for code, w := range all {
		if got, want := w.keys(), first.keys(); !slices.Equal(got, want) {
			for _, key := range want {
				if !slices.Contains(got, key) {
					t.Errorf("%s: %s is missing", code, key)
				}
			}
			for _, key := range got {
				if !slices.Contains(want, key) {
					t.Errorf("%s: %s is in no other language", code, key)
				}
			}
		}
		for _, key := range w.keys() {
			if got, want := verbs.FindAllString(w.known[key], -1), verbs.FindAllString(first.known[key], -1); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the verbs %q, want %q", code, key, got, want)
			}
		}
	}
}

var (
	usedInTemplate = regexp.MustCompile(`(?:\{\{|\()t "([a-z0-9.]+)"`)
	usedInGo       = regexp.MustCompile(`\.text\("([a-z0-9.]+)"`)
	usedAsCode     = regexp.MustCompile(`(?:code|options)\(?"?\s?"([a-z.]+)"`)
	madeByGo       = []string{"month.", "problem.", "fault.", "done.", "dashboard.hours.", "nav.", "secret."} // keys that are put together
)

// TestEveryTextIsUsed finds keys that a page asks for and no catalogue has, and the other way round.
func TestEveryTextIsUsed(t *testing.T) {
	w := mustLanguages(t)["en"]
	used, sets := map[string]bool{}, slices.Clone(madeByGo)
	read := func(text []byte, keys *regexp.Regexp) {
		for _, m := range keys.FindAllSubmatch(text, -1) {
			if used[string(m[1])] = true; !w.has(string(m[1])) && !strings.HasSuffix(string(m[1]), ".") {
				t.Errorf("there is no text for %s", m[1])
			}
		}
		for _, m := range usedAsCode.FindAllSubmatch(text, -1) {
			sets = append(sets, string(m[1])+".")
		}
	}
	templates, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range templates {
		text, err := templateFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read(text, usedInTemplate)
	}
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.DeleteFunc(sources, func(name string) bool { return strings.HasSuffix(name, "_test.go") }) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read(text, usedInGo)
	}
	if len(used) < 250 {
		t.Fatalf("found only %d keys in use", len(used))
	}
	for _, key := range w.keys() {
		stem := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if !used[stem] && !slices.ContainsFunc(sets, func(set string) bool { return strings.HasPrefix(key, set) }) {
			t.Errorf("nobody uses the text %s", key)
		}
	}
}

// TestEveryWordOfTheAPI holds the catalogues to the closed sets of the packages that the API speaks for.
func TestEveryWordOfTheAPI(t *testing.T) {
	words := map[string][]string{"role": slices.Concat(staffRoles, machineRoles), "state": proposalStates, "kind.proposal": proposalKinds,
		"kind.line": lineKinds, "health": {"good", "stale", "listless", "cut", "gone"}, "verified": {"good", "bad", "long"}, "auditfault": auditFaults, "direction": {"inbound", "outbound"}, "because": {"decision", "reports", "range", "none", "mark"}}
	for _, r := range screening.Reasons() {
		words["reason"] = append(words["reason"], r.String())
	}
	for _, o := range screening.Outcomes() {
		words["outcome"] = append(words["outcome"], o.String())
	}
	for _, a := range screening.Actions() {
		for _, set := range []string{"action", "inbound", "outbound"} {
			words[set] = append(words[set], a.String())
		}
	}
	for _, a := range numberdb.AuditActions() {
		words["audited"] = append(words["audited"], string(a))
	}
	closed(words, "standing", numberdb.StandingNone)
	closed(words, "class", numberdb.ClassAnalytics)
	closed(words, "category", numberdb.CategoryOther)
	closed(words, "arrived", numberdb.ArrivalUnknown)
	closed(words, "source", numberdb.SourcePublic)
	closed(words, "part", numberdb.RoleCallback)
	closed(words, "part.short", numberdb.RoleCallback)
	closed(words, "line", numberdb.LineUnknown)
	for bit := range 8 {
		words["flag"] = append(words["flag"], numberdb.RedFlags(1<<bit).String())
	}
	for bit := range 2 {
		words["mark"] = append(words["mark"], numberdb.Marks(1<<bit).String())
	}
	for code, w := range mustLanguages(t) {
		for set, list := range words {
			for _, word := range list {
				if !w.has(set + "." + word) {
					t.Errorf("%s: there is no text for the %s %s", code, set, word)
				}
			}
		}
	}
	// What the forms offer is all that there is.
	for set, offered := range map[string][]string{"part": parts, "category": categories, "arrived": arrivals, "flag": redFlags, "standing": rulings, "class": classes, "source": sourceKinds} {
		if got, want := slices.Sorted(slices.Values(offered)), slices.Sorted(slices.Values(words[set])); !slices.Equal(got, want) {
			t.Errorf("the forms offer %s %q, and there are %q", set, got, want)
		}
	}
}

// closed adds the names of all values of a closed type from first on.
func closed[T interface {
	~uint8
	fmt.Stringer
}](words map[string][]string, set string, first T) {
	for v, before := first, ""; ; v++ {
		name := v.String()
		if strings.Contains(name, "(") || name == before || v > first && name == first.String() {
			return
		}
		words[set], before = append(words[set], name), name
	}
}

func TestWords(t *testing.T) {
	all := mustLanguages(t)
	for _, tc := range []struct{ code, got, want string }{
		{"en", all["en"].text("report.reports", 1), "1 report"},
		{"en", all["en"].text("report.reports", 0), "0 reports"},
		{"en", all["en"].text("report.reports", 1234), "1,234 reports"},
		{"fr", all["fr"].text("report.reports", 0), "0 signalement"},
		{"fr", all["fr"].text("report.reports", 2), "2 signalements"},
		{"en", all["en"].day(noon), "21 Nov 2026"},
		{"fr", all["fr"].moment(noon), "21 nov. 2026, 12:00 UTC"},
		{"fr", all["fr"].region("US"), "États-Unis"},
		{"en", all["en"].region("??"), "??"},
		{"en", all["en"].ago(noon.AddDate(0, 0, -3), noon), "3 days ago"},
		{"en", all["en"].code("standing", "block"), "Blocked"},
		{"en", all["en"].code("standing", "newer_than_us"), "newer than us"},
		{"en", all["en"].text("no.such.key"), missing + "no.such.key⟧"},
		{"", prettyNumber("+12025550143"), "+1 202-555-0143"},
		{"", prettyNumber("+1809555*"), "+1809555*"},
		{"", prettyNumber("<b>"), "<b>"},
		{"", inert("a\u202eb\x00c\nd"), "a\ufffdb\ufffdc\nd"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.code, tc.got, tc.want)
		}
	}
}

func TestTextsThatAreWrong(t *testing.T) {
	for name, file := range map[string]string{
		"no equals": "a.b text", "no text": "a.b = ", "twice": "a = x\na = y", "one without other": "a.one = x",
	} {
		if got, err := parseTexts(file); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}
