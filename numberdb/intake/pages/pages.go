package pages

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"
)

// Options is what the [Pages] are made of.
type Options struct {
	// API is the intake's API. Requests to it carry the cookie, address and origin of the person who asks for a page.
	API http.Handler
	// Prompts are the languages in which callers hear prompts, the default first: those that a number's page lets staff listen to.
	Prompts []string
	// Elsewhere is the name of the provider by which people may sign in instead of with a password, for the button's label; empty if there is
	// none.
	Elsewhere string
	// Version of the program, for the foot of each page.
	Version string

	Clock  func() time.Time // time.Now if nil
	Logger *slog.Logger     // nothing is logged if nil
}

// Pages serves the staff pages. Safe for concurrent use.
type Pages struct {
	api       http.Handler
	prompts   []string
	elsewhere string
	version   string
	now       func() time.Time
	log       *slog.Logger

	languages map[string]*words
	templates map[string]map[string]*template.Template // by language, by page
	handler   http.Handler
}

// New makes the pages.
func New(o Options) (*Pages, error) {
	if o.API == nil {
		return nil, errors.New("pages: no API given")
	}
	p := &Pages{api: o.API, prompts: o.Prompts, elsewhere: o.Elsewhere, version: o.Version, now: o.Clock, log: o.Logger}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if len(p.prompts) == 0 {
		p.prompts = []string{"en"}
	}
	var err error
	if p.languages, err = readLanguages(); err != nil {
		return nil, err
	}
	if p.templates, err = p.parseTemplates(); err != nil {
		return nil, err
	}
	// The API refuses what comes from a page of another site, and writes it to the audit chain: it is asked to.
	ours := http.NewCrossOriginProtection()
	ours.SetDenyHandler(p.serve(func(v *visit) error { return v.send(http.MethodPost, "/v1/session", map[string]string{}, nil) }, false))
	p.handler = ours.Handler(p.routes())
	return p, nil
}

// ServeHTTP implements [http.Handler].
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	securityHeaders(w.Header())
	p.handler.ServeHTTP(w, r)
}

// routes names every page.
func (p *Pages) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/{hash}/{file}", serveAsset)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, assetPath("icon.svg"), http.StatusMovedPermanently)
	})
	mux.HandleFunc("POST /language", p.chooseLanguage)

	anybody := func(pattern string, h handler) { mux.HandleFunc(pattern, p.serve(h, false)) }
	staff := func(pattern string, h handler) { mux.HandleFunc(pattern, p.serve(h, true)) }

	anybody("GET /signin", showSignIn)
	anybody("POST /signin", signIn)
	anybody("POST /signout", signOut)
	anybody("/", notFound)

	staff("GET /{$}", showHome)
	staff("GET /report", showReport)
	staff("POST /report/reading", readText)
	staff("POST /report", sendReports)
	staff("GET /numbers", showNumbers)
	staff("GET /numbers/{number}", showNumber)
	staff("GET /numbers/{number}/reports", showNumberReports)
	staff("POST /numbers/{number}/caller", showCaller)
	staff("GET /numbers/{number}/decide", showDecide)
	staff("POST /numbers/{number}/decide", decide)
	staff("GET /approvals", showApprovals)
	staff("GET /approvals/{id}", showApproval)
	staff("POST /approvals/{id}", settle)
	staff("POST /approvals/{id}/collect", collect)
	staff("GET /lines", showLines)
	staff("GET /lines/{slug}", showLine)
	staff("GET /lines/{slug}/edit", showLineForm)
	staff("POST /lines/{slug}/edit", proposeLine)
	staff("GET /dashboard", showDashboard)
	staff("GET /charts/{file}", showChart)
	staff("GET /calls", showCalls)
	staff("GET /audit", showAudit)
	staff("GET /users", showUsers)
	staff("POST /users", addUser)
	staff("GET /users/{name}", showUser)
	staff("POST /users/{name}", changeUser)
	staff("GET /tokens", showTokens)
	staff("POST /tokens", addToken)
	staff("POST /tokens/{name}/delete", deleteToken)
	staff("GET /account", showAccount)
	staff("POST /account/password", changePassword)
	staff("POST /account/code", startCode)
	staff("POST /account/code/confirm", confirmCode)
	staff("POST /account/code/remove", removeCode)
	staff("POST /account/tokens", addOwnToken)
	staff("POST /account/tokens/{name}/delete", deleteOwnToken)
	staff("GET /keys", showKeys)
	return mux
}

// securityHeaders let a page load from us alone, and be shown nowhere but in a window of its own.
func securityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; media-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
}
