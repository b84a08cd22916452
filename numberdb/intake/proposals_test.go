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

func TestTwoPeopleBlock(t *testing.T) {
	h := newBoard(t, func(o *Options) {
		o.Impact = func(_ context.Context, targets []numberdb.Target, _ numberdb.Roles, days int) (numberdb.Impact, error) {
			return numberdb.Impact{Calls: 10 * len(targets), Subscribers: len(targets), Days: days, Complete: true, Since: noon}, nil
		}
	})
	before := h.head(t) + 1
	preview := answer[DecisionAnswer](t, h.as(t, "ann", http.MethodPost, decisionsOf(scam)+"?preview=true", ruling("block")), http.StatusOK)
	if preview.Applied || preview.Proposal != nil || !preview.TakesTwo || preview.Impact.Calls != 10 || preview.Impact.Days != 7 {
		t.Errorf("the preview says %+v", preview)
	}
	if lines := h.told(t, before); lines != nil {
		t.Errorf("a preview left %q", lines)
	}
	p := h.proposed(t, "block")
	if p.Proposer != "ann" || p.Kind != "decision" || p.Reason != "three victims" || p.Impact.Subscribers != 1 || !p.Expires.Equal(noon.AddDate(0, 0, 14)) ||
		len(p.Decisions) != 1 || p.Decisions[0].Target != scam || p.Decisions[0].Standing != "block" || p.May.Approve || !p.May.Withdraw || p.May.WhyNot == "" {
		t.Errorf("the proposal is %+v", p)
	}
	h.expect(t, "none")
	seen := answer[ProposalBody](t, h.as(t, "bob", http.MethodGet, "/v1/decisions/"+p.ID, ""), http.StatusOK)
	if !seen.May.Approve || !seen.May.Reject || seen.May.Withdraw || seen.May.WhyNot != "" {
		t.Errorf("bob may %+v", seen.May)
	}
	h.time.move(time.Hour)
	done := h.settle(t, "bob", p.ID, "approve")
	approved := answer[ProposalBody](t, done, http.StatusOK)
	if approved.State != "approved" || !approved.Applied || approved.DecidedBy != "bob" || approved.DecidedReason != "looked at" || !approved.DecidedAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("approved as %+v", approved)
	}
	h.expect(t, "block")
	want := []string{"ann reviewer proposed " + scam, "bob reviewer approved " + scam, "bob reviewer decided " + scam}
	if got := h.told(t, before); !slices.Equal(got, want) {
		t.Errorf("the chain is %q, want %q", got, want)
	}
	for e, err := range h.store.History(soon(t), numberdb.Target{Number: 12025550143}) {
		if err != nil {
			t.Fatal(err)
		}
		if d := e.Decision; d.Author != "ann" || d.Approver != "bob" || d.Proposal != p.ID || d.Brake {
			t.Errorf("the history says %+v", d)
		}
	}
	// Replayed, it is refused and nothing is done again.
	wantProblem(t, h.settle(t, "bob", p.ID, "approve"), http.StatusConflict)
	wantProblem(t, h.settle(t, "cleo", p.ID, "reject"), http.StatusConflict)
	if got := h.told(t, before); len(got) != 5 || got[3] != "bob reviewer refused "+scam || got[4] != "cleo reviewer refused "+scam {
		t.Errorf("the chain is %q", got)
	}
}

