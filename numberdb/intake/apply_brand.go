package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// brandPayload is what a proposal of kind brand asks for: one version of a company in place of another.
type brandPayload struct {
	Before  *numberdb.Company `json:"before,omitempty"` // missing for a new one
	After   numberdb.Company  `json:"after"`
	Version uint64            `json:"version"` // of Before; 0 for a new one
}

// applyBrand makes the decisions about a company's lines, and then puts it into the registry. Each is done once for a proposal, however often
// it is called.
func (a *API) applyBrand(ctx context.Context, p numberdb.Proposal) error {
	var change brandPayload
	if err := json.Unmarshal(p.Payload, &change); err != nil {
		return fmt.Errorf("%w: the proposal cannot be read: %w", errMoot, err)
	}
	if a.companies == nil {
		return errors.New("this endpoint keeps no registry of genuine lines")
	}
	current, err := a.companies.Company(ctx, change.After.Slug)
	switch {
	case err == nil && current.Proposal == p.ID:
		return nil
	case err != nil && !errors.Is(err, numberdb.ErrNoCompany):
		return err
	case current.Version != change.Version:
		return fmt.Errorf("%w: %w", errMoot, numberdb.ErrOutdated)
	}
	d := numberdb.Decision{
		Roles: numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID), Brand: change.After.Slug, Reason: p.Reason,
		Author: p.Proposer.Name, Approver: p.SettledBy.Name, At: p.SettledAt, Proposal: p.ID,
	}
	if err := a.protect(ctx, p.SettledBy, d, change.After.Targets()); err != nil {
		return err
	}
	if change.Before != nil {
		if err := a.unprotect(ctx, p.SettledBy, d, change.Before.Targets(), change.After.Targets()); err != nil {
			return err
		}
	}
	err = a.companies.SetCompany(ctx, numberdb.CompanyRecord{
		Company: change.After, UpdatedBy: p.Proposer.Name, UpdatedAt: p.SettledAt, Proposal: p.ID, Version: change.Version,
	})
	if errors.Is(err, numberdb.ErrOutdated) {
		return fmt.Errorf("%w: %w", errMoot, err)
	}
	return err
}

// protect decides that targets are genuine.
func (a *API) protect(ctx context.Context, by numberdb.Actor, d numberdb.Decision, targets []numberdb.Target) error {
	d.Standing = numberdb.StandingProtected
	for _, d.Target = range targets {
		if _, err := a.decisions.Decide(ctx, by, d); err != nil {
			return fmt.Errorf("protect a genuine line: %w", err)
		}
	}
	return nil
}

// unprotect withdraws the protection of targets that are not among those kept. What has been decided about them otherwise since stays.
func (a *API) unprotect(ctx context.Context, by numberdb.Actor, d numberdb.Decision, targets, kept []numberdb.Target) error {
	stays := map[numberdb.Target]bool{}
	for _, t := range kept {
		stays[t] = true
	}
	d.Standing, d.Brand = numberdb.StandingNone, ""
	for _, t := range targets {
		if stays[t] {
			continue
		}
		listing, err := a.decisions.Around(ctx, t)
		if err != nil {
			return err
		}
		d.Target, d.Roles = t, 0
		for role := range numberdb.Role(numberdb.RoleCount) {
			if listing.Roles[role].Override == numberdb.StandingProtected {
				d.Roles |= numberdb.RolesOf(role)
			}
		}
		if d.Roles == 0 {
			continue
		}
		if _, err := a.decisions.Decide(ctx, by, d); err != nil {
			return fmt.Errorf("withdraw the protection of a line: %w", err)
		}
	}
	return nil
}

// ShipCompanies puts the companies that come with the program into the registry, and protects their lines, unless the registry knows them: what
// people have changed or emptied stays so, and so does what they have decided about a number. It returns how many it put there. Several nodes
// may do so at once.
func (a *API) ShipCompanies(ctx context.Context) (count int, err error) {
	known, err := a.companies.Companies(ctx)
	if err != nil {
		return 0, fmt.Errorf("ship the registry of genuine lines: %w", err)
	}
	there := map[numberdb.Brand]bool{}
	for _, r := range known {
		there[r.Slug] = true
	}
	for _, c := range numberdb.ShippedCompanies() {
		if there[c.Slug] {
			continue
		}
		if err := a.ship(ctx, c); err != nil {
			return count, fmt.Errorf("ship the registry of genuine lines: %w", err)
		}
		count++
	}
	return count, nil
}

// ship puts one company into the registry.
func (a *API) ship(ctx context.Context, c numberdb.Company) error {
	now := a.now()
	d := numberdb.Decision{
		Roles: numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID), Brand: c.Slug, At: now,
		Reason: "a genuine line of the registry that comes with Linewarden", Author: ourselves.Name, Approver: "the registry's release",
	}
	var free []numberdb.Target
	for _, t := range c.Targets() {
		listing, err := a.decisions.Around(ctx, t)
		if err != nil {
			return err
		}
		if listing.Roles[numberdb.RoleCallback].Override == numberdb.StandingNone && listing.Roles[numberdb.RoleCallerID].Override == numberdb.StandingNone {
			free = append(free, t)
		}
	}
	if err := a.protect(ctx, ourselves, d, free); err != nil {
		return err
	}
	err := a.companies.SetCompany(ctx, numberdb.CompanyRecord{Company: c, Shipped: true, UpdatedBy: ourselves.Name, UpdatedAt: now.UTC().Truncate(time.Millisecond)})
	if errors.Is(err, numberdb.ErrOutdated) { // another node was faster
		return nil
	}
	return err
}
