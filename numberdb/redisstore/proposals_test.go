package redisstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

func aProposal(change ...func(*numberdb.Proposal)) numberdb.Proposal {
	d := aDecision(exact(fiction(1)), numberdb.StandingBlock)
	p := numberdb.Proposal{
		Proposer: numberdb.Actor{Name: "ann", Role: "reviewer"}, At: noon, Expires: noon.Add(numberdb.ProposalLifetime), Reason: "seen",
		Decisions: []numberdb.Decision{{Target: d.Target, Roles: d.Roles, Standing: d.Standing}},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func settlement(state numberdb.ProposalState) numberdb.Settlement {
	return numberdb.Settlement{State: state, By: anActor, Reason: "looked at"}
}

// everyProposal leaves proposals that are pending, approved and not applied, and applied.
func everyProposal(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	must[numberdb.Proposal](t)(s.Propose(ctx, aProposal()))
	p := must[numberdb.Proposal](t)(s.Propose(ctx, aProposal()))
	must[numberdb.Proposal](t)(s.Settle(ctx, p, settlement(numberdb.ProposalApproved)))
	p = must[numberdb.Proposal](t)(s.Propose(ctx, aProposal()))
	p = must[numberdb.Proposal](t)(s.Settle(ctx, p, settlement(numberdb.ProposalApproved)))
	must[numberdb.Proposal](t)(s.Applied(ctx, p))
	for _, q := range []numberdb.ProposalQuery{{Limit: 2}, {Unapplied: true, Limit: 2}} {
		if _, _, err := s.Proposals(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	must[int](t)(s.TidyProposals(ctx))
}

func TestProposalIsKept(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	p := aProposal(func(p *numberdb.Proposal) {
		p.Impact = &numberdb.Impact{Calls: 3, Subscribers: 2, Days: 7, Complete: true, Since: noon}
	})
	p = must[numberdb.Proposal](t)(s.Propose(ctx, p))
	same := func(want numberdb.Proposal) {
		t.Helper()
		got := must[numberdb.Proposal](t)(s.Proposal(ctx, p.ID))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("kept is\n%+v, want\n%+v", got, want)
		}
	}
	same(p)
	settled := must[numberdb.Proposal](t)(s.Settle(ctx, p, settlement(numberdb.ProposalApproved)))
	same(settled)
	if settled.State != numberdb.ProposalApproved || settled.SettledBy != anActor || settled.SettledReason != "looked at" || settled.SettledAt != noon || settled.Version != 2 {
		t.Errorf("settled as %+v", settled)
	}
	applied := must[numberdb.Proposal](t)(s.Applied(ctx, settled))
	same(applied)
	if !applied.Applied || applied.Version != 3 {
		t.Errorf("applied as %+v", applied)
	}
	for _, id := range []string{"", "nowhere", strings.Repeat("0", 26), "*", p.ID + "0"} {
		if _, err := s.Proposal(ctx, id); !errors.Is(err, numberdb.ErrNoProposal) {
			t.Errorf("the proposal %q: %v", id, err)
		}
	}
	var faults numberdb.Faults
	if _, err := s.Propose(ctx, numberdb.Proposal{}); !errors.As(err, &faults) {
		t.Errorf("an empty proposal: %v", err)
	}
}

// TestProposalIsSettledOnce has many settle the same proposal, each as they have read it.
func TestProposalIsSettledOnce(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	p := must[numberdb.Proposal](t)(s.Propose(ctx, aProposal()))
	states := []numberdb.ProposalState{numberdb.ProposalApproved, numberdb.ProposalRejected, numberdb.ProposalWithdrawn, numberdb.ProposalExpired}
	var wg sync.WaitGroup
	outcomes := make([]error, 40)
	for i := range outcomes {
		wg.Go(func() { _, outcomes[i] = s.Settle(ctx, p, settlement(states[i%len(states)])) })
	}
	wg.Wait()
	won := -1
	for i, err := range outcomes {
		switch {
		case err == nil && won < 0:
			won = i
		case !errors.Is(err, numberdb.ErrSettled):
			t.Errorf("settled again: %v", err)
		}
	}
	if got := must[numberdb.Proposal](t)(s.Proposal(ctx, p.ID)); won < 0 || got.State != states[won%len(states)] {
		t.Errorf("it is %v, the winner was %d", got.State, won)
	}
	refused := 0
	for _, e := range chain(t, s) {
		if e.Action == numberdb.AuditRefused {
			refused++
		}
	}
	if refused != len(outcomes)-1 {
		t.Errorf("%d attempts are in the chain as refused, want %d", refused, len(outcomes)-1)
	}
	for _, read := range []numberdb.Proposal{p, must[numberdb.Proposal](t)(s.Proposal(ctx, p.ID))} {
		if _, err := s.Settle(ctx, read, settlement(numberdb.ProposalApproved)); err == nil {
			t.Error("it was settled again")
		}
	}
}

func TestProposalPages(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	var all, pending, unapplied, bulk []string
	for i := range 23 {
		p := must[numberdb.Proposal](t)(s.Propose(ctx, aProposal(func(p *numberdb.Proposal) {
			p.At = noon.Add(time.Duration(i-100) * time.Minute)
			if i%5 == 0 {
				p.Kind = numberdb.ProposalBulk
			}
		})))
		all = append(all, p.ID)
		if i%5 == 0 {
			bulk = append(bulk, p.ID)
		}
		if i%3 == 0 {
			p = must[numberdb.Proposal](t)(s.Settle(ctx, p, settlement(numberdb.ProposalApproved)))
			if i%2 == 0 {
				must[numberdb.Proposal](t)(s.Applied(ctx, p))
			} else {
				unapplied = append(unapplied, p.ID)
			}
		} else {
			pending = append(pending, p.ID)
		}
	}
	isPending, isBulk := numberdb.ProposalPending, numberdb.ProposalBulk
	for name, tc := range map[string]struct {
		query numberdb.ProposalQuery
		want  []string
	}{
		"all":       {numberdb.ProposalQuery{}, all},
		"pending":   {numberdb.ProposalQuery{State: &isPending}, pending},
		"unapplied": {numberdb.ProposalQuery{Unapplied: true}, unapplied},
		"bulk":      {numberdb.ProposalQuery{Kind: &isBulk}, bulk},
	} {
		slices.Reverse(tc.want)
		for _, limit := range []int{1, 4, 23, 200} {
			var got []string
			q := tc.query
			for q.Limit = limit; ; {
				found, next, err := s.Proposals(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				if len(found) > limit {
					t.Errorf("%s: %d on a page of %d", name, len(found), limit)
				}
				for _, p := range found {
					got = append(got, p.ID)
				}
				if q.After = next; next == "" {
					break
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s in pages of %d: %q, want %q", name, limit, got, tc.want)
			}
		}
	}
	// One is damaged, one has come to its end: both are left out, and the second leaves the indexes.
	s.client.HSet(ctx, s.keys.proposal(all[0]), "j", "{damaged")
	s.client.Del(ctx, s.keys.proposal(all[1]))
	if found, _, err := s.Proposals(ctx, numberdb.ProposalQuery{Limit: 200}); err != nil || len(found) != 21 {
		t.Errorf("%d are found, %v", len(found), err)
	}
	if n := must[int](t)(s.TidyProposals(ctx)); n != 1 {
		t.Errorf("%d were tidied away", n)
	}
	if n := s.client.ZCard(ctx, s.keys.proposals("all")).Val(); n != 22 {
		t.Errorf("%d are in the index", n)
	}
	for _, q := range []numberdb.ProposalQuery{{}, {Limit: 201}, {Limit: 1, After: "+"}} {
		if _, _, err := s.Proposals(ctx, q); err == nil {
			t.Errorf("the query %+v was answered", q)
		}
	}
}

// TestProposalIsMadeOnce asks for the decision of a proposal again and again, at once and after another decision.
func TestProposalIsMadeOnce(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	d := aDecision(exact(fiction(1)), numberdb.StandingBlock)
	d.Proposal = "some id"
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if l, err := s.Decide(ctx, anActor, d); err != nil || standing(l, callback) != numberdb.StandingBlock {
				t.Errorf("got %+v, %v", l, err)
			}
		})
	}
	wg.Wait()
	brake := aDecision(d.Target, numberdb.StandingWarn)
	brake.Approver = ""
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, brake))
	if l := must[numberdb.Listing](t)(s.Decide(ctx, anActor, d)); standing(l, callback) != numberdb.StandingWarn {
		t.Errorf("made once more: %+v", l)
	}
	made := 0
	for e, err := range s.History(ctx, d.Target) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Decision.Proposal == d.Proposal {
			made++
		}
	}
	if made != 1 {
		t.Errorf("it was made %d times", made)
	}
	chain(t, s)
}