// TestOnePersonDecides is what one may do alone, and what the same route makes of all else.
func TestOnePersonDecides(t *testing.T) {
	for name, tc := range map[string]struct {
		held, number, standing string
		status                 int
	}{
		"warn about an unlisted number":  {"", scam, "warn", http.StatusCreated},
		"watch an unlisted number":       {"", scam, "watch", http.StatusCreated},
		"withdraw nothing":               {"", scam, "none", http.StatusCreated},
		"block":                          {"", scam, "block", http.StatusAccepted},
		"clear":                          {"", scam, "cleared", http.StatusAccepted},
		"protect":                        {"", scam, "protected", http.StatusAccepted},
		"warn about a range":             {"", "+1202555*", "warn", http.StatusAccepted},
		"block a range":                  {"", "+1202555*", "block", http.StatusAccepted},
		"watch a range":                  {"", "+1202555*", "watch", http.StatusAccepted},
		"withdraw a block":               {"block", scam, "none", http.StatusAccepted},
		"watch a blocked number":         {"block", scam, "watch", http.StatusAccepted},
		"soften a block":                 {"block", scam, "warn", http.StatusCreated},
		"warn about a genuine line":      {"protected", scam, "warn", http.StatusAccepted},
		"watch a genuine line":           {"protected", scam, "watch", http.StatusAccepted},
		"withdraw a genuine line":        {"protected", scam, "none", http.StatusAccepted},
		"warn about what was found fine": {"cleared", scam, "warn", http.StatusAccepted},
		"block a genuine line":           {"protected", scam, "block", http.StatusAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newBoard(t)
			if tc.held != "" {
				h.decided(t, tc.held)
			}
			a := answer[DecisionAnswer](t, h.as(t, "cleo", http.MethodPost, decisionsOf(tc.number), ruling(tc.standing)), tc.status)
			alone := tc.status == http.StatusCreated
			if a.Applied != alone || a.TakesTwo == alone || alone != (a.Proposal == nil || a.Proposal.Brake) {
				t.Errorf("the answer is %+v", a)
			}
			want := tc.standing
			if !alone {
				want = tc.held
			}
			if want == "" {
				want = "none"
			}
			h.expect(t, want)
			if tc.number == scam && a.Standing.Callback != want {
				t.Errorf("the answer says %s, want %s", a.Standing.Callback, want)
			}
		})
	}
}

// TestBrakeIsShownToAll softens a block and looks for it everywhere.
func TestBrakeIsShownToAll(t *testing.T) {
	h := newBoard(t)
	h.decided(t, "block")
	before := h.head(t) + 1
	a := answer[DecisionAnswer](t, h.as(t, "cleo", http.MethodPost, decisionsOf(scam), ruling("warn")), http.StatusCreated)
	if !a.Applied || a.Proposal == nil || a.Standing.Callback != "warn" {
		t.Fatalf("got %+v", a)
	}
	page := answer[ProposalPage](t, h.as(t, "rita", http.MethodGet, "/v1/decisions?kind=decision&state=approved", ""), http.StatusOK)
	if len(page.Items) != 2 || page.Items[0].ID != a.Proposal.ID && page.Items[1].ID != a.Proposal.ID {
		t.Fatalf("the list is %+v", page.Items)
	}
	p := answer[ProposalBody](t, h.as(t, "otto", http.MethodGet, "/v1/decisions/"+a.Proposal.ID, ""), http.StatusOK)
	if !p.Brake || !p.Applied || p.State != "approved" || p.Proposer != "cleo" || p.DecidedBy != "cleo" || p.Reason != "three victims" {
		t.Errorf("shown as %+v", p)
	}
	for e, err := range h.store.History(soon(t), numberdb.Target{Number: 12025550143}) {
		if err != nil || !e.Decision.Brake || e.Decision.Author != "cleo" || e.Decision.Approver != "" {
			t.Errorf("the history says %+v, %v", e.Decision, err)
		}
		break
	}
	want := []string{"cleo reviewer proposed " + scam, "cleo reviewer decided " + scam}
	if got := h.told(t, before); !slices.Equal(got, want) {
		t.Errorf("the chain is %q, want %q", got, want)
	}
	// It cannot be pulled further: neither below a warning, nor for a shorter time.
	for _, body := range []string{ruling("watch"), ruling("none"), ruling("cleared"), `{"standing":"warn","roles":["callback"],"reason":"x","until":"2026-11-22T00:00:00Z"}`} {
		answer[DecisionAnswer](t, h.as(t, "cleo", http.MethodPost, decisionsOf(scam), body), http.StatusAccepted)
		h.expect(t, "warn")
	}
	h.time.move(170 * 24 * time.Hour)
	h.expect(t, "warn")
}

