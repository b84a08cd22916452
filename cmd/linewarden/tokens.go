package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// tokenCommand keeps tokens.
type tokenCommand struct {
	List   listTokens  `cmd:"" help:"Show the tokens that were made at the intake; those of the config are not among them."`
	Create createToken `cmd:"" help:"Make a token, and get its text."`
	Revoke revokeToken `cmd:"" help:"End a token at once."`
}

// ownFlag says whose tokens are meant.
type ownFlag struct {
	Own bool `help:"Your own, with which the command line acts as you; those of machines if not said."`
}

func (f ownFlag) path() string {
	if f.Own {
		return "/v1/me/tokens"
	}
	return "/v1/tokens"
}

// listTokens shows tokens.
type listTokens struct {
	ownFlag
	pageFlags
	JSON bool `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run prints a table, by name.
func (cmd listTokens) Run(p *program) error {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var page intake.TokenListBody
	if err := c.do(p.ctx, http.MethodGet, cmd.path(), cmd.query(), nil, &page); err != nil {
		return fmt.Errorf("read the tokens: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(page)
	}
	var rows [][]string
	for i := range page.Items {
		t := &page.Items[i]
		role, source := t.Role, ""
		if role == "" {
			role = "yours"
		}
		if t.Source != nil {
			source = t.Source.Organisation + " (" + t.Source.Kind + ")"
		}
		rows = append(rows, []string{t.Name, role, source, t.Expires.Format(time.DateOnly), strconv.Itoa(t.RateLimit), t.MadeBy, t.Made.Format(time.DateOnly)})
	}
	return p.printTable("NAME\tROLE\tREPORTS FOR\tUNTIL\tREQUESTS A MINUTE\tMADE BY\tON", rows, page.Next)
}

// createToken makes a token of a machine, or one's own.
type createToken struct {
	Name string `arg:"" help:"Of the token: a-z, 0-9 and . _ -."`
	ownFlag
	Role         string `enum:"reporter,auditor,feed," default:"" help:"What the machine may do: reporter, auditor or feed."`
	Organisation string `help:"For whom the machine reports; reports of one organisation count together."`
	Source       string `enum:"public,feed,partner,staff," default:"" help:"How far that is trusted: staff and partner are, feed and public are not."`
	Days         int    `help:"How long it is good, 730 at most; 90 if missing."`
	RateLimit    int    `placeholder:"N" help:"Requests a minute; 600 if missing."`
	Reason       string `help:"For the second person, where one has to approve it."`
	JSON         bool   `help:"Print the answer as one JSON object."`
	serverFlags
}

// maxTokenDays keeps a number of days within what a time can be; the endpoint knows the real bound.
const maxTokenDays = 10000

// body is what is sent, if the flags fit together.
func (cmd createToken) body() (any, error) {
	own := intake.OwnTokenBody{Name: cmd.Name, RateLimit: cmd.RateLimit}
	switch machine := cmd.Role + cmd.Organisation + cmd.Source; {
	case cmd.Own && machine != "":
		return nil, usageError{errors.New("--own has your role and reports for your organisation: leave --role, --organisation and --source away")}
	case !cmd.Own && (cmd.Role == "" || cmd.Organisation == "" || cmd.Source == ""):
		return nil, usageError{errors.New("a machine's token needs --role, --organisation and --source; --own makes one of your own")}
	case cmd.Days < 0 || cmd.Days > maxTokenDays:
		return nil, usageError{fmt.Errorf("--days %d is not how long a token can be good", cmd.Days)}
	case cmd.Days > 0:
		own.Expires = new(now().AddDate(0, 0, cmd.Days))
	}
	if cmd.Own {
		return own, nil
	}
	return intake.NewTokenBody{
		OwnTokenBody: own, Role: cmd.Role, Source: intake.SourceBody{Kind: cmd.Source, Organisation: cmd.Organisation}, Reason: cmd.Reason,
	}, nil
}

// Run prints the token's text, or what it waits for.
func (cmd createToken) Run(p *program) error {
	body, err := cmd.body()
	if err != nil {
		return err
	}
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var answer intake.MachineTokenBody // an own token's answer has the same token and text
	if err := c.do(p.ctx, http.MethodPost, cmd.path(), nil, body, &answer); err != nil {
		return fmt.Errorf("not made: %w", err)
	}
	if cmd.Own {
		answer.Applied = true // nobody else has to agree
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(answer)
	}
	text := ""
	switch {
	case answer.Proposal != nil:
		text = waitingText(answer.Proposal)
	case answer.Token != nil:
		text = tokenText(answer.Token, answer.Text)
	}
	_, err = fmt.Fprintln(p.out, printable(text))
	return err
}

// tokenText says that a token was made, with its text.
func tokenText(t *intake.TokenBody, text string) string {
	return fmt.Sprintf("%s is made, good until %s; the token, shown only now, is: %s", t.Name, t.Expires.Format(time.DateOnly), text)
}

// revokeToken ends a token.
type revokeToken struct {
	Name string `arg:"" help:"Of the token."`
	ownFlag
	serverFlags
}

// Run says that it is done.
func (cmd revokeToken) Run(p *program) error {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	if err := c.do(p.ctx, http.MethodDelete, cmd.path()+"/"+segment(cmd.Name), nil, nil, nil); err != nil {
		return fmt.Errorf("not revoked: %w", err)
	}
	_, err = fmt.Fprintln(p.out, printable(cmd.Name+" is revoked"))
	return err
}
