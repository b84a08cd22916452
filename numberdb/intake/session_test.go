package intake

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb/access"
)

func TestSignIn(t *testing.T) {
	h := newHouse(t)
	b := h.person(t, "rita", RoleReviewer)
	w := b.do(http.MethodPost, "/v1/session", `{"user": " RITA", "password": "`+goodPassword+`"}`)
	want(t, w, http.StatusOK)
	if me := read[MeBody](t, w); me.Name != "rita" || me.Role != "reviewer" || me.Organisation != "helpline" || !me.Person || me.MustChange {
		t.Errorf("I am %+v", me)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 2 || cookies[0].Name != access.SessionCookie {
		t.Fatalf("cookies %v", cookies)
	}
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("an unsafe cookie: %v", c)
		}
	}
	if cookies[0].MaxAge != 0 || !cookies[0].Expires.IsZero() {
		t.Error("the session outlives the browser")
	}
	for header, value := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := w.Header().Get(header); got != value {
			t.Errorf("%s: %s, want %s", header, got, value)
		}
	}
	if got := read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")); got.Name != "rita" || got.Tokens == nil {
		t.Errorf("the session is of %+v", got)
	}
	out := b.do(http.MethodDelete, "/v1/session", "")
	want(t, out, http.StatusNoContent)
	if _, still := b.cookies[access.SessionCookie]; still {
		t.Error("the browser keeps the session's cookie")
	}
	b.cookies[access.SessionCookie] = cookies[0].Value
	if b.signedIn() {
		t.Error("the session goes on after its end")
	}
	for _, line := range []string{"rita as reviewer: signed_in session", "rita as reviewer: signed_out session"} {
		if h.inChain(t, line) != 1 {
			t.Errorf("%q is not once in the chain: %q", line, h.chain(t))
		}
	}
}

// TestSignInRefused wants the same answer to whatever was wrong, with who it was in the chain.
func TestSignInRefused(t *testing.T) {
	h := newHouse(t)
	h.person(t, "rita", RoleReviewer)
	h.person(t, "dora", RoleReporter)
	off := true
	u, err := h.directory.User(t.Context(), "dora")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.directory.ChangeUser(t.Context(), root, "dora", u.Version, access.Change{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	_, late, err := h.directory.AddUser(t.Context(), root, access.NewUser{Name: "lena", Role: RoleReporter})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.move(7 * 24 * time.Hour)
	body := ""
	for name, tc := range map[string]struct{ user, password string }{
		"wrong password":          {"rita", "three walruses sang"},
		"no password":             {"rita", ""},
		"a long password":         {"rita", strings.Repeat("a", 600)},
		"nobody":                  {"nobody", goodPassword},
		"no name":                 {"", goodPassword},
		"a name that none can be": {"<b>=cmd|' /C calc'!A0\x00", goodPassword},
		"a config token's name":   {"ann", reporterToken},
		"disabled":                {"dora", goodPassword},
		"one-time password ended": {"lena", late},
	} {
		b := h.browser(tc.user)
		w := b.signIn(tc.password)
		p, _ := wantProblem(t, w, http.StatusUnauthorized)
		if body == "" {
			body = p.Detail
		}
		if p.Detail != body || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: told %q with %v", name, p.Detail, w.Result().Cookies())
		}
	}
	for _, line := range []string{"rita as reviewer: refused sign-in", "dora as reporter: refused sign-in", "anonymous as none: refused sign-in"} {
		if h.inChain(t, line) != 1 {
			t.Errorf("%q is not once in the chain: %q", line, h.chain(t))
		}
	}
	if strings.Contains(h.log.String(), goodPassword) {
		t.Error("the log has a password")
	}
	wantProblem(t, h.browser("rita").do(http.MethodPost, "/v1/session", `{"user": ["rita"], "password": 1}`), http.StatusUnprocessableEntity)
}

// TestFirstSignIn wants who has a one-time password to set one of their own before all else.
func TestFirstSignIn(t *testing.T) {
	h := newHouse(t)
	_, setup, err := h.directory.AddUser(t.Context(), root, access.NewUser{Name: "nina", Role: RoleAdministrator, Language: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser("nina")
	if me := read[MeBody](t, b.signIn(setup)); !me.MustChange || me.Language != "fr" {
		t.Errorf("I am %+v", me)
	}
	wantProblem(t, b.do(http.MethodGet, "/v1/users", ""), http.StatusForbidden)
	if _, fields := wantProblem(t, b.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{"wrong", goodPassword})), 422); fmt.Sprint(fields) != "[body.old]" {
		t.Errorf("named %v", fields)
	}
	for _, bad := range []string{"short", strings.Repeat("a", 200), strings.Repeat("ab", 10), "I am nina, hello", "line\nend and more", setup} {
		if _, fields := wantProblem(t, b.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{setup, bad})), 422); fmt.Sprint(fields) != "[body.new]" {
			t.Errorf("%q: named %v", bad, fields)
		}
	}
	before := b.cookies[access.SessionCookie]
	w := b.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{setup, goodPassword}))
	want(t, w, http.StatusOK)
	if me := read[MeBody](t, w); me.MustChange {
		t.Errorf("I am %+v", me)
	}
	want(t, b.do(http.MethodGet, "/v1/users", ""), http.StatusOK)
	old := h.browser("nina")
	old.cookies[access.SessionCookie] = before
	if old.signedIn() {
		t.Error("the session of before the change goes on")
	}
	want(t, h.browser("nina").signIn(setup), http.StatusUnauthorized)
	if h.inChain(t, "nina as administrator: password_changed user nina") != 1 {
		t.Errorf("the chain is %q", h.chain(t))
	}
}