func TestWordsAboutProposals(t *testing.T) {
	h := newBoard(t)
	p := h.proposed(t, "block")
	path := "/v1/decisions/" + p.ID
	w := h.as(t, "bob", http.MethodGet, path, "")
	tag := w.Header().Get("ETag")
	if tag != `"1"` {
		t.Errorf("the ETag is %s", tag)
	}
	wantProblem(t, h.as(t, "bob", http.MethodGet, "/v1/decisions/"+strings.Repeat("0", 26), ""), http.StatusNotFound)
	wantProblem(t, h.settle(t, "bob", strings.Repeat("0", 26), "approve"), http.StatusNotFound)
	wantProblem(t, h.settle(t, "bob", p.ID, "approve", "If-Match", `"2"`), http.StatusPreconditionFailed)
	_, fields := wantProblem(t, h.as(t, "bob", http.MethodPost, path+"/reject", `{}`), http.StatusUnprocessableEntity)
	if !slices.Equal(fields, []string{"body.reason"}) {
		t.Errorf("a rejection without a reason names %q", fields)
	}
	wantProblem(t, h.as(t, "bob", http.MethodPost, path+"/reject", `{"reason":"`+strings.Repeat("a", 1001)+`"}`), http.StatusUnprocessableEntity)
	wantProblem(t, h.settle(t, "bob", p.ID, "withdraw"), http.StatusForbidden)
	wantProblem(t, h.settle(t, "ann", p.ID, "reject"), http.StatusForbidden)
	rejected := answer[ProposalBody](t, h.settle(t, "bob", p.ID, "reject", "If-Match", tag), http.StatusOK)
	if rejected.State != "rejected" || rejected.DecidedBy != "bob" || rejected.May.Approve {
		t.Errorf("rejected as %+v", rejected)
	}
	p = h.proposed(t, "block")
	if w := h.settle(t, "ann", p.ID, "withdraw"); answer[ProposalBody](t, w, http.StatusOK).State != "withdrawn" || w.Header().Get("ETag") != `"2"` {
		t.Errorf("withdrawn as %s", w.Body)
	}
	h.expect(t, "none")
}

func TestProposalsExpire(t *testing.T) {
	h := newBoard(t)
	p := h.proposed(t, "block")
	until := answer[DecisionAnswer](t, h.as(t, "ann", http.MethodPost, decisionsOf("+12025550144"),
		`{"standing":"block","roles":["callback"],"reason":"x","until":"2026-11-23T00:00:00Z"}`), http.StatusAccepted).Proposal
	h.time.move(3 * 24 * time.Hour)
	if _, fields := wantProblem(t, h.settle(t, "bob", until.ID, "approve"), http.StatusUnprocessableEntity); !slices.Equal(fields, []string{"body.decisions"}) {
		t.Errorf("a decision that is over names %q", fields)
	}
	if n, err := h.FinishProposals(soon(t)); n != 0 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	h.time.move(11 * 24 * time.Hour)
	wantProblem(t, h.settle(t, "bob", p.ID, "approve"), http.StatusConflict)
	if p := answer[ProposalBody](t, h.as(t, "bob", http.MethodGet, "/v1/decisions/"+p.ID, ""), http.StatusOK); p.State != "expired" || p.May.Approve {
		t.Errorf("shown as %+v", p)
	}
	if n, err := h.FinishProposals(soon(t)); n != 2 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	page := answer[ProposalPage](t, h.as(t, "bob", http.MethodGet, "/v1/decisions?state=expired&limit=1", ""), http.StatusOK)
	if len(page.Items) != 1 || page.Next == "" || page.Items[0].DecidedBy != "linewarden" {
		t.Errorf("the expired are %+v", page)
	}
	if rest := answer[ProposalPage](t, h.as(t, "bob", http.MethodGet, "/v1/decisions?state=expired&cursor="+page.Next, ""), http.StatusOK); len(rest.Items) != 1 {
		t.Errorf("the rest are %+v", rest)
	}
	h.expect(t, "none")
}

