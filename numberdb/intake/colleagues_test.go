package intake

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// The tests here are four eyes as people meet it: who sign in, or use tokens of their own, on a real Redis.

// propose has somebody who is signed in propose a standing for the scammers' number.
func (b *browser) propose(t testing.TB, standing string) ProposalBody {
	t.Helper()
	a := answer[DecisionAnswer](t, b.do(http.MethodPost, decisionsOf(scam), ruling(standing)), http.StatusAccepted)
	return *a.Proposal
}

func (b *browser) says(id, verb string, headers ...string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, "/v1/decisions/"+id+"/"+verb, `{"reason":"looked at"}`, headers...)
}

// ownToken makes a token with which the person works at the command line.
func (b *browser) ownToken(t testing.TB) string {
	t.Helper()
	return answer[MadeTokenBody](t, b.do(http.MethodPost, "/v1/me/tokens", `{"name":"laptop"}`), http.StatusCreated).Text
}

// standings are what a number is as a number to dial and as a caller's.
func (h *house) standings(t testing.TB, n numberdb.Number) StandingByRole {
	t.Helper()
	l, err := h.kept.Listing(soon(t), n)
	if err != nil {
		t.Fatal(err)
	}
	return standingOf(&l, numberdb.DayOf(h.clock.Now()))
}

func (h *house) expect(t testing.TB, standing string) {
	t.Helper()
	if got := h.standings(t, 12025550143).Callback; got != standing {
		t.Errorf("the number is %s, want %s", got, standing)
	}
}

// made counts the decisions about a target that a proposal became.
func (h *house) made(t testing.TB, id string, target numberdb.Target) (n int) {
	t.Helper()
	for e, err := range h.kept.History(soon(t), target) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Decision != nil && e.Decision.Proposal == id {
			n++
		}
	}
	return n
}

var scamTarget = numberdb.Target{Number: 12025550143}

// TestNobodyIsTwo has a proposer try to be the second person, too.
func TestNobodyIsTwo(t *testing.T) {
	h := newHouse(t)
	vera := h.in(t, "vera", RoleReviewer)
	p := vera.propose(t, "block")
	token := vera.ownToken(t)
	for name, word := range map[string]func(verb string) *httptest.ResponseRecorder{
		"in the same session": func(verb string) *httptest.ResponseRecorder { return vera.says(p.ID, verb) },
		"in another session, in capitals and blanks": func(verb string) *httptest.ResponseRecorder {
			other := h.browser(" VERA\t")
			want(t, other.signIn(goodPassword), http.StatusOK)
			return other.says(p.ID, verb)
		},
		"with a token of her own": func(verb string) *httptest.ResponseRecorder {
			return h.browser("").says(p.ID, verb, "Authorization", "Bearer "+token)
		},
		"with a token, in another session": func(verb string) *httptest.ResponseRecorder {
			return vera.says(p.ID, verb, "Authorization", "bearer "+token)
		},
	} {
		for _, verb := range []string{"approve", "reject"} {
			before := h.inChain(t, "vera as reviewer: refused "+scam)
			if problem, _ := wantProblem(t, word(verb), http.StatusForbidden); !strings.Contains(problem.Detail, "your own") {
				t.Errorf("%s, %s: told %q", name, verb, problem.Detail)
			}
			if got := h.inChain(t, "vera as reviewer: refused "+scam); got != before+1 {
				t.Errorf("%s, %s: %d entries in the chain", name, verb, got-before)
			}
		}
	}
	h.expect(t, "none")
	// What she proposed with her token is hers in the browser.
	byToken := answer[DecisionAnswer](t, h.browser("").do(http.MethodPost, decisionsOf(scam), ruling("cleared"), "Authorization", "Bearer "+token), http.StatusAccepted)
	wantProblem(t, vera.says(byToken.Proposal.ID, "approve"), http.StatusForbidden)
	want(t, vera.says(byToken.Proposal.ID, "withdraw"), http.StatusOK)
	// No name that looks like hers can be somebody else's.
	for _, name := range []string{"VERA", " vera ", "véra", "vera\u200b", "vera/laptop", "ｖera"} {
		if _, _, err := h.directory.AddUser(t.Context(), root, access.NewUser{Name: name, Role: RoleReviewer}); err == nil {
			t.Errorf("somebody else is called %q", name)
		}
	}
	bea := h.in(t, "bea", RoleReviewer)
	approved := answer[ProposalBody](t, h.browser("").says(p.ID, "approve", "Authorization", "Bearer "+bea.ownToken(t)), http.StatusOK)
	if !approved.Applied || approved.Proposer != "vera" || approved.DecidedBy != "bea" {
		t.Errorf("approved as %+v", approved)
	}
	h.expect(t, "block")
}

