package pages

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// visitAs asks for a page as somebody who is signed in under a name; an empty name is nobody.
func visitAs(t testing.TB, p *Pages, name, method, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if name != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-linewarden", Value: name})
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// wantTo wants a redirection after a change, and gives where to.
func wantTo(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code != http.StatusSeeOther {
		t.Fatalf("status %d, want 303: %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

func wantPage(t testing.TB, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d", w.Code, status)
	}
	for _, text := range texts {
		if body := w.Body.String(); !strings.Contains(body, text) && !strings.Contains(html.UnescapeString(body), text) {
			_, main, _ := strings.Cut(body, "<main")
			t.Errorf("the page does not say %q: %.3000s", text, main)
		}
	}
}

func TestNobodySeesAnything(t *testing.T) {
	p, _ := fakePages(t)
	for _, page := range walk {
		w := visitAs(t, p, "", http.MethodGet, page.path, nil)
		if page.name == "not-found" {
			wantPage(t, w, http.StatusNotFound, "Nothing here")
			continue
		}
		if got, want := wantTo(t, w), "/signin?next="+url.QueryEscape(page.path); got != want {
			t.Errorf("%s: sent to %s, want %s", page.path, got, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	p, _ := fakePages(t)
	for _, path := range []string{"/signin", "/report", "/nowhere", assetPath("style.css")} {
		h := visitAs(t, p, "ann", http.MethodGet, path, nil).Header()
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: headers %v", path, h)
		}
		if cached := strings.Contains(h.Get("Cache-Control"), "immutable"); cached != strings.HasPrefix(path, "/assets/") || !cached && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: kept as %q", path, h.Get("Cache-Control"))
		}
	}
}

func TestSignIn(t *testing.T) {
	p, f := fakePages(t)
	for name, tc := range map[string]struct {
		user, password, code, next string
		status                     int
		says, to                   string
	}{
		"right":                {"ann", "correct horse battery", "", "/audit?who=bob", 303, "", "/audit?who=bob"},
		"wrong password":       {"ann", "battery", "", "/", 401, "User name, password or code is wrong.", ""},
		"code is needed":       {"coded", "correct horse battery", "", "/", 401, "This account has a second factor.", ""},
		"wrong code":           {"coded", "correct horse battery", "654321", "/", 401, "The code is not right.", ""},
		"right code":           {"coded", "correct horse battery", "123456", "/", 303, "", "/"},
		"locked":               {"locked", "correct horse battery", "", "/", 429, "Try again in 30 seconds.", ""},
		"to elsewhere":         {"ann", "correct horse battery", "", "https://evil.example/", 303, "", "/"},
		"to elsewhere, hidden": {"ann", "correct horse battery", "", "//evil.example/", 303, "", "/"},
		"backslashes":          {"ann", "correct horse battery", "", `/\evil.example`, 303, "", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			w := visitAs(t, p, "", http.MethodPost, "/signin", url.Values{"user": {tc.user}, "password": {tc.password}, "code": {tc.code}, "next": {tc.next}})
			if tc.status == http.StatusSeeOther {
				if to := wantTo(t, w); to != tc.to {
					t.Errorf("sent to %q, want %q", to, tc.to)
				}
				if cookie := w.Header().Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-linewarden="+tc.user) {
					t.Errorf("cookie %q", cookie)
				}
				return
			}
			wantPage(t, w, tc.status, tc.says, `role="alert"`, `value="`+tc.user+`"`)
			if strings.Contains(w.Body.String(), tc.password) {
				t.Error("the page holds the password")
			}
		})
	}
	f.fail["POST /v1/session"] = http.StatusServiceUnavailable
	wantPage(t, visitAs(t, p, "", http.MethodPost, "/signin", url.Values{"user": {"ann"}}), http.StatusServiceUnavailable, "cannot be reached")
}

// TestBackFromElsewhere shows what the API says of somebody whom the provider, or the API, does not let in.
func TestBackFromElsewhere(t *testing.T) {
	p, _ := fakePages(t)
	for word, says := range map[string]string{"refused": "You are not signed in.", "away": "does not work right now."} {
		wantPage(t, visitAs(t, p, "", http.MethodGet, "/signin?elsewhere="+word+"&next=%2Faudit", nil), http.StatusOK, `role="alert"`, says, `value="/audit"`)
	}
	p.elsewhere = "The Works"
	w := visitAs(t, p, "", http.MethodGet, "/signin?elsewhere=%3Cb%3E&next=%2Faudit", nil)
	wantPage(t, w, http.StatusOK, `href="/signin/oidc?next=%2faudit"`, "Sign in with The Works")
	if strings.Contains(w.Body.String(), `role="alert"`) || strings.Contains(w.Body.String(), "<b>") {
		t.Error("a word of nobody's is told")
	}
}

// TestNumbersInLinks wants a number's sign to be escaped once.
func TestNumbersInLinks(t *testing.T) {
	p, _ := fakePages(t)
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/numbers/+12025550143", nil), http.StatusOK, `href="/report?number=%2b12025550143"`)
}

func TestSignOut(t *testing.T) {
	p, f := fakePages(t)
	w := visitAs(t, p, "ann", http.MethodPost, "/signout", url.Values{})
	if to := wantTo(t, w); to != "/signin?done=signedout" || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") || len(f.questions("DELETE", "/v1/session")) != 1 {
		t.Errorf("sent to %s with %v", to, w.Header())
	}
}

// TestOtherSites posts forms as a browser does for a page of somebody else's.
func TestOtherSites(t *testing.T) {
	p, f := fakePages(t)
	for name, header := range map[string][2]string{"fetch metadata": {"Sec-Fetch-Site", "cross-site"}, "origin": {"Origin", "https://evil.example"}} {
		for _, path := range []string{"/report", "/approvals/p1", "/users", "/signin", "/language", "/numbers/+12025550143/decide"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("verb=approve"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			r.AddCookie(&http.Cookie{Name: "__Host-linewarden", Value: "ann"})
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden {
				t.Errorf("%s: %s: status %d", name, path, w.Code)
			}
		}
	}
	for _, q := range f.asked {
		if q.path != "/v1/session" || q.header.Get("Sec-Fetch-Site")+q.header.Get("Origin") == "" {
			t.Errorf("the API was asked for %s with %v: it cannot know that it is another site's wish", q.path, q.header)
		}
	}
}

// TestWhatReportersWriteIsInert looks for reported texts that a browser would take for more than text.
func TestWhatReportersWriteIsInert(t *testing.T) {
	p, _ := fakePages(t)
	shown := 0
	for _, page := range walk {
		body := visitAs(t, p, "administrator", http.MethodGet, page.path, nil).Body.String()
		for _, live := range []string{"<script>doc", "<img", "onerror=\"", "<b>+", "href=\"javascript", "\u202e"} {
			if strings.Contains(strings.ReplaceAll(body, `<img src="/charts/`, ""), live) {
				t.Errorf("%s: holds %q", page.name, live)
			}
		}
		if strings.Contains(body, "&lt;script&gt;") {
			shown++
		}
	}
	if shown < 4 {
		t.Errorf("only %d pages show the hostile text at all", shown)
	}
}

func TestReport(t *testing.T) {
	p, f := fakePages(t)
	// Without JavaScript: read the text, then send the form that comes back.
	w := visitAs(t, p, "ann", http.MethodPost, "/report/reading", url.Values{"text": {scamMail}})
	wantPage(t, w, 200, "3 numbers found", "+1 202-555-0143", "United Kingdom", "14 reports", "This is a genuine line.",
		`name="send" value="&#43;12025550143" checked`, `name="brand" value="microsoft" checked`, `name="red_flags" value="gift_cards" checked`)
	if strings.Contains(w.Body.String(), `value="&#43;12025550149" checked`) {
		t.Error("a genuine line is preselected")
	}
	form := url.Values{"text": {scamMail + "\r\n\x07"}, "token": {"T0KEN"}, "send": {"+12025550143", "+442079460958"}, "roles": {"callback"}, "brand": {"microsoft"},
		"category": {"tech_support"}, "arrived": {"email"}, "red_flags": {"gift_cards", "remote_access"}, "loss": {"99,50"}, "currency": {"USD"}, "when": {"2026-11-20"}, "guessed": {"1"}}
	for range 2 { // sent twice, as an impatient person does
		to := wantTo(t, visitAs(t, p, "ann", http.MethodPost, "/report", form))
		wantPage(t, visitAs(t, p, "ann", http.MethodGet, to, nil), 200, "2 reports stored", "+44 20 7946 0958")
	}
	sent := f.questions("POST", "/v1/reports")
	if len(sent) != 4 || sent[0].header.Get("Idempotency-Key") == "" || sent[0].header.Get("Idempotency-Key") != sent[2].header.Get("Idempotency-Key") ||
		sent[0].header.Get("Idempotency-Key") == sent[1].header.Get("Idempotency-Key") {
		t.Fatalf("sent %d reports with wrong keys: %v", len(sent), sent)
	}
	body := sent[0].body
	if body["number"] != "+12025550143" || body["loss"] != 99.5 || body["at"] != "2026-11-20T00:00:00Z" || body["currency"] != "USD" || len(body["red_flags"].([]any)) != 2 {
		t.Errorf("sent %v", body)
	}
	if text := body["text"].(string); strings.ContainsAny(text, "\r\x07") || !strings.Contains(text, "gift cards") {
		t.Errorf("sent the text %q", text)
	}
}

func TestReportFaults(t *testing.T) {
	p, f := fakePages(t)
	for name, tc := range map[string]struct {
		form url.Values
		says []string
	}{
		"nothing":         {url.Values{}, []string{"Paste the text or type a number first.", `href="#f-text"`, `aria-invalid="true"`}},
		"no number":       {url.Values{"text": {scamMail}}, []string{"Choose at least one number"}},
		"no part":         {url.Values{"text": {scamMail}, "send": {"+12025550143"}}, []string{"Say what part the number plays", `href="#f-roles"`, `id="f-roles"`}},
		"refused fields":  {url.Values{"text": {scamMail}, "send": {"+12025550143"}, "roles": {"callback"}, "loss": {"-1"}, "guessed": {"1"}}, []string{`id="e-loss"`, "Write the sum in digits", "Write three letters", `value="-1"`, "3 numbers found"}},
		"no sum":          {url.Values{"text": {scamMail}, "send": {"+12025550143"}, "roles": {"callback"}, "loss": {"many"}}, []string{"Write the sum in digits"}},
		"too many":        {url.Values{"text": {scamMail}, "send": make([]string, mostAtOnce+1)}, []string{"at most 20"}},
		"chips are kept":  {url.Values{"text": {scamMail}, "guessed": {"1"}, "seen": {"+12025550143"}, "brand": {"paypal"}}, []string{`name="brand" value="paypal" checked`, `name="send" value="&#43;12025550143">`}},
		"no such day":     {url.Values{"text": {scamMail}, "send": {"+12025550143"}, "roles": {"callback"}, "when": {"yesterday"}}, []string{"not a day in the past"}},
		"hostile choices": {url.Values{"text": {hostile}, "brand": {`"><script>doc`}, "guessed": {"1"}}, []string{"Choose at least one number"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := visitAs(t, p, "ann", http.MethodPost, "/report", tc.form)
			wantPage(t, w, http.StatusUnprocessableEntity, tc.says...)
			if strings.Contains(w.Body.String(), "<script>doc") {
				t.Error("a choice came back alive")
			}
		})
	}
	f.fail["POST /v1/reports"] = http.StatusServiceUnavailable
	w := visitAs(t, p, "ann", http.MethodPost, "/report", url.Values{"text": {scamMail}, "send": {"+12025550143"}, "roles": {"callback"}})
	wantPage(t, w, http.StatusUnprocessableEntity, "cannot be reached right now", "Microsoft Security")
}

func TestDecide(t *testing.T) {
	p, f := fakePages(t)
	at := "/numbers/+12025550143/decide"
	wantPage(t, visitAs(t, p, "ann", http.MethodPost, at, url.Values{"standing": {"block"}, "roles": {"callback"}, "preview": {"1"}}), 200, "1,284", "calls", "subscriber", "Not all calls")
	wantPage(t, visitAs(t, p, "ann", http.MethodPost, at, url.Values{"standing": {"block"}, "roles": {"callback"}}), 422, "Give a reason", `aria-describedby="e-reason h-reason"`)
	if to := wantTo(t, visitAs(t, p, "ann", http.MethodPost, at, url.Values{"standing": {"block"}, "roles": {"callback"}, "reason": {"x"}, "until": {"2027-01-01"}})); to != "/approvals/p1?done=proposed" {
		t.Errorf("sent to %s", to)
	}
	if to := wantTo(t, visitAs(t, p, "ann", http.MethodPost, at, url.Values{"standing": {"warn"}, "roles": {"callback"}, "reason": {"x"}})); to != "/numbers/+12025550143?done=decided" {
		t.Errorf("sent to %s", to)
	}
	asked := f.questions("POST", "/v1/numbers/+12025550143/decisions")
	if len(asked) != 4 || asked[2].body["until"] != "2027-01-01T00:00:00Z" || asked[2].body["standing"] != "block" {
		t.Errorf("asked %v", asked)
	}
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, at+"?brake=1", nil), 200, "takes effect at once, everywhere", `name="standing" value="warn" checked`, `name="roles" value="callback" checked`)
}

