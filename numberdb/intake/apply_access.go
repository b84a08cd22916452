package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// errUncollected says that what was approved is done when its proposer asks for it, since a secret comes of it.
var errUncollected = errors.New("it waits for its proposer to collect it")

// applyAccess changes a person, where no secret comes of it.
func (a *API) applyAccess(ctx context.Context, p numberdb.Proposal) error {
	c, err := readAccess(&p)
	switch {
	case err != nil:
		return fmt.Errorf("%w: the proposal cannot be read: %w", errMoot, err)
	case !c.hasSecret():
		_, _, err := a.applyPerson(ctx, &p, &c)
		return err
	case !a.now().Before(collectUntil(&p)):
		return fmt.Errorf("%w: its proposer did not collect it in time", errMoot)
	}
	return errUncollected
}

// applyPerson adds or changes a person as two people want it. It does so once: repeated, it changes nothing, or makes another one-time
// password as long as nobody has used the first.
func (a *API) applyPerson(ctx context.Context, p *numberdb.Proposal, c *accessPayload) (access.User, string, error) {
	by, approval := proposerOf(p), approvalOf(p)
	u, err := a.access.User(ctx, c.User)
	isNew := errors.Is(err, access.ErrNotFound)
	done := err == nil && u.Proposal == p.ID // and not noted
	switch {
	case isNew && c.Before == nil:
		u, setup, err := a.access.AddUser(ctx, by, access.NewUser{Name: c.User, Role: c.Role, Language: c.Language, Approval: approval})
		return u, setup, mootAccess(err)
	case isNew:
		return u, "", fmt.Errorf("%w: %w", errMoot, err)
	case err != nil:
		return u, "", err
	case done && c.Before != nil && !c.Reset: // whatever has become of them since
		return u, "", nil
	case done && u.MustChange() && u.Role == c.Role && u.Disabled == c.Disabled:
		c.Reset = true
	case c.Before == nil && !done:
		return u, "", fmt.Errorf("%w: %w", errMoot, access.ErrTaken)
	case done, !c.Before.is(&u):
		return u, "", fmt.Errorf("%w: %w", errMoot, access.ErrChanged)
	}
	u, setup, err := a.access.ChangeUser(ctx, by, c.User, u.Version,
		access.Change{Role: &c.Role, Disabled: &c.Disabled, Reset: c.Reset, Approval: approval})
	return u, setup, mootAccess(err)
}

// applyToken makes a token as two people want it, in place of one whose making was not noted.
func (a *API) applyToken(ctx context.Context, p *numberdb.Proposal, c *accessPayload) (access.StoredToken, string, error) {
	n, err := a.machineToken(&NewTokenBody{
		OwnTokenBody: OwnTokenBody{Name: c.Token, Expires: c.Expires, RateLimit: c.RateLimit}, Role: string(c.Role), Source: *c.Source,
	})
	if err != nil {
		return access.StoredToken{}, "", fmt.Errorf("%w: %w", errMoot, err)
	}
	n.Approval = approvalOf(p)
	tokens, err := a.access.Tokens(ctx)
	if err != nil {
		return access.StoredToken{}, "", err
	}
	for i := range tokens {
		if tokens[i].Proposal == p.ID {
			if err := a.access.RevokeToken(ctx, proposerOf(p), tokens[i].Name); err != nil {
				return access.StoredToken{}, "", err
			}
		}
	}
	t, text, err := a.access.MakeToken(ctx, proposerOf(p), n)
	return t, text, mootAccess(err)
}

// mootAccess tells what can never be done from what cannot be done now.
func mootAccess(err error) error {
	var faults numberdb.Faults
	if errors.Is(err, access.ErrTaken) || errors.Is(err, access.ErrNotFound) || errors.Is(err, access.ErrSelf) ||
		errors.Is(err, access.ErrSecondPerson) || errors.As(err, &faults) {
		return fmt.Errorf("%w: %w", errMoot, err)
	}
	return err
}

// proposerOf is a proposal's proposer as somebody who acts.
func proposerOf(p *numberdb.Proposal) Principal {
	return Principal{Name: p.Proposer.Name, Role: Role(p.Proposer.Role), Person: true}
}

// approvalOf is the word of whoever approved a proposal.
func approvalOf(p *numberdb.Proposal) access.Approval {
	return access.Approval{Proposal: p.ID, By: p.SettledBy.Name}
}
