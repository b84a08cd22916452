package intake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// settlers are the roles of those who may approve or reject each kind of proposal.
var settlers = map[numberdb.ProposalKind][]Role{
	numberdb.ProposalDecision: {RoleReviewer},
	numberdb.ProposalBulk:     {RoleReviewer},
	numberdb.ProposalBrand:    {RoleReviewer},
	numberdb.ProposalAccess:   {RoleReviewer, RoleAdministrator},
}

// objection is why somebody may not do a thing, and the HTTP status of saying so.
type objection struct {
	status int
	why    string // a sentence for whoever tried; empty if nothing speaks against it
}

// objectionTo says what speaks against a person's settling a proposal in a way, at a time. It is a pure function, and the whole of four eyes: two
// different people, the second one not made by the first.
func objectionTo(p *numberdb.Proposal, as numberdb.ProposalState, who Principal, now time.Time) objection {
	own := numberdb.SamePerson(who.Name, p.Proposer.Name)
	since := func(at time.Time, by string) bool {
		return !at.Before(p.At) && numberdb.SamePerson(by, p.Proposer.Name)
	}
	switch {
	case p.State == numberdb.ProposalPending && !p.Pending(now):
		return objection{http.StatusConflict, "It has expired: propose it anew."}
	case p.State != numberdb.ProposalPending:
		return objection{http.StatusConflict, fmt.Sprintf("It is not pending any more: it was %v.", p.State)}
	case !who.Person || strings.TrimSpace(who.Name) == "":
		return objection{http.StatusForbidden, "Only people settle proposals: sign in, or use a token of your own."}
	case as == numberdb.ProposalWithdrawn && !own:
		return objection{http.StatusForbidden, "Only its proposer can withdraw it; you can reject it."}
	case as == numberdb.ProposalWithdrawn:
		return objection{}
	case !slices.Contains(settlers[p.Kind], who.Role):
		return objection{http.StatusForbidden, fmt.Sprintf("You have the role %s; this needs one of %s.", who.Role, join(settlers[p.Kind]))}
	case own && as == numberdb.ProposalRejected:
		return objection{http.StatusForbidden, "It is your own: withdraw it."}
	case own:
		return objection{http.StatusForbidden, "It is your own: a second, different person has to approve it."}
	case as == numberdb.ProposalApproved && numberdb.SamePerson(who.Name, subjectOf(p)):
		return objection{http.StatusForbidden, "It is about yourself: another person has to approve it."}
	case as == numberdb.ProposalApproved && since(who.RoleSince, who.RoleBy):
		return objection{http.StatusForbidden, "Its proposer gave you your role after proposing it: another person has to approve it."}
	case as == numberdb.ProposalApproved && since(who.ResetAt, who.ResetBy):
		return objection{http.StatusForbidden, "Its proposer has reset your password or second factor after proposing it: another person has to approve it."}
	}
	return objection{}
}