func TestSettle(t *testing.T) {
	p, f := fakePages(t)
	for _, verb := range []string{"approve", "reject", "withdraw"} {
		if to := wantTo(t, visitAs(t, p, "ann", http.MethodPost, "/approvals/p1", url.Values{"verb": {verb}, "reason": {"heard it"}, "etag": {`"3"`}})); to != "/approvals/p1?done="+verb {
			t.Errorf("sent to %s", to)
		}
		asked := f.questions("POST", "/v1/decisions/p1/"+verb)
		if len(asked) != 1 || asked[0].body["reason"] != "heard it" || asked[0].header.Get("If-Match") != `"3"` {
			t.Errorf("%s: asked %v", verb, asked)
		}
	}
	wantPage(t, visitAs(t, p, "ann", http.MethodPost, "/approvals/p9", url.Values{"verb": {"approve"}, "reason": {"x"}}), http.StatusConflict, "somebody else was quicker", "The proposal is settled.")
	wantPage(t, visitAs(t, p, "ann", http.MethodPost, "/approvals/p1", url.Values{"verb": {"../../users"}}), http.StatusBadRequest, "That did not work")
	wantPage(t, visitAs(t, p, "reviewer", http.MethodGet, "/approvals/p3", nil), 200, "You proposed this.", "Withdraw", "London office")
}

