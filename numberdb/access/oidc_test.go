package access

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestOwnPath(t *testing.T) {
	for _, path := range []string{"/", "/report", "/numbers?q=%2B1&cursor=a#top", "/numbers/%2B12025550143", "/numbers/+12025550143/decide", "/a//b"} {
		if got := OwnPath(path); got != path {
			t.Errorf("%q becomes %q", path, got)
		}
	}
	for _, path := range []string{
		"", "report", "//evil.example", "///evil.example", "/%2f/evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/", "https:/evil.example",
		"javascript:alert(1)", "/\tevil", "/ evil", "/\nevil", "/%zz", "/é", "/signin", "/signin?next=/", "/signin/oidc", "/%73ignin/oidc", "/" + strings.Repeat("a", maxOwnPath),
	} {
		if got := OwnPath(path); got != "/" {
			t.Errorf("%q becomes %q", path, got)
		}
	}
}

// FuzzOwnPath wants every path to stay on our host, as browsers resolve it.
func FuzzOwnPath(f *testing.F) {
	for _, s := range []string{"/report", "//evil.example", "/\\evil.example", "https://evil.example", "/%2f/x", "/..//evil.example", "?a", "#b"} {
		f.Add(s)
	}
	here := &url.URL{Scheme: "https", Host: "linewarden.example", Path: "/signin/oidc/callback"}
	f.Fuzz(func(t *testing.T, s string) {
		path := OwnPath(s)
		to, err := here.Parse(path)
		if err != nil || to.Host != here.Host || to.Scheme != here.Scheme || to.User != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
			t.Errorf("%q becomes %q, which leads to %v: %v", s, path, to, err)
		}
		if again := OwnPath(path); again != path {
			t.Errorf("%q becomes %q, that %q", s, path, again)
		}
	})
}

// FuzzOIDCAttempt wants a cookie to be read as what it says, or not at all.
func FuzzOIDCAttempt(f *testing.F) {
	f.Add(newOIDCAttempt(time.Unix(1e9, 0), "/report?a=b").String())
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := parseOIDCAttempt(s)
		if ok && (a.String() != s || OwnPath(a.next) != a.next || len(a.seed) != seedSize) {
			t.Errorf("%q is read as %+v", s, a)
		}
	})
}

func TestOIDCAttempt(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	a := newOIDCAttempt(now, "/report")
	b, ok := parseOIDCAttempt(a.String())
	if !ok || *b != *a || b.state() != a.state() {
		t.Fatalf("%+v becomes %+v, %v", a, b, ok)
	}
	seen := map[string]bool{}
	for _, other := range []*oidcAttempt{a, newOIDCAttempt(now, "/report"), {a.seed, a.at + 1, a.next}, {a.seed, a.at, "/"}} {
		for _, text := range []string{other.state(), other.nonce(), other.verifier()} {
			if seen[text] || len(text) != 43 || strings.Contains(other.String(), text) {
				t.Errorf("%s is seen twice, can be told from the cookie, or is no text of 256 bits", text)
			}
			seen[text] = true
		}
	}
	for age, over := range map[time.Duration]bool{0: false, attemptLife: false, attemptLife + time.Second: true, -attemptSkew: false, -attemptSkew - time.Second: true} {
		if a.isOver(now.Add(age)) != over {
			t.Errorf("over after %v: %v", age, !over)
		}
	}
}

func TestCheckProviderURL(t *testing.T) {
	for _, good := range []string{"https://id.example", "https://id.example:8443/realms/one", "http://127.0.0.1:5556/dex", "http://[::1]:80", "http://localhost"} {
		if fault := CheckProviderURL(good); fault != "" {
			t.Errorf("%s %s", good, fault)
		}
	}
	for _, bad := range []string{"", "id.example", "http://id.example", "http://127.0.0.1.evil.example", "ftp://id.example", "https://me:secret@id.example", "https://id.example?a=b", "https://id.example#a", "https://"} {
		if CheckProviderURL(bad) == "" {
			t.Errorf("%s is good", bad)
		}
	}
}

