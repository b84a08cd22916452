package access

import (
	"context"
	"slices"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Role is what someone may do at the intake. Each route names the roles that may use it.
type Role string

// The roles.
const (
	RoleReporter      Role = "reporter"      // reports numbers and looks them up
	RoleReviewer      Role = "reviewer"      // decides on numbers, too
	RoleAuditor       Role = "auditor"       // sees everything and changes nothing
	RoleAdministrator Role = "administrator" // keeps users and tokens
	RoleFeed          Role = "feed"          // a machine that reports
)

// AllRoles lists the roles; PeopleRoles are those that a person can have, MachineRoles those of a token for a machine: whoever makes such
// tokens must not be able to make themselves a second person who decides.
var (
	AllRoles     = []Role{RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator, RoleFeed}
	PeopleRoles  = []Role{RoleReporter, RoleReviewer, RoleAuditor, RoleAdministrator}
	MachineRoles = []Role{RoleReporter, RoleAuditor, RoleFeed}
)

// ForPeople says whether a person can have the role.
func (r Role) ForPeople() bool { return slices.Contains(PeopleRoles, r) }

// ForMachines says whether a machine can have the role.
func (r Role) ForMachines() bool { return slices.Contains(MachineRoles, r) }

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
	// ResetAt is when a person's password or second factor was last reset by somebody else, and ResetBy who did it: they knew, for a
	// while, how to sign in as that person. Both are zero if nobody did.
	ResetAt time.Time
	ResetBy string
	// MustChange says that a person has signed in with a password that somebody else has made, and has to choose one before all else.
	MustChange bool
}

type principalKey struct{}

// With is a context in which p acts: the audit chain takes the role from it.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From is who acts in a context, and whether anybody does.
func From(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}