// TestProposedAccess: whoever agrees sees what changes, and who else has had a hand in the account.
func TestProposedAccess(t *testing.T) {
	p, _ := fakePages(t)
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/approvals/p4", nil), 200, "carol", "Reporter", "Reviewer", "Role given by", "erin, ", "Last reset by", "mallory, 18 Nov 2026")
}

// TestNeverListed: a number that can stand in no list offers nobody to list it.
func TestNeverListed(t *testing.T) {
	p, f := fakePages(t)
	w := visitAs(t, p, "ann", http.MethodGet, "/numbers/911", nil)
	wantPage(t, w, 200, "United States · Emergency number", "911")
	if strings.Contains(w.Body.String(), "/decide") || strings.Contains(w.Body.String(), "Trusted organisations") {
		t.Error("911 is offered to be decided about")
	}
	if w := visitAs(t, p, "ann", http.MethodGet, "/numbers?q=202", nil); strings.Contains(w.Body.String(), "Short number") {
		t.Error("the beginning of listed numbers is taken for a short number")
	}
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/numbers?q=911", nil), 200, "Emergency number")
	f.empty = true
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/numbers?q=202", nil), 200, "Short number")
}

func TestChainIsVerified(t *testing.T) {
	p, f := fakePages(t)
	verify := func() *httptest.ResponseRecorder { return visitAs(t, p, "ann", http.MethodGet, "/audit?verify=1", nil) }
	wantPage(t, verify(), 200, "The chain is whole", "4,182 entries were read.")
	f.chain = brokenChain()
	wantPage(t, verify(), 200, "The chain has been tampered with", "Altered</b> <span class=\"seq\">17</span>", "Missing</b> <span class=\"seq\">20–31</span>", "hash &lt;b&gt;", "3 more findings.")
	f.chain = object{"good": false, "complete": false, "entries": 9000000, "head": "", "findings": []object{}}
	w := verify()
	wantPage(t, w, 200, "The chain was not checked", "With 9,000,000 entries", "linewarden audit verify")
	if strings.Contains(w.Body.String(), "tampered") {
		t.Error("a chain that was not checked is said to be tampered with")
	}
}

