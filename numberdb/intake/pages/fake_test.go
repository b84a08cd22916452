package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// noon is the time of all tests.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// hostile is what a reporter might send to be run in a reviewer's browser.
const hostile = `<script>document.title = "taken"</script><img src=x onerror="document.title='taken'"> =cmd|' /C calc'!A0 "quoted" 'too' {{.}} ` +
	"\u202e+1 202 555 0199\u202c"

// fakeAPI answers as the API's contract says, from a few made-up facts. It keeps what it is asked.
type fakeAPI struct {
	role string // of everybody who signs in, unless their name is a role

	mu    sync.Mutex
	asked []question
	fail  map[string]int // status by "METHOD /path"
	empty bool           // an installation on its first day
	chain object         // what a check of the audit chain finds, if it is not whole
}

type question struct {
	method, path string
	header       http.Header
	body         map[string]any
}

func (f *fakeAPI) questions(method, path string) (list []question) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range f.asked {
		if q.method == method && q.path == path {
			list = append(list, q)
		}
	}
	return list
}

func at(days float64) string {
	return noon.Add(time.Duration(days * 24 * float64(time.Hour))).Format(time.RFC3339)
}

type object = map[string]any

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := question{method: r.Method, path: r.URL.EscapedPath(), header: r.Header}
	if b, err := io.ReadAll(r.Body); err == nil && len(b) > 0 {
		if err := json.Unmarshal(b, &q.body); err != nil {
			panic(err)
		}
	}
	f.mu.Lock()
	f.asked = append(f.asked, q)
	status, failing := f.fail[r.Method+" "+r.URL.Path]
	f.mu.Unlock()
	if failing {
		refuse(w, status, "The list cannot be read right now.")
		return
	}
	name := ""
	if c, err := r.Cookie("__Host-linewarden"); err == nil {
		name = c.Value
	}
	if http.NewCrossOriginProtection().Check(r) != nil {
		refuse(w, http.StatusForbidden, "The request comes from a page of another site, which may change nothing here.")
		return
	}
	if r.URL.Path == "/v1/session" {
		f.session(w, r, q)
		return
	}
	if name == "" {
		refuse(w, http.StatusUnauthorized, "Sign in, or send a bearer token.")
		return
	}
	role := f.role
	if slices.Contains(staffRoles, name) {
		role = name
	}
	f.answer(w, r, q, name, role)
}

func refuse(w http.ResponseWriter, status int, detail string, faults ...object) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{"status": status, "title": http.StatusText(status), "detail": detail, "errors": faults})
}

