package access

import (
	"regexp"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// User is a person who can sign in.
type User struct {
	// Name is in lower case: see [FoldName].
	Name string `json:"name"`
	// Role is what they may do, since RoleSince, and RoleBy gave it to them.
	Role      Role      `json:"role"`
	RoleSince time.Time `json:"role_since"`
	RoleBy    string    `json:"role_by"`
	Disabled  bool      `json:"disabled,omitempty"`
	// Language is in which the person reads (BCP 47); empty where they have not said.
	Language string `json:"language,omitempty"`

	// Password is the hash of the password in PHC form; empty for a person who cannot sign in with one.
	Password string `json:"password,omitempty"`
	// SetupUntil is set while the password is one that somebody else has made: it must be changed, and is good until then.
	SetupUntil time.Time `json:"setup_until,omitzero"`
	// Factor is the secret of the second factor, sealed with the [FactorKey]; empty for a person who has none.
	Factor string `json:"factor,omitempty"`
	// Account is the only one of the sign-in provider by which the person comes, hashed; empty for a person who has not come from there yet.
	Account string `json:"account,omitempty"`
	// ResetAt and ResetBy say who last reset password and second factor, and when.
	ResetAt time.Time `json:"reset_at,omitzero"`
	ResetBy string    `json:"reset_by,omitempty"`

	// Rescue is the reason for which the person was made an administrator past the second person ([Directory.Rescue]), at Added by AddedBy;
	// empty for all others.
	Rescue string `json:"rescue,omitempty"`

	// Proposal is the last one about the person that was done ([Approval]); empty if none was.
	Proposal string `json:"proposal,omitempty"`

	// Epoch counts what ends all sessions and own tokens: they carry the one in which they were made.
	Epoch int64 `json:"epoch"`
	// Version counts all changes, from 1.
	Version int64     `json:"version"`
	Added   time.Time `json:"added"`
	AddedBy string    `json:"added_by"`
	Audit   uint64    `json:"audit"` // entry in the audit chain of the last change
}

// MustChange says that the password is one that somebody else has made.
func (u *User) MustChange() bool { return !u.SetupUntil.IsZero() }

// HasFactor says that the person signs in with a code, too.
func (u *User) HasFactor() bool { return u.Factor != "" }

// IsAdministrator says whether the person can act as administrator now.
func (u *User) IsAdministrator() bool { return u.Role == RoleAdministrator && !u.Disabled }

// principal is as whom the person acts.
func (u *User) principal(organisation string) Principal {
	return Principal{
		Name: u.Name, Role: u.Role, Person: true, RoleSince: u.RoleSince, RoleBy: u.RoleBy, ResetAt: u.ResetAt, ResetBy: u.ResetBy,
		Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: organisation}, MustChange: u.MustChange(),
	}
}

// userName is how people are called: e-mail addresses fit. A slash would make it the name of a token.
var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// tokenName is how machines and own tokens are called.
var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// languageTag is the outer form of a language (RFC 5646 section 2.1).
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// FoldName is a person's name as it is kept, in lower case and without blanks around it, and whether a person can be called so: 1 to 64 of
// a-z, 0-9 and . _ @ + -, the first a letter or digit. Two people must not look alike, so there is nothing else.
func FoldName(s string) (string, bool) {
	if len(s) > 200 {
		return "", false
	}
	s = strings.ToLower(strings.TrimSpace(s))
	return s, userName.MatchString(s)
}
