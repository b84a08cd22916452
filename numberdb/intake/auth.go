package intake

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// The words with which a route says who may use it.
type (
	Role      = access.Role
	Principal = access.Principal
	Token     = access.Token
)

// The roles.
const (
	RoleReporter      = access.RoleReporter
	RoleReviewer      = access.RoleReviewer
	RoleAuditor       = access.RoleAuditor
	RoleAdministrator = access.RoleAdministrator
	RoleFeed          = access.RoleFeed
)

// AllRoles lists the roles.
var AllRoles = access.AllRoles

// HashToken is [access.HashToken].
func HashToken(text string) access.Hash { return access.HashToken(text) }

// checkTokens refuses tokens that would not do what their owner thinks.
func checkTokens(tokens []Token) error {
	names, hashes := map[string]bool{}, map[access.Hash]bool{}
	for i, t := range tokens {
		switch {
		case t.Name == "":
			return fmt.Errorf("intake token %d: has no name: the log and the audit need one", i)
		case !numberdb.Brand(t.Source.Organisation).Valid() || t.Source.Organisation == "":
			return fmt.Errorf("intake token %q: %q is not an organisation: write 1 to 32 of a-z, 0-9 and hyphen", t.Name, t.Source.Organisation)
		case names[t.Name]:
			return fmt.Errorf("intake token %q: the name is taken: a name stands for one token", t.Name)
		case hashes[t.Hash]:
			return fmt.Errorf("intake token %q: has the text of another token: make one for each user", t.Name)
		case !t.Role.ForMachines() && !(t.Person && t.Role.ForPeople()):
			return fmt.Errorf("intake token %q: %q is not a role of machines: known are %q; who reviews or administers is a person, and signs in", t.Name, t.Role, access.MachineRoles)
		}
		names[t.Name], hashes[t.Hash] = true, true
	}
	return nil
}

// configToken is the principal of a token that the config names, or false. It looks at every token whichever fits, so that the time it takes
// tells nothing about the tokens.
func (a *API) configToken(text string) (Principal, bool) {
	hash := HashToken(text)
	found := -1
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(hash[:], a.tokens[i].Hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Principal{}, false
	}
	return a.tokens[found].Principal, true
}

// errNobody says that a request comes with neither token nor session.
var errNobody = errors.New("neither token nor session")

// authenticate is who sends a request: by its token, or else by its session.
func (a *API) authenticate(ctx huma.Context) (Principal, error) {
	authorization := ctx.Header("Authorization")
	if authorization == "" {
		v := noteFrom(ctx.Context()).visit
		if !v.HasSession() {
			return Principal{}, errNobody
		}
		return a.access.ByCookie(ctx.Context(), v)
	}
	scheme, text, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Principal{}, errNobody
	}
	text = strings.TrimSpace(text)
	if p, ok := a.configToken(text); ok {
		return p, nil
	}
	return a.access.ByToken(ctx.Context(), text)
}

// Names of our security schemes in the API's description.
const (
	bearerScheme = "bearer"
	cookieScheme = "session"
)

// allow makes an operation ask for a token or session whose role is one of these.
func (a *API) allow(op huma.Operation, roles ...Role) huma.Operation {
	return a.guard(op, roles, false)
}

// allowPeople is allow for what only people may do, by signing in or with a token of their own.
func (a *API) allowPeople(op huma.Operation, roles ...Role) huma.Operation {
	return a.guard(op, roles, true)
}

func (a *API) guard(op huma.Operation, roles []Role, people bool) huma.Operation {
	op.Security = []map[string][]string{{bearerScheme: {}}, {cookieScheme: {}}}
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		p, err := a.authenticate(ctx)
		if err != nil {
			a.refuseUnknown(ctx, err)
			return
		}
		switch {
		case !slices.Contains(roles, p.Role):
			a.refuseAudited(ctx, p, http.StatusForbidden, fmt.Sprintf("Your role is %s; this needs one of %s.", p.Role, join(roles)))
		case people && !p.Person:
			a.refuseAudited(ctx, p, http.StatusForbidden, "Only a person may do this: sign in, or use a token of your own.")
		case p.MustChange && !beforeAllElse[op.OperationID]:
			a.refuseAudited(ctx, p, http.StatusForbidden, "You have signed in with a one-time password: set one of your own first, with POST /v1/me/password.")
		default:
			noteFrom(ctx.Context()).principal = p.Name
			next(huma.WithContext(ctx, access.With(ctx.Context(), p)))
		}
	})
	return op
}

// beforeAllElse are the operations that a person may use who has yet to set a password of their own.
var beforeAllElse = map[string]bool{"get-me": true, "change-password": true, "sign-out": true}

// refuseUnknown answers a request of which we do not know, or do not want to know, who sends it.
func (a *API) refuseUnknown(ctx huma.Context, err error) {
	var stolen *access.RefusedError
	var often *access.LockedError
	switch {
	case errors.As(err, &often):
		ctx.SetHeader("Retry-After", strconv.Itoa(access.RetryAfter(often.Wait)))
		a.refuseAudited(ctx, often.Who, http.StatusTooManyRequests, "The token is used too often: it may send a limited number of requests a minute.")
	case errors.As(err, &stolen):
		a.unauthorized(ctx, stolen.Who, "The session has ended: it was used from another browser than the one that signed in. Sign in again.")
	case errors.Is(err, access.ErrNoSession):
		a.unauthorized(ctx, Principal{}, "The session has ended: sign in again.")
	case errors.Is(err, access.ErrNoToken), errors.Is(err, errNobody):
		a.unauthorized(ctx, Principal{}, "A valid token is needed, sent as 'Authorization: Bearer ...', or a session: sign in.")
	default:
		noteFrom(ctx.Context()).cause = err
		ctx.SetHeader("Retry-After", retryAfter)
		a.refuse(ctx, http.StatusServiceUnavailable, "Who you are cannot be looked up right now.")
	}
}

func (a *API) unauthorized(ctx huma.Context, p Principal, detail string) {
	ctx.SetHeader("WWW-Authenticate", `Bearer realm="linewarden"`)
	a.refuseAudited(ctx, p, http.StatusUnauthorized, detail)
}

func join(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// principalOf is who sends the request, of an operation that went through [API.allow].
func principalOf(ctx context.Context) Principal {
	p, _ := access.From(ctx)
	return p
}
