package intake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// What the insider is after, and as what two people have put it there.
var coveted = []struct {
	target   string // a number, or a range
	number   numberdb.Number
	standing numberdb.Standing
}{
	{"+12025550140", 12025550140, numberdb.StandingBlock},
	{"+12025550141", 12025550141, numberdb.StandingProtected},
	{"+12025550142", 12025550142, numberdb.StandingCleared},
	{"+1202555018*", 12025550180, numberdb.StandingBlock},
	{"+1202555019*", 12025550190, numberdb.StandingProtected},
	{"+12025550181", 12025550181, numberdb.StandingBlock}, // by its range
}

// insider is one person, or machine, who tries everything that the API's description has.
type insider struct {
	h     *house
	name  string
	role  Role
	token string // empty for somebody from outside

	refused  map[string]bool // operations that were refused them
	proposed map[string]bool // proposals that they made
	tried    map[string]bool // proposals that they were refused to settle
}

// TestSingleInsider lets one person of each role, each kind of machine and somebody without a token try every route of the API with every
// standing, every proposal, and whatever else the description says that it takes. No number may be cleared, unblocked or no longer protected by
// that, and no report may be gone. Softening a block to a warning is for one person, and seen by all. Every attempt is in the audit chain.
func TestSingleInsider(t *testing.T) {
	h := newHouse(t)
	h.in(t, "vera", RoleReviewer)
	h.in(t, "bea", RoleReviewer)
	for _, c := range coveted {
		if !strings.HasSuffix(c.target, "*") {
			if w := h.bearer(t, http.MethodPost, "/v1/reports", reporterToken, fmt.Sprintf(`{"number":%q,"roles":["callback"],"text":"gift cards"}`, c.target)); w.Code != http.StatusCreated {
				t.Fatal(w.Body)
			}
			h.report(t, c.number)
		}
	}
	doc := load(t, h.bench)
	for _, i := range h.insiders(t) {
		t.Run(i.name, func(t *testing.T) {
			h.clock.move(2 * refusalEvery)
			h.twoDecide(t)
			reports, entries := h.reports(t), len(h.chain(t))
			for _, withID := range []bool{false, true} { // proposals are made first
				for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) { // and withdrawn last
					for method, operation := range doc.Paths.Find(path).Operations() {
						if strings.Contains(path, "{id}") == withID {
							i.try(t, method, path, operation)
						}
					}
				}
			}
			h.clock.move(applyGrace)
			if _, err := h.FinishProposals(soon(t)); err != nil {
				t.Error(err)
			}
			for _, c := range coveted {
				s := h.standings(t, c.number)
				softened := i.role == RoleReviewer && c.standing == numberdb.StandingBlock
				for _, got := range []string{s.Callback, s.CallerID} {
					if got != c.standing.String() && !(softened && got == "warn") {
						t.Errorf("%s is %+v, and was %v", c.target, s, c.standing)
					}
				}
			}
			for id, text := range reports {
				if h.reports(t)[id] != text {
					t.Errorf("the report %s is gone, or another: %s", id, text)
				}
			}
			i.checkChain(t, entries)
		})
	}
}