// TestAloneInsideARange has one person try to lift, by a decision about one number, what two decided about the range around it.
func TestAloneInsideARange(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	blocked, genuine := ranged(3319900001), ranged(3319900002)
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(blocked, numberdb.StandingBlock)))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(genuine, numberdb.StandingProtected)))
	for _, tc := range []struct {
		target   numberdb.Target
		standing numberdb.Standing
		two      bool
	}{
		{exact(33199000012), numberdb.StandingWatch, true},
		{exact(33199000012), numberdb.StandingNone, true},
		{exact(33199000022), numberdb.StandingWarn, true},
		{exact(33199000022), numberdb.StandingWatch, true},
		{ranged(331990000), numberdb.StandingWarn, true}, // a range that is not blocked
		{exact(33199000012), numberdb.StandingWarn, false},
		{blocked, numberdb.StandingWarn, false},
		{blocked, numberdb.StandingWarn, true}, // it is a warning by now, and this no brake
		{exact(33199000032), numberdb.StandingWatch, false},
	} {
		d := aDecision(tc.target, tc.standing)
		d.Approver = ""
		if tc.target.Prefix && tc.standing != numberdb.StandingWarn {
			t.Fatal("such a decision has faults")
		}
		if _, err := s.Decide(ctx, anActor, d); errors.Is(err, numberdb.ErrNeedsApprover) != tc.two || !tc.two && err != nil {
			t.Errorf("%v alone about %v: %v", tc.standing, tc.target, err)
		}
	}
}

