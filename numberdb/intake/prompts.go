package intake

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
)

type promptInput struct {
	Language string `path:"language" maxLength:"35" example:"en" doc:"One in which there are prompts."`
	Number   string `path:"number" maxLength:"200" example:"+12025550143" doc:"The number, as people write it, percent-encoded."`
	Region   string `query:"region" pattern:"^[A-Z]{2}$" example:"US" doc:"Country by whose rules the number is written; if missing, the operator's."`
}

type promptOutput struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

func (a *API) registerPrompts(api huma.API) {
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-prompt", Method: http.MethodGet, Path: "/v1/prompts/{language}/{number}",
		Summary: "Listen to what a caller who dials the number would hear", Description: "The sounds of heard, as GET /v1/numbers/{number} names them, one behind the other.",
		Responses: map[string]*huma.Response{"200": {
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{"audio/wav": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
		}},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}, RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator), a.prompt)
}

func (a *API) prompt(ctx context.Context, in *promptInput) (*promptOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if a.sounds == "" {
		return nil, problem(http.StatusNotFound, "This endpoint has no prompts to listen to: 'linewarden prompts build' makes them, and intake.sounds says where they are.")
	}
	origin := writtenIn(a.origin, in.Region)
	parsed, today := origin.Parse(in.Number), numberdb.DayOf(a.now())
	listing, err := a.listingOn(ctx, parsed, today)
	if err != nil {
		return nil, away(ctx, "The list cannot be read right now.", err)
	}
	heard := a.view.heard(parsed, listing, today)
	if len(heard.Outbound) == 0 {
		return nil, problem(http.StatusNotFound, "Nothing is played to who dials that.")
	}
	sound, err := dialplan.Join(a.sounds, in.Language, heard.Outbound)
	switch {
	case errors.Is(err, dialplan.ErrNoSound):
		return nil, problem(http.StatusNotFound, "There is no sound of that in that language: 'linewarden prompts build' makes it; a recording can be heard here if it is a WAV file of 8 or 16 kHz.")
	case err != nil:
		return nil, away(ctx, "The sounds cannot be read right now.", err)
	}
	return &promptOutput{"audio/wav", "private, no-cache", sound}, nil
}