// TestNobodyMakesTheirSecondPerson has a proposer who has become an administrator make a reviewer of somebody, or get hold of one's account.
func TestNobodyMakesTheirSecondPerson(t *testing.T) {
	h := newHouse(t)
	vera, bea := h.in(t, "vera", RoleReviewer), h.in(t, "bea", RoleReviewer)
	h.person(t, "rob", RoleReporter)
	p := vera.propose(t, "block")
	h.clock.move(time.Minute)
	change := func(by Principal, name string, c access.Change) (setup string) {
		t.Helper()
		c.Approval = agreed // somebody has fallen for it
		u, err := h.directory.User(t.Context(), name)
		if err == nil {
			_, setup, err = h.directory.ChangeUser(t.Context(), by, name, u.Version, c)
		}
		if err != nil {
			t.Fatal(err)
		}
		return setup
	}
	administrator, reviewer := RoleAdministrator, RoleReviewer
	asVera := Principal{Name: "vera", Role: RoleAdministrator, Person: true}
	change(root, "vera", access.Change{Role: &administrator})

	change(asVera, "rob", access.Change{Role: &reviewer})
	rob := h.browser("rob")
	want(t, rob.signIn(goodPassword), http.StatusOK)
	if problem, _ := wantProblem(t, rob.says(p.ID, "approve"), http.StatusForbidden); !strings.Contains(problem.Detail, "gave you your role") {
		t.Errorf("rob is told %q", problem.Detail)
	}
	setup := change(asVera, "bea", access.Change{Reset: true})
	want(t, bea.do(http.MethodGet, "/v1/me", ""), http.StatusUnauthorized)
	puppet := h.browser("bea")
	want(t, puppet.signIn(setup), http.StatusOK)
	wantProblem(t, puppet.says(p.ID, "approve"), http.StatusForbidden) // the one-time password is for nothing but another password
	want(t, puppet.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{setup, "four walruses sing"})), http.StatusOK)
	if problem, _ := wantProblem(t, puppet.says(p.ID, "approve"), http.StatusForbidden); !strings.Contains(problem.Detail, "has reset your password") {
		t.Errorf("bea is told %q", problem.Detail)
	}
	h.expect(t, "none")
	for _, line := range []string{"rob as reviewer: refused " + scam, "bea as reviewer: refused " + scam} {
		if h.inChain(t, line) != 1 {
			t.Errorf("%q is not once in the chain: %q", line, h.chain(t))
		}
	}
	// Her role from somebody else is another matter.
	change(root, "rob", access.Change{Role: &administrator})
	change(root, "rob", access.Change{Role: &reviewer})
	want(t, rob.signIn(goodPassword), http.StatusOK)
	if approved := answer[ProposalBody](t, rob.says(p.ID, "approve"), http.StatusOK); !approved.Applied {
		t.Errorf("approved as %+v", approved)
	}
	h.expect(t, "block")
}

