package intake

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/linewarden/linewarden/numberdb/access"
)

const oidcCookie = "__Host-linewarden-oidc"

// wantNotIn wants somebody sent to the sign-in page without a session, and the log to say why.
func (h *house) wantNotIn(t testing.TB, b *browser, w *httptest.ResponseRecorder, word, next, why string) {
	t.Helper()
	want(t, w, http.StatusSeeOther)
	if got, want := w.Header().Get("Location"), "/signin?"+(url.Values{"elsewhere": {word}, "next": {next}}).Encode(); got != want {
		t.Errorf("sent to %s, want %s", got, want)
	}
	if b.signedIn() || strings.Contains(strings.Join(w.Header().Values("Set-Cookie"), "\n"), access.SessionCookie+"=") {
		t.Error("a session has begun")
	}
	lines := strings.Split(strings.TrimSpace(h.log.String()), "\n")
	told := ""
	for _, line := range lines {
		if strings.Contains(line, "/signin/oidc") {
			told = line
		}
	}
	if !strings.Contains(told, why) {
		t.Errorf("the log says %s, want %q", told, why)
	}
}

func TestSignInElsewhere(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	p.says("role", "administrator", "roles", []string{"administrator"}, "groups", []string{"administrator"})
	begun := b.do(http.MethodGet, "/signin/oidc?next=%2Fnumbers%3Fq%3D1", "")
	want(t, begun, http.StatusSeeOther)
	c := begun.Result().Cookies()
	if len(c) != 1 || c[0].Name != oidcCookie || !c[0].Secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].Domain != "" || c[0].MaxAge != 600 {
		t.Errorf("an unsafe cookie: %v", c)
	}
	if to := begun.Header().Get("Location"); strings.Contains(to, "numbers") || strings.Contains(to, clientSecret) {
		t.Errorf("the provider is told too much: %s", to)
	}
	w := b.do(http.MethodGet, p.visit(t, begun.Header().Get("Location")).RequestURI(), "")
	want(t, w, http.StatusSeeOther)
	if to := w.Header().Get("Location"); to != "/numbers?q=1" {
		t.Errorf("sent to %s", to)
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", w.Header())
	}
	if _, still := b.cookies[oidcCookie]; still || b.cookies["__Host-linewarden-browser"] == "" {
		t.Errorf("the browser has %v", b.cookies)
	}
	if me := read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")); me.Name != "rita" || me.Role != "reviewer" || !me.Person || me.MustChange {
		t.Errorf("I am %+v", me)
	}
	for _, line := range []string{"rita as reviewer: signed_in session", "sign-in provider as none: user_changed user rita"} {
		if h.inChain(t, line) != 1 {
			t.Errorf("%q is not once in the chain: %q", line, h.chain(t))
		}
	}
	want(t, b.walk(t, p, "/"), http.StatusSeeOther) // again: nothing is left to bind
	if n := h.inChain(t, "sign-in provider as none: user_changed user rita"); n != 1 {
		t.Errorf("bound %d times", n)
	}
	want(t, h.browser("rita").signIn(goodPassword), http.StatusOK) // the password is as good as before
	off := true
	u, err := h.directory.User(t.Context(), "rita")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.directory.ChangeUser(t.Context(), root, "rita", u.Version, access.Change{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	if b.signedIn() {
		t.Error("the session outlives its epoch")
	}
	h.wantNotIn(t, b, b.walk(t, p, "/"), ElsewhereRefused, "/", "the user is disabled")
	if h.inChain(t, "rita as reviewer: refused sign-in-oidc") != 1 {
		t.Errorf("the refusal is not in the chain: %q", h.chain(t))
	}
}

// TestSignInElsewhereIsAudited wants nobody in while it cannot be written down.
func TestSignInElsewhereIsAudited(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	h.auditFails = errAway
	h.wantNotIn(t, b, b.walk(t, p, "/"), ElsewhereAway, "/", "audit chain")
	h.auditFails = nil
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if !b.signedIn() {
		t.Error("not signed in")
	}
}

// TestForgedTokens wants nobody in by what the provider does not stand by, or does not mean for this attempt.
func TestForgedTokens(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	h.person(t, "kate", RoleReporter)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := h.clock.Now()
	for name, tc := range map[string]struct {
		claims []any
		forge  func(map[string]any) string
		why    string
	}{
		"wrong nonce":     {claims: []any{"nonce", "another"}, why: "(nonce)"},
		"no nonce":        {claims: []any{"nonce", nil}, why: "(nonce)"},
		"expired":         {claims: []any{"exp", now.Add(-time.Second).Unix()}, why: "expired"},
		"not yet":         {claims: []any{"nbf", now.Add(time.Hour).Unix()}, why: "nbf"},
		"no end":          {claims: []any{"exp", nil}, why: "expired"},
		"other audience":  {claims: []any{"aud", "somebody else"}, why: "expected audience"},
		"no audience":     {claims: []any{"aud", nil}, why: "expected audience"},
		"other party":     {claims: []any{"aud", []string{clientID, "another"}, "azp", "another"}, why: "(azp)"},
		"unnamed party":   {claims: []any{"aud", []string{clientID, "another"}}, why: "(azp)"},
		"wrong issuer":    {claims: []any{"iss", "https://elsewhere.example"}, why: "different provider"},
		"no issuer":       {claims: []any{"iss", nil}, why: "different provider"},
		"no account":      {claims: []any{"sub", nil}, why: "(sub)"},
		"long account":    {claims: []any{"sub", strings.Repeat("a", 256)}, why: "(sub)"},
		"alg none":        {forge: unsigned, why: "malformed jwt"},
		"our secret":      {forge: func(m map[string]any) string { return signed([]byte(clientSecret+clientSecret), jose.HS256, m) }, why: "malformed jwt"},
		"another key":     {forge: func(m map[string]any) string { return signed(other, jose.ES256, m) }, why: "failed to verify"},
		"altered":         {forge: func(m map[string]any) string { return altered(p, m) }, why: "failed to verify"},
		"no token at all": {forge: func(map[string]any) string { return "rita" }, why: "malformed jwt"},
		"no name":         {claims: []any{"preferred_username", nil}, why: "cannot name a person"},
		"empty name":      {claims: []any{"preferred_username", ""}, why: "cannot name a person"},
		"name of a list":  {claims: []any{"preferred_username", []string{"rita"}}, why: "cannot name a person"},
		"name of a blank": {claims: []any{"preferred_username", " rita "}, why: "cannot name a person"},
		"name of a line":  {claims: []any{"preferred_username", "rita\n"}, why: "cannot name a person"},
		"look-alike":      {claims: []any{"preferred_username", "\u212aate"}, why: "cannot name a person"}, // folds to kate
		"a token's name":  {claims: []any{"preferred_username", "rita/laptop"}, why: "cannot name a person"},
		"markup":          {claims: []any{"preferred_username", "<b>=cmd|' /C calc'!A0"}, why: "cannot name a person"},
		"a long name":     {claims: []any{"preferred_username", strings.Repeat("a", 100_000)}, why: "cannot name a person"},
		"odd methods":     {claims: []any{"amr", "mfa"}, why: "wrong type"},
		"unknown person":  {claims: []any{"preferred_username", "nobody"}, why: "nobody here has the name"},
		"a config token":  {claims: []any{"preferred_username", "ann"}, why: "nobody here has the name"},
	} {
		t.Run(name, func(t *testing.T) {
			p.says(tc.claims...)
			p.forge = tc.forge
			h.wantNotIn(t, b, b.walk(t, p, "/numbers"), ElsewhereRefused, "/numbers", tc.why)
		})
	}
	if h.inChain(t, "anonymous as none: refused sign-in-oidc") != 1 {
		t.Errorf("the refusals are not in the chain: %q", h.chain(t))
	}
	if text := h.log.String(); strings.Contains(text, clientSecret) || len(text) > 100_000 {
		t.Errorf("the log has the secret, or %d bytes", len(text))
	}
	p.says()
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if !b.signedIn() {
		t.Error("a good token lets nobody in")
	}
}

// altered is a good token whose payload somebody has changed.
func altered(p *provider, payload map[string]any) string {
	good := strings.Split(signed(p.key, jose.ES256, payload), ".")
	payload["preferred_username"] = "kate"
	return good[0] + "." + strings.Split(unsigned(payload), ".")[1] + "." + good[2]
}

// TestAnswersOfOtherAttempts wants an answer to count once, in the browser that it belongs to.
func TestAnswersOfOtherAttempts(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	refused := func(t *testing.T, b *browser, back, why string) {
		t.Helper()
		next := "/mine"
		if b.cookies[oidcCookie] == "" || strings.Contains(why, "has begun no sign-in") {
			next = "/"
		}
		h.wantNotIn(t, b, b.do(http.MethodGet, back, ""), ElsewhereRefused, next, why)
	}
	callback := func(back *url.URL, change func(url.Values)) string {
		q := back.Query()
		change(q)
		return back.Path + "?" + q.Encode()
	}
	for name, tc := range map[string]struct {
		change func(url.Values)
		why    string
	}{
		"no state":       {func(q url.Values) { q.Del("state") }, "(state)"},
		"another state":  {func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }, "(state)"},
		"no code":        {func(q url.Values) { q.Del("code") }, "no code"},
		"a long code":    {func(q url.Values) { q.Set("code", strings.Repeat("a", 5000)) }, "no code"},
		"a guessed code": {func(q url.Values) { q.Set("code", "guessed") }, "does not take the code"},
		"another issuer": {func(q url.Values) { q.Set("iss", "https://elsewhere.example") }, "another provider"},
		"denied":         {func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, "access_denied"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, b, callback(b.begin(t, p, "/mine"), tc.change), tc.why) })
	}
	t.Run("the code of another attempt", func(t *testing.T) {
		code := h.browser("mallory").begin(t, p, "/").Query().Get("code")
		refused(t, b, callback(b.begin(t, p, "/mine"), func(q url.Values) { q.Set("code", code) }), "does not take the code")
	})
	t.Run("the answer of another browser", func(t *testing.T) {
		b.begin(t, p, "/mine")
		refused(t, b, h.browser("mallory").begin(t, p, "/").RequestURI(), "(state)")
		refused(t, h.browser("rita"), b.begin(t, p, "/mine").RequestURI(), "has begun no sign-in")
	})
	t.Run("a damaged cookie", func(t *testing.T) {
		back := b.begin(t, p, "/mine").RequestURI()
		good := b.cookies[oidcCookie]
		for _, bad := range []string{"", "a.b.c", good[1:], good + "A", strings.Repeat(good, 20), strings.Replace(good, ".", "..", 1)} {
			b.cookies[oidcCookie] = bad
			refused(t, b, back, "has begun no sign-in")
		}
		longer := strings.Split(good, ".")
		b.cookies[oidcCookie] = longer[0] + "." + fmt.Sprint(h.clock.Now().Unix()+30) + "." + longer[2]
		refused(t, b, back, "(state)")
	})
	t.Run("too late", func(t *testing.T) {
		back := b.begin(t, p, "/mine").RequestURI()
		h.clock.move(11 * time.Minute)
		refused(t, b, back, "too long ago")
	})
	t.Run("again", func(t *testing.T) {
		back, before := b.begin(t, p, "/mine").RequestURI(), maps.Clone(b.cookies)
		want(t, b.do(http.MethodGet, back, ""), http.StatusSeeOther)
		if !b.signedIn() {
			t.Fatal("not signed in")
		}
		thief := h.browser("rita")
		refused(t, thief, back, "has begun no sign-in")
		thief.cookies[oidcCookie] = before[oidcCookie]
		h.join(t) // on another node, too
		h.signInPage = "/signin"
		refused(t, thief, back, "finished before")
	})
}

