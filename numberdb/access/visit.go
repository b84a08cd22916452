package access

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
)

// The cookies that we set. Browsers take those with this prefix only over TLS (or from this machine) and send them to this host alone
// (RFC 6265bis section 4.1.3).
const (
	SessionCookie = "__Host-linewarden"
	// browserCookie says that somebody has signed in with this browser before. It gives no right but to a count of failures of its own.
	browserCookie = "__Host-linewarden-browser"
)

// maxAgent bounds what is read of a browser's name, maxCookie what is read of a cookie: ours are shorter.
const (
	maxAgent  = 1000
	maxCookie = 200
)

// Visit is what a request says of the browser that sends it.
type Visit struct {
	session string
	browser string
	agent   string // pseudonym of the browser's name: a session goes on only in the browser that it began in
	// Address is of the other end of the connection, without its port.
	Address string
}

// VisitOf reads a request.
func VisitOf(r *http.Request) Visit {
	v := Visit{session: cookie(r, SessionCookie), browser: cookie(r, browserCookie), Address: r.RemoteAddr}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		v.Address = host
	}
	agent := r.UserAgent()
	sum := sha256.Sum256([]byte(agent[:min(len(agent), maxAgent)]))
	v.agent = hex.EncodeToString(sum[:8])
	return v
}

// HasSession says whether the request names a session, good or not.
func (v Visit) HasSession() bool { return v.session != "" }

// Forward makes dst come from the same browser as src, for a page that asks the API in the name of whoever looks at it.
func Forward(dst, src *http.Request) {
	dst.RemoteAddr = src.RemoteAddr
	dst.Header.Set("User-Agent", src.UserAgent())
	dst.Header.Del("Cookie")
	for _, name := range []string{SessionCookie, browserCookie} {
		if value := cookie(src, name); value != "" {
			dst.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// newCookie is a cookie of ours; seconds is how long the browser keeps it, 0 until it is closed, negative to forget it now.
func newCookie(name, value string, seconds int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: seconds}
}
