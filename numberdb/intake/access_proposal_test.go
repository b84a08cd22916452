package intake

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// staffed is a house in which two people have been reviewers: anna administers it, rita and rosa review.
func staffed(t testing.TB) (h *house, anna, rita, rosa *browser) {
	t.Helper()
	h = newHouse(t)
	return h, h.in(t, "anna", RoleAdministrator), h.in(t, "rita", RoleReviewer), h.in(t, "rosa", RoleReviewer)
}

// change asks for a change of a person as they are now.
func (b *browser) change(name, body string) *httptest.ResponseRecorder {
	path := "/v1/users/" + name
	return b.do(http.MethodPatch, path, body, "If-Match", b.do(http.MethodGet, path, "").Header().Get("ETag"))
}

// waits reads the proposal of an answer that says that a second person has to approve.
func waits(t testing.TB, w *httptest.ResponseRecorder) *ProposalBody {
	t.Helper()
	want(t, w, http.StatusAccepted)
	body := read[struct {
		Applied  bool          `json:"applied"`
		Proposal *ProposalBody `json:"proposal"`
		Setup    string        `json:"setup"`
		Text     string        `json:"text"`
	}](t, w)
	if body.Applied || body.Proposal == nil || body.Setup+body.Text != "" || body.Proposal.Kind != "access" || body.Proposal.State != "pending" {
		t.Fatalf("got %s", w.Body)
	}
	return body.Proposal
}

func (b *browser) settle(id, verb string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, "/v1/decisions/"+id+"/"+verb, `{"reason": "asked them"}`)
}

func (b *browser) collect(id string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, "/v1/decisions/"+id+"/collect", "")
}

const (
	anotherReviewer = `{"name": "Eve", "role": "reviewer", "language": "fr", "reason": "she begins on Monday"}`
	partnerToken    = `{"name": "bank", "role": "reporter", "source": {"kind": "partner", "organisation": "a-bank"}, "rate_limit": 7}`
)

// TestNewReviewerTakesTwo goes from the proposal to the first sign-in: the one-time password is seen once, by the proposer.
func TestNewReviewerTakesTwo(t *testing.T) {
	h, anna, rita, rosa := staffed(t)
	p := waits(t, anna.do(http.MethodPost, "/v1/users", anotherReviewer))
	if p.Proposer != "anna" || p.Reason != "she begins on Monday" || p.May.Approve || p.May.Collect || !p.May.Withdraw ||
		!strings.Contains(string(p.Access), `"user":"eve"`) {
		t.Errorf("proposed as %+v, %s", p, p.Access)
	}
	wantProblem(t, anna.collect(p.ID), http.StatusConflict)
	wantProblem(t, rita.do(http.MethodGet, "/v1/users/eve", ""), http.StatusNotFound)
	w := rita.settle(p.ID, "approve")
	want(t, w, http.StatusOK)
	if got := read[ProposalBody](t, w); got.State != "approved" || got.Applied || got.May.Collect {
		t.Errorf("approved as %+v", got)
	}
	wantProblem(t, rita.do(http.MethodGet, "/v1/users/eve", ""), http.StatusNotFound)
	if n, err := h.FinishProposals(t.Context()); n != 0 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	alan := h.in(t, "alan", RoleAdministrator)
	for _, other := range []*browser{rita, rosa, alan} {
		wantProblem(t, other.collect(p.ID), http.StatusForbidden)
	}
	if got := read[ProposalBody](t, anna.do(http.MethodGet, "/v1/decisions/"+p.ID, "")); !got.May.Collect {
		t.Errorf("anna may %+v", got.May)
	}
	w = anna.collect(p.ID)
	want(t, w, http.StatusOK)
	got := read[CollectedBody](t, w)
	if got.Setup == "" || got.User == nil || got.User.Name != "eve" || got.User.Role != "reviewer" || got.User.RoleBy != "anna" || !got.User.MustChange ||
		got.User.Language != "fr" || !got.Proposal.Applied || got.Proposal.May.Collect {
		t.Errorf("collected %+v", got)
	}
	want(t, h.browser("eve").signIn(got.Setup), http.StatusOK)
	wantProblem(t, anna.collect(p.ID), http.StatusConflict)
	wantProblem(t, rita.settle(p.ID, "approve"), http.StatusConflict)
	h.nowhere(t, got.Setup)
	for line, n := range map[string]int{
		"anna as administrator: proposed proposal " + p.ID: 1, "rita as reviewer: approved proposal " + p.ID: 1,
		"anna as administrator: user_added user eve": 1, "alan as administrator: refused proposal " + p.ID: 1,
		"rita as reviewer: refused proposal " + p.ID: 1, "rosa as reviewer: refused collect-decision": 1,
	} {
		if got := h.inChain(t, line); got != n {
			t.Errorf("%q is %d times in the chain, want %d: %q", line, got, n, h.chain(t))
		}
	}
}

