package numberdb

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func goodProposal() Proposal {
	return Proposal{
		Kind: ProposalDecision, Proposer: Actor{"ann", "reviewer"}, At: noon, Expires: noon.Add(ProposalLifetime), Reason: "three victims",
		Decisions: []Decision{{Target: Target{Number: 12025550143}, Roles: RolesOf(callback), Standing: StandingBlock}},
	}
}

func TestProposalCheck(t *testing.T) {
	good := goodProposal()
	if f := good.Check(noon); f != nil {
		t.Fatalf("a good proposal has faults: %v", f)
	}
	about := func(n Number) Decision {
		return Decision{Target: Target{Number: n}, Roles: RolesOf(callback), Standing: StandingWarn}
	}
	many := func(count int) (d []Decision) {
		for i := range count {
			d = append(d, about(33199000000+Number(i)))
		}
		return d
	}
	for name, tc := range map[string]struct {
		change func(*Proposal)
		want   []string
	}{
		"nobody's":             {func(p *Proposal) { p.Proposer = Actor{} }, []string{"proposer", "proposer.role"}},
		"without a reason":     {func(p *Proposal) { p.Reason = " \n" }, []string{"reason"}},
		"long reason":          {func(p *Proposal) { p.Reason = strings.Repeat("a", MaxReason+1) }, []string{"reason"}},
		"later":                {func(p *Proposal) { p.At = noon.Add(time.Hour) }, []string{"at"}},
		"over at once":         {func(p *Proposal) { p.Expires = p.At }, []string{"expires"}},
		"about nothing":        {func(p *Proposal) { p.Decisions = nil }, []string{"decisions"}},
		"one about two":        {func(p *Proposal) { p.Decisions = many(2) }, []string{"decisions"}},
		"too many":             {func(p *Proposal) { p.Kind, p.Decisions = ProposalBulk, many(MaxBulk+1) }, []string{"decisions"}},
		"as many as there may": {func(p *Proposal) { p.Kind, p.Decisions = ProposalBulk, many(MaxBulk) }, nil},
		"one number twice": {func(p *Proposal) { p.Kind, p.Decisions = ProposalBulk, append(many(2), about(33199000000)) },
			[]string{"decisions[2].target"}},
		"emergency number": {func(p *Proposal) { p.Decisions[0].Target.Number = 1911 }, []string{"decisions[0].target"}},
		"broad range":      {func(p *Proposal) { p.Decisions[0].Target = Target{1809, true} }, []string{"decisions[0].target"}},
		"everything about one": {func(p *Proposal) {
			p.Decisions[0] = Decision{Standing: 9, Class: 9, Brand: "No Slug", Until: noon}
		}, []string{"decisions[0].target", "decisions[0].roles", "decisions[0].standing", "decisions[0].class", "decisions[0].brand", "decisions[0].until"}},
		"decisions with a payload": {func(p *Proposal) { p.Payload = json.RawMessage(`{}`) }, []string{"payload"}},
		"brand without a payload":  {func(p *Proposal) { p.Kind, p.Decisions = ProposalBrand, nil }, []string{"payload"}},
		"brand with decisions":     {func(p *Proposal) { p.Kind, p.Payload = ProposalBrand, json.RawMessage(`{}`) }, []string{"decisions"}},
		"brand":                    {func(p *Proposal) { p.Kind, p.Decisions, p.Payload = ProposalBrand, nil, json.RawMessage(`{"a":1}`) }, nil},
		"payload of another form":  {func(p *Proposal) { p.Kind, p.Decisions, p.Payload = ProposalAccess, nil, json.RawMessage(`[1]`) }, []string{"payload"}},
		"payload cut off":          {func(p *Proposal) { p.Kind, p.Decisions, p.Payload = ProposalAccess, nil, json.RawMessage(`{"a":`) }, []string{"payload"}},
		"unknown kind and state":   {func(p *Proposal) { p.Kind, p.State, p.Decisions, p.Payload = 9, 9, nil, json.RawMessage(`{}`) }, []string{"kind", "state"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := goodProposal()
			tc.change(&p)
			if got := fields(p.Check(noon)); !slices.Equal(got, tc.want) {
				t.Errorf("faults in %v, want %v", got, tc.want)
			}
		})
	}
}

// TestRulings wants approved decisions that are sound by themselves, with who, why and when from the proposal whatever lies in the decisions.
func TestRulings(t *testing.T) {
	p := goodProposal()
	p.ID = "1"
	p.Decisions[0].Author, p.Decisions[0].Approver, p.Decisions[0].Reason = "mallory", "mallory's friend", "forged"
	p.State, p.SettledBy, p.SettledAt = ProposalApproved, Actor{"bob", "reviewer"}, noon.AddDate(0, 0, 2)
	d := p.Rulings()[0]
	if f := d.Check(p.SettledAt); f != nil || !d.Approved() {
		t.Errorf("faults %v in %+v", f, d)
	}
	if d.Author != "ann" || d.Approver != "bob" || d.Reason != "three victims" || d.At != p.SettledAt || d.Proposal != "1" || d.Brake {
		t.Errorf("made as %+v", d)
	}
	p.Brake, p.SettledBy = true, p.Proposer
	p.Decisions[0].Standing = StandingWarn
	d = p.Rulings()[0]
	if f := d.Check(p.SettledAt); f != nil || d.Approved() || !d.Brake {
		t.Errorf("faults %v in the brake %+v", f, d)
	}
}

func TestPending(t *testing.T) {
	p := goodProposal()
	if !p.Pending(p.Expires.Add(-1)) || p.Pending(p.Expires) {
		t.Error("it does not expire when it says")
	}
	p.State = ProposalWithdrawn
	if p.Pending(noon) {
		t.Error("pending, though withdrawn")
	}
}

