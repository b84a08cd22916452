package intake

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/linewarden/linewarden/numberdb/access"
)

// SignInOptions is how people can sign in beside name and password, for a page that offers it.
type SignInOptions struct {
	// OIDC says that GET /signin/oidc leads to a provider, and Label is what people call it.
	OIDC  bool
	Label string
}

// SignInOptions says how people can sign in beside name and password.
func (a *API) SignInOptions() SignInOptions {
	if !a.access.HasOIDC() {
		return SignInOptions{}
	}
	return SignInOptions{OIDC: true, Label: a.oidcLabel}
}

// What the sign-in page is told, as elsewhere=..., about somebody who does not come in from the provider.
const (
	ElsewhereRefused = "refused" // the provider or we do not let them in
	ElsewhereAway    = "away"    // the provider, or our store, cannot be asked right now
)

// registerOIDC adds the two addresses that browsers visit to sign in at a provider. They are no part of the API: nothing but a browser can use them.
func (a *API) registerOIDC(mux *http.ServeMux) {
	mux.HandleFunc("GET /signin/oidc", a.beginOIDC)
	mux.HandleFunc("GET /signin/oidc/callback", a.finishOIDC)
}

func (a *API) beginOIDC(w http.ResponseWriter, r *http.Request) {
	next := access.OwnPath(r.URL.Query().Get("next"))
	address, cookie, err := a.access.BeginOIDC(r.Context(), next)
	if err != nil {
		a.notFromElsewhere(w, r, next, err)
		return
	}
	http.SetCookie(w, cookie)
	seeOther(w, address)
}

func (a *API) finishOIDC(w http.ResponseWriter, r *http.Request) {
	in := access.OIDCAnswerOf(r)
	http.SetCookie(w, access.ForgetOIDC())
	// The provider has a bound of its own.
	ctx, cancel := context.WithTimeout(r.Context(), 2*storeTimeout)
	defer cancel()
	entry, err := a.access.FinishOIDC(ctx, noteFrom(r.Context()).visit, in)
	if err != nil {
		a.notFromElsewhere(w, r, in.Next(), err)
		return
	}
	noteFrom(r.Context()).principal = entry.User.Name
	for _, c := range entry.Cookies {
		http.SetCookie(w, c)
	}
	seeOther(w, in.Next())
}

// notFromElsewhere answers somebody who does not come in from the provider: on the sign-in page, if there is one. Why is for the log.
func (a *API) notFromElsewhere(w http.ResponseWriter, r *http.Request, next string, err error) {
	n := noteFrom(r.Context())
	var refused *access.RefusedError
	word, status, detail := ElsewhereAway, http.StatusServiceUnavailable, "You cannot be signed in that way right now: try again, or sign in with name and password."
	switch {
	case errors.Is(err, access.ErrNoProvider):
		writeProblem(w.Header().Set, w.WriteHeader, w.Write, problem(http.StatusNotFound, "People sign in with name and password here; no provider is set up."))
		return
	case errors.As(err, &refused):
		n.principal, n.refused = refused.Who.Name, refused.Why
		word, status, detail = ElsewhereRefused, http.StatusUnauthorized, "You are not signed in: try again from the beginning, in one window. If that does not help, an administrator can find the reason in the log."
		a.noteRefusal(r.Context(), refused.Who, "sign-in-oidc", status)
	default:
		n.cause = errors.New(cut(err.Error(), 1000)) // it may repeat whatever the provider has answered
	}
	if a.signInPage != "" {
		seeOther(w, a.signInPage+"?"+url.Values{"elsewhere": {word}, "next": {next}}.Encode())
		return
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeProblem(w.Header().Set, w.WriteHeader, w.Write, problem(status, detail))
}

// seeOther sends a browser on. The address is taken as it is.
func seeOther(w http.ResponseWriter, address string) {
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}
