package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// patience bounds every wait of these tests; reaching it is a failure. The machine may first have to fetch a Redis.
const patience = 5 * time.Minute

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// board is an API on a real Redis, with people of every role in it.
type board struct {
	*API
	redis *testbed.Redis
	store *redisstore.Store
	time  *clock
}

// The people, each with a token that is their name and "-token-of-the-tests".
var people = []Principal{
	{Name: "ann", Role: RoleReviewer}, {Name: "bob", Role: RoleReviewer}, {Name: "cleo", Role: RoleReviewer},
	{Name: "rita", Role: RoleReporter}, {Name: "otto", Role: RoleAuditor}, {Name: "root", Role: RoleAdministrator},
}

func tokenOf(name string) string { return name + "-token-of-the-tests" }

func newBoard(t testing.TB, change ...func(*Options)) *board {
	t.Helper()
	server, err := testbed.StartRedis(soon(t), testbed.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &board{redis: server, time: &clock{now: noon}}
	h.store = h.open(t)
	if err := h.store.Init(soon(t)); err != nil {
		t.Fatal(err)
	}
	h.API = h.node(t, change...)
	return h
}

// open is another connection to the store, as another node has it.
func (h *board) open(t testing.TB) *redisstore.Store {
	t.Helper()
	store, err := redisstore.Open(redisstore.Connection{Addrs: []string{h.redis.Addr()}}, redisstore.Options{
		Timeout: time.Minute, Now: h.time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// node is another intake on the same store.
func (h *board) node(t testing.TB, change ...func(*Options)) *API {
	t.Helper()
	o := Options{
		Store: h.store, Access: nobody(t), Decisions: h.store, Companies: h.store, Audit: h.store.Audit, Origin: numberdb.Origin{Region: "US"}, Version: "test", Clock: h.time.Now,
	}
	staff := numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"}
	for _, p := range people {
		p.Source, p.Person, p.RoleSince, p.RoleBy = staff, true, noon.AddDate(-1, 0, 0), "root"
		o.Tokens = append(o.Tokens, Token{Principal: p, Hash: HashToken(tokenOf(p.Name))})
	}
	for _, role := range access.MachineRoles {
		name := "machine-" + string(role)
		o.Tokens = append(o.Tokens, Token{Principal: Principal{Name: name, Source: staff, Role: role}, Hash: HashToken(tokenOf(name))})
	}
	for _, c := range change {
		c(&o)
	}
	api, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// as sends a request as somebody, with headers in pairs.
func (h *board) as(t testing.TB, name, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+tokenOf(name))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// answer reads an answer of a status.
func answer[T any](t testing.TB, w *httptest.ResponseRecorder, status int) (v T) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

// ruling is a decision as it is sent.
func ruling(standing string) string {
	return fmt.Sprintf(`{"standing":%q,"roles":["callback"],"reason":"three victims"}`, standing)
}

func decisionsOf(number string) string {
	return "/v1/numbers/" + url.PathEscape(number) + "/decisions"
}

const scam = "+12025550143"

// proposed has ann propose a standing for the scammers' number, and gives the proposal.
func (h *board) proposed(t testing.TB, standing string) ProposalBody {
	t.Helper()
	a := answer[DecisionAnswer](t, h.as(t, "ann", http.MethodPost, decisionsOf(scam), ruling(standing)), http.StatusAccepted)
	if a.Applied || a.Proposal == nil || a.Proposal.State != "pending" {
		t.Fatalf("proposed as %+v", a)
	}
	return *a.Proposal
}

// decided has ann propose a standing and bob approve it.
func (h *board) decided(t testing.TB, standing string) {
	t.Helper()
	p := h.proposed(t, standing)
	if p = answer[ProposalBody](t, h.settle(t, "bob", p.ID, "approve"), http.StatusOK); !p.Applied {
		t.Fatalf("approved as %+v", p)
	}
	h.expect(t, standing)
}

func (h *board) settle(t testing.TB, name, id, verb string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return h.as(t, name, http.MethodPost, "/v1/decisions/"+id+"/"+verb, `{"reason":"looked at"}`, headers...)
}

// expect wants the scammers' number to have a standing.
func (h *board) expect(t testing.TB, standing string) {
	t.Helper()
	l, err := h.store.Listing(soon(t), 12025550143)
	if err != nil {
		t.Fatal(err)
	}
	if got := standingOf(&l, numberdb.DayOf(h.time.Now())).Callback; got != standing {
		t.Errorf("the number is %s, want %s", got, standing)
	}
}

// chain is the audit chain, which must be good, from an entry on.
func (h *board) chain(t testing.TB, from uint64) (entries []numberdb.AuditEntry) {
	t.Helper()
	result, err := h.store.VerifyAudit(soon(t))
	if err != nil || len(result.Findings) > 0 {
		t.Fatalf("the chain is not good: %v %v", result.Findings, err)
	}
	for r, err := range h.store.AuditRecords(soon(t), from) {
		var e numberdb.AuditEntry
		if err == nil {
			err = e.UnmarshalBinary(r.Encoded)
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// told is the chain without what came before an entry: who did what.
func (h *board) told(t testing.TB, from uint64) (lines []string) {
	t.Helper()
	for _, e := range h.chain(t, from) {
		lines = append(lines, fmt.Sprint(e.Who, " ", e.Role, " ", e.Action, " ", e.Object))
	}
	return lines
}

func (h *board) head(t testing.TB) uint64 {
	t.Helper()
	head, err := h.store.AuditHead(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return head.Seq
}
