package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// accessPayload is what a proposal of kind access asks for: a person as they shall be, or a token, never both.
type accessPayload struct {
	User  string `json:"user,omitempty"`  // the person's name
	Token string `json:"token,omitempty"` // the token's name
	Role  Role   `json:"role"`

	// Of a person. Before is missing for a new one.
	Disabled bool         `json:"disabled,omitempty"`
	Reset    bool         `json:"reset,omitempty"`
	Language string       `json:"language,omitempty"`
	Before   *personState `json:"before,omitempty"`

	// Of a token.
	Source    *SourceBody `json:"source,omitempty"`
	Expires   *time.Time  `json:"expires,omitempty"`
	RateLimit int         `json:"rate_limit,omitempty"`
}

// personState is what a second person has to know of somebody who is to be let in: who made them, and who has known their password. It is what
// must not have changed when they are.
type personState struct {
	Role      Role      `json:"role"`
	RoleSince time.Time `json:"role_since"`
	RoleBy    string    `json:"role_by"`
	Disabled  bool      `json:"disabled"`
	ResetAt   time.Time `json:"reset_at,omitzero"`
	ResetBy   string    `json:"reset_by,omitempty"`
	AddedBy   string    `json:"added_by"`
}

func personStateOf(u *access.User) *personState {
	return &personState{u.Role, u.RoleSince, u.RoleBy, u.Disabled, u.ResetAt, u.ResetBy, u.AddedBy}
}

// is says whether a person still is as they were when the change was proposed.
func (s *personState) is(u *access.User) bool {
	return s != nil && s.Role == u.Role && s.RoleSince.Equal(u.RoleSince) && s.Disabled == u.Disabled && s.ResetAt.Equal(u.ResetAt)
}

// hasSecret says whether something comes of it that only its proposer may see: a one-time password or the text of a token.
func (c *accessPayload) hasSecret() bool {
	return c.Token != "" || c.Before == nil || c.Reset
}

func readAccess(p *numberdb.Proposal) (c accessPayload, err error) {
	err = json.Unmarshal(p.Payload, &c)
	if err == nil && ((c.User == "") == (c.Token == "") || c.Token != "" && c.Source == nil) {
		err = errors.New("it is about neither or both of a person and a token")
	}
	return c, err
}

// subjectOf is the person that a proposal is about; empty for one about nobody.
func subjectOf(p *numberdb.Proposal) string {
	if p.Kind != numberdb.ProposalAccess {
		return ""
	}
	c, err := readAccess(p)
	if err != nil {
		return ""
	}
	return c.User
}

// noReason stands where a person who changes what takes two has given no reason.
const noReason = "no reason was given"

// proposeAccess stores what the asker wants done to a person or token and may not do alone, and gives it as they see it.
func (a *API) proposeAccess(ctx context.Context, c *accessPayload, reason string) (*ProposalBody, error) {
	if a.decisions == nil {
		return nil, problem(http.StatusServiceUnavailable, "This takes a second person, and this endpoint keeps no proposals.")
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		reason = noReason
	}
	p, err := a.propose(ctx, numberdb.Proposal{Kind: numberdb.ProposalAccess, Payload: payload, Reason: reason})
	if err != nil {
		return nil, a.undecided(ctx, err)
	}
	return a.shown(&p, principalOf(ctx)), nil
}
