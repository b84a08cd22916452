package intake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/linewarden/linewarden/numberdb/access"
)

// codeOf is what an authenticator application shows, so long after the present.
func (h *house) codeOf(t testing.TB, secret string, after time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, h.clock.Now().Add(after))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// wrongCode is a code of a secret that no application shows now or for a while.
func (h *house) wrongCode(t testing.TB, secret string) string {
	t.Helper()
	right := map[string]bool{}
	for after := -5 * time.Minute; after <= 5*time.Minute; after += 30 * time.Second {
		right[h.codeOf(t, secret, after)] = true
	}
	for i := 0; ; i++ {
		if code := fmt.Sprintf("%06d", i); !right[code] {
			return code
		}
	}
}

// withFactor is a person who has set up a second factor, in a browser in which they are signed in. The code of the present has not been used.
func (h *house) withFactor(t testing.TB, name string, role Role) (b *browser, secret string) {
	t.Helper()
	b = h.in(t, name, role)
	secret = read[OfferBody](t, b.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword}))).Secret
	want(t, b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{h.codeOf(t, secret, 0)})), http.StatusOK)
	h.clock.move(time.Minute)
	return b, secret
}

// enter signs in with a code.
func (b *browser) enter(password, code string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, "/v1/session", asJSON(SignInBody{User: b.name, Password: password, Code: code}))
}

// wantDenied wants a sign-in to be refused, and says whether a code would help.
func wantDenied(t testing.TB, w *httptest.ResponseRecorder, codeNeeded bool) {
	t.Helper()
	p, _ := wantProblem(t, w, http.StatusUnauthorized)
	var raw map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &raw); err != nil {
		t.Fatal(err)
	}
	_, told := raw["code_needed"]
	if told != codeNeeded || len(w.Result().Cookies()) != 0 || (p.Detail == signInDenied) == codeNeeded {
		t.Fatalf("told %s with %v", w.Body, w.Result().Cookies())
	}
}