// TestAloneOver holds the ways in which one person could undo what two decided without touching it.
func TestAloneOver(t *testing.T) {
	listed := func(standing Standing, until Day) Listing {
		var l Listing
		l.Roles[callback] = RoleListing{Override: standing, OverrideUntil: until}
		return l
	}
	for name, tc := range map[string]struct {
		listing Listing
		decided Decision
		two     bool
	}{
		"a warning about nothing":           {Listing{}, Decision{Standing: StandingWarn}, false},
		"the brake":                         {listed(StandingBlock, today+90), Decision{Standing: StandingWarn}, false},
		"the brake until tomorrow":          {listed(StandingBlock, today+90), Decision{Standing: StandingWarn, Until: noon.AddDate(0, 0, 1)}, true},
		"the brake for as long":             {listed(StandingBlock, today+90), Decision{Standing: StandingWarn, Until: noon.AddDate(0, 0, 90)}, false},
		"the brake on a block without end":  {listed(StandingBlock, 0), Decision{Standing: StandingWarn, Until: noon.AddDate(50, 0, 0)}, true},
		"a shorter warning":                 {listed(StandingWarn, today+90), Decision{Standing: StandingWarn, Until: noon.AddDate(0, 0, 89)}, true},
		"shorter than reports earned":       {Listing{Roles: [RoleCount]RoleListing{{WarnUntil: today + 50}}}, Decision{Standing: StandingWarn, Until: noon.AddDate(0, 0, 9)}, true},
		"watching a warning":                {listed(StandingWarn, today+90), Decision{Standing: StandingWatch}, true},
		"withdrawing a block":               {listed(StandingBlock, today+90), Decision{Standing: StandingNone}, true},
		"a warning about a genuine line":    {listed(StandingProtected, 0), Decision{Standing: StandingWarn}, true},
		"a warning about a range":           {Listing{}, Decision{Target: Target{120255, true}, Standing: StandingWarn}, true},
		"the brake on a range":              {listed(StandingBlock, today+90), Decision{Target: Target{120255, true}, Standing: StandingWarn}, false},
		"withdrawing a watch of a range":    {listed(StandingWatch, today+90), Decision{Target: Target{120255, true}, Standing: StandingNone}, true},
		"in a role in which it says little": {listed(StandingBlock, today+90), Decision{Standing: StandingWatch, Roles: RolesOf(RoleCallerID)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := tc.decided
			if d.At = noon; d.Roles == 0 {
				d.Roles = RolesOf(callback)
			}
			if got := d.NeedsApproverOver(&tc.listing, today); got != tc.two {
				t.Errorf("needs an approver: %v, want %v", got, tc.two)
			}
		})
	}
}

func TestBrakeKeepsTheTerm(t *testing.T) {
	s := newStory(t)
	s.decide(0, StandingBlock, func(d *Decision) { d.Until = noon.AddDate(0, 0, 700) })
	if !s.decide(1, StandingWarn, func(d *Decision) { d.Approver = "" }) {
		t.Fatal("one person could not soften a block")
	}
	s.expect(1, StandingWarn)
	s.expect(699+90, StandingWarn)
	s.expect(700+90, StandingWatch)
}

// TestWatchingHoldsNothingDown has one insider watch a number before it is reported, and two people do the same: they mean it.
func TestWatchingHoldsNothingDown(t *testing.T) {
	for approver, want := range map[string]Standing{"": StandingWarn, "bob": StandingWatch} {
		s := newStory(t)
		s.decide(0, StandingWatch, func(d *Decision) { d.Approver = approver })
		s.expect(0, StandingWatch)
		s.report(1, trusted("bank"), "a")
		s.expect(1, want)
	}
	s := newStory(t)
	s.decide(0, StandingWatch, func(d *Decision) { d.Approver, d.Until = "", noon.AddDate(0, 0, 5) })
	s.expect(4, StandingWatch)
	s.expect(5, StandingNone)
}

// TestWarningHoldsNothingDown has one insider warn about a number before three organisations report it, and two people do the same: they mean it,
// and so does one who softens the block.
func TestWarningHoldsNothingDown(t *testing.T) {
	alone := func(d *Decision) { d.Approver = "" }
	report := func(s *story) {
		for _, o := range []string{"bank", "carrier", "police"} {
			s.report(1, trusted(o), "a")
		}
	}
	s := newStory(t)
	s.decide(0, StandingWarn, alone)
	s.expect(0, StandingWarn)
	s.expect(180, StandingWatch)
	report(s)
	s.expect(1, StandingBlock)
	s.decide(1, StandingWarn, alone)
	s.expect(1, StandingWarn)

	s = newStory(t)
	s.decide(0, StandingWarn)
	report(s)
	s.expect(1, StandingWarn)
	s.decide(2, StandingWarn, alone) // which holds longer, and is no less
	s.expect(2, StandingWarn)
}

// TestBrandOfOnesWarning keeps what nobody has checked from renaming the company that people are warned of.
func TestBrandOfOnesWarning(t *testing.T) {
	s := newStory(t)
	brand := func() Brand { return s.d.Listing.Roles[callback].Brand }
	s.decide(1, StandingWarn, func(d *Decision) { d.Approver, d.Brand = "", "dhl" })
	s.report(2, unverified("feed"), "a")
	if brand() != "dhl" {
		t.Errorf("a feed makes it %s", brand())
	}
	s.report(2, trusted("bank"), "a")
	if brand() != "amazon" {
		t.Errorf("after a trusted report it is %s", brand())
	}
}
