package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// approveCommand agrees to what another person proposed.
type approveCommand struct {
	settleArguments
	Reason string `help:"For those who later ask why."`
}

// rejectCommand refuses what another person proposed.
type rejectCommand struct {
	settleArguments
	Reason string `required:"" help:"For whoever proposed it."`
}

// withdrawCommand takes back what one has proposed oneself.
type withdrawCommand struct {
	settleArguments
	Reason string `help:"For those who later ask why."`
}

func (cmd approveCommand) Run(p *program) error  { return cmd.settle(p, "approve", cmd.Reason) }
func (cmd rejectCommand) Run(p *program) error   { return cmd.settle(p, "reject", cmd.Reason) }
func (cmd withdrawCommand) Run(p *program) error { return cmd.settle(p, "withdraw", cmd.Reason) }

// settleArguments are what it takes to settle a proposal. Who does it, the token says.
type settleArguments struct {
	ID   string `arg:"" help:"Of the proposal, as 'linewarden decisions' prints it."`
	JSON bool   `help:"Print the proposal as one JSON object."`
	serverFlags
}

// settle sends the word and says what became of the proposal.
func (a settleArguments) settle(p *program, verb, reason string) error {
	c, err := a.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	body := map[string]string{"reason": reason}
	var settled intake.ProposalBody
	if err := c.do(p.ctx, http.MethodPost, "/v1/decisions/"+segment(a.ID)+"/"+verb, nil, body, &settled); err != nil {
		return fmt.Errorf("cannot %s it: %w", verb, err)
	}
	if a.JSON {
		return json.NewEncoder(p.out).Encode(settled)
	}
	_, err = fmt.Fprintln(p.out, printable(fmt.Sprintf("%s %s: %s%s", settled.ID, settled.State, subject(&settled), notYet(&settled))))
	return err
}
