package intake

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// CallBody is a call that nobody makes.
type CallBody struct {
	Direction string     `json:"direction" enum:"inbound,outbound" doc:"inbound: to a subscriber; outbound: from one."`
	Calling   string     `json:"calling,omitempty" maxLength:"200" example:"+12025550143" doc:"Who calls, as the network writes it; any text has an answer."`
	Called    string     `json:"called,omitempty" maxLength:"200" example:"+12025550111" doc:"Who is called, likewise."`
	Priority  string     `json:"priority,omitempty" maxLength:"64" example:"psap-callback" doc:"The SIP header Priority."`
	Policy    string     `json:"policy,omitempty" maxLength:"64" example:"default" doc:"Name of the policy; default if missing."`
	At        *time.Time `json:"at,omitempty" doc:"When the call would be made (RFC 3339), by what is known today; if missing, now."`
}

// ScreenedBody is what the call would get, and why.
type ScreenedBody struct {
	Verdict  FullVerdictBody `json:"verdict"`
	Explain  string          `json:"explain" doc:"Why, as a sentence."`
	Heard    []string        `json:"heard" nullable:"false" doc:"Sound files that the subscriber hears, below the folder of the language: the caller of an outbound call, whoever answers an inbound one."`
	Language string          `json:"language" doc:"Language of subscribers of whom nothing else is known."`
	SIP      *SIPBody        `json:"sip,omitempty" doc:"The SIP answer to a blocked call, unless the operator's Asterisk has another; missing where the call goes on."`
}

// FullVerdictBody is the decision on one call.
type FullVerdictBody struct {
	VerdictBody
	Would    string `json:"would" doc:"The action, if the policy did not only report."`
	Standing string `json:"standing"`
	Brand    string `json:"brand"`
	Class    string `json:"class"`
}

// SIPBody is a final answer of SIP.
type SIPBody struct {
	Code int    `json:"code"`
	Text string `json:"text"`
}

// sipAnswers are those of linewarden-settings.conf as it is shipped.
var sipAnswers = map[numberdb.Class]SIPBody{
	numberdb.ClassAnalytics:         {603, "Decline"},
	numberdb.ClassDoNotOriginate:    {603, "Decline"},
	numberdb.ClassSubscriberRequest: {607, "Unwanted"}, // RFC 8197
}

type screenInput struct {
	Body CallBody

	trunk Trunk
}

// Resolve implements [huma.Resolver]: it finds the policy.
func (in *screenInput) Resolve(ctx huma.Context) []error {
	trunk, err := noteFrom(ctx.Context()).trunks(in.Body.Policy)
	if err != nil {
		return []error{finding("policy", err.Error())}
	}
	in.trunk = trunk
	return nil
}

type screenOutput struct{ Body ScreenedBody }

func (a *API) registerScreen(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "screen", Method: http.MethodPost, Path: "/v1/screen", DefaultStatus: http.StatusOK,
		Summary: "Say what a call would get", Description: "Decides as calls are decided, by what the store knows at this moment. Nothing is stored and nobody is called.",
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusServiceUnavailable},
	}, AllRoles...), a.screen)
}

// trunk is the policy of a name; an empty one is the default's.
func (a *API) trunk(name string) (t Trunk, err error) {
	if name == "" || name == DefaultTrunk {
		return a.view.Trunk, nil
	}
	t, ok := a.trunks[name]
	if !ok {
		return t, fmt.Errorf("is no policy of this installation: use one of %s", strings.Join(slices.Sorted(maps.Keys(a.trunks)), ", "))
	}
	return t, nil
}

func (a *API) screen(ctx context.Context, in *screenInput) (*screenOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	trunk := &in.trunk
	call := screening.Call{
		Calling: trunk.Origin.Parse(in.Body.Calling), Called: trunk.Origin.Parse(in.Body.Called),
		PSAPCallback: strings.EqualFold(strings.TrimSpace(in.Body.Priority), dialplan.PriorityPSAPCallback),
	}
	if in.Body.Direction == screening.Outbound.String() {
		call.Direction = screening.Outbound
	}
	day := numberdb.DayOf(a.now())
	if in.Body.At != nil {
		day = numberdb.DayOf(*in.Body.At)
	}
	other, err := a.listingOn(ctx, call.Other(), day)
	if err != nil {
		return nil, away(ctx, "The list cannot be read right now.", err)
	}
	subscriber, err := a.listingOn(ctx, call.Subscriber(), day)
	if err != nil {
		return nil, away(ctx, "The list cannot be read right now.", err)
	}
	v := trunk.Screening.Decide(call, other, subscriber, day)
	out := ScreenedBody{
		Verdict: FullVerdictBody{verdictOf(v), v.Would.String(), v.Standing.String(), string(v.Brand), v.Class.String()},
		Explain: v.Reason.Text(), Heard: clips(a.view.Voice, v.Brand, trunk.prompts(call.Direction, v)), Language: trunk.language(),
	}
	if answer := sipAnswers[v.Class]; v.Action == screening.Block {
		out.SIP = &answer
	}
	return &screenOutput{out}, nil
}

// listingOn is what the list says about a party of a call on a day; nothing of one without an international number.
func (a *API) listingOn(ctx context.Context, p numberdb.Parsed, day numberdb.Day) (numberdb.Listing, error) {
	switch {
	case p.Kind != numberdb.KindE164:
		return numberdb.Listing{}, nil
	case day == numberdb.DayOf(a.now()):
		return a.store.Listing(ctx, p.Number)
	}
	record, err := a.store.Record(ctx, p.Number)
	return record.Listing(day), err
}
