package intake

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// SignInBody is what a person signs in with. Nothing about its fields is checked beyond their size: all that is wrong gets the same answer.
type SignInBody struct {
	User     string `json:"user" maxLength:"200" doc:"The person's name; capitals do not matter."`
	Password string `json:"password" maxLength:"600" doc:"The password, or the one-time password that an administrator has made."`
	Code     string `json:"code,omitempty" maxLength:"20" doc:"What your authenticator application shows, where a second factor is set up."`
}

// MeBody is who asks.
type MeBody struct {
	Name         string      `json:"name"`
	Role         string      `json:"role" enum:"reporter,reviewer,auditor,administrator,feed"`
	Organisation string      `json:"organisation" doc:"For whom you report."`
	Person       bool        `json:"person" doc:"False for a machine's token."`
	MustChange   bool        `json:"must_change" doc:"You have signed in with a one-time password: set one of your own before all else."`
	TOTP         bool        `json:"totp" doc:"A second factor is set up."`
	Language     string      `json:"language" doc:"In which you read (BCP 47); empty if you have not said."`
	Tokens       []TokenBody `json:"tokens" doc:"Your own tokens for the command line."`
}

// SignInProblemBody is why somebody is not signed in.
type SignInProblemBody struct {
	huma.ErrorModel
	CodeNeeded bool `json:"code_needed,omitempty" doc:"User and password are right: send them again with a code of the second factor."`
}

type signInInput struct{ Body SignInBody }

// meOutput is who asks, with cookies where a session has begun.
type meOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      MeBody
}

type signOutOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// PasswordBody replaces a person's password.
type PasswordBody struct {
	Old string `json:"old" maxLength:"600" doc:"The password that holds now, or the one-time password."`
	New string `json:"new" maxLength:"600" doc:"The new one: 12 to 128 characters."`
}

type passwordInput struct{ Body PasswordBody }

func (a *API) registerSession(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: "/v1/session", MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary:     "Sign in",
		Description: "Sets the session's cookie. Whatever was wrong, the answer is the same. After some failures for a name there may be no attempt for a while: Retry-After says for how long.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{strconv.Itoa(http.StatusUnauthorized): {
			Description: http.StatusText(http.StatusUnauthorized), Content: map[string]*huma.MediaType{"application/problem+json": {
				Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[SignInProblemBody](), true, ""),
			}},
		}},
	}, a.signIn)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "sign-out", Method: http.MethodDelete, Path: "/v1/session", DefaultStatus: http.StatusNoContent,
		Summary: "Sign out", Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}, AllRoles...), a.signOut)
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-me", Method: http.MethodGet, Path: "/v1/me", Summary: "Who am I?",
		Errors: []int{http.StatusUnauthorized, http.StatusServiceUnavailable},
	}, AllRoles...), a.me)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "change-password", Method: http.MethodPost, Path: "/v1/me/password", MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary:     "Set your password",
		Description: "Ends all your sessions and your own tokens, and begins a new session here.",
		Errors:      []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, AllRoles...), a.changePassword)
}

// signInDenied are the words for every sign-in that is not good.
const signInDenied = "That name and password do not let anyone in. Check both; an administrator can make you a new one-time password."

// What is said to somebody whose password is right.
const (
	codeNeeded = "A code of your second factor is needed, too: send it with name and password."
	codeDenied = "That code does not let you in, or was used before: wait for the next one. An administrator can take a lost second factor away."
)

// signInProblem is the answer to a sign-in that is not good, or not good enough.
func signInProblem(detail string, needed bool) error {
	return &SignInProblemBody{*problem(http.StatusUnauthorized, detail), needed}
}

