package intake

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// FiledBody is a stored report, as evidence.
type FiledBody struct {
	ID        string       `json:"id"`
	Received  time.Time    `json:"received" doc:"When it was stored."`
	At        time.Time    `json:"at" doc:"When it happened."`
	Roles     []string     `json:"roles" nullable:"false"`
	Brand     string       `json:"brand"`
	Category  string       `json:"category"`
	Arrived   string       `json:"arrived"`
	RedFlags  []string     `json:"red_flags" nullable:"false"`
	Text      string       `json:"text" doc:"What the reporter wrote: untrusted wherever it is shown."`
	Loss      float64      `json:"loss"`
	Currency  string       `json:"currency"`
	Language  string       `json:"language"`
	Source    ReportSource `json:"source"`
	Reporter  string       `json:"reporter" doc:"Pseudonym of the reporter."`
	Forging   bool         `json:"forging" doc:"The number was then known to be genuine or clean: a sign that it is being forged."`
	Consent   bool         `json:"consent" doc:"The victim may be called back."`
	HasCaller bool         `json:"has_caller" doc:"The victim's own number is kept, for reviewers."`
}

// ReportSource says who vouches for a report.
type ReportSource struct {
	Kind         string `json:"kind" enum:"public,feed,partner,staff"`
	Organisation string `json:"organisation"`
}

// ActBody is one thing that people did to a number or range: a decision, or with mark set a marking.
type ActBody struct {
	ID       string     `json:"id,omitempty" doc:"Of the proposal that it came from; missing if it was made without one."`
	Target   string     `json:"target" doc:"A number in E.164 form, or a range such as +1809555*."`
	Roles    []string   `json:"roles" nullable:"false"`
	Standing string     `json:"standing" doc:"none where an earlier decision was withdrawn; empty for a marking."`
	Class    string     `json:"class"`
	Brand    string     `json:"brand"`
	Mark     string     `json:"mark,omitempty" doc:"The operator's own list that it was put on or taken off."`
	On       bool       `json:"on,omitempty" doc:"It was put on that list."`
	Reason   string     `json:"reason"`
	Author   string     `json:"author"`
	Approver string     `json:"approver" doc:"The second person; empty if there was none."`
	Brake    bool       `json:"brake,omitempty" doc:"One person softened a block, at once."`
	At       time.Time  `json:"at"`
	Until    *time.Time `json:"until,omitempty" doc:"The end that was named; missing for the usual term."`
	Audit    uint64     `json:"audit" doc:"Number of its entry in the audit chain; 0 if there was none yet."`
}

type aboutInput struct {
	Number string `path:"number" maxLength:"200" example:"+12025550143" doc:"The number, as people write it, or a range such as +1809555*, percent-encoded."`
	Region string `query:"region" pattern:"^[A-Z]{2}$" example:"US" doc:"Country by whose rules the number is written; if missing, the operator's."`
	PageQuery

	target numberdb.Target
}

// Resolve implements [huma.Resolver]: it reads the number or range, and names all that is wrong.
func (in *aboutInput) Resolve(ctx huma.Context) []error {
	var errs []error
	target, why := readTarget(in.Number, writtenIn(noteFrom(ctx.Context()).origin, in.Region))
	if in.target = target; why != "" {
		errs = append(errs, targetFinding("", why))
	}
	if in.Region != "" && !numberdb.KnownRegion(in.Region) {
		errs = append(errs, findingAt("query.region", "is not a country's code: write two capital letters of ISO 3166-1, such as US"))
	}
	return errs
}

func (a *API) registerEvidence(api huma.API) {
	reads := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}
	staff := []Role{RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator}
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-number-reports", Method: http.MethodGet, Path: "/v1/numbers/{number}/reports",
		Summary: "List the reports about a number", Description: "The newest first. A range has none of its own.", Errors: reads,
	}, staff...), a.listReports)
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-number-decisions", Method: http.MethodGet, Path: "/v1/numbers/{number}/decisions",
		Summary: "List what people decided about a number or a range", Description: "The latest first. What was decided about ranges around it is listed with those.", Errors: reads,
	}, staff...), a.listActs)
}

func (a *API) listReports(ctx context.Context, in *aboutInput) (*pageOutput[FiledBody], error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if in.target.Prefix {
		return pageOf(nil, "", filedBody), nil
	}
	found, next, err := a.store.ReportPage(ctx, in.target.Number, in.Cursor, in.Limit)
	if wrong := badCursor(err); wrong != nil {
		return nil, wrong
	}
	if err != nil {
		return nil, away(ctx, "The reports cannot be read right now.", err)
	}
	return pageOf(found, next, filedBody), nil
}

func (a *API) listActs(ctx context.Context, in *aboutInput) (*pageOutput[ActBody], error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	found, next, err := a.store.HistoryPage(ctx, in.target, in.Cursor, in.Limit)
	if wrong := badCursor(err); wrong != nil {
		return nil, wrong
	}
	if err != nil {
		return nil, away(ctx, "The decisions cannot be read right now.", err)
	}
	return pageOf(found, next, actBody), nil
}

func filedBody(f *numberdb.Filed) FiledBody {
	r := &f.Report
	return FiledBody{
		ID: f.ID, Received: f.Received, At: r.At, Roles: roleWords(r.Roles), Brand: string(r.Brand), Category: r.Category.String(), Arrived: r.Arrived.String(),
		RedFlags: namesOf(r.RedFlags), Text: r.Text, Loss: r.Loss, Currency: r.Currency, Language: r.Language,
		Source: ReportSource{r.Source.Kind.String(), r.Source.Organisation}, Reporter: r.Reporter, Forging: f.Forging, Consent: r.Consent, HasCaller: f.HasCaller,
	}
}

func actBody(a *numberdb.Act) ActBody {
	b := ActBody{Roles: []string{}, At: a.At(), Audit: a.Audit}
	if m := a.Marking; m != nil {
		b.Target, b.Mark, b.On, b.Reason, b.Author = m.Target.String(), m.Mark.String(), m.On, m.Reason, m.Author
		return b
	}
	d := a.Decision
	b.ID, b.Target, b.Roles, b.Standing, b.Class, b.Brand = d.Proposal, d.Target.String(), roleWords(d.Roles), d.Standing.String(), d.Class.String(), string(d.Brand)
	b.Reason, b.Author, b.Approver, b.Brake = d.Reason, d.Author, d.Approver, d.Brake
	if !d.Until.IsZero() {
		b.Until = &d.Until
	}
	return b
}
