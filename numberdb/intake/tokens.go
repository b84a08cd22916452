package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// SourceBody is for whom a machine reports.
type SourceBody struct {
	Kind         string `json:"kind" enum:"public,feed,partner,staff" doc:"How far it is trusted: staff and partner are, feed and public are not."`
	Organisation string `json:"organisation" pattern:"^[a-z0-9-]{1,32}$" doc:"Reports of one organisation count together."`
}

// TokenBody is a token that was made here, without its text.
type TokenBody struct {
	Name      string      `json:"name"`
	Role      string      `json:"role,omitempty" doc:"Of a machine's token; your own have your role."`
	Source    *SourceBody `json:"source,omitempty"`
	Expires   time.Time   `json:"expires"`
	RateLimit int         `json:"rate_limit" doc:"Requests a minute."`
	Made      time.Time   `json:"made"`
	MadeBy    string      `json:"made_by"`
	Audit     uint64      `json:"audit" doc:"Entry in the audit chain of its making."`
}

// MadeTokenBody is a new token: its text is shown only here.
type MadeTokenBody struct {
	Token TokenBody `json:"token"`
	Text  string    `json:"text" doc:"To be sent as 'Authorization: Bearer ...'. It is kept nowhere."`
}

type madeTokenOutput struct{ Body MadeTokenBody }

// MachineTokenBody is a new token of a machine, or the proposal of one.
type MachineTokenBody struct {
	Applied bool       `json:"applied" doc:"It is made; else a second person has to approve the proposal."`
	Token   *TokenBody `json:"token,omitempty"`
	Text    string     `json:"text,omitempty" doc:"To be sent as 'Authorization: Bearer ...'. It is kept nowhere."`
	// Proposal is what waits for a second person.
	Proposal *ProposalBody `json:"proposal,omitempty" doc:"Once it is approved, collect the token with POST /v1/decisions/{id}/collect."`
}

type machineTokenOutput struct {
	Status int
	Body   MachineTokenBody
}

// OwnTokenBody is a token that a person makes for themselves.
type OwnTokenBody struct {
	Name      string     `json:"name" maxLength:"64" example:"laptop"`
	Expires   *time.Time `json:"expires,omitempty" doc:"If missing, in 90 days; in two years at most."`
	RateLimit int        `json:"rate_limit,omitempty" minimum:"1" maximum:"1000000" doc:"Requests a minute; 600 if missing."`
}

// NewTokenBody is a machine's token to be made.
type NewTokenBody struct {
	OwnTokenBody
	Role   string     `json:"role" enum:"reporter,auditor,feed"`
	Source SourceBody `json:"source"`
	Reason string     `json:"reason,omitempty" maxLength:"1000" doc:"For the second person, where one has to approve it."`
}

type newTokenInput struct{ Body NewTokenBody }

type ownTokenInput struct{ Body OwnTokenBody }

type tokenInput struct {
	Name string `path:"name" maxLength:"64"`
}

// TokenListBody is a part of the tokens, by name.
type TokenListBody struct {
	Items []TokenBody `json:"items"`
	Next  string      `json:"next" doc:"Cursor of the next part; empty for the last."`
}

type tokenListOutput struct{ Body TokenListBody }

func (a *API) registerTokens(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}
	making := append(errs, http.StatusBadRequest, http.StatusConflict)
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/v1/tokens", Errors: errs,
		Summary: "Tokens of machines", Description: "Those that were made here; those of the configuration are not among them.",
	}, RoleAuditor, RoleAdministrator), a.listTokens)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "make-token", Method: http.MethodPost, Path: "/v1/tokens", DefaultStatus: http.StatusCreated, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary: "Make a token for a machine",
		Description: "Sent again it is refused with 409, for the name is then taken. Once two people have ever been reviewers, a token of a trusted source " +
			"(staff, partner) waits for a second person: 202, with the proposal.",
		Errors: making,
	}, RoleAdministrator), a.makeToken)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: "/v1/tokens/{name}", DefaultStatus: http.StatusNoContent,
		Summary: "Revoke a machine's token", Errors: append(errs, http.StatusNotFound),
	}, RoleAdministrator), a.revokeToken)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "list-own-tokens", Method: http.MethodGet, Path: "/v1/me/tokens", Summary: "Your own tokens", Errors: errs,
	}, AllRoles...), a.listOwnTokens)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "make-own-token", Method: http.MethodPost, Path: "/v1/me/tokens", DefaultStatus: http.StatusCreated, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary:     "Make a token of your own",
		Description: "With it the command line acts as you, with your role of that moment, until your password or role changes.", Errors: making,
	}, AllRoles...), a.makeOwnToken)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "revoke-own-token", Method: http.MethodDelete, Path: "/v1/me/tokens/{name}", DefaultStatus: http.StatusNoContent,
		Summary: "Revoke one of your own tokens", Errors: append(errs, http.StatusNotFound),
	}, AllRoles...), a.revokeOwnToken)
}