// TestApprovalSentAgain replays an approval, without a key and with one: nothing is done again.
func TestApprovalSentAgain(t *testing.T) {
	h := newHouse(t)
	vera, bea := h.in(t, "vera", RoleReviewer), h.in(t, "bea", RoleReviewer)
	p := vera.propose(t, "block")
	first := bea.says(p.ID, "approve", "Idempotency-Key", "a-key")
	want(t, first, http.StatusOK)
	answer[DecisionAnswer](t, bea.do(http.MethodPost, decisionsOf(scam), ruling("warn")), http.StatusCreated) // softened since
	entries := len(h.chain(t))
	again := bea.says(p.ID, "approve", "Idempotency-Key", "a-key")
	if again.Code != http.StatusOK || again.Body.String() != first.Body.String() || len(h.chain(t)) != entries {
		t.Errorf("with its key again: %d %s, and %q in the chain", again.Code, again.Body, h.chain(t)[entries:])
	}
	wantProblem(t, bea.says(p.ID, "approve"), http.StatusConflict)
	wantProblem(t, bea.says(p.ID, "approve", "Idempotency-Key", "another-key"), http.StatusConflict)
	wantProblem(t, vera.says(p.ID, "approve", "Idempotency-Key", "a-key"), http.StatusConflict) // whose key it is not
	h.expect(t, "warn")
	if n := h.made(t, p.ID, scamTarget); n != 1 {
		t.Errorf("it was made %d times", n)
	}
}