// TestProposalsAreAudited wants each step in the chain before it is made, and nothing made without it.
func TestProposalsAreAudited(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	many := aProposal(func(p *numberdb.Proposal) {
		p.Kind, p.Decisions = numberdb.ProposalBulk, nil
		for i := range numberdb.MaxBulk {
			p.Decisions = append(p.Decisions, numberdb.Decision{Target: exact(fiction(i)), Roles: 3, Standing: numberdb.StandingBlock})
		}
	})
	one := must[numberdb.Proposal](t)(s.Propose(ctx, aProposal()))
	must[numberdb.Proposal](t)(s.Settle(ctx, one, settlement(numberdb.ProposalRejected)))
	big := must[numberdb.Proposal](t)(s.Propose(ctx, many))
	var got []string
	for _, e := range chain(t, s)[1:] {
		got = append(got, fmt.Sprint(e.Who, " ", e.Role, " ", e.Action, " ", strings.ReplaceAll(e.Object, big.ID, "ID")))
		if !json.Valid([]byte(e.After)) {
			t.Errorf("the entry of %s has no JSON: %.200s", e.Action, e.After)
		}
	}
	want := []string{"ann reviewer proposed +33199000001", "bob reviewer rejected +33199000001", "ann reviewer proposed proposal ID"}
	if !slices.Equal(got, want) {
		t.Errorf("the chain is %q, want %q", got, want)
	}
	s.client.Del(ctx, s.keys.auditHead())
	if _, err := s.Propose(ctx, aProposal()); !errors.Is(err, ErrAudit) {
		t.Errorf("proposed without the chain: %v", err)
	}
	if _, err := s.Settle(ctx, big, settlement(numberdb.ProposalApproved)); !errors.Is(err, ErrAudit) {
		t.Errorf("settled without the chain: %v", err)
	}
	if found, _, err := s.Proposals(ctx, numberdb.ProposalQuery{Limit: 10}); err != nil || len(found) != 2 {
		t.Errorf("%d proposals, %v", len(found), err)
	}
	if p := must[numberdb.Proposal](t)(s.Proposal(ctx, big.ID)); p.State != numberdb.ProposalPending {
		t.Errorf("it is %v", p.State)
	}
}

// TestKilledRedisKeepsProposals kills Redis with SIGKILL while proposals are made and settled.
func TestKilledRedisKeepsProposals(t *testing.T) {
	server := ownRedis(t)
	s := newStore(t, clientOf(t, server.Addr()))
	ctx := soon(t)
	acknowledged := make(chan numberdb.Proposal, 100_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				p, err := s.Propose(ctx, aProposal())
				if err != nil {
					return
				}
				acknowledged <- p
				if p, err = s.Settle(ctx, p, settlement(numberdb.ProposalApproved)); err != nil {
					return
				}
				acknowledged <- p
			}
		})
	}
	latest := map[string]numberdb.Proposal{}
	for range 300 {
		select {
		case p := <-acknowledged:
			latest[p.ID] = p
		case <-ctx.Done():
			t.Fatal("three hundred steps were not acknowledged")
		}
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	close(acknowledged)
	for p := range acknowledged {
		latest[p.ID] = p
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	again, err := New(clientOf(t, server.Addr()), s.options)
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[string]bool{}
	for q := (numberdb.ProposalQuery{Unapplied: true, Limit: 200}); ; {
		found, next, err := again.Proposals(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			waiting[p.ID] = true
		}
		if q.After = next; next == "" {
			break
		}
	}
	for id, want := range latest {
		got, err := again.Proposal(ctx, id)
		if err != nil || got.Version < want.Version {
			t.Errorf("acknowledged in version %d, now %d: %v", want.Version, got.Version, err)
		}
		if want.State == numberdb.ProposalApproved && !waiting[id] {
			t.Errorf("approved, and nobody will apply it: %+v", got)
		}
	}
	chain(t, again)
}