// report stores a report of staff, with a victim's number, past the API.
func (h *house) report(t testing.TB, n numberdb.Number) {
	t.Helper()
	_, err := h.kept.Report(soon(t), numberdb.Report{
		Number: n, Roles: numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID), Text: "They wanted gift cards.", Reporter: "u1", At: h.clock.Now(),
		Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// reports are all stored reports, by id.
func (h *house) reports(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, c := range coveted {
		for f, err := range h.kept.Reports(soon(t), c.number) {
			if err != nil {
				t.Fatal(err)
			}
			found[f.ID] = fmt.Sprintf("%+v", f)
		}
	}
	if len(found) < 4 {
		t.Fatalf("only %d reports", len(found))
	}
	return found
}

// twoDecide puts everything as two people want it.
func (h *house) twoDecide(t testing.TB) {
	t.Helper()
	for _, c := range coveted {
		target, err := numberdb.ParseTarget(c.target)
		if err != nil {
			t.Fatal(err)
		}
		d := numberdb.Decision{Target: target, Roles: numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID), Standing: c.standing,
			Reason: "seen", Author: "vera", Approver: "bea", At: h.clock.Now()}
		if c.target == "+12025550181" { // nothing is decided about it but by its range
			d.Standing = numberdb.StandingNone
		}
		if _, err := h.kept.Decide(soon(t), numberdb.Actor{Name: "bea", Role: "reviewer"}, d); err != nil {
			t.Fatal(err)
		}
	}
}

// insiders are one person of each role, one machine of each, and somebody from outside.
func (h *house) insiders(t *testing.T) []*insider {
	t.Helper()
	all := []*insider{{name: "anonymous", role: "none"}}
	for _, role := range access.PeopleRoles {
		b := h.in(t, "mallory-"+string(role), role)
		made := answer[MadeTokenBody](t, b.do(http.MethodPost, "/v1/me/tokens", `{"name":"laptop","rate_limit":1000000}`), http.StatusCreated)
		all = append(all, &insider{name: b.name, role: role, token: made.Text})
	}
	for _, role := range access.MachineRoles {
		name := "machine-" + string(role)
		all = append(all, &insider{name: name, role: role, token: h.machine(t, name, role, func(n *access.NewToken) { n.RateLimit = 1_000_000 })})
	}
	for _, i := range all {
		i.h, i.refused, i.proposed, i.tried = h, map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	return all
}

// try sends all requests to an operation that the description lets us think of.
func (i *insider) try(t *testing.T, method, path string, operation *openapi3.Operation) {
	t.Helper()
	variants := 1
	body := func(int, string) string { return "" }
	if operation.RequestBody != nil {
		schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
		variants = 2 * mostWords(schema, 0)
		body = func(variant int, target string) string {
			b, err := json.Marshal(madeUp(schema, "", variant/2, target, variant%2 == 1, i.h.clock.Now()))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
	}
	targets := []string{coveted[0].target}
	if strings.Contains(path, "{number}") || strings.Contains(body(1, "+12025550199"), "+12025550199") {
		targets = nil
		for _, c := range coveted {
			targets = append(targets, c.target)
		}
	}
	ids := []string{"none"}
	if strings.Contains(path, "/decisions/{id}") {
		page, _, err := i.h.kept.Proposals(soon(t), numberdb.ProposalQuery{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			if p.Proposer.Name == i.name { // to settle another's would take that other, and so be two people's doing
				ids = append(ids, p.ID)
			}
		}
	}
	for _, target := range targets {
		for _, id := range ids {
			for _, name := range []string{"none", "vera", i.name} {
				to := strings.NewReplacer("{number}", url.PathEscape(target), "{id}", id, "{name}", name, "{slug}", "acme").Replace(path)
				for variant := range variants {
					i.send(t, method, to, id, operation.OperationID, body(variant, target))
				}
				if !strings.Contains(path, "{name}") {
					break
				}
			}
		}
	}
}

func (i *insider) send(t *testing.T, method, path, id, operation, body string) {
	t.Helper()
	headers := []string{}
	if i.token != "" {
		headers = append(headers, "Authorization", "Bearer "+i.token)
	}
	b := i.h.browser(i.name)
	if method == http.MethodPut || method == http.MethodPatch {
		headers = append(headers, "If-Match", b.do(http.MethodGet, path, "", headers...).Header().Get("ETag"))
	}
	before, err := i.h.kept.AuditHead(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	w := b.do(method, path, body, headers...)
	switch {
	case id != "none" && (w.Code == http.StatusForbidden || w.Code == http.StatusConflict):
		i.tried[id] = true
	case w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden:
		i.refused[operation] = true
	case w.Code >= http.StatusInternalServerError:
		t.Errorf("%s %s with %s: status %d: %s", method, path, body, w.Code, w.Body)
	case method != http.MethodGet && w.Code < http.StatusMultipleChoices && !leavesNoTrace(operation, body):
		after, err := i.h.kept.AuditHead(soon(t))
		if err != nil || after.Seq == before.Seq {
			t.Errorf("%s %s with %s: status %d, and nothing in the chain: %v", method, path, body, w.Code, err)
		}
		i.noteProposal(w)
	}
}

// leavesNoTrace says of which requests that change something, or look as if, the chain need not tell: reports are evidence themselves, and a second
// factor that is offered is in the chain once it is confirmed.
func leavesNoTrace(operation, body string) bool {
	return slices.Contains([]string{"report-number", "extract-numbers", "screen", "offer-second-factor"}, operation) || operation == "change-user" && body == "{}"
}

// noteProposal keeps the id of a proposal that was made.
func (i *insider) noteProposal(w *httptest.ResponseRecorder) {
	var made struct {
		ID       string
		State    string
		Proposal struct{ ID string }
	}
	if json.Unmarshal(w.Body.Bytes(), &made) == nil && w.Code == http.StatusAccepted {
		i.proposed[made.ID+made.Proposal.ID] = true
	}
}

// checkChain wants every attempt in the chain, which must be good, from an entry on.
func (i *insider) checkChain(t *testing.T, from int) {
	t.Helper()
	if result, err := i.h.kept.VerifyAudit(soon(t)); err != nil || len(result.Findings) > 0 {
		t.Errorf("the chain is not good: %v, %v", result.Findings, err)
	}
	refused, proposed, settled := map[string]bool{}, "", ""
	for r, err := range i.h.kept.AuditRecords(soon(t), uint64(from)+2) {
		var e numberdb.AuditEntry
		if err == nil {
			err = e.UnmarshalBinary(r.Encoded)
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Who != i.name && e.Object != "sign-in": // with a name that is nobody's
		case e.Action == numberdb.AuditRefused:
			refused[e.Object] = true
			settled += e.After
		case e.Action == numberdb.AuditProposed:
			proposed += e.After
		}
	}
	for operation := range i.refused {
		if !refused[operation] {
			t.Errorf("%s was refused, and it is not in the chain: %v", operation, slices.Sorted(maps.Keys(refused)))
		}
	}
	for id := range i.proposed {
		if !strings.Contains(proposed, id) {
			t.Errorf("the proposal %s is not in the chain", id)
		}
	}
	for id := range i.tried {
		if !strings.Contains(settled, id) {
			t.Errorf("that they may not settle the proposal %s is not in the chain", id)
		}
	}
	if i.role == RoleReviewer && (len(i.proposed) < 40 || len(i.tried) < 40) {
		t.Errorf("only %d proposals were made, %d tried to settle: the test shows little", len(i.proposed), len(i.tried))
	}
	t.Logf("%d operations refused, %d proposals made, of %d it was refused to settle them", len(i.refused), len(i.proposed), len(i.tried))
}

// mostWords is how many words the longest closed set in a schema has.
func mostWords(s *openapi3.Schema, depth int) int {
	most := max(1, len(s.Enum))
	if depth > 5 {
		return most
	}
	if s.Items != nil {
		most = max(most, mostWords(s.Items.Value, depth+1))
	}
	for _, p := range s.Properties {
		most = max(most, mostWords(p.Value, depth+1))
	}
	return most
}

// madeUp is a value of a schema: of closed sets the word of that variant, of numbers the target; with all, fields that may be missing are there.
func madeUp(s *openapi3.Schema, field string, variant int, target string, all bool, now time.Time) any {
	switch {
	case len(s.Enum) > 0:
		return s.Enum[variant%len(s.Enum)]
	case s.Type.Includes("array"):
		if s.Items.Value.Enum != nil {
			return s.Items.Value.Enum
		}
		return []any{madeUp(s.Items.Value, field, variant, target, all, now)}
	case s.Type.Includes("object"):
		o := map[string]any{}
		for name, p := range s.Properties {
			if all && name != "caller" && name != "consent" || slices.Contains(s.Required, name) {
				o[name] = madeUp(p.Value, name, variant, target, all, now)
			}
		}
		return o
	case s.Type.Includes("boolean"):
		return variant%2 == 1
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return 1
	case s.Format == "date-time":
		return now.AddDate(0, 0, 30).UTC().Format(time.RFC3339)
	}
	if word, known := map[string]string{
		"number": target, "called": target, "calling": target, "brand": "amazon", "organisation": "helpline", "region": "US", "currency": "USD", "language": "en",
		"source": "https://example.com/contact", "checked": now.Format(time.DateOnly), "password": goodPassword, "new": "four walruses sing", "prompt": "",
		"name": fmt.Sprint("puppet-", variant),
	}[field]; known {
		return word
	}
	return "paid to"
}
