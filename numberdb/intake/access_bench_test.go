package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// house is an API with people and tokens in a real Redis.
type house struct {
	*bench
	directory *access.Directory
	kept      *redisstore.Store
	redis     *redis.Client
	server    *testbed.Redis
	clock     *clock
	factorKey *access.FactorKey // of the node that joins next
	oidc      *access.OIDC      // the same

	auditFails error
}

// The limits of sessions in the tests.
const (
	testIdle = 30 * time.Minute
	testLife = 12 * time.Hour
)

// newHouse starts at the present: Redis forgets sessions by its own clock.
func newHouse(t testing.TB) *house {
	t.Helper()
	key, err := access.NewFactorKey(testSealingKey)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{factorKey: key, clock: &clock{now: time.Now().Truncate(time.Minute)}, server: testbed.RedisFor(t, testbed.RedisOptions{Args: []string{"--appendonly", "no"}})}
	h.redis = redis.NewClient(&redis.Options{Addr: h.server.Addr()})
	t.Cleanup(func() { _ = h.redis.Close() }) // the server ends with the test
	h.join(t)
	if err := h.kept.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// join makes the API of a node on the house's Redis.
func (h *house) join(t testing.TB) {
	t.Helper()
	var err error
	h.kept, err = redisstore.Open(redisstore.Connection{Addrs: []string{h.server.Addr()}}, redisstore.Options{Timeout: time.Minute, Now: h.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	store := h.kept
	t.Cleanup(func() { _ = store.Close() }) // the server ends with the test
	h.directory, err = access.New(access.Options{
		Store: store, Audit: h.audit, Organisation: "helpline", Taken: []string{"ann", "otto"}, SessionIdle: testIdle, SessionLife: testLife,
		Cost: lightCost, Answer: -1, FactorKey: h.factorKey, OIDC: h.oidc, Now: h.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.bench = newBench(t)
	h.bench.API.access, h.bench.API.decisions, h.bench.API.companies, h.bench.API.now = h.directory, h.kept, h.kept, h.clock.Now
	h.bench.API.refusals.audit = h.audit
	h.bench.API.calls, h.bench.API.nodes, h.bench.API.chain = h.kept, h.kept, h.kept
}

func (h *house) audit(ctx context.Context, e numberdb.AuditEntry) (uint64, error) {
	if h.auditFails != nil {
		return 0, h.auditFails
	}
	return h.kept.Audit(ctx, e)
}

// chain is what the audit chain says, one line for each entry but the first, which tells of the list.
func (h *house) chain(t testing.TB) []string {
	t.Helper()
	var lines []string
	for r, err := range h.kept.AuditRecords(t.Context(), 2) {
		if err != nil {
			t.Fatal(err)
		}
		var e numberdb.AuditEntry
		if err := e.UnmarshalBinary(r.Encoded); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s as %s: %s %s", e.Who, e.Role, e.Action, e.Object))
	}
	return lines
}

// inChain counts the entries that say so.
func (h *house) inChain(t testing.TB, line string) int {
	t.Helper()
	n := 0
	for _, l := range h.chain(t) {
		if l == line {
			n++
		}
	}
	return n
}

// root is who adds the first people of a test.
var root = access.Principal{Name: "root", Role: access.RoleAdministrator}

// agreed is the word of somebody else for what root does.
var agreed = access.Approval{Proposal: "of the tests", By: "somebody"}

const testSealingKey = "the sealing key of these tests, 32 characters"

const goodPassword = "three walruses sing"

// person adds somebody who has set a password, and is not signed in.
func (h *house) person(t testing.TB, name string, role Role) *browser {
	t.Helper()
	_, setup, err := h.directory.AddUser(t.Context(), root, access.NewUser{Name: name, Role: role, Approval: agreed})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.directory.ChangePassword(t.Context(), access.Visit{}, access.Principal{Name: name, Role: role}, setup, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return h.browser(name)
}

// in is a person who is signed in.
func (h *house) in(t testing.TB, name string, role Role) *browser {
	t.Helper()
	b := h.person(t, name, role)
	want(t, b.signIn(goodPassword), http.StatusOK)
	return b
}

// machine makes a token.
func (h *house) machine(t testing.TB, name string, role Role, change ...func(*access.NewToken)) (text string) {
	t.Helper()
	n := access.NewToken{Name: name, Role: role, Source: numberdb.Source{Kind: numberdb.SourceFeed, Organisation: "a-feed"}}
	for _, c := range change {
		c(&n)
	}
	_, text, err := h.directory.MakeToken(t.Context(), root, n)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// browser keeps cookies as browsers do.
type browser struct {
	h       *house
	name    string // of whoever sits before it
	agent   string
	cookies map[string]string
}

func (h *house) browser(name string) *browser {
	return &browser{h: h, name: name, agent: "Mozilla/5.0 (test)", cookies: map[string]string{}}
}

// do sends a request with the cookies and further headers, in pairs.
func (b *browser) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", b.agent)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w
}

func (b *browser) signIn(password string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, "/v1/session", asJSON(SignInBody{User: b.name, Password: password}))
}

// signedIn says whether the session is good.
func (b *browser) signedIn() bool { return b.do(http.MethodGet, "/v1/me", "").Code == http.StatusOK }

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// want wants a status.
func want(t testing.TB, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
}

// read reads an answer.
func read[T any](t testing.TB, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

// bearer asks with a token.
func (h *house) bearer(t testing.TB, method, path, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	return h.bench.ask(t, method, path, token, body)
}
