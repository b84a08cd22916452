package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// decideCommand decides about a number, or proposes to where it takes a second person: the intake endpoint knows which, and who asks.
type decideCommand struct {
	Number   string   `arg:"" help:"The number, as people write it, or a range such as +1809555*."`
	Standing string   `required:"" enum:"block,warn,watch,cleared,protected,none" help:"What it gets: block, warn, watch, cleared or protected; none withdraws the decision in force."`
	Role     []string `required:"" enum:"callback,caller_id" help:"callback: people dial it; caller_id: it shows on incoming calls. Once for each."`
	Reason   string   `required:"" help:"For those who later ask why."`
	Class    string   `enum:"analytics,do_not_originate,subscriber_request" default:"analytics" help:"What the SIP answer to a blocked call depends on: analytics, do_not_originate or subscriber_request."`
	Brand    string   `help:"Slug of the impersonated company, such as amazon."`
	Until    string   `placeholder:"DAY" help:"When it ends, such as 2027-01-31; the usual term if missing."`
	Region   string   `placeholder:"CC" help:"Country by whose rules the number is written; the server's if missing."`
	Preview  bool     `help:"Only say what it would touch, and whether it takes a second person."`
	JSON     bool     `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run sends the decision and says what became of it.
func (cmd decideCommand) Run(p *program) error {
	body := intake.DecisionBody{
		RulingBody: intake.RulingBody{Standing: cmd.Standing, Roles: cmd.Role, Class: cmd.Class, Brand: cmd.Brand},
		Reason:     cmd.Reason,
	}
	if cmd.Until != "" {
		until, err := time.Parse(time.DateOnly, cmd.Until)
		if err != nil {
			return usageError{fmt.Errorf("--until %.40q is not a day: write it as 2027-01-31", cmd.Until)}
		}
		body.Until = &until
	}
	query := url.Values{}
	if cmd.Region != "" {
		query.Set("region", cmd.Region)
	}
	if cmd.Preview {
		query.Set("preview", "true")
	}
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var answer intake.DecisionAnswer
	if err := c.do(p.ctx, http.MethodPost, "/v1/numbers/"+segment(cmd.Number)+"/decisions", query, body, &answer); err != nil {
		return fmt.Errorf("not decided: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(answer)
	}
	_, err = fmt.Fprintln(p.out, printable(answerText(&answer, cmd.Preview)))
	return err
}

// answerText says what became of a decision.
func answerText(a *intake.DecisionAnswer, preview bool) string {
	now := fmt.Sprintf("%s: %s to dial, %s as a caller", a.Target, a.Standing.Callback, a.Standing.CallerID)
	switch {
	case preview && a.TakesTwo:
		return now + "; this takes a second person; " + impactText(a.Impact)
	case preview:
		return now + "; one person may do this; " + impactText(a.Impact)
	case a.Proposal == nil:
		return now
	case a.Proposal.Brake:
		return fmt.Sprintf("%s; everybody sees that you softened it, as %s%s", now, a.Proposal.ID, notYet(a.Proposal))
	}
	return fmt.Sprintf("%s until a second person agrees, by %s: linewarden approve %s; %s",
		now, a.Proposal.Expires.Format(time.DateOnly), a.Proposal.ID, impactText(a.Proposal.Impact))
}

// notYet says so of what was approved and is not in force.
func notYet(b *intake.ProposalBody) string {
	switch {
	case b.State != "approved" || b.Applied:
		return ""
	case b.Kind == "access":
		return fmt.Sprintf("; where a one-time password or token comes of it, %s gets it with: linewarden collect %s", b.Proposer, b.ID)
	}
	return "; it is not in force yet, but will be as soon as a node can write to the list"
}

// impactText is what something would have touched.
func impactText(i *intake.ImpactBody) string {
	if i == nil || i.Since == nil {
		return "what it would have touched is not known"
	}
	text := fmt.Sprintf("it would have touched %d calls of %d subscribers since %s", i.Calls, i.Subscribers, i.Since.Format("2006-01-02 15:04 MST"))
	if !i.Complete {
		text += ", and perhaps more"
	}
	return text
}

// segment is a text as a part of a path. An empty one would be another address, and so would one or two dots; a blank reads the same.
func segment(text string) string {
	if strings.Trim(text, ".") == "" {
		text += " "
	}
	return url.PathEscape(text)
}