// TestSessionsEnd wants sessions to end when they are not used, and when they are old.
func TestSessionsEnd(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	h.clock.move(testIdle - time.Second)
	if !b.signedIn() {
		t.Fatal("the session ended too early")
	}
	h.clock.move(testIdle)
	if b.signedIn() {
		t.Error("the session goes on without being used")
	}
	want(t, b.signIn(goodPassword), http.StatusOK)
	for began := h.clock.Now(); h.clock.Now().Sub(began) < testLife; h.clock.move(testIdle / 2) {
		if !b.signedIn() {
			t.Fatalf("the session ended after %v, though it was used", h.clock.Now().Sub(began))
		}
	}
	if b.signedIn() {
		t.Error("the session has no end")
	}
	if keys := h.redis.Keys(t.Context(), "lw:{access}:s:*").Val(); len(keys) != 0 {
		t.Errorf("ended sessions are left: %v", keys)
	}
}

// TestFixation gives a browser a session that an attacker knows, made up or their own: signing in takes up neither.
func TestFixation(t *testing.T) {
	h := newHouse(t)
	attacker := h.in(t, "mallory", RoleReporter)
	b := h.person(t, "rita", RoleReviewer)
	for _, known := range []string{attacker.cookies[access.SessionCookie], strings.Repeat("a", 43)} {
		b.cookies[access.SessionCookie] = known
		want(t, b.signIn(goodPassword), http.StatusOK)
		if b.cookies[access.SessionCookie] == known {
			t.Error("the session has a token that was known before")
		}
	}
	if attacker.signedIn() {
		t.Error("the session of before the sign-in goes on")
	}
}

