package demo

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed/browsing"
)

const scamMail = `Your Geek Squad plan was renewed for $499.99. To cancel, call (202) 555-0142 now.
Let our agent onto your computer with AnyDesk, and have gift cards at hand.`

// TestStaffPages is the work of a helpline, from the first administrator on: what its staff do in a real browser decides what the next call on
// a real Asterisk gets.
func TestStaffPages(t *testing.T) {
	ctx, s := open(t)
	called := caseNamed(t, "outbound_clean")
	must(ctx, t, s, called)
	d := deskOf(t, s.node)
	d.begin(t, "anna", s.node.firstUser(ctx, t, "anna"))
	setups := map[string]string{}
	for user, role := range map[string]string{"ann": "reviewer", "bob": "reviewer", "carol": "reporter"} {
		setups[user] = d.add(t, user, role)
	}
	for user, setup := range setups {
		d.begin(t, user, setup)
	}

	// A reporter pastes what the victim got: it is read while it is typed. From then on, callers are warned.
	d.enter(t, "carol")
	d.Go(t, "/report")
	d.Do(t, chromedp.SendKeys(css("#f-text"), scamMail), chromedp.WaitVisible(css(".found .number")))
	d.wants(t, "1 number found", "+1 202-555-0142", "United States")
	if brand := browsing.Value[string](t, d.Tab, `document.querySelector("[name=brand]:checked").value`); brand != "geek-squad" {
		t.Errorf("the brand is guessed as %q", brand)
	}
	d.Picture(t, "1 read")
	d.sends(t, ".about button.main", ".receipt")
	d.wants(t, "1 report stored", "Callers are warned from now on.")
	d.sends(t, ".receipt a", ".role")
	d.wants(t, "Warned about")
	d.Picture(t, "2 reported")
	if err := s.node.awaitList(ctx, len(sample)+1); err != nil {
		t.Fatal(err)
	}
	called.Press = dialplan.KeyGoOn
	called.Want = Want{dialplan.ActionWarn, "listed_warn", 200, carrierPhone, []string{warn, "brand/geek-squad", choices}, advice}
	must(ctx, t, s, called)

	// One reviewer proposes, and cannot approve; another does. From then on, callers are kept from the line.
	d.enter(t, "ann")
	d.Go(t, "/numbers/+12025550142/decide")
	d.Do(t, chromedp.SendKeys(css("#f-reason"), "Three victims, the same voice."))
	d.sends(t, "main button.main", ".state-pending")
	d.wants(t, "Waiting", "You proposed this.", "Three victims, the same voice.")
	d.enter(t, "bob")
	d.Go(t, "/approvals")
	d.wants(t, "+1 202-555-0142", "Proposed by ann")
	d.sends(t, ".proposal .button", "button[value=approve]")
	d.Do(t, chromedp.SendKeys(css("#f-reason"), "I heard the recordings."))
	before := s.node.metric(ctx, t, "linewarden_list_changes_total", "")
	d.sends(t, "button[value=approve]", ".state-approved")
	d.wants(t, "bob", "I heard the recordings.")
	d.Go(t, "/numbers/+12025550142")
	d.wants(t, "Blocked")
	d.Picture(t, "3 blocked")
	await(t, "the decision in the list of calls", func() bool { return s.node.metric(ctx, t, "linewarden_list_changes_total", "") > before })
	called.Press = ""
	called.Want = Want{dialplan.ActionBlock, "listed_block", 603, "", []string{blocked, "brand/geek-squad", choose}, ""}
	stopped := must(ctx, t, s, called)

	// A genuine line takes two people as well; from then on a report about it is known for what it is.
	d.Go(t, "/lines/new/edit")
	d.Do(t, chromedp.SendKeys(css("#f-name"), "First Bank"), chromedp.SendKeys(css("#f-slug"), "first-bank"), chromedp.SendKeys(css("#f-reason"), "Their real support."),
		chromedp.SendKeys(css("#f-numbers"), "+1 202 555 0149 | Support | https://example.com/contact | 2026-11-01"))
	d.sends(t, "main button.main", ".state-pending")
	d.wants(t, "First Bank", "+1 202-555-0149 Support")
	d.enter(t, "ann")
	d.Go(t, "/approvals?state=pending")
	d.sends(t, ".proposal .button", "button[value=approve]")
	d.sends(t, "button[value=approve]", ".state-approved")
	d.Go(t, "/lines?q=first")
	d.sends(t, ".tile h2 a", ".stack .number")
	d.wants(t, "First Bank", "+1 202-555-0149")
	d.Go(t, "/report?number=%2B12025550149")
	d.wants(t, "This is a genuine line.")
	d.Picture(t, "4 genuine")

	// What came of it is on the dashboard, call by call, and in the audit chain.
	d.until(t, "/dashboard", "Calls screened 3", "Warned 1", "Blocked 1", "Geek Squad 2", "demo Working")
	d.wants(t, "+1 202-555-0142 Outgoing 2", "Connected")
	d.Picture(t, "5 dashboard")
	d.Go(t, "/calls?id="+stopped.ID)
	d.wants(t, "+1 202-555-0142", "Geek Squad")
	d.Go(t, "/audit?object=%2B12025550142")
	d.wants(t, "Proposed", "Three victims, the same voice.", "Approved", "I heard the recordings.", "Decided")
	d.Picture(t, "6 audit")
	d.Go(t, "/audit?verify=1")
	d.wants(t, "The chain is whole")

	// Another reviewer takes two people from now on: one proposes and gets the one-time password, another agrees.
	d.enter(t, "anna")
	d.Go(t, "/users")
	d.Do(t, chromedp.SendKeys(css("#f-name"), "dan"), chromedp.SetValue(css("#f-role"), "reviewer"), chromedp.SendKeys(css("#f-reason"), "For the night."))
	d.sends(t, "section button.main", ".state-pending")
	proposal := browsing.Value[string](t, d.Tab, `location.pathname`)
	d.enter(t, "bob")
	d.Go(t, proposal)
	d.wants(t, "dan", "Reviewer", "For the night.")
	d.sends(t, "button[value=approve]", ".state-approved")
	d.enter(t, "anna")
	d.Go(t, proposal)
	d.sends(t, `form[action$="/collect"] button`, "#secret")
	d.begin(t, "dan", browsing.Value[string](t, d.Tab, `document.getElementById("secret").textContent`))
	d.Do(t, chromedp.SendKeys(css(`form[action="/account/code"] [name=password]`), d.passwords["dan"]+kb.Enter), chromedp.WaitVisible(css(".qr")))
	d.Quiet(t)

	// Every page has an answer of the real API behind it: the browser would complain about any other.
	for user, pages := range everyPage {
		d.enter(t, user)
		for _, page := range pages {
			d.Go(t, page)
			d.Quiet(t)
			d.Picture(t, user+strings.Map(plain, page))
		}
	}
}

