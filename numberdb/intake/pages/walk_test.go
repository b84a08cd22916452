package pages

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/linewarden/linewarden/dialplan/testbed/browsing"
)

const scamMail = `From: Microsoft Security <no-reply@example.com>
Subject: Your computer has been blocked

We saw an odd purchase of $499.99. If this was not you, call our support at once: (202) 555-0143.
From the United Kingdom call 020 7946 0958. Have gift cards at hand, and let our agent onto your computer.
PayPal customers: 1-202-555-0149.`

// walk is every page that there is, with a name for its picture. do is what to do there before looking.
var walk = []struct {
	name, path string
	do         func(*testing.T, *browsing.Tab)
}{
	{"report", "/report", nil},
	{"report-read", "/report", func(t *testing.T, b *browsing.Tab) {
		b.Do(t, chromedp.SetValue(chromedp.CSS("#f-text"), scamMail), chromedp.Click(chromedp.CSS(".read")), chromedp.WaitVisible(chromedp.CSS(".found")))
	}},
	{"report-wrong", "/report", func(t *testing.T, b *browsing.Tab) {
		b.Do(t, chromedp.Evaluate[chromedp.Void](`document.getElementById("reporting").submit()`), chromedp.WaitVisible(chromedp.CSS("#summary")))
	}},
	{"report-sent", "/report?sent=%2B12025550143:&sent=%2B12025550149:f", nil},
	{"numbers", "/numbers", nil},
	{"numbers-hit", "/numbers?q=2025550143", nil},
	{"number", "/numbers/+12025550143", nil},
	{"range", "/numbers/+1809555*", nil},
	{"number-reports", "/numbers/+12025550143/reports", nil},
	{"decide", "/numbers/+12025550143/decide", nil},
	{"decide-preview", "/numbers/+12025550143/decide", func(t *testing.T, b *browsing.Tab) {
		b.Do(t, chromedp.Click(chromedp.CSS("button[name=preview]")), chromedp.WaitVisible(chromedp.CSS(".impact")))
	}},
	{"decide-wrong", "/numbers/+12025550143/decide", func(t *testing.T, b *browsing.Tab) {
		b.Do(t, chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS("#summary")))
	}},
	{"brake", "/numbers/+12025550143/decide?brake=1", nil},
	{"approvals", "/approvals", nil},
	{"approval", "/approvals/p1", nil},
	{"approval-bulk", "/approvals/p2", nil},
	{"approval-own", "/approvals/p3", nil},
	{"approval-settled", "/approvals/p9", nil},
	{"lines", "/lines", nil},
	{"line", "/lines/microsoft", nil},
	{"line-form", "/lines/microsoft/edit", nil},
	{"line-new", "/lines/new/edit", nil},
	{"dashboard", "/dashboard", nil},
	{"dashboard-week", "/dashboard?hours=168", nil},
	{"dashboard-month", "/dashboard?hours=720", nil},
	{"calls", "/calls?id=3fa85f645717&direction=outbound&calling=%2B12025550118&called=%2B12025550143", nil},
	{"audit", "/audit", nil},
	{"audit-verified", "/audit?verify=1", nil},
	{"users", "/users", nil},
	{"user", "/users/carol", nil},
	{"user-rescued", "/users/zora", nil},
	{"tokens", "/tokens", nil},
	{"account", "/account", nil},
	{"account-code", "/account", func(t *testing.T, b *browsing.Tab) {
		b.Do(t, chromedp.SendKeys(chromedp.CSS(`form[action="/account/code"] [name=password]`), "correct horse battery"+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".qr")))
	}},
	{"account-token", "/account", func(t *testing.T, b *browsing.Tab) {
		b.Do(t, chromedp.SendKeys(chromedp.CSS("#f-name"), "laptop"+kb.Enter), chromedp.WaitVisible(chromedp.CSS("#secret")))
	}},
	{"keys", "/keys", nil},
	{"not-found", "/nowhere", nil},
}

// TestWalk looks at every page as everybody might: light, dark, on a telephone, with a keyboard, with a screen reader.
func TestWalk(t *testing.T) {
	p, _ := fakePages(t)
	server := httptest.NewTLSServer(p)
	defer server.Close()
	b := browsing.Open(t, server.URL)
	b.Look(t, browsing.Looks[0])
	b.Go(t, "/signin")
	sound(t, b)
	for _, l := range browsing.Looks {
		b.Look(t, l)
		b.Picture(t, "signin-"+l.Name)
	}
	b.Look(t, browsing.Looks[0])
	who := ""
	for _, page := range walk {
		needed := "reviewer"
		if strings.HasPrefix(page.path, "/users") || strings.HasPrefix(page.path, "/tokens") {
			needed = "administrator"
		}
		if who != needed {
			b.Look(t, browsing.Looks[0])
			enterAs(t, b, needed)
			who = needed
		}
		t.Run(page.name, func(t *testing.T) {
			b.Look(t, browsing.Looks[0])
			b.Go(t, page.path)
			if page.do != nil {
				page.do(t, b)
			}
			sound(t, b)
			for _, l := range browsing.Looks {
				b.Look(t, l)
				if overflow := browsing.Value[[]string](t, b, widerThanPage); len(overflow) > 0 {
					t.Errorf("%s: wider than the page: %q", l.Name, overflow)
				}
				b.Picture(t, page.name+"-"+l.Name)
			}
			except := []string{}
			if page.do != nil || page.name == "not-found" { // the browser tells of every status that is no success
				except = append(except, "the server responded with a status of 4")
			}
			b.Quiet(t, except...)
		})
	}
}