func (a *API) listTokens(ctx context.Context, in *page) (*tokenListOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	tokens, err := a.access.Tokens(ctx)
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return tokenList(tokens, *in), nil
}

func (a *API) listOwnTokens(ctx context.Context, in *page) (*tokenListOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	tokens, err := a.access.OwnTokens(ctx, principalOf(ctx))
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return tokenList(tokens, *in), nil
}

func tokenList(tokens []access.StoredToken, p page) *tokenListOutput {
	part, next := partOf(tokens, p, (*access.StoredToken).Label)
	out := &tokenListOutput{Body: TokenListBody{Items: make([]TokenBody, len(part)), Next: next}}
	for i := range part {
		out.Body.Items[i] = tokenBody(&part[i])
	}
	return out
}

func (a *API) makeToken(ctx context.Context, in *newTokenInput) (*machineTokenOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	n, err := a.machineToken(&in.Body)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("", err)
	}
	t, text, err := a.access.MakeToken(ctx, principalOf(ctx), n)
	if errors.Is(err, access.ErrSecondPerson) {
		p, err := a.proposeAccess(ctx, &accessPayload{
			Token: in.Body.Name, Role: n.Role, Source: &in.Body.Source, Expires: in.Body.Expires, RateLimit: in.Body.RateLimit,
		}, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return &machineTokenOutput{http.StatusAccepted, MachineTokenBody{Proposal: p}}, nil
	}
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	body := tokenBody(&t)
	return &machineTokenOutput{http.StatusCreated, MachineTokenBody{Applied: true, Token: &body, Text: text}}, nil
}

// machineToken is a machine's token as it is asked for.
func (a *API) machineToken(b *NewTokenBody) (access.NewToken, error) {
	n := a.newToken(&b.OwnTokenBody)
	n.Role, n.Source.Organisation = Role(b.Role), b.Source.Organisation
	return n, unknownWord("source.kind", b.Source.Kind, &n.Source.Kind)
}

func (a *API) makeOwnToken(ctx context.Context, in *ownTokenInput) (*madeTokenOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	t, text, err := a.access.MakeOwnToken(ctx, principalOf(ctx), a.newToken(&in.Body))
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return &madeTokenOutput{MadeTokenBody{tokenBody(&t), text}}, nil
}

// newToken is what a person wants of any token.
func (a *API) newToken(b *OwnTokenBody) access.NewToken {
	n := access.NewToken{Name: b.Name, RateLimit: b.RateLimit}
	if b.Expires != nil {
		n.Life = max(b.Expires.Sub(a.now()), 1) // zero would be the usual life
	}
	return n
}

func (a *API) revokeToken(ctx context.Context, in *tokenInput) (*struct{}, error) {
	return a.revoke(ctx, in.Name, a.access.RevokeToken)
}

func (a *API) revokeOwnToken(ctx context.Context, in *tokenInput) (*struct{}, error) {
	return a.revoke(ctx, in.Name, a.access.RevokeOwnToken)
}

func (a *API) revoke(ctx context.Context, name string, revoke func(context.Context, Principal, string) error) (*struct{}, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := revoke(ctx, principalOf(ctx), name); err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return nil, nil
}

func tokenBody(t *access.StoredToken) TokenBody {
	b := TokenBody{
		Name: t.Label(), Role: string(t.Role), Expires: t.Expires, RateLimit: t.RateLimit, Made: t.Made, MadeBy: t.MadeBy, Audit: t.Audit,
	}
	if t.Source != (numberdb.Source{}) {
		b.Source = &SourceBody{Kind: fmt.Sprint(t.Source.Kind), Organisation: t.Source.Organisation}
	}
	return b
}
