package pages

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// together are the colours that meet on a page: what is drawn, on what, and the least contrast that WCAG 2.2 asks (AA: 4.5 for text, 3 for
// what has to be seen to use a page, such as the edge of a field, the focus, or the bars of a chart).
var together = []struct {
	drawn, on string
	least     float64
}{
	{"ink", "bg", 4.5}, {"ink", "surface", 4.5}, {"ink", "sunken", 4.5}, {"soft", "bg", 4.5}, {"soft", "surface", 4.5}, {"soft", "sunken", 4.5}, {"soft", "none-soft", 4.5},
	{"accent", "bg", 4.5}, {"accent", "surface", 4.5}, {"accent", "accent-soft", 4.5}, {"accent", "sunken", 4.5}, {"accent-ink", "accent", 4.5},
	{"side-ink", "side", 4.5}, {"side-soft", "side", 4.5}, {"side-here-ink", "side", 4.5}, {"side-here-ink", "side-here", 4.5}, {"side-soft", "side-here", 4.5},
	{"block", "block-soft", 4.5}, {"block", "surface", 4.5}, {"block", "bg", 4.5}, {"warn", "warn-soft", 4.5}, {"warn", "surface", 4.5}, {"watch", "watch-soft", 4.5},
	{"none", "none-soft", 4.5}, {"protected", "protected-soft", 4.5}, {"protected", "surface", 4.5}, {"cleared", "cleared-soft", 4.5},
	{"edge", "surface", 3}, {"edge", "bg", 3}, {"focus", "bg", 3}, {"focus", "surface", 3}, {"focus", "sunken", 3},
	{"bar-screened", "surface", 3}, {"bar-labelled", "surface", 3}, {"bar-warned", "surface", 3}, {"bar-refused", "surface", 3},
}

var variable = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)

// colours are the variables of the style sheet, in light and in dark.
func colours(t *testing.T) map[string]map[string]string {
	t.Helper()
	css, err := assets.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, _ := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "/* The ground */")
	all := map[string]map[string]string{"light": {}, "dark": {}}
	for name, text := range map[string]string{"light": light, "dark": dark} {
		for _, m := range variable.FindAllStringSubmatch(text, -1) {
			all[name][m[1]] = m[2]
		}
		if len(all[name]) < 30 {
			t.Fatalf("%s: found only %d colours", name, len(all[name]))
		}
	}
	return all
}

func TestContrast(t *testing.T) {
	for scheme, set := range colours(t) {
		for _, pair := range together {
			if set[pair.drawn] == "" || set[pair.on] == "" {
				t.Errorf("%s: there is no colour %s or %s", scheme, pair.drawn, pair.on)
				continue
			}
			if c := contrast(t, set[pair.drawn], set[pair.on]); c < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.drawn, pair.on, c, pair.least)
			}
		}
	}
}

// TestChartsHaveTheColoursOfThePages holds the pictures, which do not see the style sheet, to it.
func TestChartsHaveTheColoursOfThePages(t *testing.T) {
	for scheme, set := range colours(t) {
		th := themes[scheme]
		for name, c := range map[string]string{"soft": hexOf(th.ink), "line": hexOf(th.line), "bar-screened": hexOf(th.screened), "bar-labelled": hexOf(th.labelled), "bar-warned": hexOf(th.warned), "bar-refused": hexOf(th.refused)} {
			if set[name] != c {
				t.Errorf("%s: the charts draw %s in %s, the pages in %s", scheme, name, c, set[name])
			}
		}
	}
}

func hexOf(c interface{ RGBA() (r, g, b, a uint32) }) string {
	r, g, b, _ := c.RGBA()
	return "#" + strconv.FormatUint(uint64(1<<24|(r>>8)<<16|(g>>8)<<8|b>>8), 16)[1:]
}

// contrast is the contrast ratio of two colours (WCAG 2.2).
func contrast(t *testing.T, a, b string) float64 {
	l, m := luminance(t, a), luminance(t, b)
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

// luminance is the relative luminance of a colour (WCAG 2.2).
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(colour[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}