// everyPage is a page of each kind, by who looks at it.
var everyPage = map[string][]string{
	"dan": {"/", "/report", "/numbers", "/numbers?q=202", "/numbers?q=geek+squad", "/numbers?standing=block&role=callback&brand=microsoft", "/numbers/+12025550142",
		"/numbers/+12025550142/reports", "/numbers/+12025550149", "/numbers/+442079460958", "/numbers/+1809555*", "/numbers/911", "/numbers/anonymous",
		"/numbers/+12025550142/decide", "/numbers/+12025550142/decide?brake=1", "/numbers/+1809555*/decide", "/approvals", "/approvals?state=approved", "/approvals?kind=access",
		"/lines", "/lines/first-bank", "/lines/first-bank/edit", "/dashboard?hours=168", "/dashboard?hours=720",
		"/calls?id=000000000000", "/calls?direction=outbound&calling=%2B12025550111&called=%2B12025550142", "/calls?direction=inbound&calling=%2B12025550142&called=%2B12025550111",
		"/audit", "/audit?action=user_added&from=2026-11-01&until=2100-01-01", "/users", "/account", "/keys"},
	"anna":  {"/users", "/users/ann", "/tokens", "/audit?who=ann", "/approvals?state=approved&kind=access"},
	"carol": {"/", "/report?number=%2B12025550142", "/numbers/+12025550142", "/approvals", "/dashboard", "/account"},
}

// plain leaves what a file's name may hold.
func plain(r rune) rune {
	if strings.ContainsRune("/?&%*=+", r) {
		return '_'
	}
	return r
}
