package demo

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
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

// deskOf sits down at a browser that looks at the pages of a node.
func deskOf(t *testing.T, n *node) *desk {
	t.Helper()
	d := &desk{browsing.Open(t, n.intakeURL), map[string]string{}}
	d.Look(t, browsing.Looks[0])
	return d
}

// firstUser makes the administrator who adds all others, as an operator does, and gives the one-time password.
func (n *node) firstUser(ctx context.Context, t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(ctx, n.program, "user", "first", name, "--config", n.configFile).CombinedOutput()
	said := regexp.MustCompile(`is: ([A-Z2-7]{26})\n`).FindSubmatch(out)
	if err != nil || said == nil {
		t.Fatalf("no administrator was made: %v\n%s", err, out)
	}
	return string(said[1])
}

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
	said := d.says(t)
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("the page does not say %q: %s", text, said)
		}
	}
}

// says is what the page says, each space in it a plain one.
func (d *desk) says(t *testing.T) string {
	t.Helper()
	return strings.Join(strings.Fields(browsing.Value[string](t, d.Tab, `document.querySelector("main").innerText`)), " ")
}

// until looks at a page again and again until it says each of the texts.
func (d *desk) until(t *testing.T, path string, texts ...string) {
	t.Helper()
	await(t, fmt.Sprintf("a page %s that says %q", path, texts), func() bool {
		d.Go(t, path)
		said := d.says(t)
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(said, text) })
	})
}

// sends presses a button and waits until the page after it is there.
func (d *desk) sends(t *testing.T, button, then string) {
	t.Helper()
	d.Do(t, chromedp.Click(css(button)), chromedp.WaitVisible(css(then)))
}
