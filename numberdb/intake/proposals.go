package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// Proposals keeps what waits for a second person, and what became of it: numberdb/redisstore does. Its methods are called by many goroutines at
// once. Each change is in the audit chain before it is made.
type Proposals interface {
	Propose(context.Context, numberdb.Proposal) (numberdb.Proposal, error)
	Proposal(ctx context.Context, id string) (numberdb.Proposal, error)
	Proposals(context.Context, numberdb.ProposalQuery) (found []numberdb.Proposal, next string, err error)
	Settler
}

// Settler changes a proposal, if it still is as it was read; otherwise the error wraps [numberdb.ErrSettled].
type Settler interface {
	Settle(context.Context, numberdb.Proposal, numberdb.Settlement) (numberdb.Proposal, error)
	// Applied notes that all of an approved proposal has been done.
	Applied(context.Context, numberdb.Proposal) (numberdb.Proposal, error)
}

// ProposalBody is something that waits for a second person, or waited.
type ProposalBody struct {
	ID        string         `json:"id"`
	State     string         `json:"state" enum:"pending,approved,rejected,withdrawn,expired"`
	Kind      string         `json:"kind" enum:"decision,bulk,brand,access" doc:"What it is about."`
	Brake     bool           `json:"brake" doc:"One person softened a block, at once."`
	Proposer  string         `json:"proposer"`
	At        time.Time      `json:"at"`
	Expires   time.Time      `json:"expires" doc:"When nobody can approve it any more."`
	Reason    string         `json:"reason"`
	Decisions []ProposedBody `json:"decisions" nullable:"false" doc:"What would be decided; of many, in a list of proposals, the first."`
	Total     int            `json:"decisions_total" doc:"How many decisions there are."`
	// Brand and Access are what would be done, of those kinds.
	Brand  json.RawMessage `json:"brand,omitempty" doc:"Of the kind brand: before and after."`
	Access json.RawMessage `json:"access,omitempty" doc:"Of the kind access."`
	Impact *ImpactBody     `json:"impact,omitempty" doc:"What it would have touched, as known when it was proposed."`

	DecidedBy     string     `json:"decided_by" doc:"Whose word settled it; empty while it is pending."`
	DecidedAt     *time.Time `json:"decided_at,omitempty"`
	DecidedReason string     `json:"decided_reason"`
	Applied       bool       `json:"applied" doc:"What was approved is in force."`
	May           MayBody    `json:"may" doc:"What the asker may do with it."`
}

// ProposedBody is a decision that would be made.
type ProposedBody struct {
	Target   string     `json:"target" doc:"A number in E.164 form, or a range."`
	Roles    []string   `json:"roles" nullable:"false"`
	Standing string     `json:"standing"`
	Class    string     `json:"class"`
	Brand    string     `json:"brand"`
	Until    *time.Time `json:"until,omitempty"`
}

// MayBody is what the asker may do with a proposal.
type MayBody struct {
	Approve  bool   `json:"approve"`
	Reject   bool   `json:"reject"`
	Withdraw bool   `json:"withdraw"`
	Collect  bool   `json:"collect" doc:"A one-time password or token is ready for them."`
	WhyNot   string `json:"why_not" doc:"Why they may not approve it; empty if they may."`
}

// ProposalPage is a page of proposals.
type ProposalPage struct {
	Items []ProposalBody `json:"items" nullable:"false"`
	Next  string         `json:"next" doc:"Cursor of the next page; empty on the last one."`
}

// shownDecisions is how many decisions of a proposal a list of proposals shows.
const shownDecisions = 20

type proposalOutput struct {
	ETag string `header:"ETag"`
	Body ProposalBody
}

type proposalInput struct {
	ID string `path:"id" maxLength:"64" doc:"Names the proposal."`
}

