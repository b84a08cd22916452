package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// listUsers shows the people.
type listUsers struct {
	pageFlags
	JSON bool `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run prints a table, by name.
func (cmd listUsers) Run(p *program) error {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var page intake.UserListBody
	if err := c.do(p.ctx, http.MethodGet, "/v1/users", cmd.query(), nil, &page); err != nil {
		return fmt.Errorf("read the people: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(page)
	}
	var rows [][]string
	for i := range page.Items {
		u := &page.Items[i]
		factor := "no"
		if u.TOTP {
			factor = "yes"
		}
		rows = append(rows, []string{u.Name, u.Role, u.RoleSince.Format(time.DateOnly), u.RoleBy, userState(u), factor})
	}
	return p.printTable("NAME\tROLE\tSINCE\tGIVEN BY\tSTATE\tSECOND FACTOR", rows, page.Next)
}

// userState says whether a person can sign in.
func userState(u *intake.UserBody) string {
	switch {
	case u.Disabled:
		return "disabled"
	case u.MustChange:
		return "one-time password"
	case u.Rescue != "":
		return "active, by rescue"
	}
	return "active"
}

// addUser adds a person.
type addUser struct {
	Name     string `arg:"" help:"Of the person: a-z, 0-9 and . _ @ + -."`
	Role     string `required:"" enum:"reporter,reviewer,auditor,administrator" help:"What they may do: reporter, reviewer, auditor or administrator."`
	Language string `placeholder:"LANG" help:"In which they read, such as fr."`
	changeFlags
}

// changeFlags are those of all changes of people.
type changeFlags struct {
	Reason string `help:"For the second person, where one has to approve it."`
	JSON   bool   `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run prints the one-time password, or what it waits for.
func (cmd addUser) Run(p *program) error {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	body := intake.NewUserBody{Name: cmd.Name, Role: cmd.Role, Language: cmd.Language, Reason: cmd.Reason}
	var answer intake.SetupBody
	if err := c.do(p.ctx, http.MethodPost, "/v1/users", nil, body, &answer); err != nil {
		return fmt.Errorf("not added: %w", err)
	}
	return cmd.print(p, &answer)
}

type (
	// giveRole changes what a person may do.
	giveRole struct {
		Name string `arg:"" help:"Of the person."`
		Role string `arg:"" enum:"reporter,reviewer,auditor,administrator" help:"What they may do: reporter, reviewer, auditor or administrator."`
		changeFlags
	}
	// personArguments are what it takes to change a person in one certain way.
	personArguments struct {
		Name string `arg:"" help:"Of the person."`
		changeFlags
	}
	resetUser   struct{ personArguments }
	disableUser struct{ personArguments }
	enableUser  struct{ personArguments }
)

func (cmd giveRole) Run(p *program) error {
	return cmd.change(p, cmd.Name, intake.UserChangeBody{Role: &cmd.Role})
}

func (cmd resetUser) Run(p *program) error {
	return cmd.change(p, cmd.Name, intake.UserChangeBody{Reset: true})
}

func (cmd disableUser) Run(p *program) error {
	return cmd.change(p, cmd.Name, intake.UserChangeBody{Disabled: new(true)})
}

func (cmd enableUser) Run(p *program) error {
	return cmd.change(p, cmd.Name, intake.UserChangeBody{Disabled: new(false)})
}

// change changes a person as they are now: if somebody else changes them in the same moment, one of the two is told so.
func (f changeFlags) change(p *program, name string, change intake.UserChangeBody) error {
	c, err := f.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	path := "/v1/users/" + segment(name)
	seen, err := c.send(p.ctx, http.MethodGet, path, nil, nil, nil, nil)
	if err != nil {
		return fmt.Errorf("not changed: %w", err)
	}
	change.Reason = f.Reason
	var answer intake.SetupBody
	if _, err := c.send(p.ctx, http.MethodPatch, path, nil, http.Header{"If-Match": {seen.Get("ETag")}}, change, &answer); err != nil {
		return fmt.Errorf("not changed: %w", err)
	}
	return f.print(p, &answer)
}

// print says what became of a change.
func (f changeFlags) print(p *program, a *intake.SetupBody) error {
	if f.JSON {
		return json.NewEncoder(p.out).Encode(a)
	}
	text := ""
	switch {
	case a.Proposal != nil:
		text = waitingText(a.Proposal)
	case a.User != nil:
		text = userText(a.User, a.Setup)
	}
	_, err := fmt.Fprintln(p.out, printable(text))
	return err
}

// userText says how a person is now, with their one-time password if one was made.
func userText(u *intake.UserBody, setup string) string {
	text := fmt.Sprintf("%s is %s, %s", u.Name, u.Role, userState(u))
	if setup != "" {
		text += "; the one-time password, good for 7 days and shown only now, is: " + setup
	}
	return text
}