// TestResetTakesTwo wants a reviewer's reset to change nothing until it is collected, and all to change then.
func TestResetTakesTwo(t *testing.T) {
	h, anna, rita, rosa := staffed(t)
	p := waits(t, anna.change("rosa", `{"reset": true}`))
	wantProblem(t, rosa.settle(p.ID, "approve"), http.StatusForbidden) // it is about herself
	want(t, rita.settle(p.ID, "approve"), http.StatusOK)
	if !rosa.signedIn() {
		t.Error("the session has ended before there is a new password")
	}
	w := anna.collect(p.ID)
	want(t, w, http.StatusOK)
	setup := read[CollectedBody](t, w).Setup
	if rosa.signedIn() || rosa.signIn(goodPassword).Code != http.StatusUnauthorized {
		t.Error("session or password go on after the reset")
	}
	want(t, h.browser("rosa").signIn(setup), http.StatusOK)
	h.nowhere(t, setup)
	if u, err := h.directory.User(t.Context(), "rosa"); err != nil || u.ResetBy != "anna" || u.Proposal != p.ID {
		t.Errorf("reset by %q, proposal %q: %v", u.ResetBy, u.Proposal, err)
	}
}

// TestRoleTakesTwo wants what leaves no secret to be done with the approval, and only by somebody else than whom it is about.
func TestRoleTakesTwo(t *testing.T) {
	h, anna, rita, rosa := staffed(t)
	h.person(t, "dora", RoleReporter)
	role := func() string {
		return read[UserBody](t, anna.do(http.MethodGet, "/v1/users/dora", "")).Role
	}
	p := waits(t, anna.change("dora", `{"role": "administrator"}`))
	if !strings.Contains(string(p.Access), `"reset_by":"root"`) {
		t.Errorf("who has known the password is not shown: %s", p.Access)
	}
	want(t, rita.settle(p.ID, "approve"), http.StatusOK)
	if role() != "administrator" {
		t.Errorf("she is %s", role())
	}
	wantProblem(t, anna.collect(p.ID), http.StatusConflict)
	want(t, anna.change("dora", `{"role": "reporter"}`), http.StatusOK) // taken away by one alone
	want(t, anna.change("rosa", `{"disabled": true}`), http.StatusOK)
	p = waits(t, anna.change("rosa", `{"disabled": false}`))
	if done := read[ProposalBody](t, rita.settle(p.ID, "approve")); !done.Applied {
		t.Errorf("approved as %+v", done)
	}
	want(t, rosa.signIn(goodPassword), http.StatusOK)
	p = waits(t, anna.change("dora", `{"role": "reviewer"}`))
	want(t, rita.settle(p.ID, "reject"), http.StatusOK)
	wantProblem(t, anna.collect(p.ID), http.StatusConflict)
	if role() != "reporter" {
		t.Errorf("she is %s", role())
	}
}

