package intake

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/linewarden/linewarden/numberdb/access"
)

// What the provider of the tests knows us by.
const (
	clientID     = "linewarden-of-the-tests"
	clientSecret = "secret: of the tests & 100%"
	callbackURL  = "https://linewarden.example/signin/oidc/callback"
)

// provider is one of OpenID Connect, over real HTTP, that lets in whoever comes, and lies if it is told to.
type provider struct {
	*httptest.Server
	key *ecdsa.PrivateKey
	now func() time.Time

	mu     sync.Mutex
	codes  map[string]grant
	claims map[string]any                      // of the next tokens, beside or instead of what belongs there; nil leaves one out
	forge  func(payload map[string]any) string // makes the next tokens, if set
	broken map[string]int                      // status with which a path answers
	hang   chan struct{}                       // if set, no path answers until it is closed
	asked  chan string                         // paths, as they are asked for while it hangs
}

// grant is what a code stands for.
type grant struct{ challenge, nonce string }

func newProvider(t testing.TB, now func() time.Time) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, now: now, codes: map[string]grant{}, claims: map[string]any{}, broken: map[string]int{}, asked: make(chan string, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		hang, status := p.hang, p.broken[r.URL.Path]
		p.mu.Unlock()
		if hang != nil {
			p.asked <- r.URL.Path
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return
		}
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone away
}

// authorize is where browsers are sent to.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != clientID || q.Get("redirect_uri") != callbackURL || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" ||
		q.Get("scope") != "openid profile email" || len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43 || q.Get("nonce") == q.Get("state") {
		http.Error(w, "not a sound request: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{q.Get("code_challenge"), q.Get("nonce")}
	p.mu.Unlock()
	w.Header().Set("Location", callbackURL+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}.Encode())
	w.WriteHeader(http.StatusFound)
}

// token sells a token for a code, once.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	if id, _ = url.QueryUnescape(id); id != clientID {
		secret = ""
	}
	if secret, _ = url.QueryUnescape(secret); secret != clientSecret {
		answerJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	g, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || r.PostFormValue("redirect_uri") != callbackURL || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		answerJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	payload := map[string]any{
		"iss": p.URL, "sub": "account of rita", "aud": clientID, "exp": p.now().Add(time.Minute).Unix(), "iat": p.now().Unix(), "nonce": g.nonce,
		"preferred_username": "rita",
	}
	for name, value := range p.claims {
		if payload[name] = value; value == nil {
			delete(payload, name)
		}
	}
	token := ""
	if p.forge != nil {
		token = p.forge(payload)
	} else {
		token = signed(p.key, jose.ES256, payload)
	}
	answerJSON(w, http.StatusOK, map[string]any{"access_token": "of no use", "token_type": "Bearer", "id_token": token})
}

// signed is a token, whoever makes it.
func signed(key any, algorithm jose.SignatureAlgorithm, payload map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: "one"}}, nil)
	if err != nil {
		panic(err)
	}
	token, err := jwt.Signed(signer).Claims(payload).Serialize()
	if err != nil {
		panic(err)
	}
	return token
}

// unsigned is a token of the algorithm none.
func unsigned(payload map[string]any) string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString([]byte(asJSON(v))) }
	return part(map[string]string{"alg": "none", "kid": "one"}) + "." + part(payload) + "."
}

// says changes what the next tokens say, as pairs of claim and value.
func (p *provider) says(pairs ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims, p.forge = map[string]any{}, nil
	for i := 0; i < len(pairs); i += 2 {
		p.claims[pairs[i].(string)] = pairs[i+1]
	}
}

func (p *provider) breaks(path string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken[path] = status
}

// visit is a browser's way through the provider: it gives where the browser is sent back to.
func (p *provider) visit(t testing.TB, address string) *url.URL {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() // read to no end: it has none
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", answer.Status, err)
	}
	return back
}

// withProvider is a house whose people sign in at a provider, too.
func withProvider(t testing.TB, change ...func(*access.OIDCOptions)) (*house, *provider) {
	t.Helper()
	h := newHouse(t)
	p := newProvider(t, h.clock.Now)
	h.use(t, p.options(h, change...))
	return h, p
}

// options knows the provider. The machine of a test may stand still for seconds.
func (p *provider) options(h *house, change ...func(*access.OIDCOptions)) access.OIDCOptions {
	o := access.OIDCOptions{Issuer: p.URL, ClientID: clientID, ClientSecret: clientSecret, Callback: callbackURL, Timeout: time.Minute, Now: h.clock.Now}
	for _, c := range change {
		c(&o)
	}
	return o
}

// use lets another node join that knows the provider.
func (h *house) use(t testing.TB, o access.OIDCOptions) {
	t.Helper()
	var err error
	if h.oidc, err = access.NewOIDC(o); err != nil {
		t.Fatal(err)
	}
	h.join(t)
	h.signInPage, h.oidcLabel = "/signin", "The Works"
}

// begin sends a browser to the provider, and gives the answer with which it comes back.
func (b *browser) begin(t testing.TB, p *provider, next string) *url.URL {
	t.Helper()
	w := b.do(http.MethodGet, "/signin/oidc?next="+url.QueryEscape(next), "")
	want(t, w, http.StatusSeeOther)
	return p.visit(t, w.Header().Get("Location"))
}

// walk signs in at the provider.
func (b *browser) walk(t testing.TB, p *provider, next string) *httptest.ResponseRecorder {
	t.Helper()
	return b.do(http.MethodGet, b.begin(t, p, next).RequestURI(), "")
}
