package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

var (
	fromUS = numberdb.Origin{Region: "US"}
	fromFR = numberdb.Origin{Region: "FR"}
)

func TestPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"Call +1 202 555 0143 now":                        "+1 202 555 0143",
		"Call (202) 555-0143.":                            "(202) 555-0143",
		"é 💥 ☎ 202-555-0143":                              "202-555-0143",
		"２０２–５５５–０１４３!":                                   "２０２–５５５–０１４３",
		"call 2\u200b02 555 0143\u200b":                   "2\u200b02 555 0143",
		"call 202-555-0143x12":                            "202-555-0143",
		"<p>call <b>202</b>-555-0143</p>":                 "202</b>-555-0143",
		"<p>call &#50;02-555-0143</p>":                    "&#50;02-555-0143",
		"call =2B1 202=20\n555 =\n0143 =3D":               "=2B1 202=20\n555 =\n0143",
		"call two zero two 555 0143":                      "two zero two 555 0143",
		`<a href="tel:2025550143">us</a>`:                 `<a href="tel:2025550143">`,
		"call 202-555-0143 or +1 (202) 555-0143, please.": "202-555-0143",
	} {
		m := reader.Read(text, fromUS)
		if len(m.Numbers) != 1 {
			t.Errorf("%q: found %v", text, m.Numbers)
			continue
		}
		f := m.Numbers[0]
		if got := text[f.Start:f.End]; got != want || f.Number != 12025550143 {
			t.Errorf("%q: %v in %q, want it in %q", text, f.Number, got, want)
		}
	}
}

// TestTellsApart has pairs of texts of which only one holds a number.
func TestTellsApart(t *testing.T) {
	for _, tc := range []struct {
		title, with, without string
		origin               numberdb.Origin
	}{
		{"a word beside it", "dial 2025550143", "box 2025550143", fromUS},
		{"what it is called", "support: 2025550143", "order number: 2025550143", fromUS},
		{"what it is called, in French", "composez 0199001234", "facture n° 0199001234", fromFR},
		{"a paragraph away", "please call: 2025550143", "please call\n\n\n2025550143", fromUS},
		{"glued to a word", "Call2025550143now", "sku2025550143b", fromUS},
		{"in the middle of more", "call 202-555-0143", "call 99-202-555-0143-7", fromUS},
		{"assigned or not", "call 202-555-0143", "call 055-555-0143", fromUS},
		{"spread out", "call 2 0 2 5 5 5 0 1 4 3", "page 2 0 2 5 5 5 0 1 4 3", fromUS},
		{"date before", "21.11.2026 01.99.00.12.34", "21.11.2026 01.02.2026", fromFR},
		{"an address is no link", "tel:2025550143", "https://example.org/2025550143", fromUS},
		{"whatsapp", "https://wa.me/12025550143", "https://wb.me/12025550143", fromUS},
		{"hidden", "<p>202-555-0143</p>", "<p style='display: none'>202-555-0143</p>", fromUS},
		{"after something hidden", "<div><i style='display:none'>x<i>y</i></i>202-555-0143</div>", "<div style='display:none'><div></div>202-555-0143</div>", fromUS},
		{"comment", "<p>202-555-0143</p>", "<p><!-- 202-555-0143 --></p>", fromUS},
		{"less than", "if a < 5 call 202-555-0143", "if a < 5", fromUS},
		{"money", "call 202 555 0143 USD", "call 2 025 550 143 USD", fromUS},
		{"words", "call two zero two five five five zero one four three", "call one or two of the three", fromUS},
		{"letters on keys", "call 1-800-FLOWERS", "call 1-202-FLOWERS", fromUS},
		{"letters on keys, too many, behind a plus", "call +1-800-FLOWERSHOP", "call +1-800-FLOWE", fromFR},
		{"words in capitals", "CALL 202-555-0143 NOW FREE", "CALL NOW FREE 24-7 HELP", fromUS},
		{"years", "call 202-555-0143", "call in 2006, 2007, 2009", fromUS},
		{"footnote", "call 202-555-0143²", "call 20²", fromUS},
		{"emergency", "call 202-555-0143", "call 911 or 112", fromUS},
	} {
		t.Run(tc.title, func(t *testing.T) {
			if got := reader.Read(tc.with, tc.origin).Numbers; len(got) != 1 {
				t.Errorf("%q: found %v, want one number", tc.with, got)
			}
			if got := reader.Read(tc.without, tc.origin).Numbers; len(got) != 0 {
				t.Errorf("%q: found %v", tc.without, got)
			}
		})
	}
}