func (a *API) signIn(ctx context.Context, in *signInInput) (*meOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entry, err := a.access.SignIn(bounded, noteFrom(ctx).visit, access.Credentials{Name: in.Body.User, Password: in.Body.Password, Code: in.Body.Code})
	var refused *access.RefusedError
	var locked *access.LockedError
	switch {
	case errors.Is(err, access.ErrCodeNeeded):
		return nil, signInProblem(codeNeeded, true)
	case errors.As(err, &refused):
		a.noteRefusal(ctx, refused.Who, "sign-in", http.StatusUnauthorized)
		if refused.CodeNeeded {
			return nil, signInProblem(codeDenied, true)
		}
		return nil, signInProblem(signInDenied, false)
	case errors.As(err, &locked):
		a.noteRefusal(ctx, locked.Who, "sign-in", http.StatusTooManyRequests)
		return nil, tooMany(locked)
	case err != nil:
		return nil, away(ctx, "You cannot be signed in right now.", err)
	}
	noteFrom(ctx).principal = entry.User.Name
	return a.entered(entry), nil
}

// entered is the answer to somebody whose session has begun. They have no tokens that need to be shown here.
func (a *API) entered(e access.Entry) *meOutput {
	out := &meOutput{Body: a.meOf(&e.User)}
	for _, c := range e.Cookies {
		out.SetCookie = append(out.SetCookie, *c)
	}
	return out
}

func (a *API) meOf(u *access.User) MeBody {
	return MeBody{
		Name: u.Name, Role: string(u.Role), Organisation: a.access.Organisation(), Person: true, MustChange: u.MustChange(),
		TOTP: u.HasFactor(), Language: u.Language, Tokens: []TokenBody{},
	}
}

func (a *API) signOut(ctx context.Context, _ *struct{}) (*signOutOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	cookies, err := a.access.SignOut(ctx, noteFrom(ctx).visit, principalOf(ctx))
	if err != nil {
		return nil, away(ctx, "You cannot be signed out right now: close the browser.", err)
	}
	out := &signOutOutput{}
	for _, c := range cookies {
		out.SetCookie = append(out.SetCookie, *c)
	}
	return out, nil
}

func (a *API) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	p := principalOf(ctx)
	if !p.Person {
		return &meOutput{Body: MeBody{Name: p.Name, Role: string(p.Role), Organisation: p.Source.Organisation, Tokens: []TokenBody{}}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	u, err := a.access.User(ctx, p.Name)
	if err != nil {
		return nil, away(ctx, "What is known of you cannot be read right now.", err)
	}
	tokens, err := a.access.OwnTokens(ctx, p)
	if err != nil {
		return nil, away(ctx, "Your tokens cannot be read right now.", err)
	}
	out := &meOutput{Body: a.meOf(&u)}
	for i := range tokens {
		out.Body.Tokens = append(out.Body.Tokens, tokenBody(&tokens[i]))
	}
	return out, nil
}

func (a *API) changePassword(ctx context.Context, in *passwordInput) (*meOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	p := principalOf(ctx)
	entry, err := a.access.ChangePassword(bounded, noteFrom(ctx).visit, p, in.Body.Old, in.Body.New)
	var locked *access.LockedError
	var faults numberdb.Faults
	switch {
	case errors.Is(err, access.ErrWrongPassword):
		a.noteRefusal(ctx, p, "change-password", http.StatusUnprocessableEntity)
		return nil, huma.Error422UnprocessableEntity("", finding("old", "is not your password"))
	case errors.As(err, &locked):
		a.noteRefusal(ctx, p, "change-password", http.StatusTooManyRequests)
		return nil, tooMany(locked)
	case errors.As(err, &faults):
		return nil, huma.Error422UnprocessableEntity("", faultDetails(faults)...)
	case err != nil:
		return nil, away(ctx, "Your password cannot be changed right now.", err)
	}
	return a.entered(entry), nil
}

// tooMany is the answer to attempts that come too early.
func tooMany(locked *access.LockedError) error {
	return huma.ErrorWithHeaders(problem(http.StatusTooManyRequests, "There were too many attempts: wait as long as Retry-After says, in seconds."),
		http.Header{"Retry-After": {strconv.Itoa(access.RetryAfter(locked.Wait))}})
}