func TestSecondFactor(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	elsewhere := h.browser("rita")
	want(t, elsewhere.signIn(goodPassword), http.StatusOK)
	own := read[MadeTokenBody](t, b.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`)).Text
	w := b.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword}))
	want(t, w, http.StatusOK)
	offer := read[OfferBody](t, w)
	u, err := url.Parse(offer.URI)
	if err != nil || u.Scheme != "otpauth" || u.Query().Get("secret") != offer.Secret || u.Query().Get("issuer") != "Linewarden helpline" {
		t.Errorf("offered %+v", offer)
	}
	want(t, h.browser("rita").signIn(goodPassword), http.StatusOK) // an offer counts for nothing
	w = b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{h.codeOf(t, offer.Secret, 0)}))
	want(t, w, http.StatusOK)
	if me := read[MeBody](t, w); !me.TOTP || !read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")).TOTP {
		t.Errorf("I am %+v", me)
	}
	if elsewhere.signedIn() || h.bearer(t, http.MethodGet, "/v1/me", own, "").Code != http.StatusUnauthorized {
		t.Error("session or token go on that never showed a code")
	}
	h.clock.move(time.Minute)
	out := h.browser("rita")
	code := h.codeOf(t, offer.Secret, 0)
	wantDenied(t, out.enter("three walruses sang", ""), false)
	wantDenied(t, out.enter("three walruses sang", code), false)
	wantDenied(t, out.enter(goodPassword, ""), true)
	wantDenied(t, out.enter(goodPassword, " "), true)
	wantDenied(t, out.enter(goodPassword, h.wrongCode(t, offer.Secret)), true)
	h.clock.move(time.Second) // the delay after five attempts
	w = out.enter(goodPassword, code[:3]+" "+code[3:])
	want(t, w, http.StatusOK)
	if me := read[MeBody](t, w); !me.TOTP || me.Name != "rita" {
		t.Errorf("I am %+v", me)
	}
	auditor := h.in(t, "olga", RoleAuditor)
	if rita := read[UserBody](t, auditor.do(http.MethodGet, "/v1/users/rita", "")); !rita.TOTP {
		t.Errorf("others see %+v", rita)
	}
	h.nowhere(t, offer.Secret)
	h.nowhere(t, code)
	for _, line := range []string{"rita as reviewer: second_factor_set user rita", "rita as reviewer: refused sign-in"} {
		if h.inChain(t, line) != 1 {
			t.Errorf("%q is not once in the chain: %q", line, h.chain(t))
		}
	}
}

func TestCodesDrift(t *testing.T) {
	h := newHouse(t)
	b, secret := h.withFactor(t, "rita", RoleReviewer)
	for after, good := range map[time.Duration]bool{-time.Minute: false, -30 * time.Second: true, 0: true, 30 * time.Second: true, time.Minute: false} {
		if w := b.enter(goodPassword, h.codeOf(t, secret, after)); (w.Code == http.StatusOK) != good {
			t.Errorf("a code of %v from now: status %d: %s", after, w.Code, w.Body)
		}
		h.clock.move(10 * time.Minute)
	}
	for _, code := range []string{"0", "abcdef", "１２３４５６", "-12345", "000000\x00", "<script>"} {
		wantDenied(t, b.enter(goodPassword, code), true)
		h.clock.move(6 * time.Hour)
	}
	wantProblem(t, b.enter(goodPassword, "123456 but much longer"), http.StatusUnprocessableEntity)
}

// TestCodeReplay wants each code to let somebody in once, whichever node they ask and however many ask at once.
func TestCodeReplay(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	secret := read[OfferBody](t, b.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword}))).Secret
	code := h.codeOf(t, secret, 0)
	want(t, b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{code})), http.StatusOK)
	wantDenied(t, h.browser("rita").enter(goodPassword, code), true)
	h.clock.move(time.Minute)
	code = h.codeOf(t, secret, 0)
	want(t, b.enter(goodPassword, code), http.StatusOK)
	h.join(t) // another node
	wantDenied(t, h.browser("rita").enter(goodPassword, code), true)
	h.clock.move(time.Minute)
	code = h.codeOf(t, secret, 0)
	statuses := make(chan int, 3) // with the two refused above so few that nobody is locked out
	for range cap(statuses) {
		go func() { statuses <- h.browser("rita").enter(goodPassword, code).Code }()
	}
	in := 0
	for range cap(statuses) {
		if status := <-statuses; status == http.StatusOK {
			in++
		} else if status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
	}
	if in != 1 {
		t.Errorf("%d came in by one code", in)
	}
}

// TestGuessingCodes wants who knows the password to get no nearer by guessing, by asking without a code in between, or by another browser.
func TestGuessingCodes(t *testing.T) {
	h := newHouse(t)
	rita, secret := h.withFactor(t, "rita", RoleReviewer)
	thief := h.browser("rita")
	guesses := 0
	for began := h.clock.Now(); h.clock.Now().Sub(began) < 7*24*time.Hour; {
		w := thief.enter(goodPassword, h.wrongCode(t, secret))
		if w.Code == http.StatusTooManyRequests {
			h.clock.move(retryAfterOf(t, w))
			continue
		}
		wantDenied(t, w, true)
		guesses++
		thief.enter(goodPassword, "")
	}
	if guesses < 5 || guesses > 45 {
		t.Errorf("%d guesses in a week", guesses)
	}
	for w := rita.enter(goodPassword, h.wrongCode(t, secret)); w.Code != http.StatusTooManyRequests; {
		w = rita.enter(goodPassword, h.wrongCode(t, secret))
	}
	h.join(t) // another node
	retryAfterOf(t, rita.enter(goodPassword, h.codeOf(t, secret, 0)))
	if h.inChain(t, "rita as reviewer: refused sign-in") < 5 {
		t.Errorf("the chain is %q", h.chain(t))
	}
	// Somebody else who does not know the password never comes so far as to guess at codes.
	h.clock.move(6 * time.Hour)
	stranger := h.browser("rita")
	for range 20 {
		stranger.enter("a guess that is wrong", "123456")
	}
	want(t, rita.enter(goodPassword, h.codeOf(t, secret, 0)), http.StatusOK)
}

// TestResetTakesTheFactorAway lets an administrator help somebody who has lost their telephone, after many guesses.
func TestResetTakesTheFactorAway(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	rita, secret := h.withFactor(t, "rita", RoleReporter)
	for range 8 {
		rita.enter(goodPassword, h.wrongCode(t, secret))
	}
	offer := read[OfferBody](t, h.in(t, "olga", RoleReporter).do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword})))
	reset := func(name string) string {
		t.Helper()
		etag := anna.do(http.MethodGet, "/v1/users/"+name, "").Header().Get("ETag")
		w := anna.do(http.MethodPatch, "/v1/users/"+name, `{"reset": true}`, "If-Match", etag)
		want(t, w, http.StatusOK)
		if got := read[SetupBody](t, w); got.User.TOTP {
			t.Errorf("reset to %+v", got.User)
		}
		return read[SetupBody](t, w).Setup
	}
	setup := reset("rita")
	if me := read[MeBody](t, rita.signIn(setup)); !me.MustChange || me.TOTP {
		t.Errorf("I am %+v", me)
	}
	wantProblem(t, rita.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword})), http.StatusForbidden) // a password of one's own before all else
	want(t, rita.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{setup, goodPassword})), http.StatusOK)
	want(t, h.browser("rita").signIn(goodPassword), http.StatusOK)

	// What was offered before a reset, to whoever sat there, is not taken afterwards.
	setup = reset("olga")
	olga := h.browser("olga")
	want(t, olga.signIn(setup), http.StatusOK)
	want(t, olga.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{setup, goodPassword})), http.StatusOK)
	wantProblem(t, olga.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{h.codeOf(t, offer.Secret, 0)})), http.StatusConflict)
}

func TestSecondFactorFaults(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	wantProblem(t, b.do(http.MethodPut, "/v1/me/totp", `{"code": "123456"}`), http.StatusConflict) // nothing was offered
	wantProblem(t, b.do(http.MethodDelete, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword})), http.StatusConflict)
	for _, body := range []string{asJSON(OwnPasswordBody{"four walruses sing"}), `{}`} { // whoever found an open browser
		if _, fields := wantProblem(t, b.do(http.MethodPost, "/v1/me/totp", body), http.StatusUnprocessableEntity); fmt.Sprint(fields) != "[body.password]" {
			t.Errorf("named %v", fields)
		}
	}
	wantProblem(t, b.do(http.MethodPost, "/v1/me/totp", ""), http.StatusBadRequest)
	if h.inChain(t, "rita as reviewer: refused offer-second-factor") != 1 {
		t.Errorf("the chain is %q", h.chain(t))
	}
	first := read[OfferBody](t, b.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword}))).Secret
	second := read[OfferBody](t, b.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword}))).Secret
	for _, code := range []string{h.codeOf(t, first, 0), h.wrongCode(t, second), "", "abcdef"} {
		if _, fields := wantProblem(t, b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{code})), http.StatusUnprocessableEntity); fmt.Sprint(fields) != "[body.code]" {
			t.Errorf("%q: named %v", code, fields)
		}
	}
	h.auditFails = errAway
	wantProblem(t, b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{h.codeOf(t, second, 0)})), http.StatusServiceUnavailable)
	h.auditFails = nil
	if read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")).TOTP {
		t.Error("a second factor is set that is not in the chain")
	}
	h.clock.move(time.Minute)
	want(t, b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{h.codeOf(t, second, 0)})), http.StatusOK)
	wantProblem(t, b.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword})), http.StatusConflict)
	wantProblem(t, b.do(http.MethodPut, "/v1/me/totp", asJSON(CodeBody{h.codeOf(t, second, 30*time.Second)})), http.StatusConflict)
}

func TestRemovingTheFactor(t *testing.T) {
	h := newHouse(t)
	b, _ := h.withFactor(t, "rita", RoleReviewer)
	remove := func(password string) *httptest.ResponseRecorder {
		return b.do(http.MethodDelete, "/v1/me/totp", asJSON(OwnPasswordBody{password}))
	}
	if _, fields := wantProblem(t, remove("three walruses sang"), http.StatusUnprocessableEntity); fmt.Sprint(fields) != "[body.password]" {
		t.Errorf("named %v", fields)
	}
	for range 4 {
		want(t, remove("three walruses sang"), http.StatusUnprocessableEntity)
	}
	h.clock.move(retryAfterOf(t, remove(goodPassword)))
	w := remove(goodPassword)
	want(t, w, http.StatusOK)
	if read[MeBody](t, w).TOTP || !b.signedIn() {
		t.Errorf("removed: %s", w.Body)
	}
	want(t, h.browser("rita").signIn(goodPassword), http.StatusOK)
	for line, n := range map[string]int{"rita as reviewer: second_factor_removed user rita": 1, "rita as reviewer: refused remove-second-factor": 2} {
		if got := h.inChain(t, line); got != n {
			t.Errorf("%q is %d times in the chain, want %d: %q", line, got, n, h.chain(t))
		}
	}
}

// TestSecondFactorWithoutKey wants nodes without the key, or with another, to set up nothing and to let nobody in who has a second factor.
func TestSecondFactorWithoutKey(t *testing.T) {
	h := newHouse(t)
	rita, secret := h.withFactor(t, "rita", RoleReviewer)
	bob := h.in(t, "bob", RoleReviewer)
	good := h.factorKey
	other, err := access.NewFactorKey("another key of these tests, of 32 characters")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*access.FactorKey{"no key": nil, "another key": other} {
		h.factorKey = key
		h.join(t)
		wantProblem(t, rita.enter(goodPassword, h.codeOf(t, secret, 0)), http.StatusServiceUnavailable)
		if key == nil {
			if p, _ := wantProblem(t, bob.do(http.MethodPost, "/v1/me/totp", asJSON(OwnPasswordBody{goodPassword})), http.StatusConflict); p.Detail != sentence(access.ErrNoFactorKey) {
				t.Errorf("%s: told %q", name, p.Detail)
			}
			wantProblem(t, bob.do(http.MethodPut, "/v1/me/totp", `{"code": "123456"}`), http.StatusConflict)
		}
	}
	h.factorKey = good
	h.join(t)
	// Somebody who writes to Redis gives Rita's secret, which they have, to Bob.
	record := h.redis.HGet(t.Context(), "lw:{access}:u", "rita").Val()
	var u, v access.User
	if err := json.Unmarshal([]byte(record), &u); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(h.redis.HGet(t.Context(), "lw:{access}:u", "bob").Val()), &v); err != nil {
		t.Fatal(err)
	}
	v.Factor = u.Factor
	if err := h.redis.HSet(t.Context(), "lw:{access}:u", "bob", asJSON(v)).Err(); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, h.browser("bob").enter(goodPassword, h.codeOf(t, secret, 0)), http.StatusServiceUnavailable)
	want(t, rita.enter(goodPassword, h.codeOf(t, secret, 0)), http.StatusOK)
}
