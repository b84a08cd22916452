package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/numberdb"
)

// DecisionStore is what four eyes needs of a store.
type DecisionStore interface {
	Rulings
	Proposals
}

// ImpactFunc says what decisions about targets, all in the same roles, would have done to the calls of the last days.
type ImpactFunc func(ctx context.Context, targets []numberdb.Target, roles numberdb.Roles, days int) (numberdb.Impact, error)

// applier does what a proposal asks for, whose approval is stored. It is called until it returns nil, by more than one node at the same time if
// one was slow, and so must do everything once, however often it is called for a proposal. An error that wraps [errMoot] says that it can
// never be done.
type applier func(context.Context, numberdb.Proposal) error

// errMoot says that what was to be done has no object any more.
var errMoot = errors.New("what it was about has changed meanwhile")

// registerAppliers says who does what was approved, for each kind of proposal.
func (a *API) registerAppliers() {
	a.appliers = map[numberdb.ProposalKind]applier{
		numberdb.ProposalDecision: a.applyDecisions,
		numberdb.ProposalBulk:     a.applyDecisions,
		numberdb.ProposalBrand:    a.applyBrand,
		numberdb.ProposalAccess:   a.applyAccess,
	}
}

// complete says who proposes, and until when it waits.
func complete(p *numberdb.Proposal, who Principal, now time.Time) {
	p.Proposer, p.At, p.Expires = actorOf(who), now, now.Add(numberdb.ProposalLifetime)
	if p.Brake {
		p.State, p.SettledBy, p.SettledAt, p.SettledReason = numberdb.ProposalApproved, p.Proposer, now, p.Reason
	}
}

// propose stores what the asker wants done and may not do alone. It is in the audit chain.
func (a *API) propose(ctx context.Context, p numberdb.Proposal) (numberdb.Proposal, error) {
	complete(&p, principalOf(ctx), a.now())
	if len(p.Decisions) > 0 {
		p.Impact = a.impactOf(ctx, p.Decisions)
	}
	return a.decisions.Propose(ctx, p)
}

// apply does what was approved, and gives the proposal as it is then. If it cannot be done now, [API.FinishProposals] will.
// Whoever asked may be gone: that ends nothing.
func (a *API) apply(ctx context.Context, p numberdb.Proposal) numberdb.Proposal {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	done, err := a.finish(ctx, p)
	if err != nil {
		a.log.WarnContext(ctx, "what was approved is not applied yet; trying again", "proposal", p.ID, "kind", p.Kind.String(), "error", err)
	}
	return done
}

// finish applies one proposal and notes that it has.
func (a *API) finish(ctx context.Context, p numberdb.Proposal) (numberdb.Proposal, error) {
	do := a.appliers[p.Kind]
	if do == nil {
		return p, fmt.Errorf("this version of Linewarden cannot apply a proposal of kind %v", p.Kind)
	}
	err := do(ctx, p)
	if errors.Is(err, errUncollected) {
		return p, nil
	}
	if errors.Is(err, errMoot) {
		return a.decisions.Settle(ctx, p, numberdb.Settlement{State: numberdb.ProposalRejected, By: ourselves, Reason: err.Error()})
	}
	if err != nil {
		return p, err
	}
	applied, err := a.decisions.Applied(ctx, p)
	if errors.Is(err, numberdb.ErrSettled) { // another node has applied it, too
		applied, err = a.decisions.Proposal(ctx, p.ID)
	}
	if err != nil {
		return p, err
	}
	return applied, nil
}

// ourselves is who acts where nobody does.
var ourselves = numberdb.Actor{Name: "linewarden", Role: "program"}

// applyGrace is for how long a proposal is left to whoever approved it.
const applyGrace = 2 * storeTimeout

// decidersAtOnce is how many decisions of a proposal are made at a time: the audit chain takes them in together.
const decidersAtOnce = 16

// applyDecisions makes the decisions of a proposal.
func (a *API) applyDecisions(ctx context.Context, p numberdb.Proposal) error {
	var group errgroup.Group
	group.SetLimit(decidersAtOnce)
	for _, d := range p.Rulings() {
		group.Go(func() error {
			_, err := a.decisions.Decide(ctx, p.SettledBy, d)
			if p.Brake && errors.Is(err, numberdb.ErrNeedsApprover) { // two people have cleared or protected it meanwhile
				return fmt.Errorf("%w: %w", errMoot, err)
			}
			return err
		})
	}
	return group.Wait()
}

// FinishProposals applies what was approved and whose application was interrupted, such as by a crash, and lets expire what nobody has settled
// in time. Call it often: once every few seconds. Several nodes may do so at once. It returns how many proposals it changed.
func (a *API) FinishProposals(ctx context.Context) (changed int, err error) {
	if a.decisions == nil {
		return 0, nil
	}
	pending := numberdb.ProposalPending
	var failed error
	for _, q := range []numberdb.ProposalQuery{{Unapplied: true}, {State: &pending}} {
		for q.Limit = 100; ; {
			found, next, err := a.decisions.Proposals(ctx, q)
			if err != nil {
				return changed, fmt.Errorf("look for proposals to finish: %w", err)
			}
			for _, p := range found {
				did, err := a.finishOne(ctx, p)
				if did {
					changed++
				}
				failed = errors.Join(failed, err)
			}
			if q.After = next; next == "" {
				break
			}
		}
	}
	return changed, failed
}

// finishOne does what is due for a proposal.
func (a *API) finishOne(ctx context.Context, p numberdb.Proposal) (did bool, err error) {
	switch {
	case p.State == numberdb.ProposalApproved && !p.Applied:
		if a.now().Sub(p.SettledAt) < applyGrace {
			return false, nil
		}
		var done numberdb.Proposal
		if done, err = a.finish(ctx, p); err == nil {
			return done.Version != p.Version, nil
		}
	case p.State == numberdb.ProposalPending && !p.Pending(a.now()):
		_, err = a.decisions.Settle(ctx, p, numberdb.Settlement{State: numberdb.ProposalExpired, By: ourselves, Reason: "nobody settled it in time"})
		if errors.Is(err, numberdb.ErrSettled) {
			return false, nil
		}
	default:
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("finish proposal %s: %w", p.ID, err)
	}
	return true, nil
}
