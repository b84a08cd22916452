package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/linewarden/linewarden/dialplan/testbed/browsing"
)

// desk is a browser at which the staff of the test sit, one after the other.
type desk struct {
	*browsing.Tab
	passwords map[string]string
}

func css(selector string) chromedp.CSS { return chromedp.CSS(selector) }

// enter signs in somebody with their password of now.
func (d *desk) enter(t *testing.T, user string) {
	t.Helper()
	d.Forget(t)
	d.Go(t, "/signin")
	d.Do(t, chromedp.SendKeys(css("#f-user"), user), chromedp.SendKeys(css("#f-password"), d.passwords[user]+kb.Enter), chromedp.WaitVisible(css("#menu")))
}

// begin signs in somebody for the first time: with a one-time password, which they replace.
func (d *desk) begin(t *testing.T, user, setup string) {
	t.Helper()
	d.passwords[user] = setup
	d.enter(t, user)
	d.wants(t, "Choose your own now.")
	d.passwords[user] = "seven green harbours"
	d.Do(t, chromedp.SendKeys(css("#f-old"), setup), chromedp.SendKeys(css("#f-new"), d.passwords[user]), chromedp.SendKeys(css("#f-again"), d.passwords[user]+kb.Enter),
		chromedp.WaitVisible(css(".done")))
}

// add makes a person, and gives their one-time password.
func (d *desk) add(t *testing.T, user, role string) string {
	t.Helper()
	d.Go(t, "/users")
	d.Do(t, chromedp.SendKeys(css("#f-name"), user), chromedp.SetValue(css("#f-role"), role), chromedp.Click(css("section button.main")), chromedp.WaitVisible(css("#secret")))
	return browsing.Value[string](t, d.Tab, `document.getElementById("secret").textContent`)
}

// wants fails the test if the page does not say each of the texts.
func (d *desk) wants(t *testing.T, texts ...string) {
	t.Helper()
	said := browsing.Value[string](t, d.Tab, `document.querySelector("main").innerText`)
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("the page does not say %q: %s", text, said)
		}
	}
}

// sends presses a button and waits until the page after it is there.
func (d *desk) sends(t *testing.T, button, then string) {
	t.Helper()
	d.Do(t, chromedp.Click(css(button)), chromedp.WaitVisible(css(then)))
}

const scamMail = `Your Geek Squad plan was renewed for $499.99. To cancel, call (202) 555-0143 now.
Let our agent onto your computer with AnyDesk, and have gift cards at hand.`

// TestStaffPages is the work of a helpline on a real node and a real Redis, in a real browser.
func TestStaffPages(t *testing.T) {
	redis := startRedis(t)
	n := startNode(t, redis.Addr(), "node-a", "")
	first := linewarden(t, append(os.Environ(), "LINEWARDEN_CONFIG="+n.config), "user", "first", "anna")
	setup := regexp.MustCompile(`is: ([A-Z2-7]{26})\n`).FindStringSubmatch(first.out)
	if setup == nil {
		t.Fatalf("no administrator was made: %+v", first)
	}
	d := &desk{browsing.Open(t, n.intake), map[string]string{}}
	d.Look(t, browsing.Looks[0])
	d.begin(t, "anna", setup[1])
	setups := map[string]string{}
	for user, role := range map[string]string{"ann": "reviewer", "bob": "reviewer", "carol": "reporter"} {
		setups[user] = d.add(t, user, role)
	}
	for user, setup := range setups {
		d.begin(t, user, setup)
	}

	// A reporter pastes what the victim got: it is read while it is typed.
	d.enter(t, "carol")
	d.Go(t, "/report")
	d.Do(t, chromedp.SendKeys(css("#f-text"), scamMail), chromedp.WaitVisible(css(".found .number")))
	d.wants(t, "1 number found", "+1 202-555-0143", "United States")
	if brand := browsing.Value[string](t, d.Tab, `document.querySelector("[name=brand]:checked").value`); brand != "geek-squad" {
		t.Errorf("the brand is guessed as %q", brand)
	}
	d.Picture(t, "1 read")
	d.sends(t, ".about button.main", ".receipt")
	d.wants(t, "1 report stored", "Callers are warned from now on.")
	d.sends(t, ".receipt a", ".role")
	d.wants(t, "Warned about")
	d.Picture(t, "2 reported")

	// One reviewer proposes, and cannot approve; another does.
	d.enter(t, "ann")
	d.Go(t, "/numbers/+12025550143/decide")
	d.Do(t, chromedp.SendKeys(css("#f-reason"), "Three victims, the same voice."))
	d.sends(t, "main button.main", ".state-pending")
	d.wants(t, "Waiting", "You proposed this.", "Three victims, the same voice.")
	d.enter(t, "bob")
	d.Go(t, "/approvals")
	d.wants(t, "+1 202-555-0143", "Proposed by ann")
	d.sends(t, ".proposal .button", "button[value=approve]")
	d.Do(t, chromedp.SendKeys(css("#f-reason"), "I heard the recordings."))
	d.sends(t, "button[value=approve]", ".state-approved")
	d.wants(t, "bob", "I heard the recordings.")
	d.Go(t, "/numbers/+12025550143")
	d.wants(t, "Blocked")
	d.Picture(t, "3 blocked")

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

	d.Quiet(t)
}