// TestPathsAfterwards wants nobody to be sent to another site.
func TestPathsAfterwards(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	for _, next := range []string{"", "//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "/signin/oidc", "/" + strings.Repeat("a", 600)} {
		if to := b.walk(t, p, next).Header().Get("Location"); to != "/" {
			t.Errorf("%q: sent to %s", next, to)
		}
	}
}

// TestBinding wants a name to be that of one account of the provider, and an account to be one person.
func TestBinding(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	h.person(t, "dora", RoleReporter)
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if !b.signedIn() {
		t.Fatal("not signed in")
	}
	mallory := h.browser("mallory")
	p.says("sub", "account of mallory")
	h.wantNotIn(t, mallory, mallory.walk(t, p, "/"), ElsewhereRefused, "/", "belongs to another account")
	p.says("preferred_username", "dora")
	h.wantNotIn(t, mallory, mallory.walk(t, p, "/"), ElsewhereRefused, "/", "is that of \\\"rita\\\" here")
	u, err := h.directory.User(t.Context(), "rita")
	if err != nil {
		t.Fatal(err)
	}
	_, setup, err := h.directory.ChangeUser(t.Context(), root, "rita", u.Version, access.Change{Reset: true})
	if err != nil {
		t.Fatal(err)
	}
	knows := h.browser("rita") // whoever has made, or seen, the one-time password
	want(t, knows.signIn(setup), http.StatusOK)
	p.says("sub", "new account of rita")
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if me := read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")); me.MustChange {
		t.Errorf("I am %+v", me)
	}
	if knows.signedIn() {
		t.Error("who knows the one-time password is still in")
	}
	wantProblem(t, knows.signIn(setup), http.StatusUnauthorized)
	wantProblem(t, knows.signIn(""), http.StatusUnauthorized)
}