func TestBulk(t *testing.T) {
	h := newBoard(t)
	many := func(count int, last string) string {
		var rows []string
		for i := range count {
			rows = append(rows, fmt.Sprintf(`{"number":"+3319900%04d","standing":"block","roles":["callback","caller_id"]}`, i))
		}
		return `{"reason":"a list of the police","decisions":[` + strings.Join(append(rows, last), ",") + `]}`
	}
	range_ := `{"number":"+1202555*","standing":"protected","roles":["caller_id"]}`
	_, fields := wantProblem(t, h.as(t, "ann", http.MethodPost, "/v1/decisions", many(2, `{"number":"911","standing":"block","roles":["callback"]}`)), http.StatusUnprocessableEntity)
	if !slices.Equal(fields, []string{"body.decisions[2].number"}) {
		t.Errorf("one emergency number among others names %q", fields)
	}
	wantProblem(t, h.as(t, "ann", http.MethodPost, "/v1/decisions", many(1000, range_)), http.StatusUnprocessableEntity)
	if page := answer[ProposalPage](t, h.as(t, "ann", http.MethodGet, "/v1/decisions", ""), http.StatusOK); len(page.Items) != 0 {
		t.Errorf("stored were %+v", page.Items)
	}
	p := answer[ProposalBody](t, h.as(t, "ann", http.MethodPost, "/v1/decisions", many(999, range_)), http.StatusAccepted)
	if p.Kind != "bulk" || p.Total != 1000 || len(p.Decisions) != 1000 {
		t.Errorf("proposed %s of %d", p.Kind, p.Total)
	}
	page := answer[ProposalPage](t, h.as(t, "ann", http.MethodGet, "/v1/decisions?kind=bulk", ""), http.StatusOK)
	if len(page.Items) != 1 || len(page.Items[0].Decisions) != shownDecisions || page.Items[0].Total != 1000 {
		t.Errorf("the list has %d", len(page.Items))
	}
	began := time.Now()
	p = answer[ProposalBody](t, h.settle(t, "bob", p.ID, "approve"), http.StatusOK)
	t.Logf("1000 decisions made in %v", time.Since(began))
	if !p.Applied { // the machine was slow: the rest is made later
		h.time.move(applyGrace)
		if _, err := h.FinishProposals(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 999 {
		l, err := h.store.Listing(soon(t), 33199000000+numberdb.Number(i))
		if err != nil || l.Roles[numberdb.RoleCallback].Override != numberdb.StandingBlock {
			t.Fatalf("number %d is %+v, %v", i, l, err)
		}
	}
	if l, err := h.store.Listing(soon(t), 12025550100); err != nil || l.Roles[numberdb.RoleCallerID].Override != numberdb.StandingProtected {
		t.Errorf("the range is %+v, %v", l, err)
	}
}

// halting makes the first decisions, then fails as a node does that is killed.
type halting struct {
	DecisionStore
	left int
}

var errHalted = errors.New("killed")

func (s *halting) Decide(ctx context.Context, by numberdb.Actor, d numberdb.Decision) (numberdb.Listing, error) {
	if s.left--; s.left < 0 {
		return numberdb.Listing{}, errHalted
	}
	return s.DecisionStore.Decide(ctx, by, d)
}

func (s *halting) Applied(context.Context, numberdb.Proposal) (numberdb.Proposal, error) {
	return numberdb.Proposal{}, errHalted
}

// TestInterruptedApprovalIsFinished ends a node between approval and application, at each step.
func TestInterruptedApprovalIsFinished(t *testing.T) {
	for left := range 2 { // decisions that are made before it ends
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			h := newBoard(t)
			p := h.proposed(t, "block")
			dying := *h
			dying.API = h.node(t, func(o *Options) { o.Decisions = &halting{h.store, left} })
			if p := answer[ProposalBody](t, dying.settle(t, "bob", p.ID, "approve"), http.StatusOK); p.State != "approved" || p.Applied {
				t.Fatalf("approved as %+v", p)
			}
			// Somebody pulls the brake before the rest is done: what was made must not be made again over it.
			want := "block"
			if left > 0 {
				answer[DecisionAnswer](t, h.as(t, "cleo", http.MethodPost, decisionsOf(scam), ruling("warn")), http.StatusCreated)
				want = "warn"
			}
			if n, err := h.FinishProposals(soon(t)); n != 0 || err != nil {
				t.Errorf("finished %d while whoever approved may be at it, %v", n, err)
			}
			h.time.move(applyGrace)
			if n, err := h.FinishProposals(soon(t)); n != 1 || err != nil {
				t.Errorf("finished %d, %v", n, err)
			}
			h.expect(t, want)
			if p := answer[ProposalBody](t, h.as(t, "bob", http.MethodGet, "/v1/decisions/"+p.ID, ""), http.StatusOK); !p.Applied {
				t.Errorf("it is %+v", p)
			}
			if n, err := h.FinishProposals(soon(t)); n != 0 || err != nil {
				t.Errorf("finished %d again, %v", n, err)
			}
			if made := h.made(t, p.ID); made != 1 {
				t.Errorf("it was made %d times", made)
			}
		})
	}
}

// made counts the decisions about the scammers' number that a proposal became.
func (h *board) made(t testing.TB, id string) (n int) {
	t.Helper()
	for e, err := range h.store.History(soon(t), numberdb.Target{Number: 12025550143}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Decision.Proposal == id {
			n++
		}
	}
	return n
}

