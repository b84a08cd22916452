package intake

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// NumberBody is what is known about a number, and what its calls get.
type NumberBody struct {
	Number   string         `json:"number" doc:"In E.164 form; empty if the text is no international number."`
	Kind     string         `json:"kind" doc:"What the text turned out to be."`
	Region   string         `json:"region" doc:"Country of the number (ISO 3166-1 alpha-2); empty if it has none."`
	Standing StandingByRole `json:"standing" doc:"How the list sees the number."`
	Verdict  VerdictByWay   `json:"verdict" doc:"What a call with the number gets."`
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

// Describe says what is known about a number and what its calls get on a day. It is a pure function. home is the region that a short
// or emergency number belongs to; listing is the zero Listing where the text is no international number.
func Describe(p numberdb.Parsed, home string, listing numberdb.Listing, policy screening.Policy, today numberdb.Day) NumberBody {
	region := ""
	switch p.Kind {
	case numberdb.KindE164:
		region = p.Number.Region()
	case numberdb.KindShort, numberdb.KindEmergency:
		region = home
	}
	b := NumberBody{Number: p.Number.String(), Kind: p.Kind.String(), Region: region, Standing: standingOf(&listing, today)}
	b.Verdict.Inbound = verdictOf(policy.Decide(screening.Call{Direction: screening.Inbound, Calling: p}, listing, numberdb.Listing{}, today))
	b.Verdict.Outbound = verdictOf(policy.Decide(screening.Call{Direction: screening.Outbound, Called: p}, listing, numberdb.Listing{}, today))
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
	origin := writtenIn(a.origin, in.Region)
	parsed := origin.Parse(in.Number)
	var listing numberdb.Listing
	if parsed.Kind == numberdb.KindE164 {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		var err error
		if listing, err = a.store.Listing(ctx, parsed.Number); err != nil {
			return nil, away(ctx, "The list cannot be read right now.", err)
		}
	}
	return &numberOutput{Body: Describe(parsed, origin.Region, listing, a.policy, numberdb.DayOf(a.now()))}, nil
}