// TestTrustedTokenTakesTwo wants one from an untrusted source to need nobody else.
func TestTrustedTokenTakesTwo(t *testing.T) {
	h, anna, rita, _ := staffed(t)
	want(t, anna.do(http.MethodPost, "/v1/tokens", `{"name": "list", "role": "feed", "source": {"kind": "feed", "organisation": "a-feed"}}`), http.StatusCreated)
	p := waits(t, anna.do(http.MethodPost, "/v1/tokens", partnerToken))
	staff := waits(t, anna.do(http.MethodPost, "/v1/tokens", `{"name": "own", "role": "feed", "source": {"kind": "staff", "organisation": "a-staff"}}`))
	want(t, rita.settle(staff.ID, "reject"), http.StatusOK)
	want(t, rita.settle(p.ID, "approve"), http.StatusOK)
	if tokens, err := h.directory.Tokens(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("tokens %v, %v", tokens, err)
	}
	w := anna.collect(p.ID)
	want(t, w, http.StatusOK)
	got := read[CollectedBody](t, w)
	if got.Token == nil || got.Token.Name != "bank" || got.Token.Source.Kind != "partner" || got.Token.RateLimit != 7 || got.User != nil {
		t.Errorf("collected %+v", got)
	}
	if me := read[MeBody](t, h.bearer(t, http.MethodGet, "/v1/me", got.Text, "")); me.Name != "bank" || me.Organisation != "a-bank" {
		t.Errorf("it is %+v", me)
	}
	h.nowhere(t, got.Text)
	wantProblem(t, anna.collect(p.ID), http.StatusConflict)
	want(t, anna.do(http.MethodDelete, "/v1/tokens/bank", ""), http.StatusNoContent)
}

// TestOneInsider is an administrator who acts alone, by every route: nobody comes of it who could agree with them, no machine that is believed, and
// no reviewer is theirs. Each attempt is in the audit chain.
func TestOneInsider(t *testing.T) {
	h, anna, rita, rosa := staffed(t)
	h.in(t, "alan", RoleAdministrator)
	h.in(t, "eve", RoleReporter) // whom anna knows well
	powers := func() string {
		t.Helper()
		users, err := h.directory.Users(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		who := ""
		for _, u := range users {
			if u.Role.IsSecondPerson() && !u.Disabled {
				who += fmt.Sprintf("%s:%s:%s ", u.Name, u.Role, u.Password)
			}
		}
		return who
	}
	before, begun := powers(), len(h.chain(t))
	attempts := []struct{ method, path, body string }{
		{http.MethodPost, "/v1/users", `{"name": "mole", "role": "reviewer"}`},
		{http.MethodPost, "/v1/users", `{"name": "mole", "role": "administrator"}`},
		{http.MethodPatch, "eve", `{"role": "reviewer"}`},
		{http.MethodPatch, "eve", `{"role": "administrator"}`},
		{http.MethodPatch, "eve", `{"role": "reviewer", "reset": true, "disabled": true}`},
		{http.MethodPatch, "rita", `{"reset": true}`},
		{http.MethodPatch, "rita", `{"role": "administrator"}`},
		{http.MethodPatch, "rita", `{"role": "administrator", "reset": true}`},
		{http.MethodPatch, "alan", `{"reset": true}`},
		{http.MethodPatch, "alan", `{"role": "reviewer"}`},
		{http.MethodPost, "/v1/tokens", partnerToken},
		{http.MethodPost, "/v1/tokens", `{"name": "own", "role": "auditor", "source": {"kind": "staff", "organisation": "helpline"}}`},
	}
	own := read[MadeTokenBody](t, anna.do(http.MethodPost, "/v1/me/tokens", `{"name": "second-self"}`)).Text
	try := func() {
		t.Helper()
		for _, try := range attempts {
			var w *httptest.ResponseRecorder
			if try.method == http.MethodPatch {
				w = anna.change(try.path, try.body)
			} else {
				w = anna.do(try.method, try.path, try.body)
			}
			p := waits(t, w)
			wantProblem(t, anna.settle(p.ID, "approve"), http.StatusForbidden)
			wantProblem(t, h.bearer(t, http.MethodPost, "/v1/decisions/"+p.ID+"/approve", own, `{}`), http.StatusForbidden)
			wantProblem(t, anna.collect(p.ID), http.StatusConflict)
			if n := h.inChain(t, "anna as administrator: proposed proposal "+p.ID) + h.inChain(t, "anna as administrator: refused proposal "+p.ID); n != 4 {
				t.Errorf("%s %s: %d entries in the chain, want 4", try.path, try.body, n)
			}
		}
	}
	try()
	// Neither taking all power away from others nor giving it to one who has proposed something reopens the way.
	for _, body := range []string{`{"disabled": true}`, `{"disabled": false, "role": "reporter"}`} {
		want(t, anna.change("rosa", body), http.StatusOK)
	}
	setup := read[SetupBody](t, anna.change("rosa", `{"reset": true}`)).Setup // a reporter's now
	taken := h.browser("rosa")
	want(t, taken.signIn(setup), http.StatusOK)
	want(t, taken.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{setup, "four walruses sing"})), http.StatusOK)
	p := waits(t, anna.change("rosa", `{"role": "reviewer"}`))
	wantProblem(t, taken.settle(p.ID, "approve"), http.StatusForbidden)
	if rosa.signedIn() {
		t.Error("the real rosa is still signed in")
	}
	before = strings.Replace(before, before[strings.Index(before, "rosa:"):], "", 1)
	try()
	if after := powers(); after != before {
		t.Errorf("there were %s, and are %s", before, after)
	}
	if tokens, err := h.directory.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("tokens %v, %v", tokens, err)
	}
	wantProblem(t, anna.change("anna", `{"role": "reviewer"}`), http.StatusForbidden)
	if !rita.signedIn() || len(h.chain(t)) < begun+2*4*len(attempts) {
		t.Errorf("rita is out, or the chain has only %d entries more", len(h.chain(t))-begun)
	}
}

