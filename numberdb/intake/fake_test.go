package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// noon is the time of all tests.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// The tokens of the tests, by role.
const (
	reporterToken = "reporter-token-of-the-tests"
	reviewerToken = "reviewer-token-of-the-tests"
	feedToken     = "machine-token-of-the-tests"
	auditorToken  = "auditor-token-of-the-tests"
)

var errAway = errors.New("dial tcp 127.0.0.1:6379: connection refused")

// fakeStore keeps reports in memory, or fails.
type fakeStore struct {
	mu      sync.Mutex
	fail    error
	reports []numberdb.Report
	listing map[numberdb.Number]numberdb.Listing
	callers map[string]numberdb.Number // of victims, by report
	counts  map[string]int
	answers map[string]string
}

func (s *fakeStore) CountReport(_ context.Context, who string, day numberdb.Day) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(who, day)
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[key]++
	if errors.Is(s.fail, errAway) {
		return 0, s.fail
	}
	return s.counts[key], nil
}

func (s *fakeStore) Caller(_ context.Context, _ numberdb.Number, id string) (numberdb.Number, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.callers[id]
	if !ok && s.fail == nil {
		return 0, numberdb.ErrNoCaller
	}
	return n, s.fail
}

func (s *fakeStore) Reserve(_ context.Context, name string, value []byte, _ time.Duration) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, ok := s.answers[name]; ok || s.fail != nil {
		return []byte(there), s.fail
	}
	if s.answers == nil {
		s.answers = map[string]string{}
	}
	s.answers[name] = string(value)
	return nil, nil
}

func (s *fakeStore) Keep(_ context.Context, name string, value []byte, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[name] = string(value)
	return s.fail
}

func (s *fakeStore) Release(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answers, name)
	return s.fail
}

func (s *fakeStore) Report(_ context.Context, r numberdb.Report) (numberdb.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return numberdb.Receipt{}, s.fail
	}
	s.reports = append(s.reports, r)
	var l numberdb.Listing
	for role := range numberdb.Role(numberdb.RoleCount) {
		if r.Roles.Has(role) {
			l.Roles[role].WarnUntil = numberdb.DayOf(noon) + 180
		}
	}
	return numberdb.Receipt{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Repeat: len(s.reports) > 1, Listing: l}, nil
}

func (s *fakeStore) Listing(_ context.Context, n numberdb.Number) (numberdb.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listing[n], s.fail
}

func (s *fakeStore) stored() []numberdb.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports
}

// bench is an API with what surrounds it.
type bench struct {
	*API
	store   *fakeStore
	audited []numberdb.AuditEntry
	log     *strings.Builder
	metrics *prometheus.Registry
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{store: &fakeStore{listing: map[numberdb.Number]numberdb.Listing{}}, log: &strings.Builder{}, metrics: prometheus.NewRegistry()}
	principal := func(name string, role Role) Principal {
		return Principal{Name: name, Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"}, Role: role, Person: !role.ForMachines()}
	}
	api, err := New(Options{
		Store: b.store, Access: nobody(t), Origin: numberdb.Origin{Region: "US"}, Version: "test", Clock: func() time.Time { return noon },
		Tokens: []Token{
			{Principal: principal("ann", RoleReporter), Hash: HashToken(reporterToken)},
			{Principal: principal("rita", RoleReviewer), Hash: HashToken(reviewerToken)},
			{Principal: principal("list", RoleFeed), Hash: HashToken(feedToken)},
			{Principal: principal("otto", RoleAuditor), Hash: HashToken(auditorToken)},
		},
		ReportsPerDay: 100, FeedReportsPerDay: 130, Audit: b.audit, List: newFakeList(),
		Logger: slog.New(slog.NewTextHandler(b.log, nil)), Metrics: b.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.API = api
	return b
}

func (b *bench) audit(_ context.Context, e numberdb.AuditEntry) (uint64, error) {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	b.audited = append(b.audited, e)
	return uint64(len(b.audited)), b.store.fail
}

// nobody is a directory in which nobody is, for tests in which only the config's tokens count: it fails on every question.
func nobody(t testing.TB) *access.Directory {
	t.Helper()
	d, err := access.New(access.Options{
		Store: struct{ access.Store }{}, Audit: func(context.Context, numberdb.AuditEntry) (uint64, error) { return 0, errAway },
		Organisation: "helpline", Cost: lightCost,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lightCost keeps the tests from spending their time on password hashes.
var lightCost = access.Cost{Memory: 64, Passes: 1}

// ask sends one request with a token; an empty token sends none.
func (b *bench) ask(t testing.TB, method, path, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// report sends a report.
func (b *bench) report(t testing.TB, body string) *httptest.ResponseRecorder {
	t.Helper()
	return b.ask(t, http.MethodPost, "/v1/reports", reporterToken, body)
}

// problemBody is a problem document as a client sees it.
type problemBody struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
		Value    any    `json:"value"`
	} `json:"errors"`
}

// wantProblem reads a problem document of the status and gives the places that it names.
func wantProblem(t testing.TB, w *httptest.ResponseRecorder, status int) (p problemBody, fields []string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q, want a problem document", ct)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("read the problem: %v in %s", err, w.Body)
	}
	if p.Status != status || p.Title == "" || p.Detail == "" {
		t.Errorf("incomplete problem: %+v", p)
	}
	for _, e := range p.Errors {
		if e.Message == "" || e.Value != nil {
			t.Errorf("fault without a message, or that repeats the request: %+v", e)
		}
		fields = append(fields, e.Location)
	}
	return p, fields
}
