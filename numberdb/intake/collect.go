package intake

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// A secret that comes of a proposal, a one-time password or the text of a token, is made when its proposer collects it: so it lies nowhere
// while it waits, and nobody else sees it, the second person neither. Until then nothing has changed. Once it is collected, nobody gets it again.

// CollectedBody is what was made, with its secret: it is shown only here.
type CollectedBody struct {
	Proposal ProposalBody `json:"proposal"`
	User     *UserBody    `json:"user,omitempty"`
	Setup    string       `json:"setup,omitempty" doc:"One-time password, good for 7 days, to be told to the person. It is kept nowhere."`
	Token    *TokenBody   `json:"token,omitempty"`
	Text     string       `json:"text,omitempty" doc:"Of the token, to be sent as 'Authorization: Bearer ...'. It is kept nowhere."`
}

type collectedOutput struct{ Body CollectedBody }

func (a *API) registerCollect(api huma.API) {
	huma.Register(api, a.keepsProposals(a.allowPeople(huma.Operation{
		OperationID: "collect-decision", Method: http.MethodPost, Path: "/v1/decisions/{id}/collect", DefaultStatus: http.StatusOK,
		Summary: "Collect the one-time password or token that a second person has agreed to",
		Description: "Only its proposer can, once, within 14 days of the approval. The person is added or reset, or the token made, in that moment. " +
			"If the answer is lost, propose a reset, or revoke the token.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, RoleAdministrator)), a.collect)
}

// collectUntil is until when what was approved can be collected.
func collectUntil(p *numberdb.Proposal) time.Time { return p.SettledAt.Add(numberdb.ProposalLifetime) }

// objectionToCollecting says what speaks against a person's collecting what comes of a proposal.
func objectionToCollecting(p *numberdb.Proposal, who Principal, now time.Time) objection {
	c, err := readAccess(p)
	switch {
	case p.Kind != numberdb.ProposalAccess || err != nil || !c.hasSecret():
		return objection{http.StatusConflict, "Nothing comes of it that could be collected."}
	case !who.Person || who.Role != RoleAdministrator || !numberdb.SamePerson(who.Name, p.Proposer.Name):
		return objection{http.StatusForbidden, "Only its proposer can collect it, as administrator."}
	case p.State == numberdb.ProposalPending:
		return objection{http.StatusConflict, "A second, different person has to approve it first."}
	case p.State != numberdb.ProposalApproved:
		return objection{http.StatusConflict, "It was not approved."}
	case p.Applied:
		return objection{http.StatusConflict, "It has been collected. If its secret is lost, propose a reset, or revoke the token."}
	case !now.Before(collectUntil(p)):
		return objection{http.StatusConflict, "It was approved too long ago: propose it anew."}
	}
	return objection{}
}

// collect does what was approved, and shows the secret that comes of it.
func (a *API) collect(ctx context.Context, in *proposalInput) (*collectedOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	turn := "collect " + in.ID
	there, err := a.answers.Reserve(ctx, turn, []byte("1"), onceHold)
	switch {
	case err != nil:
		return nil, away(ctx, "It cannot be collected right now; nothing was changed.", err)
	case there != nil: // two secrets would be made, and the first one shown be void
		return nil, problem(http.StatusConflict, "It is being collected in this moment: look at it again.")
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		if err := a.answers.Release(bounded, turn); err != nil { // it ends by itself
			noteFrom(ctx).cause = err
		}
	}()
	p, err := a.proposal(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if o := objectionToCollecting(&p, principalOf(ctx), a.now()); o.why != "" {
		return nil, a.refuseAttempt(ctx, &p, "collected", problem(o.status, o.why))
	}
	out, err := a.madeOf(ctx, &p)
	if errors.Is(err, errMoot) {
		if _, err := a.decisions.Settle(ctx, p, numberdb.Settlement{State: numberdb.ProposalRejected, By: ourselves, Reason: err.Error()}); err != nil {
			noteFrom(ctx).cause = err // it is tried again, and moot again
		}
		return nil, problem(http.StatusConflict, "What it was about has changed since it was proposed: look at it, and propose it anew.")
	}
	if errors.Is(err, access.ErrChanged) {
		return nil, problem(http.StatusConflict, sentence(access.ErrChanged))
	}
	if err == nil {
		p, err = a.decisions.Applied(ctx, p)
	}
	if err != nil { // what was made is made anew, and its secret shown by nobody
		return nil, away(ctx, "It cannot be collected right now. Try again.", err)
	}
	out.Body.Proposal = *a.shown(&p, principalOf(ctx))
	return out, nil
}

// madeOf is what comes of an approved proposal.
func (a *API) madeOf(ctx context.Context, p *numberdb.Proposal) (*collectedOutput, error) {
	c, err := readAccess(p)
	if err != nil {
		return nil, err
	}
	out := &collectedOutput{}
	if c.Token != "" {
		t, text, err := a.applyToken(ctx, p, &c)
		if err != nil {
			return nil, err
		}
		body := tokenBody(&t)
		out.Body.Token, out.Body.Text = &body, text
		return out, nil
	}
	u, setup, err := a.applyPerson(ctx, p, &c)
	if err != nil {
		return nil, err
	}
	body := userBody(&u)
	out.Body.User, out.Body.Setup = &body, setup
	return out, nil
}
