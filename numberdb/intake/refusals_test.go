package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// TestRefusalsAreAudited wants who was refused in the chain before the answer, once a minute for the same attempt, and counted in between.
func TestRefusalsAreAudited(t *testing.T) {
	b := newBench(t)
	var chain []string
	var fail error
	b.refusals.audit = func(_ context.Context, e numberdb.AuditEntry) (uint64, error) {
		if fail != nil {
			return 0, fail
		}
		if faults := e.Check(); faults != nil {
			t.Error(faults)
		}
		chain = append(chain, fmt.Sprint(e.Who, " ", e.Role, " ", e.Action, " ", e.Object, " ", e.After))
		return uint64(len(chain)), nil
	}
	now := noon
	b.now = func() time.Time { return now }
	body := `{"number":"+12025550143","roles":["callback"]}`
	auditor := func() {
		t.Helper()
		wantProblem(t, b.ask(t, http.MethodPost, "/v1/reports", auditorToken, body), http.StatusForbidden)
	}
	auditor()
	auditor()
	auditor()
	wantProblem(t, b.ask(t, http.MethodPost, "/v1/reports", "stolen", body), http.StatusUnauthorized)
	wantProblem(t, b.ask(t, http.MethodGet, "/v1/numbers/+12025550143", "", ""), http.StatusUnauthorized)
	now = now.Add(refusalEvery)
	fail = errors.New("Redis is away")
	auditor()
	if !strings.Contains(b.log.String(), "write the refusal to the audit chain: Redis is away") {
		t.Errorf("nobody is told that a refusal is not in the chain: %s", b.log)
	}
	fail = nil
	now = now.Add(refusalEvery)
	auditor()
	if w := b.report(t, body); w.Code != http.StatusCreated {
		t.Errorf("a reporter got %d", w.Code)
	}
	want := []string{
		`otto auditor refused report-number {"status":403,"more_since_last_entry":0}`,
		`anonymous none refused report-number {"status":401,"more_since_last_entry":0}`,
		`anonymous none refused get-number {"status":401,"more_since_last_entry":0}`,
		`otto auditor refused report-number {"status":403,"more_since_last_entry":3}`,
	}
	if !slices.Equal(chain, want) {
		t.Errorf("the chain is\n%s\nwant\n%s", strings.Join(chain, "\n"), strings.Join(want, "\n"))
	}
}
