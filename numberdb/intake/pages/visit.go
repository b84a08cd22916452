package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// A handler answers one request for a page. What it returns becomes a page that says what went wrong.
type handler func(*visit) error

// visit is one request for a page.
type visit struct {
	p     *Pages
	w     http.ResponseWriter
	r     *http.Request
	words *words
	me    *me // nil where nobody is signed in
}

// me is who asks, as the API says.
type me struct {
	Name         string `json:"name"`
	Role         string `json:"role"`
	Organisation string `json:"organisation"`
	Person       bool   `json:"person"`
	TOTP         bool   `json:"totp"`
	Language     string `json:"language"`
	// MustChange says that the password was given out by somebody else.
	MustChange bool `json:"must_change"`
}

// maxForm bounds a form: a pasted text of 100 kB, percent-encoded.
const maxForm = 512 << 10

// serve makes a handler of HTTP. Where somebody must be signed in, those who are not are sent to do so and come back.
func (p *Pages) serve(h handler, signedIn bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{p: p, w: w, r: r, words: p.languageOf(r, "")}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := r.ParseForm()
		if err != nil {
			err = &problem{Status: http.StatusBadRequest}
		}
		if err == nil && signedIn {
			err = v.whoAsks()
		}
		switch {
		case err != nil: // is shown below
		case signedIn && v.elsewhereFirst() != "":
			err = v.to(v.elsewhereFirst(), "")
		default:
			err = h(v)
		}
		if err != nil {
			v.fail(err)
		}
	}
}

// whoAsks asks the API who is signed in.
func (v *visit) whoAsks() error {
	var who me
	if err := v.get("/v1/me", &who); err != nil {
		return err
	}
	v.me = &who
	v.words = v.p.languageOf(v.r, who.Language)
	return nil
}

// elsewhereFirst is where somebody has to go before all else; empty if they are free to go where they like.
func (v *visit) elsewhereFirst() string {
	if v.me.MustChange && !strings.HasPrefix(v.r.URL.Path, "/account") {
		return "/account"
	}
	return ""
}

// get asks the API for something.
func (v *visit) get(path string, into any) error {
	a, err := v.p.ask(v.r, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	return a.into(into)
}

// send has the API change something. Cookies that it sets are handed on.
func (v *visit) send(method, path string, body, into any, headers ...string) error {
	extra := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			extra.Set(headers[i], headers[i+1])
		}
	}
	a, err := v.p.ask(v.r, method, path, body, extra)
	if a != nil {
		for _, c := range a.header.Values("Set-Cookie") {
			v.w.Header().Add("Set-Cookie", c)
		}
	}
	if err != nil {
		return err
	}
	return a.into(into)
}

// form is a field of the request's form or address, without the space around it.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.Form.Get(name)) }

// to sends the browser to another of our pages: the end of each change, so that a reload repeats nothing. done names what to say there.
func (v *visit) to(path, done string) error {
	if done != "" {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		path += mark + "done=" + url.QueryEscape(done)
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// localPath is a path within this site, or the front page: an address from outside must not lead the browser elsewhere.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	return path
}

// fail shows what went wrong.
func (v *visit) fail(err error) {
	var refused *problem
	if !errors.As(err, &refused) {
		if !errors.Is(err, context.Canceled) {
			v.p.log.Error("staff page", "path", v.r.Pattern, "error", err)
		}
		refused = &problem{Status: http.StatusInternalServerError}
	}
	if refused.Status == http.StatusUnauthorized && v.me == nil && v.r.URL.Path != "/signin" { // with somebody signed in, it would lead back here
		next := "/"
		if v.r.Method == http.MethodGet {
			next = v.r.URL.RequestURI()
		}
		http.Redirect(v.w, v.r, "/signin?next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	}
	key := v.words.problem(refused.Status)
	if refused.retryAfter != "" {
		v.w.Header().Set("Retry-After", refused.retryAfter)
	}
	err = v.show(refused.Status, "problem", v.words.text(key+".title"), map[string]any{
		"Text": v.words.text(key), "Detail": refused.Detail, "Faults": refused.Errors,
	})
	if err != nil {
		v.p.log.Error("staff page", "path", v.r.Pattern, "error", err)
		http.Error(v.w, http.StatusText(refused.Status), refused.Status)
	}
}

// problem is the key of what we say of a refusal.
func (l *words) problem(status int) string {
	if key := fmt.Sprintf("problem.%d", status); l.has(key) {
		return key
	}
	if status >= 500 {
		return "problem.500"
	}
	return "problem.400"
}

// frame is what the layout shows around every page.
type frame struct {
	Lang      string
	Languages []languageChoice
	Title     string
	Path      string
	Here      string // the address of this page, to come back to
	Me        *me
	May       permissions
	Places    []place
	Done      string // the key of what to say of the change before
	Version   string
	Data      any
}

type languageChoice struct {
	Code, Name string
	Now        bool
}

// show writes a page. title says where one is.
func (v *visit) show(status int, name, title string, data any) error {
	f := frame{
		Lang: v.words.tag, Title: title, Path: v.r.URL.Path, Here: v.r.URL.RequestURI(), Me: v.me, Version: v.p.version, Data: data,
	}
	if v.r.Method != http.MethodGet {
		f.Here = localPath(v.r.URL.Path)
	}
	for _, s := range spoken {
		f.Languages = append(f.Languages, languageChoice{s.code, s.name, s.code == v.words.tag})
	}
	if v.me != nil {
		f.May = permissionsOf(v.me)
		f.Places = placesOf(f.May, v.r.URL.Path)
	}
	if key := "done." + v.r.URL.Query().Get("done"); v.words.has(key) {
		f.Done = key
	}
	return v.write(status, name, "layout", f)
}

// write renders into memory first, so that a fault of ours never looks like half a page.
func (v *visit) write(status int, page, part string, data any) error {
	t := v.p.templates[v.words.tag][page]
	if t == nil {
		return fmt.Errorf("there is no page %q", page)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.words.tag)
	v.w.WriteHeader(status)
	if _, err := v.w.Write(b.Bytes()); err != nil {
		v.p.log.Debug("staff page", "path", v.r.Pattern, slog.Any("error", err)) // the asker has gone away
	}
	return nil
}

func notFound(v *visit) error {
	if v.whoAsks() != nil {
		v.me = nil // a page that is not there looks the same to everybody
	}
	return &problem{Status: http.StatusNotFound}
}
