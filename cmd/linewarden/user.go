package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// userCommand keeps the people of the intake. All but the first administrator are kept by the intake endpoint.
type userCommand struct {
	First   firstUser   `cmd:"" help:"Make somebody the first administrator, directly in the store, while nobody is one."`
	List    listUsers   `cmd:"" help:"Show who can sign in."`
	Add     addUser     `cmd:"" help:"Add a person, and get their one-time password."`
	Role    giveRole    `cmd:"" help:"Give a person another role."`
	Reset   resetUser   `cmd:"" help:"Get a new one-time password for a person; their second factor is taken away."`
	Disable disableUser `cmd:"" help:"Let a person sign in no more; ends all their sessions and tokens."`
	Enable  enableUser  `cmd:"" help:"Let a disabled person sign in again."`
}

// firstUser makes the person who adds all others. It needs the store's password, as there is nobody yet who could be asked.
type firstUser struct {
	Name string `arg:"" help:"Of the person: a-z, 0-9 and . _ @ + -."`
}

// Run prints the one-time password.
func (cmd firstUser) Run(p *program) error {
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	names := make([]string, len(l.Intake.Tokens))
	for i, t := range l.Intake.Tokens {
		names[i] = t.Name
	}
	return p.withStore(l, func(store *redisstore.Store) error {
		people, err := l.newDirectory(store, names)
		if err != nil {
			return err
		}
		u, setup, err := people.AddFirst(p.ctx, access.Principal{Name: accountName(), Role: roleCommandLine}, cmd.Name)
		var faults numberdb.Faults
		switch {
		case errors.As(err, &faults):
			return usageError{fmt.Errorf("not a sound name: %w", faults)}
		case err != nil:
			return fmt.Errorf("make the first administrator: %w", err)
		}
		_, err = fmt.Fprintf(p.out, "%s is an administrator; the one-time password, good until %s, is: %s\n",
			u.Name, u.SetupUntil.Format("2006-01-02 15:04 MST"), setup)
		return err
	})
}

// accountName is whose account runs this command, for the audit chain.
func accountName() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return cmp.Or(u.Username, u.Uid, "unknown")
}
