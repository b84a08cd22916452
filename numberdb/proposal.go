package numberdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Proposal is what one person wants done and a second one has to agree to. It is settled once: approved, rejected, withdrawn by its proposer,
// or expired. What was approved is then applied, once.
type Proposal struct {
	// ID is given by the store: 26 characters of 0-9 and a-v, later ones greater.
	ID       string       `json:"id"`
	Kind     ProposalKind `json:"kind"`
	Proposer Actor        `json:"proposer"`
	At       time.Time    `json:"at"`
	Expires  time.Time    `json:"expires"` // the first moment at which nobody can approve it any more
	Reason   string       `json:"reason"`
	// Decisions are those to be made: one of kind decision, up to [MaxBulk] of kind bulk. Only what is decided counts in them: who, when
	// and why are the proposal's ([Proposal.Rulings]).
	Decisions []Decision `json:"decisions,omitempty"`
	// Payload is what is to be done, of any other kind: a JSON object whose form is that of the kind.
	Payload json.RawMessage `json:"payload,omitempty"`
	// Brake says that the proposer alone softened a block: approved from the start, and shown to all.
	Brake bool `json:"brake,omitempty"`
	// Impact is what it would have touched, as known when it was proposed.
	Impact *Impact `json:"impact,omitempty"`

	State ProposalState `json:"state"`
	// Settled is whose word settled it, in which role, when and why; zero while it is pending.
	SettledBy     Actor     `json:"settled_by,omitzero"`
	SettledAt     time.Time `json:"settled_at,omitzero"`
	SettledReason string    `json:"settled_reason,omitempty"`
	// Applied says that what was approved has been done, all of it.
	Applied bool `json:"applied,omitempty"`

	// Version counts the changes of the proposal from 1; the store sets it.
	Version uint64 `json:"-"`
}

// ProposalKind is what a proposal is about. It is stored: never rename one.
type ProposalKind uint8

const (
	ProposalDecision ProposalKind = iota // about one number or range
	ProposalBulk                         // decisions about many
	ProposalBrand                        // a brand's genuine lines and what it never asks for
	ProposalAccess                       // who may do what
)

// ProposalState is what has become of a proposal. It is stored: never rename one.
type ProposalState uint8

const (
	ProposalPending   ProposalState = iota // waits for a second person
	ProposalApproved                       // a second person agreed
	ProposalRejected                       // a second person did not
	ProposalWithdrawn                      // its proposer took it back
	ProposalExpired                        // nobody said anything in time
)

// Bounds on a proposal.
const (
	MaxBulk          = 1000                // decisions in one of kind bulk
	MaxPayload       = 32 << 10            // bytes of a payload
	ProposalLifetime = 14 * 24 * time.Hour // from proposal to expiry
)

// Impact is what something would have done to the calls of the last days.
type Impact struct {
	Calls       int  `json:"calls"`
	Subscribers int  `json:"subscribers"` // distinct ones
	Days        int  `json:"days"`        // asked for
	Complete    bool `json:"complete"`    // all calls since Since were counted
	// Since is from when on calls were counted, at most Days ago; zero if none were.
	Since time.Time `json:"since,omitzero"`
}

// ProposalQuery asks for proposals. The zero value asks for the latest of all.
type ProposalQuery struct {
	State *ProposalState
	Kind  *ProposalKind
	// Unapplied asks for those only that were approved and have not been applied; State must then be nil.
	Unapplied bool
	// After continues behind the proposal with this id; empty begins with the latest.
	After string
	Limit int // of proposals, 1 to 200
}

// Settlement is the word that settles a proposal.
type Settlement struct {
	State  ProposalState // any but pending
	By     Actor
	Reason string // may be empty
}

