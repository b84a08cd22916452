package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// proposal is a change that waits, or waited, for a second person.
type proposal struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Kind      string     `json:"kind"`
	Proposer  string     `json:"proposer"`
	At        time.Time  `json:"at"`
	Expires   time.Time  `json:"expires"`
	Reason    string     `json:"reason"`
	Decisions []decision `json:"decisions"`
	Brand     *struct {
		Before *line `json:"before"`
		After  *line `json:"after"`
	} `json:"brand"`
	Access        *accessChange `json:"access"`
	Impact        *impact       `json:"impact"`
	DecidedBy     string        `json:"decided_by"`
	DecidedAt     time.Time     `json:"decided_at"`
	DecidedReason string        `json:"decided_reason"`
	Applied       bool          `json:"applied"`
	May           struct {
		Approve  bool   `json:"approve"`
		Reject   bool   `json:"reject"`
		Withdraw bool   `json:"withdraw"`
		Collect  bool   `json:"collect"` // a one-time password or token is ready for them
		WhyNot   string `json:"why_not"`
	} `json:"may"`

	Total int  `json:"decisions_total"` // a list of proposals holds only the first decisions of each
	Brake bool `json:"brake"`           // one person softened a block, at once

	Changes []change `json:"-"` // of a line or an access
	Own     bool     `json:"-"` // of the person who looks
}

// First is the decision that stands for all where room is short.
func (p *proposal) First() *decision {
	if len(p.Decisions) == 0 {
		return nil
	}
	return &p.Decisions[0]
}

// change is one field before and after.
type change struct{ Field, Before, After string }

var (
	proposalStates = []string{"pending", "approved", "rejected", "withdrawn", "expired"}
	proposalKinds  = []string{"decision", "bulk", "brand", "access"}
)

// showApprovals lists proposals, those that wait first.
func showApprovals(v *visit) error {
	state := orElse(v.form("state"), "pending")
	q := url.Values{"state": {state}}
	for _, name := range []string{"kind", "cursor"} {
		if text := v.form(name); text != "" {
			q.Set(name, text)
		}
	}
	var found page[proposal]
	if err := v.get("/v1/decisions?"+q.Encode(), &found); err != nil {
		return err
	}
	return v.show(http.StatusOK, "approvals", v.words.text("approvals.title"), map[string]any{
		"States": v.options("state", proposalStates, state), "Kinds": v.options("kind.proposal", proposalKinds, v.form("kind")),
		"State": state, "Kind": v.form("kind"), "Items": found.Items, "Next": v.nextPage(found.Next),
	})
}

// showApproval shows one proposal: what would change, what it would touch, and who may settle it.
func showApproval(v *visit) error { return v.showProposal(http.StatusOK, emptyForm()) }

func (v *visit) showProposal(status int, f *form) error {
	id := v.r.PathValue("id")
	a, err := v.p.ask(v.r, http.MethodGet, "/v1/decisions/"+url.PathEscape(id), nil, nil)
	if err != nil {
		return err
	}
	var p proposal
	if err := a.into(&p); err != nil {
		return err
	}
	p.Changes, p.Own = v.changes(&p), strings.EqualFold(p.Proposer, v.me.Name)
	return v.show(status, "approval", v.words.text("approval.title", v.words.code("kind.proposal", p.Kind)), map[string]any{
		"P": &p, "Form": f, "ETag": a.header.Get("ETag"),
	})
}

// changes says field by field what a proposal about a line or an access would change.
func (v *visit) changes(p *proposal) []change {
	if b := p.Brand; b != nil && b.After != nil {
		before := b.Before
		if before == nil {
			before = &line{}
		}
		return lineChanges(v.words, before, b.After)
	}
	if p.Access == nil {
		return nil
	}
	return p.Access.changes(v.words)
}

// collect shows what comes of an approved proposal, once and to its proposer: a one-time password or a token.
func collect(v *visit) error {
	at := "/approvals/" + url.PathEscape(v.r.PathValue("id"))
	var a secretAnswer
	f, err := v.refusedForm(v.send(http.MethodPost, "/v1/decisions/"+url.PathEscape(v.r.PathValue("id"))+"/collect", nil, &a))
	switch {
	case err != nil:
		return err
	case f.Wrong():
		return v.showProposal(http.StatusConflict, f)
	case a.Setup != "":
		return v.showSecret("setup", a.User.Name, a.Setup, at)
	}
	return v.showSecret("token", a.Token.Name, a.Text, at)
}

// settle approves, rejects or withdraws a proposal.
func settle(v *visit) error {
	verb := v.form("verb")
	switch verb {
	case "approve", "reject", "withdraw":
	default:
		return &problem{Status: http.StatusBadRequest}
	}
	at := "/v1/decisions/" + url.PathEscape(v.r.PathValue("id")) + "/" + verb
	err := v.send(http.MethodPost, at, map[string]string{"reason": v.form("reason")}, nil, "If-Match", v.form("etag"))
	f, err := v.refusedForm(err)
	if err != nil {
		return err
	}
	if f.Wrong() {
		return v.showProposal(http.StatusConflict, f)
	}
	return v.to("/approvals/"+url.PathEscape(v.r.PathValue("id")), verb)
}
