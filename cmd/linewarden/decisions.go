package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// decisionsCommand shows what waits for a second person, and what became of it.
type decisionsCommand struct {
	ID     string `arg:"" optional:"" help:"Show this proposal, all of it."`
	State  string `enum:"pending,approved,rejected,withdrawn,expired,all" default:"pending" help:"Those that are pending (as they are if not said), approved, rejected, withdrawn or expired, or all."`
	Kind   string `enum:"decision,bulk,brand,access,all" default:"all" help:"Those about a decision, many at once (bulk), a brand or access; all if not said."`
	Limit  int    `default:"50" help:"How many at most, 1 to 200."`
	Cursor string `placeholder:"ID" help:"Go on where the list before ended, as it says."`
	JSON   bool   `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run prints one proposal, or a table of them, the latest first.
func (cmd decisionsCommand) Run(p *program) error {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	if cmd.ID != "" {
		var one intake.ProposalBody
		if err := c.do(p.ctx, http.MethodGet, "/v1/decisions/"+segment(cmd.ID), nil, nil, &one); err != nil {
			return fmt.Errorf("read the proposal: %w", err)
		}
		if cmd.JSON {
			return json.NewEncoder(p.out).Encode(one)
		}
		return printProposal(p, &one)
	}
	query := url.Values{"limit": {strconv.Itoa(cmd.Limit)}}
	for name, value := range map[string]string{"state": cmd.State, "kind": cmd.Kind, "cursor": cmd.Cursor} {
		if value != "" && value != "all" {
			query.Set(name, value)
		}
	}
	var page intake.ProposalPage
	if err := c.do(p.ctx, http.MethodGet, "/v1/decisions", query, nil, &page); err != nil {
		return fmt.Errorf("read the proposals: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(page)
	}
	return printProposals(p, &page)
}

// printProposals prints a table, one line for each proposal.
func printProposals(p *program, page *intake.ProposalPage) error {
	var rows [][]string
	for i := range page.Items {
		b := &page.Items[i]
		state := b.State
		if b.Brake {
			state = "softened"
		}
		rows = append(rows, []string{b.ID, state, subject(b), b.Proposer, b.At.Format(time.DateOnly), b.DecidedBy, b.Reason})
	}
	return p.printTable("ID\tSTATE\tABOUT\tPROPOSED BY\tON\tSETTLED BY\tREASON", rows, page.Next)
}

// printProposal prints all of one proposal.
func printProposal(p *program, b *intake.ProposalBody) error {
	lines := []string{
		fmt.Sprintf("%s %s: %s%s", b.ID, b.State, subject(b), notYet(b)),
		fmt.Sprintf("proposed by %s on %s: %s", b.Proposer, b.At.Format(time.DateOnly), b.Reason),
	}
	switch {
	case b.Brake:
		lines = append(lines, "softened by one person, at once")
	case b.DecidedAt != nil:
		lines = append(lines, fmt.Sprintf("%s by %s on %s: %s", b.State, b.DecidedBy, b.DecidedAt.Format(time.DateOnly), b.DecidedReason))
	default:
		lines = append(lines, "expires on "+b.Expires.Format(time.DateOnly))
	}
	if len(b.Decisions) > 0 {
		lines = append(lines, impactText(b.Impact))
	}
	if len(b.Decisions) > 1 {
		for i := range b.Decisions {
			lines = append(lines, rulingText(&b.Decisions[i]))
		}
	}
	for _, payload := range []json.RawMessage{b.Brand, b.Access} {
		if len(payload) > 0 {
			lines = append(lines, string(payload))
		}
	}
	if b.State == "pending" && b.May.WhyNot != "" {
		lines = append(lines, "you cannot approve it: "+b.May.WhyNot)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(p.out, printable(line)); err != nil {
			return err
		}
	}
	return nil
}

// subject says in a few words what a proposal is about.
func subject(b *intake.ProposalBody) string {
	switch {
	case b.Total == 1 && len(b.Decisions) == 1:
		return rulingText(&b.Decisions[0])
	case b.Total > 0:
		return fmt.Sprintf("%d decisions", b.Total)
	case b.Kind == "access":
		return accessText(b.Access)
	}
	return b.Kind
}

// accessText says in a few words who or what a proposal of the kind access would let in.
func accessText(payload json.RawMessage) string {
	var c struct {
		User, Token, Role string
		Disabled, Reset   bool
		Before            *struct{ Role string }
		Source            *intake.SourceBody
	}
	switch err := json.Unmarshal(payload, &c); {
	case err != nil:
		return "access"
	case c.Token != "" && c.Source != nil:
		return fmt.Sprintf("token %s of %s (%s) as %s", c.Token, c.Source.Organisation, c.Source.Kind, c.Role)
	case c.Before == nil:
		return fmt.Sprintf("add %s as %s", c.User, c.Role)
	case c.Reset:
		return fmt.Sprintf("reset %s, %s", c.User, c.Role)
	case c.Before.Role != c.Role:
		return fmt.Sprintf("make %s, %s, a person with role %s", c.User, c.Before.Role, c.Role)
	}
	return fmt.Sprintf("enable %s, %s", c.User, c.Role)
}

// rulingText is a decision as proposed, in a few words.
func rulingText(d *intake.ProposedBody) string {
	text := fmt.Sprintf("%s %s as %s", d.Target, d.Standing, strings.Join(d.Roles, " and "))
	if d.Brand != "" {
		text += ", " + d.Brand
	}
	if d.Until != nil {
		text += ", until " + d.Until.Format(time.DateOnly)
	}
	return text
}
