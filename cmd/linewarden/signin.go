package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// signinCommand makes a token with which the commands that ask the intake endpoint act as a person.
type signinCommand struct {
	Name   string `arg:"" optional:"" help:"Who signs in; asked for if missing."`
	Server string `env:"LINEWARDEN_SERVER" placeholder:"URL" help:"Intake endpoint, such as https://linewarden.example; if missing, that of the last sign-in, or http://127.0.0.1:8080."`
}

// Run asks for name and password, for a code where a second factor is set up, and for a new password in place of a one-time one. It keeps
// neither: the session ends, and what is kept is a token, which a change of the password ends.
func (cmd signinCommand) Run(p *program) error {
	last, _ := readSignin() // one that cannot be read is replaced
	server := cmp.Or(cmd.Server, standardServer)
	if cmd.Server == "" && last != nil {
		server = last.Server
	}
	c, err := newClient(strings.TrimSuffix(server, "/"), secret{})
	if err != nil {
		return err
	}
	if c.base.Scheme == "http" && !isLoopback(c.base.Hostname()) {
		return usageError{fmt.Errorf("--server %.100q: everybody on the way could read the password: write https://, as in front of the staff pages", server)}
	}
	if _, err := signinFile(); err != nil {
		return err
	}
	c.session = map[string]*http.Cookie{}
	me, err := c.enter(p, cmd.Name)
	if err != nil {
		return fmt.Errorf("not signed in: %w", err)
	}
	kept, err := c.keepToken(p.ctx, me.Name)
	if left := c.do(p.ctx, http.MethodDelete, "/v1/session", nil, nil, nil); left != nil {
		fmt.Fprintln(p.err, "linewarden: the session that was begun for this ends by itself, later: "+printable(left.Error()))
	}
	if err != nil {
		return fmt.Errorf("not signed in: %w", err)
	}
	if last != nil {
		if err := last.revoke(p.ctx); err != nil {
			fmt.Fprintln(p.err, "linewarden: "+printable(err.Error()))
		}
	}
	_, err = fmt.Fprintln(p.out, printable(fmt.Sprintf("signed in at %s as %s, %s, until %s", kept.Server, me.Name, me.Role, kept.Expires.Format(time.DateOnly))))
	return err
}

// isLoopback says whether a host is this machine, so that nobody is on the way.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// enter begins a session with a password of the person's own.
func (c *client) enter(p *program, name string) (me intake.MeBody, err error) {
	person := p.asker()
	if name == "" {
		if name, err = person.ask("name"); err != nil {
			return me, err
		}
	}
	in := intake.SignInBody{User: name}
	if in.Password, err = person.askSecret("password"); err != nil {
		return me, err
	}
	err = c.do(p.ctx, http.MethodPost, "/v1/session", nil, in, &me)
	var refused *refusedError
	if errors.As(err, &refused) && refused.codeNeeded {
		if in.Code, err = person.askSecret("code of your second factor"); err != nil {
			return me, err
		}
		in.Code = strings.TrimSpace(in.Code)
		err = c.do(p.ctx, http.MethodPost, "/v1/session", nil, in, &me)
	}
	if err != nil || !me.MustChange {
		return me, err
	}
	change := intake.PasswordBody{Old: in.Password}
	if change.New, err = person.askSecret("new password, 12 characters or more"); err != nil {
		return me, err
	}
	if person.terminal {
		again, err := person.askSecret("new password again")
		if err != nil {
			return me, err
		}
		if again != change.New {
			return me, errors.New("the new passwords differ; the one-time password holds still")
		}
	}
	return me, c.do(p.ctx, http.MethodPost, "/v1/me/password", nil, change, &me)
}

// keepToken makes a token for this account on this machine, and keeps it.
func (c *client) keepToken(ctx context.Context, user string) (*keptSignin, error) {
	var made intake.MadeTokenBody
	if err := c.do(ctx, http.MethodPost, "/v1/me/tokens", nil, intake.OwnTokenBody{Name: newTokenName()}, &made); err != nil {
		return nil, err
	}
	kept := &keptSignin{Server: c.base.String(), User: user, TokenName: made.Token.Name, Expires: made.Token.Expires, Token: made.Text}
	if err := kept.write(); err != nil {
		return nil, errors.Join(err, kept.revoke(ctx))
	}
	return kept, nil
}

// newTokenName is a name by which a person knows later on which machine they have signed in; no two are equal.
func newTokenName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(host))
	return "cli-" + host[:min(len(host), 40)] + "-" + strings.ToLower(rand.Text()[:8])
}

// revoke ends the token at its server. One that has ended already is as good.
func (k *keptSignin) revoke(ctx context.Context) error {
	c, err := newClient(k.Server, newSecret(k.Token))
	if err == nil {
		err = c.do(ctx, http.MethodDelete, "/v1/me/tokens/"+segment(k.TokenName), nil, nil, nil)
	}
	var refused *refusedError
	if err == nil || errors.As(err, &refused) && (refused.status == http.StatusUnauthorized || refused.status == http.StatusNotFound) {
		return nil
	}
	return fmt.Errorf("the token %s of %s is good at %s until %s, unless you revoke it there: %w", k.TokenName, k.User, k.Server, k.Expires.Format(time.DateOnly), err)
}

// signoutCommand ends what signin began.
type signoutCommand struct{}

// Run forgets the sign-in in any case, and fails if its token could not be ended.
func (signoutCommand) Run(p *program) error {
	kept, broken := readSignin()
	if kept == nil && broken == nil {
		return errors.New("nobody is signed in here")
	}
	var err error
	if kept != nil {
		err = kept.revoke(p.ctx)
	} else {
		err = fmt.Errorf("forgotten, but not ended at its server: %w", broken)
	}
	if err := errors.Join(err, forgetSignin()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, printable(fmt.Sprintf("signed out at %s, where you were %s", kept.Server, kept.User)))
	return err
}
