package intake

import (
	"net/http"
)

// refuseCrossSite keeps pages of other sites from changing anything in the name of somebody who is signed in here, or from signing them in
// as somebody else. Browsers say where a request comes from (Sec-Fetch-Site, Origin); what is no browser says nothing and has no cookie.
func (a *API) refuseCrossSite(w http.ResponseWriter, r *http.Request) bool {
	err := a.crossOrigin.Check(r)
	if err == nil {
		return false
	}
	// Who it was for is not asked: the request is nobody's will.
	what := refusal{who: "anonymous", role: "none", operation: "cross-site request", status: http.StatusForbidden}
	if err := a.refusals.note(r.Context(), what, a.now()); err != nil {
		noteFrom(r.Context()).cause = err
	}
	writeProblem(w.Header().Set, w.WriteHeader, w.Write, problem(http.StatusForbidden, "The request comes from a page of another site, which may change nothing here."))
	return true
}
