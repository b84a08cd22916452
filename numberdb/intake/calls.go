package intake

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/screening/journal"
)

// CallRecordsBody is what is recorded of the calls with an id.
type CallRecordsBody struct {
	Items    []CallRecordBody `json:"items" nullable:"false" doc:"The earliest first. They are several only if callers used their SIP Call-ID again."`
	Complete bool             `json:"complete" doc:"False if there is a record that cannot be read."`
}

// CallRecordBody is the record of one call about which the list had something to say.
type CallRecordBody struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at" doc:"When Linewarden took the call."`
	Instance    string    `json:"instance" doc:"The node that had it."`
	Direction   string    `json:"direction" enum:"inbound,outbound"`
	Number      string    `json:"number" doc:"The other party's, which was checked."`
	Subscriber  string    `json:"subscriber" doc:"Pseudonym: 32 hexadecimal digits; empty if the call had no subscriber's number."`
	Action      string    `json:"action" enum:"allow,label,warn,block" doc:"What was done."`
	Would       string    `json:"would" enum:"allow,label,warn,block" doc:"Differs from action where policy or a fault let the call go on."`
	Reason      string    `json:"reason"`
	Why         string    `json:"why" doc:"The reason as a sentence in English."`
	Standing    string    `json:"standing" enum:"none,watch,warn,block,cleared,protected"`
	Class       string    `json:"class" enum:"analytics,do_not_originate,subscriber_request"`
	Brand       string    `json:"brand"`
	Prompt      string    `json:"prompt" doc:"The first prompt that was begun to the caller; empty if none was."`
	Language    string    `json:"language" doc:"Of the prompt."`
	Outcome     string    `json:"outcome" enum:"passed,labelled,went_on,skipped,helpline,no_key,refused,hung_up,lost"`
	ListVersion uint64    `json:"list_version" doc:"Of the node's list: it grows with each change, from the start of the node's process."`
	ListAge     float64   `json:"list_age_seconds" doc:"For how long the store had not confirmed that list."`
}

type callInput struct {
	ID string `path:"id" pattern:"^[0-9a-fA-F]{12}$" example:"3fa85f645717" doc:"The call's id, as its caller was told it."`
}

type callOutput struct{ Body CallRecordsBody }

func (a *API) registerCalls(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-call", Method: http.MethodGet, Path: "/v1/calls/{id}",
		Summary:     "Say what was done with a call, and why",
		Description: "Only calls that the list had something to say about are recorded, and only for as long as the journal's retention says.",
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator), a.getCall)
}

func (a *API) getCall(ctx context.Context, in *callInput) (*callOutput, error) {
	if a.calls == nil {
		return nil, away(ctx, "This endpoint has no journal of calls.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entries, err := journal.Find(ctx, a.calls, strings.ToLower(in.ID), a.callRetention, a.now())
	unreadable := errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrNewer)
	switch {
	case errors.Is(err, journal.ErrNotFound):
		return nil, problem(http.StatusNotFound, "No call with this id is recorded: only listed calls are, and not for ever.")
	case err != nil && !unreadable:
		return nil, away(ctx, "The journal of calls cannot be read right now.", err)
	}
	out := &callOutput{CallRecordsBody{Items: make([]CallRecordBody, len(entries)), Complete: !unreadable}}
	for i := range entries {
		out.Body.Items[i] = callRecord(&entries[i])
	}
	return out, nil
}

func callRecord(e *journal.Entry) CallRecordBody {
	v := &e.Verdict
	return CallRecordBody{
		ID: e.ID, At: e.At, Instance: e.Node, Direction: e.Direction.String(), Number: e.Number.String(), Subscriber: e.Subscriber.String(),
		Action: v.Action.String(), Would: v.Would.String(), Reason: v.Reason.String(), Why: v.Reason.Text(),
		Standing: v.Standing.String(), Class: v.Class.String(), Brand: string(v.Brand),
		Prompt: e.Prompt, Language: e.Language, Outcome: e.Outcome.String(), ListVersion: e.ListVersion, ListAge: e.ListAge.Seconds(),
	}
}