type settleInput struct {
	ID      string `path:"id" maxLength:"64" doc:"Names the proposal."`
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of the proposal as you have read it; otherwise as it is now."`
	Body    struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"For those who later ask why."`
	}
}

type proposalsInput struct {
	State  string `query:"state" enum:"pending,approved,rejected,withdrawn,expired" doc:"Only those in this state."`
	Kind   string `query:"kind" enum:"decision,bulk,brand,access" doc:"Only those of this kind."`
	Cursor string `query:"cursor" pattern:"^[0-9a-v]{26}$" doc:"As the page before named it; without, the latest."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

type proposalsOutput struct{ Body ProposalPage }

func (a *API) registerProposals(api huma.API) {
	reads := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}
	huma.Register(api, a.keepsProposals(a.allow(huma.Operation{
		OperationID: "list-decisions", Method: http.MethodGet, Path: "/v1/decisions",
		Summary: "List what waits for a second person, and what became of it", Description: "The latest first.", Errors: reads,
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator)), a.listProposals)
	huma.Register(api, a.keepsProposals(a.allow(huma.Operation{
		OperationID: "get-decision", Method: http.MethodGet, Path: "/v1/decisions/{id}",
		Summary: "Show one proposal, all of its decisions included", Errors: append(reads, http.StatusNotFound),
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator)), a.getProposal)
	for _, verb := range []struct {
		word, summary, description string
		as                         numberdb.ProposalState
	}{
		{"approve", "Agree to a proposal", "Needs another person than its proposer. What was approved is then done, once; applied says whether it already is.", numberdb.ProposalApproved},
		{"reject", "Refuse a proposal", "Needs another person than its proposer, and a reason.", numberdb.ProposalRejected},
		{"withdraw", "Take one's own proposal back", "Only its proposer can.", numberdb.ProposalWithdrawn},
	} {
		huma.Register(api, a.once(a.keepsProposals(a.allowPeople(huma.Operation{
			OperationID: verb.word + "-decision", Method: http.MethodPost, Path: "/v1/decisions/{id}/" + verb.word, DefaultStatus: http.StatusOK,
			Summary: verb.summary, Description: verb.description + " The first word counts: 409 where somebody else was faster.",
			MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
			Errors: append(reads, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed,
				http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
		}, RoleReviewer, RoleAdministrator))), func(ctx context.Context, in *settleInput) (*proposalOutput, error) {
			return a.settle(ctx, in, verb.as)
		})
	}
}

// keepsProposals makes an operation fail where nothing keeps proposals.
func (a *API) keepsProposals(op huma.Operation) huma.Operation {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		if a.decisions == nil {
			a.refuse(ctx, http.StatusServiceUnavailable, "This endpoint keeps no decisions.")
			return
		}
		next(ctx)
	})
	return op
}

func (a *API) listProposals(ctx context.Context, in *proposalsInput) (*proposalsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	q := numberdb.ProposalQuery{After: in.Cursor, Limit: in.Limit}
	if in.State != "" {
		q.State = new(numberdb.ProposalState)
		if err := unknownWord("state", in.State, q.State); err != nil {
			return nil, huma.Error422UnprocessableEntity("", err)
		}
	}
	if in.Kind != "" {
		q.Kind = new(numberdb.ProposalKind)
		if err := unknownWord("kind", in.Kind, q.Kind); err != nil {
			return nil, huma.Error422UnprocessableEntity("", err)
		}
	}
	found, next, err := a.decisions.Proposals(ctx, q)
	if err != nil {
		return nil, away(ctx, "The proposals cannot be read right now.", err)
	}
	page := ProposalPage{Items: []ProposalBody{}, Next: next}
	for i := range found {
		b := a.shown(&found[i], principalOf(ctx))
		b.Decisions = b.Decisions[:min(len(b.Decisions), shownDecisions)]
		page.Items = append(page.Items, *b)
	}
	return &proposalsOutput{page}, nil
}

func (a *API) getProposal(ctx context.Context, in *proposalInput) (*proposalOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	p, err := a.proposal(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return a.proposalAnswer(&p, principalOf(ctx)), nil
}

// proposal reads a proposal, or gives the answer that there is none.
func (a *API) proposal(ctx context.Context, id string) (numberdb.Proposal, error) {
	p, err := a.decisions.Proposal(ctx, id)
	switch {
	case errors.Is(err, numberdb.ErrNoProposal):
		return p, problem(http.StatusNotFound, "There is no such proposal.")
	case err != nil:
		return p, away(ctx, "The proposals cannot be read right now.", err)
	}
	return p, nil
}

// settle settles a proposal by the word of the asker. Who tries what they may not is in the audit chain before the answer is sent.
func (a *API) settle(ctx context.Context, in *settleInput, as numberdb.ProposalState) (*proposalOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	who := principalOf(ctx)
	p, err := a.proposal(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if o := objectionTo(&p, as, who, a.now()); o.why != "" {
		return nil, a.refuseAttempt(ctx, &p, as, problem(o.status, o.why))
	}
	if !matches(in.IfMatch, p.Version) {
		return nil, a.refuseAttempt(ctx, &p, as, outdated())
	}
	if errs := a.settleFaults(&p, as, in.Body.Reason); errs != nil {
		return nil, huma.Error422UnprocessableEntity("", errs...)
	}
	settled, err := a.decisions.Settle(ctx, p, numberdb.Settlement{State: as, By: actorOf(who), Reason: in.Body.Reason})
	switch {
	case errors.Is(err, numberdb.ErrSettled): // which the store has written to the audit chain
		return nil, problem(http.StatusConflict, "Somebody else has settled it in this moment: read it again.")
	case err != nil:
		return nil, away(ctx, "It may not have been settled: read it again, and repeat it if it has not.", err)
	}
	if settled.State == numberdb.ProposalApproved {
		settled = a.apply(ctx, settled)
	}
	return a.proposalAnswer(&settled, who), nil
}

// settleFaults is what is wrong with a word that settles a proposal.
func (a *API) settleFaults(p *numberdb.Proposal, as numberdb.ProposalState, reason string) []error {
	if as == numberdb.ProposalRejected && strings.TrimSpace(reason) == "" {
		return []error{finding("reason", "is missing: say why, for whoever proposed it")}
	}
	if as != numberdb.ProposalApproved {
		return nil
	}
	for _, d := range p.Decisions {
		if !d.Until.IsZero() && numberdb.DayOf(d.Until) <= numberdb.DayOf(a.now()) {
			return []error{finding("decisions", "have an end that has come: reject it, and propose it anew")}
		}
	}
	return nil
}

// refuseAttempt writes to the audit chain that the asker may not settle or collect a proposal, and gives the answer.
func (a *API) refuseAttempt(ctx context.Context, p *numberdb.Proposal, tried any, answer *huma.ErrorModel) error {
	if a.refusals.audit == nil {
		return answer
	}
	who := principalOf(ctx)
	after, err := json.Marshal(map[string]any{"proposal": p.ID, "kind": p.Kind, "proposer": p.Proposer.Name, "state": p.State, "tried": tried})
	if err == nil {
		_, err = a.refusals.audit(ctx, numberdb.AuditEntry{
			At: a.now(), Who: who.Name, Role: string(who.Role), Action: numberdb.AuditRefused, Object: p.Object(), After: string(after), Reason: answer.Detail,
		})
	}
	if err != nil {
		noteFrom(ctx).cause = err // refused all the same
	}
	return answer
}

// actorOf is a principal as the audit chain names them.
func actorOf(p Principal) numberdb.Actor { return numberdb.Actor{Name: p.Name, Role: string(p.Role)} }

func (a *API) proposalAnswer(p *numberdb.Proposal, who Principal) *proposalOutput {
	return &proposalOutput{ETag: etag(p.Version), Body: *a.shown(p, who)}
}

// shown is a proposal as the asker sees it.
func (a *API) shown(p *numberdb.Proposal, who Principal) *ProposalBody {
	now := a.now()
	state := p.State
	if state == numberdb.ProposalPending && !p.Pending(now) {
		state = numberdb.ProposalExpired
	}
	b := &ProposalBody{
		ID: p.ID, State: state.String(), Kind: p.Kind.String(), Brake: p.Brake, Proposer: p.Proposer.Name, At: p.At, Expires: p.Expires, Reason: p.Reason,
		Decisions: []ProposedBody{}, Total: len(p.Decisions), Impact: impactBody(p.Impact),
		DecidedBy: p.SettledBy.Name, DecidedReason: p.SettledReason, Applied: p.Applied,
	}
	switch p.Kind {
	case numberdb.ProposalBrand:
		b.Brand = p.Payload
	case numberdb.ProposalAccess:
		b.Access = p.Payload
	}
	if !p.SettledAt.IsZero() {
		b.DecidedAt = &p.SettledAt
	}
	for i := range p.Decisions {
		b.Decisions = append(b.Decisions, proposed(&p.Decisions[i]))
	}
	approve := objectionTo(p, numberdb.ProposalApproved, who, now)
	b.May = MayBody{
		Approve:  approve.why == "",
		Reject:   objectionTo(p, numberdb.ProposalRejected, who, now).why == "",
		Withdraw: objectionTo(p, numberdb.ProposalWithdrawn, who, now).why == "",
		Collect:  objectionToCollecting(p, who, now).why == "",
		WhyNot:   approve.why,
	}
	return b
}

func proposed(d *numberdb.Decision) ProposedBody {
	b := ProposedBody{Target: d.Target.String(), Roles: roleWords(d.Roles), Standing: d.Standing.String(), Class: d.Class.String(), Brand: string(d.Brand)}
	if !d.Until.IsZero() {
		b.Until = &d.Until
	}
	return b
}

// roleWords are the names of roles.
func roleWords(roles numberdb.Roles) []string {
	words := []string{}
	for role := range numberdb.Role(numberdb.RoleCount) {
		if roles.Has(role) {
			words = append(words, role.String())
		}
	}
	return words
}