func TestStolenSession(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	thief := h.browser("rita")
	thief.agent = "curl/8"
	thief.cookies[access.SessionCookie] = b.cookies[access.SessionCookie]
	wantProblem(t, thief.do(http.MethodGet, "/v1/me", ""), http.StatusUnauthorized)
	if b.signedIn() {
		t.Error("the stolen session goes on")
	}
	if h.inChain(t, "rita as reviewer: refused get-me") != 1 {
		t.Errorf("the chain is %q", h.chain(t))
	}
	for name, cookie := range map[string]string{
		"made up": strings.Repeat("A", 43), "empty": "", "too long": strings.Repeat("A", 5000), "no base64": "../../lw:{access}:u", "another's key": "lw",
	} {
		thief.cookies[access.SessionCookie] = cookie
		if w := thief.do(http.MethodGet, "/v1/me", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}

// TestDamagedSession wants bytes in Redis that are no session to be none.
func TestDamagedSession(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	keys := h.redis.Keys(t.Context(), "lw:{access}:s:*").Val()
	if len(keys) != 1 {
		t.Fatalf("sessions %v", keys)
	}
	if strings.Contains(keys[0], b.cookies[access.SessionCookie]) {
		t.Error("Redis has the session's token")
	}
	if err := h.redis.Set(t.Context(), keys[0], "\x00\xff", 0).Err(); err != nil {
		t.Fatal(err)
	}
	want(t, b.do(http.MethodGet, "/v1/me", ""), http.StatusUnauthorized)
}

// TestSignedOutStaysSignedOut lets a request end that was on its way during the sign-out: it must not bring the session back.
func TestSignedOutStaysSignedOut(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	keys := h.redis.Keys(t.Context(), "lw:{access}:s:*").Val()
	want(t, b.do(http.MethodDelete, "/v1/session", ""), http.StatusNoContent)
	id := strings.TrimPrefix(keys[0], "lw:{access}:s:")
	if err := h.kept.UpdateSession(t.Context(), id, []byte("late"), h.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left := h.redis.Exists(t.Context(), keys...).Val(); left != 0 {
		t.Error("the session is back")
	}
}

func TestCrossSite(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "anna", RoleAdministrator)
	newUser := `{"name": "eve", "role": "administrator"}`
	for name, headers := range map[string][]string{
		"another site":      {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"another subdomain": {"Sec-Fetch-Site", "same-site"},
		"an old browser":    {"Origin", "https://evil.example"},
		"a sandbox":         {"Origin", "null"},
		"a form":            {"Sec-Fetch-Site", "cross-site", "Content-Type", "application/x-www-form-urlencoded"},
		"a form as text":    {"Origin", "https://evil.example", "Content-Type", "text/plain"},
	} {
		for _, route := range []string{"POST /v1/users", "DELETE /v1/session", "POST /v1/session", "POST /v1/reports"} {
			method, path, _ := strings.Cut(route, " ")
			if w := b.do(method, path, newUser, headers...); w.Code != http.StatusForbidden {
				t.Errorf("%s, %s: status %d", name, route, w.Code)
			}
		}
	}
	if h.inChain(t, "anonymous as none: refused cross-site request") != 1 {
		t.Errorf("the chain is %q", h.chain(t))
	}
	if _, err := h.directory.User(t.Context(), "eve"); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a page of another site has added somebody: %v", err)
	}
	want(t, b.do(http.MethodGet, "/v1/me", "", "Sec-Fetch-Site", "cross-site"), http.StatusOK) // a link from elsewhere may lead here
	want(t, b.do(http.MethodPost, "/v1/users", newUser, "Sec-Fetch-Site", "same-origin", "Origin", "https://example.com"), http.StatusCreated)
	want(t, b.do(http.MethodPost, "/v1/users", `{"name": "fred", "role": "auditor"}`, "Origin", "https://example.com"), http.StatusCreated)
}

// retryAfterOf is how long an answer tells to wait.
func retryAfterOf(t *testing.T, w *httptest.ResponseRecorder) time.Duration {
	t.Helper()
	want(t, w, http.StatusTooManyRequests)
	s, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(s) * time.Second
}

// TestLockout wants guessing to become slower and slower, for names that exist and for those that do not alike, on all nodes; and wants the
// person to get in nevertheless, with a browser that they have used before.
func TestLockout(t *testing.T) {
	h := newHouse(t)
	rita := h.in(t, "rita", RoleReviewer)
	want(t, rita.do(http.MethodDelete, "/v1/session", ""), http.StatusNoContent)
	for _, name := range []string{"nobody", "rita"} {
		attacker := h.browser(name)
		for range 5 {
			want(t, attacker.signIn("a guess that is wrong"), http.StatusUnauthorized)
		}
		wait := time.Second
		for range 12 {
			for range 3 { // attempts that come too early make it no worse
				if got := retryAfterOf(t, attacker.signIn(goodPassword)); got != wait {
					t.Fatalf("%s has to wait %v, want %v", name, got, wait)
				}
			}
			h.clock.move(wait)
			want(t, attacker.signIn("a guess that is wrong"), http.StatusUnauthorized)
			wait = min(2*wait, 15*time.Minute)
		}
	}
	h.join(t) // another node
	stranger := h.browser("rita")
	retryAfterOf(t, stranger.signIn(goodPassword))
	rita.h = h
	want(t, rita.signIn(goodPassword), http.StatusOK)
	h.clock.move(15 * time.Minute)
	want(t, stranger.signIn(goodPassword), http.StatusOK)
	if h.inChain(t, "rita as reviewer: refused sign-in") < 2 {
		t.Errorf("the chain is %q", h.chain(t))
	}
	// A browser of hers that an attacker has got hold of has a count of its own, until her password changes.
	for range 5 {
		want(t, rita.signIn("a guess that is wrong"), http.StatusUnauthorized)
	}
	retryAfterOf(t, rita.signIn(goodPassword))
	want(t, h.browser("rita").signIn(goodPassword), http.StatusOK)
}

// TestLockoutOfTheOldPassword wants a thief of a session not to find the password by changing it, and not to lock anybody out.
func TestLockoutOfTheOldPassword(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	for range 5 {
		want(t, b.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{"a guess that is wrong", "four walruses sing"})), http.StatusUnprocessableEntity)
	}
	retryAfterOf(t, b.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{goodPassword, "four walruses sing"})))
	want(t, h.browser("rita").signIn(goodPassword), http.StatusOK)
}