// TestFirstSignInElsewhere wants a new person to need their one-time password no more once the provider has said who they are.
func TestFirstSignInElsewhere(t *testing.T) {
	h, p := withProvider(t)
	_, setup, err := h.directory.AddUser(t.Context(), root, access.NewUser{Name: "rita", Role: RoleReporter})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.move(8 * 24 * time.Hour) // the one-time password has ended
	b := h.browser("rita")
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if me := read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")); me.Name != "rita" || me.MustChange {
		t.Errorf("I am %+v", me)
	}
	wantProblem(t, h.browser("rita").signIn(setup), http.StatusUnauthorized)
}

func TestCreateReporters(t *testing.T) {
	h, p := withProvider(t, func(o *access.OIDCOptions) { o.CreateReporters, o.Claim = true, "email" })
	b := h.browser("nina")
	h.machine(t, "feeder", RoleFeed)
	for name, tc := range map[string]struct {
		claims []any
		why    string
	}{
		"not verified":      {[]any{"email", "nina@helpline.example"}, "has not verified"},
		"verified by a no":  {[]any{"email", "nina@helpline.example", "email_verified", false}, "has not verified"},
		"a machine's name":  {[]any{"email", "feeder", "email_verified", true}, "the name of a token"},
		"a config's name":   {[]any{"email", "ann", "email_verified", true}, "the name of a token"},
		"nobody's name":     {[]any{"email", "-", "email_verified", true}, "cannot name a person"},
		"only another name": {[]any{"email_verified", true}, "cannot name a person"},
	} {
		p.says(tc.claims...)
		h.wantNotIn(t, b, b.walk(t, p, "/"), ElsewhereRefused, "/", tc.why)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if h.inChain(t, "sign-in provider as none: user_added user feeder") != 0 {
		t.Error("the chain says that somebody was added who was not")
	}
	p.says("email", "Nina@Helpline.example", "email_verified", "true", "role", "administrator")
	want(t, b.walk(t, p, "/report"), http.StatusSeeOther)
	if me := read[MeBody](t, b.do(http.MethodGet, "/v1/me", "")); me.Name != "nina@helpline.example" || me.Role != "reporter" || me.MustChange {
		t.Errorf("I am %+v", me)
	}
	if h.inChain(t, "sign-in provider as none: user_added user nina@helpline.example") != 1 || h.inChain(t, "nina@helpline.example as reporter: signed_in session") != 1 {
		t.Errorf("the chain says %q", h.chain(t))
	}
	wantProblem(t, h.browser("nina@helpline.example").signIn(""), http.StatusUnauthorized)
	p.says("email", "second@helpline.example", "email_verified", true) // the same account under another name
	second := h.browser("second")
	h.wantNotIn(t, second, second.walk(t, p, "/"), ElsewhereRefused, "/", "is that of \\\"nina@helpline.example\\\" here")
}

func TestSecondFactorElsewhere(t *testing.T) {
	h, p := withProvider(t)
	h.withFactor(t, "rita", RoleReviewer)
	b := h.browser("rita")
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if !b.signedIn() {
		t.Error("a code is needed, though nobody said so")
	}
	h.use(t, p.options(h, func(o *access.OIDCOptions) { o.RequireMFA = true }))
	b = h.browser("rita")
	p.says("amr", []string{"pwd"})
	h.wantNotIn(t, b, b.walk(t, p, "/"), ElsewhereRefused, "/", "(amr)")
	p.says("amr", []string{"pwd", "mfa"})
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if !b.signedIn() {
		t.Error("the provider has asked for a second factor, and nobody is let in")
	}
}

// TestProviderIsAway wants the intake to go on without the provider, and people in once it is back.
func TestProviderIsAway(t *testing.T) {
	h, p := withProvider(t)
	b := h.person(t, "rita", RoleReviewer)
	const description = "/.well-known/openid-configuration"
	p.breaks(description, http.StatusInternalServerError)
	h.wantNotIn(t, b, b.do(http.MethodGet, "/signin/oidc?next=%2Freport", ""), ElsewhereAway, "/report", "read its description")
	p.breaks(description, 0)
	for _, path := range []string{"/token", "/keys"} {
		back := b.begin(t, p, "/report")
		p.breaks(path, http.StatusInternalServerError)
		w := b.do(http.MethodGet, back.RequestURI(), "")
		if want(t, w, http.StatusSeeOther); b.signedIn() {
			t.Errorf("let in without %s", path)
		}
		p.breaks(path, 0)
	}
	want(t, b.walk(t, p, "/"), http.StatusSeeOther)
	if !b.signedIn() {
		t.Error("not let in when the provider is back")
	}
	o := p.options(h)
	o.ClientSecret = "not the right one"
	h.use(t, o)
	stranger := h.browser("rita")
	h.wantNotIn(t, stranger, stranger.walk(t, p, "/"), ElsewhereAway, "/", "invalid_client")
	p.Close()
	h.use(t, p.options(h)) // a node that starts meanwhile
	h.wantNotIn(t, stranger, stranger.do(http.MethodGet, "/signin/oidc", ""), ElsewhereAway, "/", "read its description")
	want(t, b.do(http.MethodGet, "/v1/me", ""), http.StatusOK)
}

// TestProviderHangs wants whoever asks a provider that does not answer to be told so in bounded time, and nobody else to notice.
func TestProviderHangs(t *testing.T) {
	h, p := withProvider(t, func(o *access.OIDCOptions) { o.Timeout = 200 * time.Millisecond })
	b := h.in(t, "rita", RoleReviewer)
	p.mu.Lock()
	p.hang = make(chan struct{})
	p.mu.Unlock()
	stranger, done := h.browser("rita"), make(chan *httptest.ResponseRecorder)
	go func() { done <- stranger.do(http.MethodGet, "/signin/oidc", "") }()
	<-p.asked
	if !b.signedIn() {
		t.Error("signed out by a provider that hangs")
	}
	h.wantNotIn(t, stranger, <-done, ElsewhereAway, "/", "read its description")
}

// TestNoProvider wants the addresses to say that there is none, and pages to know it.
func TestNoProvider(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/signin/oidc", "/signin/oidc/callback?state=a&code=b"} {
		p, _ := wantProblem(t, h.browser("rita").do(http.MethodGet, path, ""), http.StatusNotFound)
		if !strings.Contains(p.Detail, "no provider") {
			t.Errorf("%s says %s", path, p.Detail)
		}
	}
	if o := h.SignInOptions(); o != (SignInOptions{}) {
		t.Errorf("people can sign in by %+v", o)
	}
	h.use(t, newProvider(t, h.clock.Now).options(h))
	if o := h.SignInOptions(); !o.OIDC || o.Label != "The Works" {
		t.Errorf("people can sign in by %+v", o)
	}
	h.signInPage = "" // without pages there are problem documents
	wantProblem(t, h.browser("rita").do(http.MethodGet, "/signin/oidc/callback?state=a&code=b", ""), http.StatusUnauthorized)
}
