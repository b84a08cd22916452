package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

type callerInput struct {
	ID     string `path:"id" pattern:"^[A-Z2-7]{26}$" example:"ABCDEFGHIJKLMNOPQRSTUVWXYZ" doc:"The report's id."`
	Number string `query:"number" required:"true" maxLength:"200" example:"+12025550143" doc:"The number that the report is about, with its country code."`
}

// CallerBody is the number of a victim.
type CallerBody struct {
	Caller string `json:"caller" doc:"The victim's own number, in E.164 form."`
}

type callerOutput struct{ Body CallerBody }

func (a *API) registerCallers(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-report-caller", Method: http.MethodGet, Path: "/v1/reports/{id}/caller",
		Summary: "Show the number of a victim", Description: "Only where it was given with the report. Who asked is in the audit chain before the answer.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}, RoleReviewer), a.showCaller)
}

func (a *API) showCaller(ctx context.Context, in *callerInput) (*callerOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	parsed := a.origin.Parse(in.Number)
	if parsed.Kind != numberdb.KindE164 {
		return nil, huma.Error422UnprocessableEntity("", &huma.ErrorDetail{Location: "query.number", Message: "is no full telephone number: write the reported number with its country code"})
	}
	caller, err := a.store.Caller(ctx, parsed.Number, in.ID)
	if errors.Is(err, numberdb.ErrNoCaller) {
		return nil, problem(http.StatusNotFound, "With this report no number of the victim is kept.")
	}
	if err == nil && a.refusals.audit != nil {
		p := principalOf(ctx)
		_, err = a.refusals.audit(ctx, numberdb.AuditEntry{
			At: a.now(), Who: p.Name, Role: string(p.Role), Action: numberdb.AuditCallerShown, Object: parsed.Number.String(),
			After: fmt.Sprintf(`{"report":%q}`, in.ID),
		})
	}
	if err != nil {
		return nil, away(ctx, "The victim's number cannot be shown right now.", err)
	}
	return &callerOutput{Body: CallerBody{Caller: caller.String()}}, nil
}