func TestHealth(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"good":             {`{"list_loaded": true, "list_age_seconds": 1, "asterisks": [{"connected": true}]}`, "good"},
		"without Asterisk": {`{"list_loaded": true, "asterisks": []}`, "good"},
		"silent":           {`{"stale": true, "list_loaded": true}`, "gone"},
		"without a list":   {`{"list_loaded": false}`, "listless"},
		"old list":         {`{"list_loaded": true, "list_age_seconds": 61}`, "stale"},
		"one of two cut":   {`{"list_loaded": true, "asterisks": [{"connected": true}, {"connected": false}]}`, "cut"},
	} {
		var n node
		if err := json.Unmarshal([]byte(tc.text), &n); err != nil || n.Health() != tc.want {
			t.Errorf("%s: %q, want %q (%v)", name, n.Health(), tc.want, err)
		}
	}
}

func TestProposeLine(t *testing.T) {
	p, f := fakePages(t)
	form := url.Values{"name": {"PayPal"}, "kind": {"brand"}, "numbers": {"+12025550149 | Support | https://example.com | 2026-10-02\r\n\r\n+4420794609*\r\n"}, "never_asks": {"gift_cards"}, "reason": {"new line"}, "etag": {`"7"`}}
	if to := wantTo(t, visitAs(t, p, "ann", http.MethodPost, "/lines/paypal/edit", form)); to != "/approvals/p3?done=proposed" {
		t.Errorf("sent to %s", to)
	}
	asked := f.questions("PUT", "/v1/brands/paypal")
	if len(asked) != 1 || asked[0].header.Get("If-Match") != `"7"` {
		t.Fatalf("asked %v", asked)
	}
	numbers := asked[0].body["numbers"].([]any)
	if first := numbers[0].(map[string]any); len(numbers) != 2 || first["number"] != "+12025550149" || first["checked"] != "2026-10-02" {
		t.Errorf("sent %v", numbers)
	}
	form.Set("slug", "Not a slug")
	wantPage(t, visitAs(t, p, "ann", http.MethodPost, "/lines/new/edit", form), 422, "Write 1 to 32 small letters", `value="Not a slug"`)
}