// enterAs signs in by the form, as somebody else than before.
func enterAs(t *testing.T, b *browsing.Tab, user string) {
	t.Helper()
	b.Forget(t)
	b.Go(t, "/signin")
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#f-user"), user), chromedp.SendKeys(chromedp.CSS("#f-password"), "correct horse battery"+kb.Enter), chromedp.WaitVisible(chromedp.CSS("#menu")))
}

// widerThanPage are the elements that make the page scroll sideways.
const widerThanPage = `document.documentElement.scrollWidth <= innerWidth ? [] :
	[...document.querySelectorAll("main *, header, footer")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".table") && !e.closest(".hidden"))
		.map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30)).slice(0, 5)`

// sound is what every page must be to people who see it not, or use no mouse.
func sound(t *testing.T, b *browsing.Tab) {
	t.Helper()
	for what, expression := range map[string]string{
		"texts missing":                  `document.documentElement.outerHTML.includes("⟦") ? [document.documentElement.outerHTML.match(/⟦[^⟧]*/)[0]] : []`,
		"ids twice":                      `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`,
		"references to nothing":          `[...document.querySelectorAll("[aria-describedby],[aria-labelledby],[for]")].flatMap((e) => ["aria-describedby", "aria-labelledby", "for"].flatMap((a) => (e.getAttribute(a) || "").split(" ").filter((id) => id && !document.getElementById(id))))`,
		"links to nothing":               `[...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute("href")).filter((h) => !document.getElementById(h.slice(1)))`,
		"inline styles or scripts":       `[...document.querySelectorAll("[style], style, script:not([src]), [onclick], [onload], [onerror]")].map((e) => e.outerHTML.slice(0, 60))`,
		"what is no single h1":           `document.querySelectorAll("h1").length === 1 ? [] : [...document.querySelectorAll("h1")].map((e) => e.textContent)`,
		"headings that skip a level":     `[...document.querySelectorAll("h1,h2,h3,h4")].filter((h, i, all) => i > 0 && h.tagName[1] - all[i - 1].tagName[1] > 1).map((h) => h.textContent)`,
		"groups without a name":          `[...document.querySelectorAll("fieldset")].filter((f) => !f.querySelector("legend")?.textContent.trim()).map((f) => f.id)`,
		"landmarks missing":              `["main", "footer"].filter((l) => !document.querySelector(l))`,
		"titles that say nothing":        `/^.+ · Linewarden$/.test(document.title) ? [] : [document.title]`,
		"forms that are not posted here": `[...document.forms].map((f) => f.getAttribute("action")).filter((a) => !a || !a.startsWith("/"))`,
	} {
		if found := browsing.Value[[]string](t, b, expression); len(found) > 0 {
			t.Errorf("%s: %q", what, found)
		}
	}
	named(t, b)
	tabbed(t, b)
}

// named wants a name for everything that a screen reader speaks of.
func named(t *testing.T, b *browsing.Tab) {
	t.Helper()
	spoken := []string{"button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "image", "img", "navigation", "search", "Audio", "table", "DisclosureTriangle"}
	named := 0
	for _, n := range b.Spoken(t) {
		if n.Ignored || n.Role == nil || !slices.Contains(spoken, strings.Trim(string(n.Role.Value), `"`)) {
			continue
		}
		name := ""
		if n.Name != nil {
			name = strings.Trim(string(n.Name.Value), `" `)
		}
		if name == "" {
			t.Errorf("a %s has no name (node %d)", n.Role.Value, n.BackendDOMNodeID)
		}
		named++
	}
	if named < 3 {
		t.Errorf("only %d things were looked at", named)
	}
}

// tabbed goes through the page with the tabulator: everything that can be used must be reached, and be seen to be.
func tabbed(t *testing.T, b *browsing.Tab) {
	t.Helper()
	const watch = `(() => {
		window.usable = () => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter((e) => !e.disabled
			&& e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true})
			&& !(e.type === "radio" && !e.checked && document.querySelector("input[type=radio][name='" + e.name + "']:checked")));
		window.reached = new Set(); window.unseen = new Set();
		document.addEventListener("keyup", () => { // by then the browser has drawn it as one who uses a keyboard sees it
			const e = document.activeElement;
			if (e === document.body) return;
			reached.add(e);
			const drawn = [e, e.nextElementSibling].some((x) => x && getComputedStyle(x).outlineStyle !== "none"); // a chip draws it on the text beside
			if (!drawn && e.tagName !== "AUDIO") unseen.add(e.outerHTML.slice(0, 100));
		});
		document.activeElement?.blur();
		getSelection().removeAllRanges();
		document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex");
		return usable().length;
	})()`
	want := browsing.Value[int](t, b, watch)
	const inside = 16 // players of sound and choosers of dates have controls of their own
	steps := make([]browsing.Step, want+inside)
	for i := range steps {
		steps[i] = chromedp.KeyEvent(kb.Tab)
	}
	b.Do(t, steps...)
	for what, expression := range map[string]string{
		"the keyboard does not reach":  `usable().filter((e) => !reached.has(e)).map((e) => e.outerHTML.slice(0, 100))`,
		"the focus cannot be seen on ": `[...unseen]`,
	} {
		if found := browsing.Value[[]string](t, b, expression); len(found) > 0 {
			t.Errorf("%s %q", what, found)
		}
	}
}