// aProvider is one that answers every question with a text.
func aProvider(t *testing.T, answer func(self string) string) *OIDC {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved/.well-known/openid-configuration" {
			http.Redirect(w, r, "/.well-known/openid-configuration", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer(server.URL))) // whoever asks may go away: it is too much for them
	}))
	t.Cleanup(server.Close)
	o, err := NewOIDC(OIDCOptions{Issuer: server.URL, ClientID: "a", ClientSecret: "b", Callback: "https://us.example/signin/oidc/callback", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOddDescriptions wants a provider that is damaged, or somebody else's, to be none.
func TestOddDescriptions(t *testing.T) {
	describe := func(issuer, token string) string {
		return `{"issuer": "` + issuer + `", "authorization_endpoint": "https://id.example/a", "jwks_uri": "https://id.example/k", "token_endpoint": "` + token + `"}`
	}
	for name, tc := range map[string]struct {
		answer func(string) string
		want   string
	}{
		"sound":                 {func(us string) string { return describe(us, "https://id.example/t") }, ""},
		"another issuer":        {func(string) string { return describe("https://id.example", "https://id.example/t") }, "did not match"},
		"secrets without TLS":   {func(us string) string { return describe(us, "http://id.example/t") }, "not an https address"},
		"no address for tokens": {func(us string) string { return describe(us, "") }, "not an https address"},
		"no description":        {func(string) string { return "<html>" }, "failed to decode"},
		"endless": {func(us string) string {
			return describe(us, "https://id.example/t") + strings.Repeat(" ", maxProviderAnswer)
		}, "too large"},
	} {
		err := aProvider(t, tc.answer).atProvider(t.Context(), func(context.Context, *discovered) error { return nil })
		if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, ErrProviderAway) || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	moved := aProvider(t, func(us string) string { return describe(us+"/moved", "https://id.example/t") })
	moved.Issuer += "/moved"
	if err := moved.atProvider(t.Context(), func(context.Context, *discovered) error { return nil }); !errors.Is(err, ErrProviderAway) {
		t.Errorf("a provider that sends us elsewhere: %v", err)
	}
}

// TestFewWaitForTheProvider wants those above the bound to be told at once, and room again afterwards.
func TestFewWaitForTheProvider(t *testing.T) {
	o := aProvider(t, func(us string) string {
		return `{"issuer": "` + us + `", "authorization_endpoint": "https://id.example/a", "jwks_uri": "https://id.example/k", "token_endpoint": "https://id.example/t"}`
	})
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan error)
	for range maxAtProvider {
		go func() {
			left <- o.atProvider(t.Context(), func(context.Context, *discovered) error {
				inside <- struct{}{}
				<-leave
				return nil
			})
		}()
	}
	for range maxAtProvider {
		<-inside
	}
	nothing := func(context.Context, *discovered) error { return nil }
	if err := o.atProvider(t.Context(), nothing); !errors.Is(err, ErrProviderAway) || !strings.Contains(err.Error(), "too many") {
		t.Errorf("one more: %v", err)
	}
	close(leave)
	for range maxAtProvider {
		if err := <-left; err != nil {
			t.Error(err)
		}
	}
	if err := o.atProvider(t.Context(), nothing); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestDescriptionIsReadAnew wants a key that the provider takes back to be forgotten within the hour.
func TestDescriptionIsReadAnew(t *testing.T) {
	asked := 0
	o := aProvider(t, func(us string) string {
		asked++
		return `{"issuer": "` + us + `", "authorization_endpoint": "https://id.example/a", "jwks_uri": "https://id.example/k", "token_endpoint": "https://id.example/t"}`
	})
	now := time.Unix(1_800_000_000, 0)
	o.Now = func() time.Time { return now }
	for _, step := range []struct {
		later time.Duration
		asked int
	}{{0, 1}, {discoveryLife - 1, 1}, {1, 2}, {1, 2}} {
		now = now.Add(step.later)
		if err := o.atProvider(t.Context(), func(context.Context, *discovered) error { return nil }); err != nil || asked != step.asked {
			t.Errorf("asked %d times, want %d: %v", asked, step.asked, err)
		}
	}
}