// TestSignInWithoutChain wants nobody to be let in, or changed, who is not in the audit chain.
func TestSignInWithoutChain(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "anna", RoleAdministrator)
	h.auditFails = errAway
	other := h.browser("anna")
	if w := other.signIn(goodPassword); w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d with %v", w.Code, w.Result().Cookies())
	}
	for route, body := range map[string]string{
		"POST /v1/users":       `{"name": "eve", "role": "reviewer"}`,
		"POST /v1/tokens":      `{"name": "bank", "role": "reporter", "source": {"kind": "partner", "organisation": "a-bank"}}`,
		"POST /v1/me/tokens":   `{"name": "laptop"}`,
		"POST /v1/me/password": asJSON(PasswordBody{goodPassword, "four walruses sing"}),
		"DELETE /v1/session":   "",
	} {
		method, path, _ := strings.Cut(route, " ")
		if w := b.do(method, path, body); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d: %s", route, w.Code, w.Body)
		}
	}
	h.auditFails = nil
	if me := read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")); len(me.Tokens) != 0 {
		t.Errorf("tokens %+v", me.Tokens)
	}
	if users, err := h.directory.Users(t.Context()); err != nil || len(users) != 1 {
		t.Errorf("users %v, %v", users, err)
	}
	if tokens, err := h.directory.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("tokens %v, %v", tokens, err)
	}
	want(t, h.browser("anna").signIn(goodPassword), http.StatusOK)
}

// TestAccessWithoutRedis wants 503 for whoever cannot be looked up, and the config's tokens to work on.
func TestAccessWithoutRedis(t *testing.T) {
	h := newHouse(t)
	b := h.in(t, "rita", RoleReviewer)
	token := h.machine(t, "feed", RoleFeed)
	if err := h.server.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*httptest.ResponseRecorder{
		b.do(http.MethodGet, "/v1/me", ""), h.browser("rita").signIn(goodPassword), h.bearer(t, http.MethodGet, "/v1/me", token, ""),
	} {
		wantProblem(t, w, http.StatusServiceUnavailable)
		if w.Header().Get("Retry-After") == "" {
			t.Error("nobody says when to try again")
		}
	}
	want(t, h.bearer(t, http.MethodGet, "/v1/me", reporterToken, ""), http.StatusOK)
}