// TestSecretsAreShownOnce: never in an address, and only in the answer to the form that made them.
func TestSecretsAreShownOnce(t *testing.T) {
	p, _ := fakePages(t)
	for path, form := range map[string]url.Values{
		"/users": {"name": {"frank"}, "role": {"reporter"}}, "/users/carol": {"change": {"reset"}},
		"/tokens": {"name": {"bank"}, "role": {"feed"}, "organisation": {"bank"}, "source": {"feed"}}, "/account/tokens": {"name": {"laptop"}},
	} {
		w := visitAs(t, p, "administrator", http.MethodPost, path, form)
		wantPage(t, w, 200, "It is shown this once", `id="secret"`)
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Location") != "" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
	}
	// What a second person agreed to is shown to its proposer.
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/approvals/p5", nil), 200, `action="/approvals/p5/collect"`, "It was approved.")
	wantPage(t, visitAs(t, p, "ann", http.MethodPost, "/approvals/p5/collect", nil), 200, "It is shown this once", "amber-tulip-harbour-41", "frank signs in with this password")
	if to := wantTo(t, visitAs(t, p, "administrator", http.MethodPost, "/users/carol", url.Values{"change": {"role"}, "role": {"reviewer"}})); to != "/approvals/p4?done=proposed" {
		t.Errorf("sent to %s", to)
	}
}