func TestEveryEnclosedAndForeignDigit(t *testing.T) {
	for _, digits := range []string{
		"0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡", "𝟢𝟣𝟤𝟥𝟦𝟧𝟨𝟩𝟪𝟫", "𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵", "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
		"⓪①②③④⑤⑥⑦⑧⑨", "⓿❶❷❸❹❺❻❼❽❾", "⓿➀➁➂➃➄➅➆➇➈", "⓿➊➋➌➍➎➏➐➑➒", "⓿⓵⓶⓷⓸⓹⓺⓻⓼⓽", "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉", "🯰🯱🯲🯳🯴🯵🯶🯷🯸🯹",
	} {
		if got := string(newView(digits).text); got != "0123456789" {
			t.Errorf("%s is read as %q", digits, got)
		}
	}
}

// TestNoMoreThanADirectory wants the first numbers of a text that lists very many, and no more.
func TestNoMoreThanADirectory(t *testing.T) {
	var b strings.Builder
	for i := range 2 * MostNumbers {
		fmt.Fprintf(&b, "call +1 202 %d\n", 2000000+i)
	}
	m := reader.Read(b.String(), fromUS)
	if len(m.Numbers) != MostNumbers || m.Numbers[0].Number != 12022000000 || m.Numbers[MostNumbers-1].Number != 12022000000+MostNumbers-1 {
		t.Errorf("found %d numbers, from %v on", len(m.Numbers), m.Numbers[0])
	}
}

// hostile are texts of so many bytes that try to make reading slow.
func hostile(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"digits apart": fill("call 1 2 3 "), "many plus": fill("+1 2 3 4 5 6 7 8 "), "numbers": fill("202 555 0143 "), "open tags": fill("<a "),
		"ampersands": fill("<p>&#5"), "escapes": fill("=3D=20"), "costumes": fill("2O2-5S5-Ol43 "), "words": fill("one two three "),
		"hidden": "<div>" + fill("<span style='display:none'>"), "names": fill("order number is "), "brackets": fill("(((("), "blanks": fill("1  "),
		"zero width": fill("2\u200b"), "one line": fill("7"), "keys": fill("1-800-ABC "), "headers": fill("x-a: 1\n "), "comments": fill("<!--"), "quotes": "<a href='" + fill("tel:2"),
	}
}

// TestHostileTextsCostLittle counts what takes time: the readings of windows by numbering plans. All else is one pass of the text for
// each of a fixed set of expressions, which take linear time.
func TestHostileTextsCostLittle(t *testing.T) {
	for name, text := range hostile(8 << 10) {
		v := newView(text)
		if len(v.text) > 4*len(text) {
			t.Errorf("%s: %d bytes became %d characters", name, len(text), len(v.text))
		}
		s := v.search(fromUS)
		s.run()
		for i, n := range s.tries {
			if n > triesPerKilobyte {
				t.Errorf("%s: %d windows were read in kilobyte %d", name, n, i)
			}
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile(100 << 10) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				reader.Read(text, fromUS)
			}
		})
	}
}

// BenchmarkRead reads a usual e-mail.
func BenchmarkRead(b *testing.B) {
	s := corpus(b, "scam.txtar")[0]
	b.SetBytes(int64(len(s.text)))
	for b.Loop() {
		reader.Read(s.text, s.origin)
	}
}

// FuzzRead checks that what is found stands in the text, and that no text hides a number that follows it.
func FuzzRead(f *testing.F) {
	for _, file := range corpora {
		for _, s := range corpus(f, file) {
			f.Add(s.text, s.origin.Region)
		}
	}
	f.Fuzz(func(t *testing.T, text, region string) {
		origin := numberdb.Origin{Region: region}
		m := reader.Read(text, origin)
		if len(m.Numbers) > MostNumbers {
			t.Fatalf("%d numbers", len(m.Numbers))
		}
		seen := map[numberdb.Number]bool{}
		last := 0
		for _, n := range m.Numbers {
			if n.Start < last || n.End <= n.Start || n.End > len(text) {
				t.Fatalf("%v stands at %d to %d of %d", n.Number, n.Start, n.End, len(text))
			}
			last = n.Start
			if seen[n.Number] {
				t.Fatalf("%v was found twice", n.Number)
			}
			seen[n.Number] = true
			if p := origin.Parse(n.Number.String()); p.Number != n.Number {
				t.Fatalf("%v reads as %v", n.Number, p)
			}
		}
		if looksHTML(text) || looksQuotedPrintable(text) || len(m.Numbers) == MostNumbers {
			return // markup may hide what follows, as it does in a browser
		}
		after := reader.Read(text+strings.Repeat("\n", 1<<10)+"Call +1 202-555-0143\n", origin)
		if !slices.ContainsFunc(after.Numbers, func(n Found) bool { return n.Number == 12025550143 }) {
			t.Fatalf("the text hides a number that follows it: %v", after.Numbers)
		}
	})
}
