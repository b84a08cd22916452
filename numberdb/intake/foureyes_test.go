package intake

import (
	"net/http"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

func TestObjections(t *testing.T) {
	const approve, reject, withdraw = numberdb.ProposalApproved, numberdb.ProposalRejected, numberdb.ProposalWithdrawn
	pending := numberdb.Proposal{Proposer: numberdb.Actor{Name: "ann", Role: "reviewer"}, At: noon, Expires: noon.Add(numberdb.ProposalLifetime)}
	reviewer := func(name string, change ...func(*Principal)) Principal {
		p := Principal{Name: name, Role: RoleReviewer, Person: true, RoleSince: noon.AddDate(-1, 0, 0), RoleBy: "root"}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	given := func(at time.Time, by string) func(*Principal) {
		return func(p *Principal) { p.RoleSince, p.RoleBy = at, by }
	}
	as := func(role Role) func(*Principal) { return func(p *Principal) { p.Role = role } }
	machine := func(p *Principal) { p.Person = false }
	of := func(change func(*numberdb.Proposal)) numberdb.Proposal {
		p := pending
		change(&p)
		return p
	}
	settled := func(state numberdb.ProposalState) numberdb.Proposal {
		return of(func(p *numberdb.Proposal) { p.State = state })
	}
	access := of(func(p *numberdb.Proposal) { p.Kind = numberdb.ProposalAccess })
	later := noon.Add(time.Hour)
	for name, tc := range map[string]struct {
		proposal numberdb.Proposal
		who      Principal
		as       numberdb.ProposalState
		now      time.Time
		want     int // status; zero for none
	}{
		"another reviewer":                    {pending, reviewer("bob"), approve, later, 0},
		"another reviewer, no":                {pending, reviewer("bob"), reject, later, 0},
		"the proposer":                        {pending, reviewer("ann"), approve, later, http.StatusForbidden},
		"the proposer in capitals":            {pending, reviewer("ANN"), approve, later, http.StatusForbidden},
		"the proposer with blanks":            {pending, reviewer(" Ann\t"), approve, later, http.StatusForbidden},
		"the proposer, no":                    {pending, reviewer("ann"), reject, later, http.StatusForbidden},
		"the proposer takes it back":          {pending, reviewer("ann"), withdraw, later, 0},
		"another takes it back":               {pending, reviewer("bob"), withdraw, later, http.StatusForbidden},
		"a machine":                           {pending, reviewer("bob", machine), approve, later, http.StatusForbidden},
		"the proposer's machine":              {pending, reviewer("ann", machine), withdraw, later, http.StatusForbidden},
		"a reporter":                          {pending, reviewer("bob", as(RoleReporter)), approve, later, http.StatusForbidden},
		"an auditor":                          {pending, reviewer("bob", as(RoleAuditor)), approve, later, http.StatusForbidden},
		"an administrator":                    {pending, reviewer("bob", as(RoleAdministrator)), approve, later, http.StatusForbidden},
		"an administrator, about access":      {access, reviewer("bob", as(RoleAdministrator)), approve, later, 0},
		"a feed, about access":                {access, reviewer("bob", as(RoleFeed)), approve, later, http.StatusForbidden},
		"made by the proposer afterwards":     {pending, reviewer("bob", given(later, "ann")), approve, later, http.StatusForbidden},
		"made by the proposer then":           {pending, reviewer("bob", given(noon, "ann")), approve, later, http.StatusForbidden},
		"made by the proposer in capitals":    {pending, reviewer("bob", given(later, " ANN ")), approve, later, http.StatusForbidden},
		"made by the proposer before":         {pending, reviewer("bob", given(noon.Add(-1), "ann")), approve, later, 0},
		"made by another afterwards":          {pending, reviewer("bob", given(later, "root")), approve, later, 0},
		"made by the proposer afterwards, no": {pending, reviewer("bob", given(later, "ann")), reject, later, 0},
		"in the last moment":                  {pending, reviewer("bob"), approve, pending.Expires.Add(-1), 0},
		"too late":                            {pending, reviewer("bob"), approve, pending.Expires, http.StatusConflict},
		"too late to take it back":            {pending, reviewer("ann"), withdraw, pending.Expires, http.StatusConflict},
		"approved":                            {settled(approve), reviewer("bob"), approve, later, http.StatusConflict},
		"approved, no":                        {settled(approve), reviewer("bob"), reject, later, http.StatusConflict},
		"approved, then taken back":           {settled(approve), reviewer("ann"), withdraw, later, http.StatusConflict},
		"rejected":                            {settled(reject), reviewer("bob"), approve, later, http.StatusConflict},
		"withdrawn":                           {settled(withdraw), reviewer("bob"), approve, later, http.StatusConflict},
		"expired":                             {settled(numberdb.ProposalExpired), reviewer("bob"), approve, later, http.StatusConflict},
		"nobody":                              {pending, Principal{}, approve, later, http.StatusForbidden},
		"about brands":                        {of(func(p *numberdb.Proposal) { p.Kind = numberdb.ProposalBrand }), reviewer("bob"), approve, later, 0},
		"about many":                          {of(func(p *numberdb.Proposal) { p.Kind = numberdb.ProposalBulk }), reviewer("bob"), approve, later, 0},
		"of a kind that nobody knows":         {of(func(p *numberdb.Proposal) { p.Kind = 200 }), reviewer("bob"), approve, later, http.StatusForbidden},
		"a person without a name":             {pending, reviewer(" "), approve, later, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			got := objectionTo(&tc.proposal, tc.as, tc.who, tc.now)
			if got.status != tc.want || (got.why == "") != (tc.want == 0) {
				t.Errorf("objects with %+v, want status %d", got, tc.want)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	for header, want := range map[string]bool{
		"": true, `"7"`: true, "*": true, `"6", "7"`: true, `"6","7" `: true,
		"7": false, `"6"`: false, `W/"7"`: false, `"77"`: false, `"`: false, ",": false,
	} {
		if got := matches(header, 7); got != want {
			t.Errorf("If-Match: %s lets a change of version 7 go on: %v, want %v", header, got, want)
		}
	}
}