// TestManyTabsAtOnce lets two people approve, reject and withdraw at once, in many tabs and on two nodes: one word counts, and is done once.
func TestManyTabsAtOnce(t *testing.T) {
	h := newHouse(t)
	vera, bea, cora := h.in(t, "vera", RoleReviewer).ownToken(t), h.in(t, "bea", RoleReviewer).ownToken(t), h.in(t, "cora", RoleReviewer).ownToken(t)
	other := *h
	other.join(t)
	for range 5 {
		proposed := h.browser("").do(http.MethodPost, decisionsOf(scam), ruling("block"), "Authorization", "Bearer "+vera)
		id := answer[DecisionAnswer](t, proposed, http.StatusAccepted).Proposal.ID
		var tabs sync.WaitGroup
		var mu sync.Mutex
		var won []string
		words := []struct{ token, verb string }{{bea, "approve"}, {cora, "approve"}, {cora, "reject"}, {bea, "reject"}, {vera, "withdraw"}}
		for i := range 8 * len(words) {
			tabs.Go(func() {
				word := words[i%len(words)]
				w := []*house{h, &other}[i/len(words)%2].browser("").says(id, word.verb, "Authorization", "Bearer "+word.token)
				if mu.Lock(); w.Code == http.StatusOK {
					won = append(won, word.verb)
				} else if w.Code != http.StatusConflict {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				mu.Unlock()
			})
		}
		tabs.Wait()
		if len(won) != 1 {
			t.Fatalf("%v all won", won)
		}
		applied := 0
		if won[0] == "approve" {
			applied = 1
		}
		if n := h.made(t, id, scamTarget); n != applied {
			t.Errorf("%s won, and it was made %d times", won[0], n)
		}
		p := answer[ProposalBody](t, h.browser("").do(http.MethodGet, "/v1/decisions/"+id, "", "Authorization", "Bearer "+bea), http.StatusOK)
		if p.Applied != (applied == 1) || !strings.HasPrefix(p.State, won[0]) && won[0] != "withdraw" {
			t.Errorf("%s won, and it is %+v", won[0], p)
		}
	}
	if result, err := h.kept.VerifyAudit(soon(t)); err != nil || len(result.Findings) > 0 {
		t.Errorf("the chain is not good: %v, %v", result.Findings, err)
	}
}

// TestBulkOfOneRefused wants all or nothing to be proposed, and all of it to be done in the end.
func TestBulkOfOneRefused(t *testing.T) {
	h := newHouse(t)
	vera, bea := h.in(t, "vera", RoleReviewer), h.in(t, "bea", RoleReviewer)
	const good = `{"number":"+12025550143","standing":"block","roles":["callback"]},{"number":"+12025550144","standing":"warn","roles":["callback"]}`
	for name, bad := range map[string]string{
		"emergency number": `{"number":"911","standing":"block","roles":["callback"]}`,
		"too broad":        `{"number":"+1809*","standing":"block","roles":["callback"]}`,
		"no number":        `{"number":"=cmd|' /C calc'!A0","standing":"block","roles":["callback"]}`,
		"over already":     `{"number":"+12025550145","standing":"block","roles":["callback"],"until":"2020-01-01T00:00:00Z"}`,
		"twice":            `{"number":"(202) 555-0143","standing":"warn","roles":["callback"]}`,
	} {
		_, fields := wantProblem(t, vera.do(http.MethodPost, "/v1/decisions", `{"reason":"a list","decisions":[`+good+","+bad+`]}`), http.StatusUnprocessableEntity)
		if len(fields) != 1 || !strings.HasPrefix(fields[0], "body.decisions[2].") {
			t.Errorf("%s: named %v", name, fields)
		}
	}
	if page := answer[ProposalPage](t, vera.do(http.MethodGet, "/v1/decisions", ""), http.StatusOK); len(page.Items) != 0 {
		t.Errorf("stored were %+v", page.Items)
	}
	p := answer[ProposalBody](t, vera.do(http.MethodPost, "/v1/decisions", `{"reason":"a list","decisions":[`+good+`]}`), http.StatusAccepted)
	h.expect(t, "none")
	wantProblem(t, vera.says(p.ID, "approve"), http.StatusForbidden)
	if p = answer[ProposalBody](t, bea.says(p.ID, "approve"), http.StatusOK); !p.Applied {
		t.Errorf("approved as %+v", p)
	}
	h.expect(t, "block")
}

// TestNobodySettlesWhatHasExpired waits until nobody may approve any more.
func TestNobodySettlesWhatHasExpired(t *testing.T) {
	h := newHouse(t)
	vera, bea := h.in(t, "vera", RoleReviewer), h.in(t, "bea", RoleReviewer)
	p := vera.propose(t, "block")
	h.clock.move(numberdb.ProposalLifetime)
	for _, b := range []*browser{vera, bea} {
		want(t, b.signIn(goodPassword), http.StatusOK)
	}
	for _, expired := range []bool{false, true} { // by the clock alone, and by those who keep house
		if _, err := h.FinishProposals(soon(t)); expired && err != nil {
			t.Fatal(err)
		}
		wantProblem(t, bea.says(p.ID, "approve"), http.StatusConflict)
		wantProblem(t, bea.says(p.ID, "reject"), http.StatusConflict)
		wantProblem(t, vera.says(p.ID, "withdraw"), http.StatusConflict)
	}
	h.expect(t, "none")
	if h.inChain(t, "linewarden as program: expired "+scam) != 1 {
		t.Errorf("the chain is %q", h.chain(t))
	}
}

// TestProtectedAndCleared takes two people to list what two have found genuine or clean, and the same to lift a block; the brake is for one.
func TestProtectedAndCleared(t *testing.T) {
	h := newHouse(t)
	vera, bea := h.in(t, "vera", RoleReviewer), h.in(t, "bea", RoleReviewer)
	for _, step := range []struct {
		standing string
		alone    bool
	}{
		{"protected", false}, {"warn", false}, {"protected", false}, {"block", false}, {"cleared", false}, {"none", false},
		{"block", false}, {"warn", true}, {"watch", false}, {"warn", true}, {"none", false}, {"watch", true},
	} {
		before := h.standings(t, 12025550143).Callback
		status := map[bool]int{true: http.StatusCreated, false: http.StatusAccepted}[step.alone]
		a := answer[DecisionAnswer](t, vera.do(http.MethodPost, decisionsOf(scam), ruling(step.standing)), status)
		if step.alone {
			h.expect(t, step.standing)
			continue
		}
		h.expect(t, before)
		want(t, bea.says(a.Proposal.ID, "approve"), http.StatusOK)
		h.expect(t, step.standing)
	}
	if got := fmt.Sprint(h.inChain(t, "vera as reviewer: proposed "+scam), h.inChain(t, "bea as reviewer: approved "+scam)); got != "10 9" {
		t.Errorf("proposed and approved %s times in the chain: %q", got, h.chain(t)) // the brake is proposed and approved by one
	}
}