// TestBootstrapEndsForGood has one reviewer after another: the third needs somebody's word, though there never were two at a time.
func TestBootstrapEndsForGood(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	for _, name := range []string{"rita", "rosa"} {
		want(t, anna.do(http.MethodPost, "/v1/users", `{"name": "`+name+`", "role": "reviewer"}`), http.StatusCreated)
		want(t, anna.change(name, `{"reset": true}`), map[string]int{"rita": http.StatusOK, "rosa": http.StatusAccepted}[name])
		want(t, anna.change(name, `{"role": "reporter"}`), http.StatusOK)
		want(t, anna.change(name, `{"disabled": true}`), http.StatusOK)
	}
	waits(t, anna.do(http.MethodPost, "/v1/users", anotherReviewer))
	waits(t, anna.change("rita", `{"role": "reviewer", "disabled": false}`))
	waits(t, anna.do(http.MethodPost, "/v1/tokens", partnerToken))
}

// TestAccessMoot changes what a proposal is about before it is approved or collected.
func TestAccessMoot(t *testing.T) {
	for name, tc := range map[string]struct {
		ask    func(anna *browser) *httptest.ResponseRecorder
		change func(t *testing.T, h *house, anna *browser)
	}{
		"the name is taken": {
			func(anna *browser) *httptest.ResponseRecorder {
				return anna.do(http.MethodPost, "/v1/users", anotherReviewer)
			},
			func(t *testing.T, h *house, _ *browser) { h.machine(t, "eve", RoleFeed) },
		},
		"a person has the name": {
			func(anna *browser) *httptest.ResponseRecorder {
				return anna.do(http.MethodPost, "/v1/users", anotherReviewer)
			},
			func(t *testing.T, h *house, _ *browser) { h.person(t, "eve", RoleReporter) },
		},
		"the token's name is taken": {
			func(anna *browser) *httptest.ResponseRecorder {
				return anna.do(http.MethodPost, "/v1/tokens", partnerToken)
			},
			func(t *testing.T, h *house, _ *browser) { h.person(t, "bank", RoleReporter) },
		},
		"reset by its proposer": { // who would know the password of a reviewer
			func(anna *browser) *httptest.ResponseRecorder { return anna.change("dora", `{"role": "reviewer"}`) },
			func(t *testing.T, _ *house, anna *browser) {
				want(t, anna.change("dora", `{"reset": true}`), http.StatusOK)
			},
		},
		"another role": {
			func(anna *browser) *httptest.ResponseRecorder { return anna.change("rosa", `{"reset": true}`) },
			func(t *testing.T, _ *house, anna *browser) {
				want(t, anna.change("rosa", `{"role": "auditor"}`), http.StatusOK)
			},
		},
		"the token's end has come": {
			func(anna *browser) *httptest.ResponseRecorder {
				return anna.do(http.MethodPost, "/v1/tokens", strings.Replace(partnerToken, "{",
					`{"expires": "`+anna.h.clock.Now().Add(time.Hour).Format(time.RFC3339)+`", `, 1))
			},
			func(_ *testing.T, h *house, _ *browser) { h.clock.move(time.Hour) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, anna, rita, _ := staffed(t)
			h.person(t, "dora", RoleReporter)
			p := waits(t, tc.ask(anna))
			h.clock.move(time.Second)
			tc.change(t, h, anna)
			for _, b := range []*browser{anna, rita} {
				want(t, b.signIn(goodPassword), http.StatusOK)
			}
			want(t, rita.settle(p.ID, "approve"), http.StatusOK)
			wantProblem(t, anna.collect(p.ID), http.StatusConflict)
			if got := read[ProposalBody](t, rita.do(http.MethodGet, "/v1/decisions/"+p.ID, "")); got.State != "rejected" || got.Applied {
				t.Errorf("it is %s, applied %v, for %s", got.State, got.Applied, got.DecidedReason)
			}
			if u, err := h.directory.User(t.Context(), "dora"); err != nil || u.Role != RoleReporter {
				t.Errorf("dora is %s, %v", u.Role, err)
			}
		})
	}
}

