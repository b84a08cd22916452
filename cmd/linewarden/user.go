package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// userCommand keeps the people of the intake. All but the first administrator, and one who is rescued, are kept by the intake endpoint.
type userCommand struct {
	First   firstUser   `cmd:"" help:"Make somebody the first administrator, directly in the store, while nobody is one."`
	Rescue  rescueUser  `cmd:"" help:"Make one more administrator, directly in the store, where too few are left to approve one."`
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
	return p.makeAdministrator(func(people *access.Directory) (access.User, string, error) {
		u, setup, err := people.AddFirst(p.ctx, access.Principal{Name: accountName(), Role: roleCommandLine}, cmd.Name)
		var faults numberdb.Faults
		switch {
		case errors.As(err, &faults):
			err = usageError{fmt.Errorf("not a sound name: %w", faults)}
		case err != nil:
			err = fmt.Errorf("make the first administrator: %w", err)
		}
		return u, setup, err
	})
}

// rescueUser makes the person without whom nothing that takes two could be done any more.
type rescueUser struct {
	Name   string   `arg:"" help:"Of the person, one that nobody has: a-z, 0-9 and . _ @ + -."`
	Reason string   `required:"" help:"Why nobody else can do it; everybody on the staff can read it."`
	Lost   []string `placeholder:"NAME" help:"Administrator who cannot sign in any more, to be disabled first; may be repeated."`
}

// Run prints the one-time password.
func (cmd rescueUser) Run(p *program) error {
	return p.makeAdministrator(func(people *access.Directory) (access.User, string, error) {
		u, setup, err := people.Rescue(p.ctx, access.Principal{Name: operatorName(), Role: roleCommandLine},
			access.Rescue{Name: cmd.Name, Reason: cmd.Reason, Lost: cmd.Lost})
		var faults numberdb.Faults
		switch {
		case errors.As(err, &faults):
			err = usageError{fmt.Errorf("nobody was rescued: %w", faults)}
		case errors.Is(err, access.ErrEnoughAdministrators):
			err = fmt.Errorf("nobody was rescued: %w with --lost", err)
		case err != nil:
			err = fmt.Errorf("nobody was rescued: %w", err)
		}
		return u, setup, err
	})
}

// makeAdministrator makes one directly in the store, and prints the one-time password.
func (p *program) makeAdministrator(do func(*access.Directory) (access.User, string, error)) error {
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
		u, setup, err := do(people)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "%s is an administrator; the one-time password, good until %s, is: %s\n",
			u.Name, u.SetupUntil.Format("2006-01-02 15:04 MST"), setup)
		return err
	})
}

// operatorName is who runs this command and where, for the audit chain: the account and the machine, and who sudo says has called it.
func operatorName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	who := accountName() + " on " + host
	if caller, ok := access.FoldName(os.Getenv("SUDO_USER")); ok {
		who += " by sudo of " + caller
	}
	return who
}

// accountName is whose account runs this command, for the audit chain.
func accountName() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return cmp.Or(u.Username, u.Uid, "unknown")
}