func give(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fakeAPI) session(w http.ResponseWriter, r *http.Request, q question) {
	if r.Method == http.MethodDelete {
		http.SetCookie(w, &http.Cookie{Name: "__Host-linewarden", Path: "/", Secure: true, HttpOnly: true, MaxAge: -1})
		w.WriteHeader(http.StatusNoContent)
		return
	}
	switch {
	case q.body["user"] == "locked":
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusTooManyRequests, "Wait before you try again.")
	case q.body["password"] != "correct horse battery":
		refuse(w, http.StatusUnauthorized, "User name, password or code is wrong.")
	case q.body["user"] == "coded" && q.body["code"] != "123456":
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(object{"status": 401, "detail": "The code is needed.", "code_needed": true})
	default:
		http.SetCookie(w, &http.Cookie{
			Name: "__Host-linewarden", Value: fmt.Sprint(q.body["user"]), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		give(w, http.StatusOK, object{"name": q.body["user"], "role": f.role})
	}
}

func (f *fakeAPI) answer(w http.ResponseWriter, r *http.Request, q question, name, role string) {
	list := func(items ...any) {
		if f.empty || items == nil {
			items = []any{}
		}
		give(w, http.StatusOK, object{"items": items, "next": ""})
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/v1/"), "/")
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	is := func(method string, pattern ...string) bool {
		if r.Method != method || len(pattern) != len(parts) {
			return false
		}
		for i, p := range pattern {
			if p != "*" && p != parts[i] {
				return false
			}
		}
		return true
	}
	switch {
	case is("GET", "me"):
		give(w, 200, object{"name": name, "role": role, "organisation": "helpline", "person": true, "totp": name == "coded", "language": "", "must_change": name == "fresh"})
	case is("POST", "reports", "extract"):
		f.extract(w, q)
	case is("POST", "reports"):
		if q.body["loss"] == -1.0 {
			refuse(w, 422, "The request has wrong fields.", object{"location": "body.loss", "message": "is not a sum"}, object{"location": "body.currency", "message": "is missing"})
			return
		}
		give(w, 201, object{"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "number": q.body["number"], "repeat": false, "forging": false, "standing": object{"callback": "warn", "caller_id": "none"}})
	case is("GET", "reports", "*", "caller"):
		give(w, 200, object{"caller": "+12025550118"})
	case is("GET", "numbers"):
		list(listedRow("+12025550143", "block", "warn", "microsoft"), listedRow("+442079460958", "warn", "none", "amazon"), listedRow("+1809555*", "none", "block", ""),
			listedRow("+33199001234", "watch", "none", ""), listedRow("+12025550149", "protected", "protected", "paypal"), listedRow("+12025550171", "cleared", "none", ""))
	case is("GET", "numbers", "*"):
		f.number(w, parts[1])
	case is("GET", "numbers", "*", "reports"):
		list(reportRows()...)
	case is("GET", "numbers", "*", "decisions"):
		list(
			object{"id": "2", "target": "+12025550143", "roles": []string{"callback"}, "standing": "block", "brand": "microsoft", "reason": "Three victims, the same voice, each was asked to install remote access.", "author": "ann", "approver": "bob", "at": at(-6)},
			object{"id": "1", "target": "+12025550143", "roles": []string{"callback", "caller_id"}, "standing": "warn", "reason": hostile, "author": "carol", "at": at(-19), "until": at(120)})
	case is("GET", "prompts", "en", "*"):
		w.Header().Set("Content-Type", "audio/wav")
		_, _ = w.Write(silence())
	case is("POST", "numbers", "*", "decisions"):
		switch {
		case r.URL.Query().Get("preview") == "true":
			give(w, 200, object{"impact": object{"calls": 1284, "subscribers": 1, "days": 7, "complete": false, "since": at(-7)}})
		case q.body["reason"] == "":
			refuse(w, 422, "The request has wrong fields.", object{"location": "body.reason", "message": "is missing"})
		case q.body["standing"] == "warn":
			give(w, 201, object{"applied": true, "standing": object{"callback": "warn"}})
		default:
			give(w, 202, object{"applied": false, "proposal": proposalRow("p1", "decision", "pending")})
		}
	case is("GET", "decisions"):
		if r.URL.Query().Get("state") != "pending" {
			list(proposalRow("p9", "decision", "approved"))
			return
		}
		list(proposalRow("p1", "decision", "pending"), proposalRow("p2", "bulk", "pending"), proposalRow("p3", "brand", "pending"))
	case is("GET", "decisions", "*"):
		w.Header().Set("ETag", `"3"`)
		kind := map[string]string{"p2": "bulk", "p3": "brand", "p4": "access", "p5": "access"}[parts[1]]
		if kind == "" {
			kind = "decision"
		}
		state := "pending"
		if parts[1] == "p9" || parts[1] == "p5" {
			state = "approved"
		}
		give(w, 200, proposalRow(parts[1], kind, state))
	case is("POST", "decisions", "*", "collect"):
		give(w, 200, object{"proposal": proposalRow(parts[1], "access", "approved"), "user": userRow("frank", "reviewer"), "setup": "amber-tulip-harbour-41"})
	case is("POST", "decisions", "*", "*"):
		if parts[1] == "p9" {
			refuse(w, 409, "The proposal is settled.")
			return
		}
		give(w, 200, proposalRow(parts[1], "decision", "approved"))
	case is("GET", "brands"):
		list(brandRow("microsoft", "Microsoft", "brand"), brandRow("paypal", "PayPal", "brand"), brandRow("childline", "Childline", "helpline"), brandRow("saint-mary", "St Mary’s Hospital", "hospital"))
	case is("GET", "brands", "*"):
		w.Header().Set("ETag", `"7"`)
		give(w, 200, brandRow(parts[1], "Microsoft", "brand"))
	case is("GET", "brands", "*", "forgings"):
		list(object{"number": "+12025550149", "reports": 3})
	case is("PUT", "brands", "*"):
		give(w, 202, proposalRow("p3", "brand", "pending"))
	case is("GET", "stats"):
		f.stats(w)
	case is("GET", "nodes"):
		if f.empty {
			give(w, 200, []any{})
			return
		}
		give(w, 200, []any{nodeRow("node-a", 1, 2, true), nodeRow("node-b", 1, 95, true), nodeRow("node-c", 20, 3, false), nodeRow("node-d", 1, 2, false)})
	case is("GET", "calls", "*"):
		if parts[1] != "3fa85f645717" {
			refuse(w, 404, "No record has this id.")
			return
		}
		give(w, 200, object{"complete": true, "items": []object{{"id": parts[1], "at": at(-0.2), "direction": "outbound", "number": "+12025550143", "subscriber": "4c1f6d0ea4b75c9f4c1f6d0ea4b75c9f", "action": "warn", "would": "warn", "list_version": 12, "list_age_seconds": 0.4, "reason": "listed_warn", "outcome": "hung_up", "brand": "microsoft"}}})
	case is("POST", "screen"):
		give(w, 200, object{"verdict": object{"action": "block", "would": "block", "reason": "listed_block", "standing": "block", "brand": "microsoft"}, "explain": "", "heard": []string{"blocked-before", "brand/microsoft", "blocked-after", "blocked-choice"}, "language": "en", "sip": object{"code": 603, "text": "Decline"}})
	case is("GET", "audit"):
		list(auditRows()...)
	case is("GET", "audit", "verify") && f.chain != nil:
		give(w, 200, f.chain)
	case is("GET", "audit", "verify"):
		give(w, 200, object{"good": true, "entries": 4182, "head": "4182:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "complete": true, "omitted": 0, "findings": []object{}})
	case is("GET", "users"):
		list(userRow("ann", "reviewer"), userRow("bob", "reviewer"), userRow("carol", "reporter"), userRow("dave", "auditor"), userRow("erin", "administrator"), rescuedRow("zora"))
	case is("GET", "users", "*"):
		w.Header().Set("ETag", `"1"`)
		if parts[1] == "zora" {
			give(w, 200, rescuedRow(parts[1]))
			return
		}
		give(w, 200, userRow(parts[1], "reporter"))
	case is("POST", "users"), is("PATCH", "users", "*") && q.body["reset"] == true:
		give(w, 201, object{"user": userRow("frank", "reporter"), "setup": "amber-tulip-harbour-41"})
	case is("PATCH", "users", "*"):
		give(w, 202, object{"proposal": proposalRow("p4", "access", "pending")})
	case is("GET", "tokens"):
		list(object{"name": "bank-desk", "role": "feed", "source": object{"organisation": "first-bank", "kind": "partner"}, "expires": at(200)},
			object{"name": "complaints", "role": "feed", "source": object{"organisation": "consumer-agency", "kind": "feed"}, "expires": at(20)})
	case is("POST", "tokens"), is("POST", "me", "tokens"):
		give(w, 201, object{"token": object{"name": q.body["name"]}, "text": "lw_hq3v9c2mzk7t5d8xw1p4r6n0yb"})
	case is("GET", "me", "tokens"):
		list(object{"name": "laptop", "expires": at(60)})
	case is("POST", "me", "totp"):
		if q.body["password"] != "correct horse battery" {
			refuse(w, 422, "The request has wrong fields.", object{"location": "body.password", "message": "is not your password"})
			return
		}
		give(w, 200, object{"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "uri": "otpauth://totp/Linewarden:ann?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Linewarden"})
	case is("PUT", "me", "totp"):
		if q.body["code"] != "123456" {
			refuse(w, 422, "Wrong code.", object{"location": "body.code", "message": "is wrong"})
			return
		}
		w.WriteHeader(204)
	case is("POST", "me", "password"):
		if q.body["old"] != "correct horse battery" {
			refuse(w, 422, "The request has wrong fields.", object{"location": "body.old", "message": "is not your password"})
			return
		}
		w.WriteHeader(204)
	case r.Method == "DELETE":
		w.WriteHeader(204)
	default:
		refuse(w, 404, "There is nothing here; see /openapi.json.")
	}
}

// fakePages are the pages over a fake API in which everybody is a reviewer.
func fakePages(t testing.TB) (*Pages, *fakeAPI) {
	t.Helper()
	f := &fakeAPI{role: "reviewer", fail: map[string]int{}}
	p, err := New(Options{API: f, Prompts: []string{"en", "fr"}, Elsewhere: "", Version: "1.0", Clock: func() time.Time { return noon },
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return p, f
}
