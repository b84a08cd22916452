package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// Role is what someone may do here.
type Role string

// The roles.
const (
	RoleReporter      Role = "reporter"      // reports numbers and looks them up
	RoleReviewer      Role = "reviewer"      // decides on numbers, too
	RoleAuditor       Role = "auditor"       // sees everything and changes nothing
	RoleAdministrator Role = "administrator" // keeps users and tokens
	RoleFeed          Role = "feed"          // a machine that reports
)

// AllRoles lists the roles.
var AllRoles = []Role{RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator, RoleFeed}

// Principal is who sends a request.
type Principal struct {
	Name   string          // of the person or machine, unique
	Source numberdb.Source // for whom they report, and how far that is trusted
	Role   Role
	// Person says that a human being asks, by signing in or with a token of their own. Only people propose, decide and approve: whoever makes
	// tokens for machines could otherwise be two people.
	Person bool
	// RoleSince is when a person got the role, and RoleBy who gave it to them; of a machine both are zero.
	RoleSince time.Time
	RoleBy    string
}

// Token is a machine's or a person's right to use the API.
type Token struct {
	Principal
	// Hash is the SHA-256 of the token's text: the text itself is kept nowhere.
	Hash [sha256.Size]byte
}

// MinTokenLength is the shortest text that can be a token: shorter ones could be guessed from their hash.
const MinTokenLength = 20

// HashToken is the hash under which a token is kept.
func HashToken(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// ParseTokenHash reads a hash that is written as 64 hex digits, as sha256sum prints it.
func ParseTokenHash(s string) (h [sha256.Size]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(h) {
		return h, errors.New("not a SHA-256: write the 64 hex digits that sha256sum prints for the token without a line end")
	}
	copy(h[:], b)
	return h, nil
}

// checkTokens refuses tokens that would not do what their owner thinks.
func checkTokens(tokens []Token) error {
	names, hashes := map[string]bool{}, map[[sha256.Size]byte]bool{}
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
		case !slices.Contains(AllRoles, t.Role):
			return fmt.Errorf("intake token %q: unknown role %q: known are %q", t.Name, t.Role, AllRoles)
		}
		names[t.Name], hashes[t.Hash] = true, true
	}
	return nil
}

// authenticate is the principal of a request, or false. It looks at every token whichever fits, so that the time it takes tells
// nothing about the tokens.
func (a *API) authenticate(authorization string) (Principal, bool) {
	scheme, text, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Principal{}, false
	}
	hash := HashToken(strings.TrimSpace(text))
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

// bearerScheme is the name of our security scheme in the API's description.
const bearerScheme = "bearer"

// allow makes an operation ask for a token that has one of the roles.
func (a *API) allow(op huma.Operation, roles ...Role) huma.Operation {
	op.Security = []map[string][]string{{bearerScheme: {}}}
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		p, ok := a.authenticate(ctx.Header("Authorization"))
		switch {
		case !ok:
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="linewarden"`)
			a.refuseAudited(ctx, p, http.StatusUnauthorized, "A valid bearer token is needed: send it as 'Authorization: Bearer ...'.")
		case !slices.Contains(roles, p.Role):
			a.refuseAudited(ctx, p, http.StatusForbidden, fmt.Sprintf("The token has the role %s; this needs one of %s.", p.Role, join(roles)))
		default:
			noteFrom(ctx.Context()).principal = p.Name
			next(huma.WithValue(ctx, principalKey{}, p))
		}
	})
	return op
}

func join(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

type principalKey struct{}

// principalOf is who sends the request, of an operation that went through [API.allow].
func principalOf(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}
