package intake

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// NumberBody is what is known about a number, and what its calls get.
type NumberBody struct {
	NumberSketch
	Range     string         `json:"range" doc:"The listed range that answers for the number, such as +1809555*; empty if none does."`
	Marks     []string       `json:"marks" nullable:"false" doc:"The operator's own lists that it is on: opt_out, allowed."`
	Explain   *ExplainByRole `json:"explain,omitempty" doc:"Why the list sees it so; missing if the text is no international number."`
	Reports   *TotalsBody    `json:"reports,omitempty" doc:"The stored reports; missing likewise."`
	Decisions []ActBody      `json:"decisions" nullable:"false" doc:"What people decided last about it and the range that answers for it, the latest first, at most 5; not shown to feeds."`
	Heard     HeardBody      `json:"heard" doc:"What a caller hears who dials it."`
}

// TotalsBody counts the stored reports about a number.
type TotalsBody struct {
	Total    int            `json:"total" doc:"How many are stored."`
	BySource map[string]int `json:"by_source" nullable:"false" doc:"The newest 1000 of them by kind of source: public, feed, partner, staff."`
	Newest   *time.Time     `json:"newest,omitempty" doc:"When the newest was received."`
	Oldest   *time.Time     `json:"oldest,omitempty" doc:"When the oldest was received."`
}

// StandingByRole is a number's standing in each role.
type StandingByRole struct {
	Callback string `json:"callback" doc:"As a number that people are told to dial."`
	CallerID string `json:"caller_id" doc:"As a number that shows on incoming calls."`
}

// VerdictByWay is what a call gets in each direction.
type VerdictByWay struct {
	Inbound  VerdictBody `json:"inbound" doc:"A call that shows the number to a subscriber."`
	Outbound VerdictBody `json:"outbound" doc:"A call from a subscriber to the number."`
}

// VerdictBody is an action and why.
type VerdictBody struct {
	Action string `json:"action"`
	Reason string `json:"reason"`
}

// View is by what rules numbers are looked at, and how their calls are handled.
type View struct {
	Rules numberdb.Rules
	Trunk Trunk
	Voice dialplan.Voice
}

// Describe says what is known about a number and what its calls get on a day. It is a pure function. home is the region that a short or emergency
// number belongs to; record and acts are what [View.Ask] gives, nil where the text is no international number or nobody could be asked.
func (v *View) Describe(p numberdb.Parsed, home string, record *numberdb.Record, acts []numberdb.Act, today numberdb.Day) NumberBody {
	b := NumberBody{Marks: []string{}, Decisions: []ActBody{}}
	var listing numberdb.Listing
	if record != nil {
		listing = record.Listing(today)
		b.Explain = &ExplainByRole{
			Callback: explain(&v.Rules, record, numberdb.RoleCallback, today),
			CallerID: explain(&v.Rules, record, numberdb.RoleCallerID, today),
		}
		b.Reports = totals(&record.Reports)
		b.Marks = append(b.Marks, namesOf(listing.Marks)...)
		if t := answeringRange(&v.Rules, record, today); t.Prefix {
			b.Range = t.String()
		}
	}
	for i := range acts {
		b.Decisions = append(b.Decisions, actBody(&acts[i]))
	}
	b.NumberSketch = sketch(p, home, listing, v.Trunk.Screening, today)
	b.Heard = v.heard(p, listing, today)
	return b
}

// answeringRange is the range that answers for a number: as one that people dial, or else as one that shows; the zero Target if none does.
func answeringRange(rules *numberdb.Rules, r *numberdb.Record, today numberdb.Day) numberdb.Target {
	for role := range numberdb.Role(numberdb.RoleCount) {
		if x := rules.Explain(r, role, today); x.By.Prefix {
			return x.By
		}
	}
	return numberdb.Target{}
}

func totals(r *numberdb.ReportTotals) *TotalsBody {
	b := &TotalsBody{Total: r.Total, BySource: map[string]int{}}
	for kind, n := range r.BySource {
		b.BySource[numberdb.SourceKind(kind).String()] = n
	}
	if r.Total > 0 {
		b.Newest, b.Oldest = &r.Newest, &r.Oldest
	}
	return b
}

// writtenIn is how to read a number of a region that a request names, or by the operator's own rules if it names none.
func writtenIn(home numberdb.Origin, region string) numberdb.Origin {
	if region != "" {
		home.Region, home.Bare = region, numberdb.BareNational
	}
	return home
}

func verdictOf(v screening.Verdict) VerdictBody {
	return VerdictBody{Action: v.Action.String(), Reason: v.Reason.String()}
}

func standingOf(l *numberdb.Listing, today numberdb.Day) StandingByRole {
	return StandingByRole{
		Callback: l.Roles[numberdb.RoleCallback].At(today).String(),
		CallerID: l.Roles[numberdb.RoleCallerID].At(today).String(),
	}
}

type numberInput struct {
	Number string `path:"number" maxLength:"200" example:"+12025550143" doc:"The number, as people write it, percent-encoded."`
	Region string `query:"region" pattern:"^[A-Z]{2}$" example:"US" doc:"Country by whose rules the number is written; if missing, the operator's."`
}

type numberOutput struct{ Body NumberBody }

func (a *API) registerNumbers(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-number", Method: http.MethodGet, Path: "/v1/numbers/{number}",
		Summary: "Say what is known about a number", Description: "Every text has an answer: kind says how it was read.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}, AllRoles...), a.describeNumber)
}

func (a *API) describeNumber(ctx context.Context, in *numberInput) (*numberOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	origin, today := writtenIn(a.origin, in.Region), numberdb.DayOf(a.now())
	parsed := origin.Parse(in.Number)
	if parsed.Kind != numberdb.KindE164 {
		return &numberOutput{Body: a.view.Describe(parsed, origin.Region, nil, nil, today)}, nil
	}
	record, acts, err := a.view.Ask(ctx, a.store, parsed.Number, today)
	if err != nil {
		return nil, away(ctx, "The list cannot be read right now.", err)
	}
	if principalOf(ctx).Role == RoleFeed {
		acts = nil
	}
	return &numberOutput{Body: a.view.Describe(parsed, origin.Region, &record, acts, today)}, nil
}

// shownActs is how many of the last decisions are shown with a number.
const shownActs = 5

// Ask reads what is on record about a number, and the last things that people did to it and to the range that answers for it, if one does; the
// latest first.
func (v *View) Ask(ctx context.Context, from Records, n numberdb.Number, today numberdb.Day) (record numberdb.Record, acts []numberdb.Act, err error) {
	if record, err = from.Record(ctx, n); err != nil {
		return record, nil, err
	}
	if acts, _, err = from.HistoryPage(ctx, numberdb.Target{Number: n}, "", shownActs); err != nil {
		return record, nil, err
	}
	if around := answeringRange(&v.Rules, &record, today); around.Prefix {
		ofRange, _, err := from.HistoryPage(ctx, around, "", shownActs)
		if err != nil {
			return record, nil, err
		}
		acts = append(acts, ofRange...)
		slices.SortStableFunc(acts, func(a, b numberdb.Act) int { return b.At().Compare(a.At()) })
	}
	return record, acts[:min(len(acts), shownActs)], nil
}