// Errors about proposals and decisions.
var (
	// ErrNeedsApprover says that a decision would replace one that takes two people ([NeedsApprover]).
	ErrNeedsApprover = errors.New("a second, different person has to approve this")
	ErrNoProposal    = errors.New("no such proposal")
	// ErrSettled says that a proposal is not, or no longer, as whoever wants to change it has seen it.
	ErrSettled = errors.New("somebody else has settled this proposal meanwhile")
)

// Check is all that is wrong with a new proposal at the given time, in the order of its fields; nil if nothing is. What is in a payload is for
// its kind to look at.
func (p *Proposal) Check(now time.Time) Faults {
	var f Faults
	checkClosed(&f, "kind", p.Kind, proposalKindNames)
	checkText(&f, "proposer", p.Proposer.Name, 1, MaxPerson)
	checkText(&f, "proposer.role", p.Proposer.Role, 1, MaxPerson)
	checkTime(&f, "at", p.At, now)
	if !p.Expires.After(p.At) {
		f.add("expires", "is not after the proposal", "leave time for a second person")
	}
	checkText(&f, "reason", p.Reason, 1, MaxReason)
	p.checkDecisions(&f)
	switch decides := p.Kind == ProposalDecision || p.Kind == ProposalBulk; {
	case decides && p.Payload != nil:
		f.add("payload", "is not for decisions", "leave it out")
	case !decides && (len(p.Payload) > MaxPayload || !json.Valid(p.Payload) || p.Payload[0] != '{'):
		f.add("payload", "is no JSON object, or too long", fmt.Sprintf("write an object of at most %d bytes", MaxPayload))
	}
	checkClosed(&f, "state", p.State, proposalStateNames)
	return f
}

// checkDecisions looks at what would be decided.
func (p *Proposal) checkDecisions(f *Faults) {
	least, most := 0, 0
	switch p.Kind {
	case ProposalDecision:
		least, most = 1, 1
	case ProposalBulk:
		least, most = 1, MaxBulk
	}
	if n := len(p.Decisions); n < least || n > most {
		f.add("decisions", fmt.Sprintf("are %d", n), fmt.Sprintf("write %d to %d", least, most))
		return
	}
	seen := make(map[Target]int, len(p.Decisions))
	for i := range p.Decisions {
		var of Faults
		d := &p.Decisions[i]
		d.checkWhat(&of)
		d.checkUntil(&of, p.At)
		if first, twice := seen[d.Target]; twice && d.Target != (Target{}) {
			of.add("target", fmt.Sprintf("is that of decisions[%d], too", first), "decide once about each number")
		}
		seen[d.Target] = i
		for _, x := range of {
			x.Field = fmt.Sprintf("decisions[%d].%s", i, x.Field)
			*f = append(*f, x)
		}
	}
}

// Pending says whether a second person can still settle the proposal.
func (p *Proposal) Pending(now time.Time) bool {
	return p.State == ProposalPending && now.Before(p.Expires)
}

// Rulings are the decisions of an approved proposal as they are to be made: by its proposer, approved by whoever settled it, at the time of
// that.
func (p *Proposal) Rulings() []Decision {
	made := make([]Decision, len(p.Decisions))
	for i, d := range p.Decisions {
		d.Author, d.Approver, d.Reason, d.At = p.Proposer.Name, p.SettledBy.Name, p.Reason, p.SettledAt
		d.Proposal, d.Brake = p.ID, p.Brake
		if p.Brake {
			d.Approver = ""
		}
		made[i] = d
	}
	return made
}

// Object is what the proposal is about, as the audit chain names it: the target of a single decision, or else the proposal.
func (p *Proposal) Object() string {
	if p.Kind == ProposalDecision && len(p.Decisions) == 1 {
		return p.Decisions[0].Target.String()
	}
	return "proposal " + p.ID
}

// Targets are those that the decisions are about.
func (p *Proposal) Targets() []Target {
	targets := make([]Target, len(p.Decisions))
	for i := range p.Decisions {
		targets[i] = p.Decisions[i].Target
	}
	return targets
}
