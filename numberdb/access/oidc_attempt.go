package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// oidcCookie binds an attempt to sign in at the provider to the browser in which it was begun.
	oidcCookie = "__Host-linewarden-oidc"
	// attemptLife is how long somebody may take at the provider. Clocks of nodes may differ by attemptSkew.
	attemptLife = 10 * time.Minute
	attemptSkew = time.Minute

	maxOwnPath    = 500
	maxOIDCCookie = 1000
	maxOIDCAnswer = 4000 // characters of a code: far more than any provider sends
)

// oidcAttempt is one attempt to sign in at the provider. State (RFC 6749 section 10.12), nonce and PKCE verifier (RFC 7636) follow from its seed,
// which only the browser has: nothing is stored when somebody begins, so that nobody can fill the store by beginning.
type oidcAttempt struct {
	seed string
	at   int64  // when it was begun, in seconds since 1970
	next string // path of ours to go to afterwards
}

// seedSize is two of [rand.Text]: more than 256 bits.
const seedSize = 52

func newOIDCAttempt(now time.Time, next string) *oidcAttempt {
	return &oidcAttempt{seed: rand.Text() + rand.Text(), at: now.Unix(), next: OwnPath(next)}
}

// derive is a text of 256 bits for one purpose, which nobody can tell without the seed. It holds for this time and path alone.
func (a *oidcAttempt) derive(purpose string) string {
	h := hmac.New(sha256.New, []byte(a.seed))
	h.Write([]byte("linewarden oidc " + purpose + "\n" + a.String()))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (a *oidcAttempt) state() string    { return a.derive("state") }
func (a *oidcAttempt) nonce() string    { return a.derive("nonce") }
func (a *oidcAttempt) verifier() string { return a.derive("verifier") }

// key is what the attempt is known by once it is over. It does not tell the seed.
func (a *oidcAttempt) key() string {
	sum := sha256.Sum256([]byte(a.seed))
	return "oidc " + hex.EncodeToString(sum[:16])
}

// isOver says whether the attempt was begun too long ago, or in the future.
func (a *oidcAttempt) isOver(now time.Time) bool {
	age := now.Sub(time.Unix(a.at, 0))
	return age > attemptLife || age < -attemptSkew
}

// String is the attempt as the cookie holds it.
func (a *oidcAttempt) String() string {
	return a.seed + "." + strconv.FormatInt(a.at, 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(a.next))
}

// parseOIDCAttempt reads a cookie.
func parseOIDCAttempt(s string) (*oidcAttempt, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != seedSize {
		return nil, false
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	next, err2 := base64.RawURLEncoding.DecodeString(parts[2])
	a := &oidcAttempt{seed: parts[0], at: at, next: string(next)}
	return a, err == nil && err2 == nil && OwnPath(a.next) == a.next && a.String() == s
}

// OIDCAnswer is what a browser brings back from the provider.
type OIDCAnswer struct {
	attempt *oidcAttempt // that the browser knows of; nil for none

	state, code, failure, issuer string
}

// OIDCAnswerOf reads a request.
func OIDCAnswerOf(r *http.Request) OIDCAnswer {
	q := r.URL.Query()
	in := OIDCAnswer{state: q.Get("state"), code: q.Get("code"), failure: q.Get("error"), issuer: q.Get("iss")}
	if c, err := r.Cookie(oidcCookie); err == nil && len(c.Value) <= maxOIDCCookie {
		if a, ok := parseOIDCAttempt(c.Value); ok {
			in.attempt = a
		}
	}
	return in
}

// Next is the path of ours to go to afterwards, whether somebody is let in or not.
func (in OIDCAnswer) Next() string {
	if in.attempt == nil {
		return "/"
	}
	return in.attempt.next
}

// fault says why an answer is not one to an attempt of this browser, empty if it is.
func (in OIDCAnswer) fault(now time.Time) string {
	switch {
	case in.attempt == nil:
		return "this browser has begun no sign-in at the provider, or has forgotten it"
	case subtle.ConstantTimeCompare([]byte(in.state), []byte(in.attempt.state())) != 1:
		return "the answer is not to this browser's last attempt (state)"
	case in.attempt.isOver(now):
		return "the attempt was begun too long ago"
	}
	return ""
}

// OwnPath is a path of ours to which a browser may be sent, or / if it is none: one that could lead elsewhere, whatever a browser makes of it, or
// back to the provider.
func OwnPath(path string) string {
	u, err := url.Parse(path)
	odd := strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' })
	if err != nil || odd || len(path) > maxOwnPath || u.IsAbs() || u.Host != "" || u.User != nil ||
		!strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/signin") {
		return "/"
	}
	return path
}
