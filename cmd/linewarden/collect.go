package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// collectCommand gets the secret that comes of a proposal about people or tokens, which is made in that moment.
type collectCommand struct {
	ID   string `arg:"" help:"Of the proposal, as 'linewarden decisions' prints it."`
	JSON bool   `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run prints the one-time password or the token's text.
func (cmd collectCommand) Run(p *program) error {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var got intake.CollectedBody
	if err := c.do(p.ctx, http.MethodPost, "/v1/decisions/"+segment(cmd.ID)+"/collect", nil, nil, &got); err != nil {
		return fmt.Errorf("not collected: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(got)
	}
	text := subject(&got.Proposal)
	switch {
	case got.User != nil:
		text = userText(got.User, got.Setup)
	case got.Token != nil:
		text = tokenText(got.Token, got.Text)
	}
	_, err = fmt.Fprintln(p.out, printable(text))
	return err
}

// waitingText says of what nobody may do alone to people and tokens who has to agree, and what its proposer does then.
func waitingText(b *intake.ProposalBody) string {
	return fmt.Sprintf("nothing is changed yet: a reviewer or another administrator has to agree to it by %s: linewarden approve %s; "+
		"where a one-time password or token comes of it, you then get it with: linewarden collect %s", b.Expires.Format(time.DateOnly), b.ID, b.ID)
}
