package intake

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb/access"
)

// OfferBody is the secret of a second factor that has yet to be confirmed.
type OfferBody struct {
	Secret string `json:"secret" doc:"In base32, to be typed into an authenticator application. It is shown only here."`
	URI    string `json:"uri" format:"uri" doc:"The same as such applications take it in, mostly from a picture (otpauth)."`
}

type offerOutput struct{ Body OfferBody }

// CodeBody shows that the person's application has the secret.
type CodeBody struct {
	Code string `json:"code" maxLength:"20" example:"123456" doc:"What the application shows now."`
}

type codeInput struct{ Body CodeBody }

// OwnPasswordBody shows that it is the person who asks, and not whoever came by an open browser.
type OwnPasswordBody struct {
	Password string `json:"password" maxLength:"600" doc:"Your password."`
}

type ownPasswordInput struct{ Body OwnPasswordBody }

func (a *API) registerTOTP(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusServiceUnavailable}
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "offer-second-factor", Method: http.MethodPost, Path: "/v1/me/totp", MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Errors:      append(errs, http.StatusBadRequest, http.StatusTooManyRequests),
		Summary:     "Ask for a second factor",
		Description: "Makes a secret for an authenticator application (TOTP, RFC 6238: SHA-1, 6 digits, 30 seconds). It counts once you confirm it with a code, within 15 minutes; asking again replaces it.",
	}, AllRoles...), a.offerFactor)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "confirm-second-factor", Method: http.MethodPut, Path: "/v1/me/totp", MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary:     "Set up the second factor that was asked for",
		Description: "From then on signing in with a password takes a code, too. Ends all your sessions and your own tokens, and begins a new session here.",
		Errors:      append(errs, http.StatusBadRequest),
	}, AllRoles...), a.confirmFactor)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "remove-second-factor", Method: http.MethodDelete, Path: "/v1/me/totp", MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary: "Take your second factor away", Description: "Ends all your sessions and your own tokens, and begins a new session here.",
		Errors: append(errs, http.StatusBadRequest, http.StatusTooManyRequests),
	}, AllRoles...), a.removeFactor)
}

func (a *API) offerFactor(ctx context.Context, in *ownPasswordInput) (*offerOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	secret, uri, err := a.access.OfferFactor(bounded, principalOf(ctx), in.Body.Password)
	if err != nil {
		return nil, a.factorProblem(ctx, "offer-second-factor", err)
	}
	return &offerOutput{OfferBody{secret, uri}}, nil
}

func (a *API) confirmFactor(ctx context.Context, in *codeInput) (*meOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entry, err := a.access.ConfirmFactor(bounded, noteFrom(ctx).visit, principalOf(ctx), in.Body.Code)
	if err != nil {
		return nil, a.factorProblem(ctx, "confirm-second-factor", err)
	}
	return a.entered(entry), nil
}

func (a *API) removeFactor(ctx context.Context, in *ownPasswordInput) (*meOutput, error) {
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entry, err := a.access.RemoveFactor(bounded, noteFrom(ctx).visit, principalOf(ctx), in.Body.Password)
	if err != nil {
		return nil, a.factorProblem(ctx, "remove-second-factor", err)
	}
	return a.entered(entry), nil
}

// factorProblem is the answer to what cannot be done to a second factor.
func (a *API) factorProblem(ctx context.Context, operation string, err error) error {
	var locked *access.LockedError
	switch {
	case errors.Is(err, access.ErrWrongCode):
		return huma.Error422UnprocessableEntity("", finding("code", access.ErrWrongCode.Error()))
	case errors.Is(err, access.ErrWrongPassword):
		a.noteRefusal(ctx, principalOf(ctx), operation, http.StatusUnprocessableEntity)
		return huma.Error422UnprocessableEntity("", finding("password", "is not your password"))
	case errors.As(err, &locked):
		a.noteRefusal(ctx, principalOf(ctx), operation, http.StatusTooManyRequests)
		return tooMany(locked)
	}
	for _, conflict := range []error{access.ErrNoFactorKey, access.ErrHasFactor, access.ErrNoFactor, access.ErrNoOffer, access.ErrChanged} {
		if errors.Is(err, conflict) {
			return problem(http.StatusConflict, sentence(conflict))
		}
	}
	return away(ctx, "Your second factor cannot be changed right now.", err)
}
