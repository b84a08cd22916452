package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// Rulings are decisions in force, and making them: numberdb/redisstore has them. Its methods are called by many goroutines at once.
type Rulings interface {
	// Around is what holds for a target by its own listing and those of the ranges around it.
	Around(context.Context, numberdb.Target) (numberdb.Listing, error)
	// Decide makes a decision, once if it names a proposal. The error wraps [numberdb.ErrNeedsApprover] if one person must not make it.
	Decide(context.Context, numberdb.Actor, numberdb.Decision) (numberdb.Listing, error)
}

// RulingBody is what is decided about a number or a range.
type RulingBody struct {
	Standing string     `json:"standing" enum:"none,watch,warn,block,cleared,protected" doc:"What it gets; none withdraws the decision in force."`
	Roles    []string   `json:"roles" minItems:"1" uniqueItems:"true" enum:"callback,caller_id" nullable:"false" doc:"callback: people are told to dial it; caller_id: it shows on incoming calls."`
	Class    string     `json:"class,omitempty" enum:"analytics,do_not_originate,subscriber_request" doc:"What the SIP answer to a blocked call depends on; if missing, analytics."`
	Brand    string     `json:"brand,omitempty" pattern:"^[a-z0-9-]{1,32}$" example:"amazon" doc:"Slug of the impersonated company."`
	Until    *time.Time `json:"until,omitempty" doc:"When it ends (RFC 3339), to the day of UTC; if missing, after the usual term."`
}