// TestInterruptedBrakeIsMoot has two people clear the number before an interrupted brake is finished: it must not undo that.
func TestInterruptedBrakeIsMoot(t *testing.T) {
	h := newBoard(t)
	h.decided(t, "block")
	dying := *h
	dying.API = h.node(t, func(o *Options) { o.Decisions = &halting{h.store, 0} })
	a := answer[DecisionAnswer](t, dying.as(t, "cleo", http.MethodPost, decisionsOf(scam), ruling("warn")), http.StatusCreated)
	if a.Applied || !a.Proposal.Brake || a.Standing.Callback != "block" {
		t.Fatalf("got %+v", a)
	}
	h.decided(t, "cleared")
	h.time.move(applyGrace)
	if n, err := h.FinishProposals(soon(t)); n != 1 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	h.expect(t, "cleared")
	p := answer[ProposalBody](t, h.as(t, "bob", http.MethodGet, "/v1/decisions/"+a.Proposal.ID, ""), http.StatusOK)
	if p.State != "rejected" || p.DecidedBy != "linewarden" || p.Applied {
		t.Errorf("it is %+v", p)
	}
}

func TestFaultsOfDecisions(t *testing.T) {
	h := newBoard(t)
	for name, tc := range map[string]struct {
		path, body string
		want       []string
	}{
		"empty":             {decisionsOf(scam), `{}`, []string{"body.reason", "body.roles", "body.standing"}},
		"emergency":         {decisionsOf("911"), ruling("warn"), []string{"path.number"}},
		"no number":         {decisionsOf("${SHELL(id)}"), ruling("warn"), []string{"path.number"}},
		"broad range":       {decisionsOf("+1809*"), ruling("block"), []string{"path.number"}},
		"range of nonsense": {decisionsOf("+18*09*"), ruling("block"), []string{"path.number"}},
		"all wrong at once": {decisionsOf("12"), `{"standing":"king","roles":["x"],"class":"y","brand":"No Slug","reason":"","until":"2020-01-01T00:00:00Z"}`,
			[]string{"body.brand", "body.class", "body.reason", "body.roles[0]", "body.standing", "body.until", "path.number"}},
		"control characters": {decisionsOf(scam), `{"standing":"warn","roles":["callback"],"reason":"a\u0000b"}`, []string{"body.reason"}},
		"over at once":       {decisionsOf(scam), `{"standing":"warn","roles":["callback"],"reason":"x","until":"2026-11-21T23:00:00Z"}`, []string{"body.until"}},
		"somebody else":      {decisionsOf(scam), `{"standing":"warn","roles":["callback"],"reason":"x","author":"bob"}`, []string{"body.author"}},
		"approved already":   {decisionsOf(scam), `{"standing":"block","roles":["callback"],"reason":"x","approver":"bob"}`, []string{"body.approver"}},
		"bulk of nothing":    {"/v1/decisions", `{"decisions":[],"reason":"x"}`, []string{"body.decisions"}},
		"bulk twice": {"/v1/decisions", `{"decisions":[{"number":"+12025550143","standing":"warn","roles":["callback"]},{"number":"(202) 555-0143","standing":"block","roles":["callback"]}],"reason":"x"}`,
			[]string{"body.decisions[1].number"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, fields := wantProblem(t, h.as(t, "ann", http.MethodPost, tc.path, tc.body), http.StatusUnprocessableEntity)
			if slices.Sort(fields); !slices.Equal(fields, tc.want) {
				t.Errorf("named %q, want %q", fields, tc.want)
			}
		})
	}
	if page := answer[ProposalPage](t, h.as(t, "ann", http.MethodGet, "/v1/decisions", ""), http.StatusOK); len(page.Items) != 0 {
		t.Errorf("stored were %+v", page.Items)
	}
	h.expect(t, "none")
	for _, query := range []string{"state=king", "kind=queen", "cursor=x", "limit=0", "limit=201", "colour=red"} {
		wantProblem(t, h.as(t, "ann", http.MethodGet, "/v1/decisions?"+query, ""), http.StatusUnprocessableEntity)
	}
}

// TestWithoutADecisionStore answers, and stores nothing.
func TestWithoutADecisionStore(t *testing.T) {
	b := newBench(t)
	wantProblem(t, b.ask(t, http.MethodGet, "/v1/decisions", auditorToken, ""), http.StatusServiceUnavailable)
	if n, err := b.FinishProposals(soon(t)); n != 0 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
}