// TestNotCollected lets what was approved lapse.
func TestNotCollected(t *testing.T) {
	h, anna, rita, _ := staffed(t)
	p := waits(t, anna.do(http.MethodPost, "/v1/users", anotherReviewer))
	h.clock.move(numberdb.ProposalLifetime - time.Minute)
	for _, b := range []*browser{anna, rita} {
		want(t, b.signIn(goodPassword), http.StatusOK)
	}
	want(t, rita.settle(p.ID, "approve"), http.StatusOK)
	h.clock.move(numberdb.ProposalLifetime)
	want(t, anna.signIn(goodPassword), http.StatusOK)
	wantProblem(t, anna.collect(p.ID), http.StatusConflict)
	if n, err := h.FinishProposals(t.Context()); n != 1 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	if got := read[ProposalBody](t, anna.do(http.MethodGet, "/v1/decisions/"+p.ID, "")); got.State != "rejected" {
		t.Errorf("it is %+v", got)
	}
}

// TestCollectAfterCrash ends a node between making a secret and noting that it was made: what is shown then works, what was made before does not.
func TestCollectAfterCrash(t *testing.T) {
	h, anna, rita, _ := staffed(t)
	approved := func(w *httptest.ResponseRecorder) (numberdb.Proposal, accessPayload) {
		t.Helper()
		p := waits(t, w)
		want(t, rita.settle(p.ID, "approve"), http.StatusOK)
		stored, err := h.kept.Proposal(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		c, err := readAccess(&stored)
		if err != nil {
			t.Fatal(err)
		}
		return stored, c
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"eve": anna.do(http.MethodPost, "/v1/users", anotherReviewer), "rosa": anna.change("rosa", `{"reset": true}`),
	} {
		p, c := approved(w)
		_, lost, err := h.applyPerson(t.Context(), &p, &c)
		if err != nil {
			t.Fatal(err)
		}
		w = anna.collect(p.ID)
		want(t, w, http.StatusOK)
		setup := read[CollectedBody](t, w).Setup
		want(t, h.browser(name).signIn(lost), http.StatusUnauthorized)
		want(t, h.browser(name).signIn(setup), http.StatusOK)
	}
	p, c := approved(anna.do(http.MethodPost, "/v1/tokens", partnerToken))
	_, lost, err := h.applyToken(t.Context(), &p, &c)
	if err != nil {
		t.Fatal(err)
	}
	w := anna.collect(p.ID)
	want(t, w, http.StatusOK)
	want(t, h.bearer(t, http.MethodGet, "/v1/me", lost, ""), http.StatusUnauthorized)
	want(t, h.bearer(t, http.MethodGet, "/v1/me", read[CollectedBody](t, w).Text, ""), http.StatusOK)

	// A role that was given, and not noted, is not given again to one who has lost it since.
	h.person(t, "dora", RoleReporter)
	change := waits(t, anna.change("dora", `{"role": "reviewer"}`))
	stored, err := h.kept.Proposal(t.Context(), change.ID)
	if err != nil {
		t.Fatal(err)
	}
	stored, err = h.kept.Settle(t.Context(), stored, numberdb.Settlement{State: numberdb.ProposalApproved, By: numberdb.Actor{Name: "rita", Role: "reviewer"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.applyAccess(t.Context(), stored); err != nil {
			t.Fatal(err)
		}
	}
	want(t, anna.change("dora", `{"role": "reporter"}`), http.StatusOK)
	h.clock.move(applyGrace)
	if n, err := h.FinishProposals(t.Context()); n != 1 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	if u, err := h.directory.User(t.Context(), "dora"); err != nil || u.Role != RoleReporter {
		t.Errorf("dora is %s, %v", u.Role, err)
	}
}

// TestCollectAtOnce wants one of many to get the secret, and that one to work.
func TestCollectAtOnce(t *testing.T) {
	h, anna, rita, _ := staffed(t)
	p := waits(t, anna.do(http.MethodPost, "/v1/users", anotherReviewer))
	want(t, rita.settle(p.ID, "approve"), http.StatusOK)
	own := read[MadeTokenBody](t, anna.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`)).Text
	answers := make(chan *httptest.ResponseRecorder, 8)
	for range cap(answers) {
		go func() { answers <- h.bearer(t, http.MethodPost, "/v1/decisions/"+p.ID+"/collect", own, "") }()
	}
	var setups []string
	for range cap(answers) {
		switch w := <-answers; w.Code {
		case http.StatusOK:
			setups = append(setups, read[CollectedBody](t, w).Setup)
		case http.StatusConflict:
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	}
	if len(setups) != 1 {
		t.Fatalf("%d got a one-time password", len(setups))
	}
	want(t, h.browser("eve").signIn(setups[0]), http.StatusOK)
}

// TestNothingWithoutTheChain wants nothing proposed, approved or collected that the audit chain does not have.
func TestNothingWithoutTheChain(t *testing.T) {
	h, anna, rita, _ := staffed(t)
	p := waits(t, anna.do(http.MethodPost, "/v1/users", anotherReviewer))
	want(t, rita.settle(p.ID, "approve"), http.StatusOK)
	h.auditFails = errAway
	wantProblem(t, anna.collect(p.ID), http.StatusServiceUnavailable)
	h.auditFails = nil
	wantProblem(t, anna.do(http.MethodGet, "/v1/users/eve", ""), http.StatusNotFound)
	want(t, anna.collect(p.ID), http.StatusOK)
}

func TestApproval(t *testing.T) {
	d := newHouse(t).directory
	for range 2 {
		if _, _, err := d.AddUser(t.Context(), root, access.NewUser{Name: "rita", Role: RoleReviewer}); err != nil && err != access.ErrTaken {
			t.Fatal(err)
		}
	}
	add := func(name string, a access.Approval) error {
		_, _, err := d.AddUser(t.Context(), root, access.NewUser{Name: name, Role: RoleReviewer, Approval: a})
		return err
	}
	if err := add("rosa", access.Approval{}); err != nil {
		t.Fatal(err)
	}
	for i, a := range []access.Approval{{}, {By: "rita"}, {Proposal: "p"}, {Proposal: "p", By: " ROOT "}} {
		if err := add("eve", a); err != access.ErrSecondPerson {
			t.Errorf("approval %d: %v", i, err)
		}
	}
	if err := add("eve", access.Approval{Proposal: "p", By: "rita"}); err != nil {
		t.Error(err)
	}
}