// DecisionBody is a decision as it is sent. Who decides comes from the session or token.
type DecisionBody struct {
	RulingBody
	Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"For those who later ask why."`
}

// BulkRuling is one decision among many.
type BulkRuling struct {
	Number string `json:"number" maxLength:"200" example:"+12025550143" doc:"The number, as people write it, or a range such as +1809555*."`
	RulingBody
}

// BulkBody is many decisions at once.
type BulkBody struct {
	Decisions []BulkRuling `json:"decisions" minItems:"1" maxItems:"1000" nullable:"false" doc:"Each about another number or range."`
	Reason    string       `json:"reason" minLength:"1" maxLength:"1000" doc:"For those who later ask why."`
}

// DecisionAnswer says what became of a decision.
type DecisionAnswer struct {
	Target   string         `json:"target" example:"+12025550143" doc:"The number or range, as it was read."`
	Applied  bool           `json:"applied" doc:"It is in force."`
	Proposal *ProposalBody  `json:"proposal,omitempty" doc:"What now waits for a second person, or shows to all that a block was softened; missing if there is none."`
	Standing StandingByRole `json:"standing" doc:"How the list now sees the number."`
	TakesTwo bool           `json:"takes_two" doc:"It takes a second person, or would."`
	Impact   *ImpactBody    `json:"impact,omitempty" doc:"What it would have touched; of a preview."`
}

// ImpactBody is what something would have done to the calls of the last days.
type ImpactBody struct {
	Calls       int        `json:"calls" doc:"How many calls of the last days it would have touched."`
	Subscribers int        `json:"subscribers" doc:"How many subscribers made or got them."`
	Days        int        `json:"days" doc:"How many days were asked for."`
	Complete    bool       `json:"complete" doc:"All calls since then were counted."`
	Since       *time.Time `json:"since,omitempty" doc:"From when on calls were counted; missing if none were."`
}

type decisionInput struct {
	Number  string `path:"number" maxLength:"200" example:"+12025550143" doc:"The number, as people write it, or a range such as +1809555*, percent-encoded."`
	Region  string `query:"region" pattern:"^[A-Z]{2}$" example:"US" doc:"Country by whose rules the number is written; if missing, the operator's."`
	Preview bool   `query:"preview" doc:"Only say what it would touch, and whether it takes a second person: nothing is stored."`
	Body    DecisionBody

	decision numberdb.Decision
}

type bulkInput struct {
	Body BulkBody

	decisions []numberdb.Decision
}

type decisionOutput struct {
	Status int
	Body   DecisionAnswer
}

// Bounds on decisions.
const (
	maxBulkBody = 512 << 10
	impactDays  = 7
)

func (a *API) registerDecisions(api huma.API) {
	errs := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusServiceUnavailable}
	huma.Register(api, a.once(a.keepsProposals(a.allowPeople(huma.Operation{
		OperationID: "decide", Method: http.MethodPost, Path: "/v1/numbers/{number}/decisions", DefaultStatus: http.StatusCreated,
		Summary: "Decide about a number or a range",
		Description: "One person may warn about a number, watch it, and soften a block to a warning: 201, it is in force. All else, and all about ranges but softening, " +
			"waits for a second person: 202, with the proposal.",
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout, Errors: errs,
	}, RoleReviewer))), a.decide)
	huma.Register(api, a.once(a.keepsProposals(a.allowPeople(huma.Operation{
		OperationID: "decide-many", Method: http.MethodPost, Path: "/v1/decisions", DefaultStatus: http.StatusAccepted,
		Summary: "Propose decisions about many numbers", Description: "They wait for a second person, whatever they are, and are then made all.",
		MaxBodyBytes: maxBulkBody, BodyReadTimeout: bodyTimeout, Errors: errs,
	}, RoleReviewer))), a.decideMany)
}

// Resolve implements [huma.Resolver]: it turns the request into a decision and names all that is wrong with it.
func (in *decisionInput) Resolve(ctx huma.Context) []error {
	n, who := noteFrom(ctx.Context()), principalOf(ctx.Context())
	d, errs := in.Body.ruling("", in.Number, writtenIn(n.origin, in.Region))
	d.Author, d.Reason, d.At = who.Name, in.Body.Reason, n.begin
	errs = append(errs, proposedFaults(numberdb.Proposal{Kind: numberdb.ProposalDecision, Decisions: []numberdb.Decision{d}, Reason: in.Body.Reason}, who, n.begin)...)
	if in.Region != "" && !numberdb.KnownRegion(in.Region) {
		errs = append(errs, &huma.ErrorDetail{Location: "query.region", Message: "is not a country's code: write two capital letters of ISO 3166-1, such as US", Value: ours{}})
	}
	in.decision = d
	return withoutNil(errs)
}

// Resolve implements [huma.Resolver] likewise.
func (in *bulkInput) Resolve(ctx huma.Context) []error {
	n, who := noteFrom(ctx.Context()), principalOf(ctx.Context())
	var errs []error
	for i := range in.Body.Decisions {
		d, wrong := in.Body.Decisions[i].ruling(fmt.Sprintf("decisions[%d].", i), in.Body.Decisions[i].Number, n.origin)
		in.decisions = append(in.decisions, d)
		errs = append(errs, wrong...)
	}
	errs = append(errs, proposedFaults(numberdb.Proposal{Kind: numberdb.ProposalBulk, Decisions: in.decisions, Reason: in.Body.Reason}, who, n.begin)...)
	return withoutNil(errs)
}

// ruling reads what is decided about the number that a text writes; within is where it stands in the body. Errors may be nil.
func (b *RulingBody) ruling(within, number string, origin numberdb.Origin) (d numberdb.Decision, errs []error) {
	d.Brand = numberdb.Brand(b.Brand)
	if b.Until != nil {
		d.Until = b.Until.UTC()
	}
	target, why := readTarget(number, origin)
	d.Target = target
	if why != "" {
		errs = append(errs, targetFinding(within, why))
	}
	errs = append(errs,
		unknownWord(within+"standing", b.Standing, &d.Standing),
		unknownWord(within+"roles", strings.Join(b.Roles, ","), &d.Roles),
		unknownWord(within+"class", b.Class, &d.Class))
	return d, errs
}

// readTarget reads a number, or a range with a star behind; or it says why the text is neither.
func readTarget(text string, origin numberdb.Origin) (t numberdb.Target, why string) {
	if strings.HasSuffix(strings.TrimSpace(text), "*") {
		t, err := numberdb.ParseTarget(strings.TrimSpace(text))
		if err != nil {
			return t, "is no range: write + and at least 6 digits, country code included, and a star, such as +1809555*"
		}
		return t, ""
	}
	parsed := origin.Parse(text)
	return numberdb.Target{Number: parsed.Number}, notReportable(text, parsed)
}

// targetFinding says what is wrong with a target, which stands in the path if it stands in no part of the body.
func targetFinding(within, why string) error {
	if within == "" {
		return &huma.ErrorDetail{Location: "path.number", Message: why, Value: ours{}}
	}
	return finding(within+"number", why)
}

// proposedFaults is what is wrong with decisions as they would be proposed, in terms of the request.
func proposedFaults(p numberdb.Proposal, who Principal, now time.Time) (errs []error) {
	complete(&p, who, now)
	for _, f := range p.Check(now) {
		within, field := "", f.Field
		if i := strings.Index(field, "]."); i >= 0 {
			within, field = field[:i+2], field[i+2:]
		}
		if p.Kind == numberdb.ProposalDecision {
			within = ""
		}
		message := f.Problem + ": " + f.Remedy
		switch field {
		case "target":
			errs = append(errs, targetFinding(within, message))
		default:
			errs = append(errs, finding(within+field, message))
		}
	}
	return errs
}

// decide makes a decision that one person may make, and proposes any other.
func (a *API) decide(ctx context.Context, in *decisionInput) (*decisionOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	d, who := in.decision, principalOf(ctx)
	today := numberdb.DayOf(a.now())
	listing, err := a.decisions.Around(ctx, d.Target)
	if err != nil {
		return nil, away(ctx, "The list cannot be read right now; nothing was decided.", err)
	}
	answer := DecisionAnswer{Target: d.Target.String(), Standing: standingOf(&listing, today), TakesTwo: d.NeedsApproverOver(&listing, today)}
	d.Brake = !answer.TakesTwo && d.Softens(&listing, today)
	if in.Preview {
		answer.Impact = impactBody(a.impactOf(ctx, []numberdb.Decision{d}))
		return &decisionOutput{http.StatusOK, answer}, nil
	}
	if !answer.TakesTwo && !d.Brake {
		listing, err = a.decisions.Decide(ctx, actorOf(who), d)
		switch {
		case err == nil:
			answer.Applied, answer.Standing = true, standingOf(&listing, today)
			return &decisionOutput{http.StatusCreated, answer}, nil
		case !errors.Is(err, numberdb.ErrNeedsApprover): // otherwise two people were faster: it takes two now
			return nil, a.undecided(ctx, err)
		}
		answer.TakesTwo = true
	}
	p, err := a.propose(ctx, numberdb.Proposal{Kind: numberdb.ProposalDecision, Decisions: []numberdb.Decision{d}, Reason: d.Reason, Brake: d.Brake})
	if err != nil {
		return nil, a.undecided(ctx, err)
	}
	status := http.StatusAccepted
	if p.Brake {
		p = a.apply(ctx, p)
		status, answer.Applied = http.StatusCreated, p.Applied
		if listing, err := a.decisions.Around(ctx, d.Target); err == nil { // or else as it was: the answer must not fail for that
			answer.Standing = standingOf(&listing, today)
		}
	}
	answer.Proposal = a.shown(&p, who)
	return &decisionOutput{status, answer}, nil
}

// decideMany proposes decisions about many numbers.
func (a *API) decideMany(ctx context.Context, in *bulkInput) (*proposalOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	p, err := a.propose(ctx, numberdb.Proposal{Kind: numberdb.ProposalBulk, Decisions: in.decisions, Reason: in.Body.Reason})
	if err != nil {
		return nil, a.undecided(ctx, err)
	}
	return a.proposalAnswer(&p, principalOf(ctx)), nil
}

// undecided is the answer where nothing was decided.
func (a *API) undecided(ctx context.Context, err error) error {
	var faults numberdb.Faults
	if errors.As(err, &faults) {
		return huma.Error422UnprocessableEntity("", faultDetails(faults)...)
	}
	return away(ctx, "It could not be stored safely: nothing was decided. Send it again.", err)
}

// impactOf asks what decisions would have touched. An impact that cannot be had is not complete, and stops nobody.
func (a *API) impactOf(ctx context.Context, decisions []numberdb.Decision) *numberdb.Impact {
	none := numberdb.Impact{Days: impactDays}
	if a.impact == nil {
		return &none
	}
	byRoles := map[numberdb.Roles][]numberdb.Target{}
	for _, d := range decisions {
		byRoles[d.Roles] = append(byRoles[d.Roles], d.Target)
	}
	impact := numberdb.Impact{Days: impactDays, Complete: true}
	for roles, targets := range byRoles {
		found, err := a.impact(ctx, targets, roles, impactDays)
		if err != nil {
			a.log.WarnContext(ctx, "cannot say what a decision would touch", "error", err)
			return &none
		}
		impact.Calls += found.Calls
		impact.Subscribers += found.Subscribers
		impact.Complete = impact.Complete && found.Complete
		impact.Since = found.Since
	}
	return &impact
}

func impactBody(i *numberdb.Impact) *ImpactBody {
	if i == nil {
		return nil
	}
	b := &ImpactBody{Calls: i.Calls, Subscribers: i.Subscribers, Days: i.Days, Complete: i.Complete}
	if !i.Since.IsZero() {
		b.Since = &i.Since
	}
	return b
}
