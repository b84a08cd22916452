package intake

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

// again sends a report with a key.
func (b *bench) again(t testing.TB, token, key, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/reports", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

const oneReport = `{"number":"+12025550143","roles":["callback"]}`

func TestSentAgainGivesTheFirstAnswer(t *testing.T) {
	b := newBench(t)
	first := b.again(t, reporterToken, "key-1", oneReport)
	if first.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", first.Code, first.Body)
	}
	b.report(t, oneReport) // from here on another report would be a repeat
	for _, key := range []string{"key-1", `"key-1"`, " key-1 "} {
		w := b.again(t, reporterToken, key, oneReport)
		if w.Code != first.Code || w.Body.String() != first.Body.String() || w.Header().Get("Content-Type") != first.Header().Get("Content-Type") {
			t.Errorf("%q: got %d %s, want %s", key, w.Code, w.Body, first.Body)
		}
	}
	if n := len(b.store.stored()); n != 2 {
		t.Errorf("%d reports were stored, want 2", n)
	}

	// The same key of somebody else, or for something else, is another request.
	if w := b.again(t, feedToken, "key-1", oneReport); w.Code != http.StatusCreated || len(b.store.stored()) != 3 {
		t.Errorf("another's key: status %d, %d stored", w.Code, len(b.store.stored()))
	}
	wantProblem(t, b.again(t, reporterToken, "key-1", strings.Replace(oneReport, "143", "144", 1)), http.StatusUnprocessableEntity)
	if n := len(b.store.stored()); n != 3 {
		t.Errorf("%d reports were stored, want 3", n)
	}
}

func TestRefusedMayBeCorrected(t *testing.T) {
	b := newBench(t)
	wantProblem(t, b.again(t, reporterToken, "k", `{"number":"12","roles":["callback"]}`), http.StatusUnprocessableEntity)
	b.store.fail = errAway
	wantProblem(t, b.again(t, reporterToken, "k", oneReport), http.StatusServiceUnavailable)
	b.store.fail = nil
	if w := b.again(t, reporterToken, "k", oneReport); w.Code != http.StatusCreated {
		t.Errorf("corrected: %d %s", w.Code, w.Body)
	}
	for _, bad := range []string{strings.Repeat("x", 256), "caf\u00e9", "a\tb"} {
		wantProblem(t, b.again(t, reporterToken, bad, oneReport), http.StatusBadRequest)
	}
	wantProblem(t, b.again(t, reporterToken, "large", `{"text":"`+strings.Repeat("x", maxBody)+`"}`), http.StatusRequestEntityTooLarge)
}

// TestSameTimeOnce sends one request from many places at once: it is stored once, and every answer is the first one or says to ask again.
func TestSameTimeOnce(t *testing.T) {
	b := newBench(t)
	var created, busy sync.Map
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			switch w := b.again(t, feedToken, "k", oneReport); w.Code {
			case http.StatusCreated:
				created.Store(w.Body.String(), true)
			case http.StatusConflict:
				busy.Store(i, true)
			default:
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	answers := 0
	created.Range(func(_, _ any) bool { answers++; return true })
	if n := len(b.store.stored()); n != 1 || answers != 1 {
		t.Errorf("%d stored, %d different answers", n, answers)
	}
	if id := b.store.stored()[0].ID; len(id) != 26 {
		t.Errorf("the report's id is %q", id)
	}
}

func TestQuota(t *testing.T) {
	b := newBench(t)
	for range 100 {
		if w := b.report(t, oneReport); w.Code != http.StatusCreated {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	w := b.report(t, oneReport)
	wantProblem(t, w, http.StatusTooManyRequests)
	if got := w.Header().Get("Retry-After"); got != "43201" { // it is noon
		t.Errorf("Retry-After: %s", got)
	}
	for range 130 {
		if w := b.ask(t, http.MethodPost, "/v1/reports", feedToken, oneReport); w.Code != http.StatusCreated {
			t.Fatalf("a feed: status %d: %s", w.Code, w.Body)
		}
	}
	wantProblem(t, b.ask(t, http.MethodPost, "/v1/reports", feedToken, oneReport), http.StatusTooManyRequests)
	if n := len(b.store.stored()); n != 230 {
		t.Errorf("%d reports were stored, want 230", n)
	}
}

func TestVictimsNumber(t *testing.T) {
	b := newBench(t)
	if w := b.report(t, `{"number":"+12025550143","roles":["callback"],"caller":"202 555 0111","consent":true}`); w.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if r := b.store.stored()[0]; r.Caller != 12025550111 || !r.Consent {
		t.Errorf("stored %+v", r)
	}
	for body, field := range map[string]string{
		`"caller":"12"`:                               "body.caller",
		`"caller":"12","consent":true`:                "body.caller",
		`"consent":true`:                              "body.consent",
		`"caller":"+12025550143"`:                     "body.caller",
		`"caller":"911"`:                              "body.caller",
		`"caller":"` + strings.Repeat("1", 300) + `"`: "body.caller",
	} {
		_, fields := wantProblem(t, b.report(t, `{"number":"+12025550143","roles":["callback"],`+body+`}`), http.StatusUnprocessableEntity)
		if len(fields) != 1 || fields[0] != field {
			t.Errorf("%s: faults at %q, want %s", body, fields, field)
		}
	}

	const id = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b.store.callers = map[string]numberdb.Number{id: 12025550111}
	path := "/v1/reports/" + id + "/caller?number=%2B12025550143"
	for _, token := range []string{"", reporterToken, feedToken, auditorToken} {
		if w := b.ask(t, http.MethodGet, path, token, ""); w.Code != http.StatusForbidden && w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "0111") {
			t.Errorf("%q may see it: %d %s", token, w.Code, w.Body)
		}
	}
	b.audited = nil
	w := b.ask(t, http.MethodGet, path, reviewerToken, "")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"+12025550111"`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if len(b.audited) != 1 || b.audited[0].Action != numberdb.AuditCallerShown || b.audited[0].Who != "rita" || b.audited[0].Check() != nil {
		t.Errorf("audited %+v", b.audited)
	}
	if strings.Contains(b.log.String(), "5550111") {
		t.Errorf("the log names a victim: %s", b.log)
	}
	wantProblem(t, b.ask(t, http.MethodGet, strings.Replace(path, "ABC", "XYZ", 1), reviewerToken, ""), http.StatusNotFound)
	wantProblem(t, b.ask(t, http.MethodGet, "/v1/reports/"+id+"/caller?number=12", reviewerToken, ""), http.StatusUnprocessableEntity)
}