// TestRescueIsShown wants nobody to overlook an administrator who was made past the second person.
func TestRescueIsShown(t *testing.T) {
	p, _ := fakePages(t)
	for _, page := range []string{"/users", "/users/zora"} {
		wantPage(t, visitAs(t, p, "ann", http.MethodGet, page, nil), 200, "Made administrator without a second person", "root on node1", "both reviewers have left", "Rescue</span>")
	}
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/audit", nil), 200, `<li class="link refused">
<header><span class="seq">4183</span><b>Made administrator without a second person`)
	if body := visitAs(t, p, "ann", http.MethodGet, "/users/carol", nil).Body.String(); strings.Contains(body, "second person</dt>") {
		t.Error("carol was not rescued")
	}
}

func TestAccount(t *testing.T) {
	p, _ := fakePages(t)
	post := func(path string, form url.Values) *httptest.ResponseRecorder {
		return visitAs(t, p, "ann", http.MethodPost, path, form)
	}
	wantPage(t, post("/account/password", url.Values{"old": {"x"}, "new": {"a new one"}, "again": {"another"}}), 422, "The two new passwords differ.")
	wantPage(t, post("/account/password", url.Values{"old": {"x"}, "new": {"a new one"}, "again": {"a new one"}}), 422, "This is not your password.")
	if to := wantTo(t, post("/account/password", url.Values{"old": {"correct horse battery"}, "new": {"a new one"}, "again": {"a new one"}})); to != "/account?done=password" {
		t.Errorf("sent to %s", to)
	}
	wantPage(t, post("/account/code", url.Values{"password": {"wrong"}}), 422, "is not your password")
	w := post("/account/code", url.Values{"password": {"correct horse battery"}})
	wantPage(t, w, 200, `class="qr"`, "JBSWY3DPEHPK3PXP", `name="uri"`)
	wantPage(t, post("/account/code/confirm", url.Values{"code": {"1"}, "secret": {"JBSWY3DP"}, "uri": {"otpauth://totp/x?secret=JBSWY3DP"}}), 422, "This code is not right.", `class="qr"`)
	if to := wantTo(t, post("/account/code/confirm", url.Values{"code": {"123456"}})); to != "/account?done=code" {
		t.Errorf("sent to %s", to)
	}
}

// TestOneTimePassword: whoever has one chooses another before all else.
func TestOneTimePassword(t *testing.T) {
	p, _ := fakePages(t)
	for _, path := range []string{"/report", "/", "/users", "/approvals/p1"} {
		if to := wantTo(t, visitAs(t, p, "fresh", http.MethodGet, path, nil)); to != "/account" {
			t.Errorf("%s: sent to %s", path, to)
		}
		if w := visitAs(t, p, "ann", http.MethodGet, path, nil); w.Header().Get("Location") == "/account" {
			t.Errorf("%s: somebody else is sent to %s", path, w.Header().Get("Location"))
		}
	}
	wantPage(t, visitAs(t, p, "fresh", http.MethodGet, "/account", nil), 200, "Choose your own now.")
}

func TestLanguages(t *testing.T) {
	p, _ := fakePages(t)
	for name, tc := range map[string]struct{ accept, cookie, want string }{
		"none": {"", "", "en"}, "french": {"fr-CA,fr;q=0.9,en;q=0.5", "", "fr"}, "unknown": {"ja", "", "en"}, "chosen": {"fr", "en", "en"}, "chosen is unknown": {"fr", "xx", "fr"}, "nonsense": {"\x00;;q=9", "", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/signin", nil)
		r.Header.Set("Accept-Language", tc.accept)
		if tc.cookie != "" {
			r.AddCookie(&http.Cookie{Name: languageCookie, Value: tc.cookie})
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), `<html lang="`+tc.want+`"`) {
			t.Errorf("%s: not in %s", name, tc.want)
		}
	}
	w := visitAs(t, p, "", http.MethodPost, "/language", url.Values{"language": {"fr"}, "next": {"/signin?next=%2Faudit"}})
	if to := wantTo(t, w); to != "/signin?next=%2Faudit" || !strings.HasPrefix(w.Header().Get("Set-Cookie"), languageCookie+"=fr;") {
		t.Errorf("sent to %s with %v", to, w.Header())
	}
}

func TestWhileTheStoreIsAway(t *testing.T) {
	p, f := fakePages(t)
	f.fail["GET /v1/numbers/+12025550143"] = http.StatusServiceUnavailable
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/numbers/+12025550143", nil), 503, "Not reachable", "cannot be reached right now")
	f.fail["GET /v1/me"] = http.StatusServiceUnavailable
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/report", nil), 503, "Not reachable")
	f.fail["GET /v1/me"] = http.StatusForbidden
	wantPage(t, visitAs(t, p, "ann", http.MethodGet, "/report", nil), 403, "Not allowed")
}

func TestOnTheFirstDay(t *testing.T) {
	p, f := fakePages(t)
	f.empty = true
	for path, says := range map[string]string{"/approvals": "Nothing waits here.", "/numbers": "Nothing on the list fits.", "/lines": "No entry fits.", "/dashboard": "No node has reported.",
		"/audit": "No entry fits.", "/tokens": "No machine has a token.", "/numbers/+12025550143": "Nobody has reported this number."} {
		wantPage(t, visitAs(t, p, "administrator", http.MethodGet, path, nil), 200, says)
	}
}

func TestMenuByRole(t *testing.T) {
	p, _ := fakePages(t)
	for role, want := range map[string]string{
		"reporter":      "/report /numbers /approvals /lines /dashboard /calls",
		"reviewer":      "/report /numbers /approvals /lines /dashboard /calls /audit /users",
		"auditor":       "/numbers /approvals /lines /dashboard /calls /audit /users /tokens",
		"administrator": "/report /numbers /approvals /lines /dashboard /calls /audit /users /tokens",
	} {
		may := permissionsOf(&me{Role: role, Person: true})
		var paths []string
		for _, place := range placesOf(may, "/audit/x") {
			paths = append(paths, place.Path)
			if place.Here != (place.Path == "/audit") {
				t.Errorf("%s: here is %s", role, place.Path)
			}
		}
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("%s: got %s, want %s", role, got, want)
		}
		home := wantTo(t, visitAs(t, p, role, http.MethodGet, "/", nil))
		if w := visitAs(t, p, role, http.MethodGet, home, nil); w.Code != 200 {
			t.Errorf("%s: home is %s, status %d", role, home, w.Code)
		}
	}
}

func TestCharts(t *testing.T) {
	p, _ := fakePages(t)
	for _, file := range []string{"acted-light-wide.svg?hours=24", "acted-dark-narrow.svg?hours=168", "screened-light-wide.svg?hours=720", "screened-dark-wide.svg"} {
		w := visitAs(t, p, "ann", http.MethodGet, "/charts/"+file, nil)
		wantPage(t, w, 200, "<svg", "<path", "system-ui")
		if w.Header().Get("Content-Type") != "image/svg+xml" {
			t.Errorf("%s: is %s", file, w.Header().Get("Content-Type"))
		}
	}
	for _, file := range []string{"acted-light.svg", "acted-light-wide.png", "nothing-light-wide.svg", "acted-pink-wide.svg", "x"} {
		if w := visitAs(t, p, "ann", http.MethodGet, "/charts/"+file, nil); w.Code != 404 {
			t.Errorf("%s: status %d", file, w.Code)
		}
	}
	for highest, want := range map[int]float64{1: 1, 3: 3, 4: 4, 5: 6, 9: 10, 37: 40, 999: 1000, 123456: 150000} {
		if _, top := mustLanguages(t)["en"].wholeTicks(highest); top != want {
			t.Errorf("up to %d: the scale ends at %g, want %g", highest, top, want)
		}
	}
}

func TestAssets(t *testing.T) {
	p, _ := fakePages(t)
	for _, path := range []string{"/assets/x/nothing.css", "/assets/x/..%2fpages.go", "/assets/x/", "/assets/"} {
		if w := visitAs(t, p, "", http.MethodGet, path, nil); w.Code != 404 {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	entries, err := assets.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		w := visitAs(t, p, "", http.MethodGet, assetPath(e.Name()), nil)
		if w.Code != 200 || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: status %d, type %q", e.Name(), w.Code, w.Header().Get("Content-Type"))
		}
		if strings.Contains(w.Body.String(), "//") && strings.HasSuffix(e.Name(), ".css") {
			t.Errorf("%s names another server", e.Name())
		}
	}
}
