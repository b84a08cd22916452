package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/linewarden/linewarden/numberdb"
)

// theProvider is who adds and changes people where nobody of ours does. Nobody can be called so.
var theProvider = Principal{Name: "sign-in provider", Role: "none"}

// HasOIDC says whether people can sign in at a provider.
func (d *Directory) HasOIDC() bool { return d.oidc != nil }

// BeginOIDC is where a browser goes to sign in at the provider, and the cookie by which it is known when it comes back. next is the path to go to
// then: see [OwnPath]. Errors are [ErrNoProvider] and [ErrProviderAway].
func (d *Directory) BeginOIDC(ctx context.Context, next string) (address string, c *http.Cookie, err error) {
	if d.oidc == nil {
		return "", nil, ErrNoProvider
	}
	a := newOIDCAttempt(d.now(), next)
	err = d.oidc.atProvider(ctx, func(_ context.Context, at *discovered) error {
		address = at.flow.AuthCodeURL(a.state(), oidc.Nonce(a.nonce()), oauth2.S256ChallengeOption(a.verifier()))
		return nil
	})
	return address, newCookie(oidcCookie, a.String(), int(attemptLife.Seconds())), err
}

// ForgetOIDC is the cookie that ends an attempt in the browser.
func ForgetOIDC() *http.Cookie { return newCookie(oidcCookie, "", -1) }

// FinishOIDC lets a person in whom the provider stands by, and begins a session, as [Directory.SignIn] does. Each attempt is good once, on all
// nodes. The person must be known here, by the name in the configured claim, unless the config lets reporters be made; the role is the one
// that they have here. Errors are *[RefusedError], [ErrNoProvider] and [ErrProviderAway], beside those of the store and the audit chain.
func (d *Directory) FinishOIDC(ctx context.Context, v Visit, in OIDCAnswer) (Entry, error) {
	if d.oidc == nil {
		return Entry{}, ErrNoProvider
	}
	if fault := in.fault(d.now()); fault != "" {
		return Entry{}, &RefusedError{Why: fault}
	}
	first, err := d.store.Once(ctx, in.attempt.key(), attemptLife+2*attemptSkew)
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("sign in: %w", err)
	case !first:
		return Entry{}, &RefusedError{Why: "the attempt was finished before"}
	case in.issuer != "" && in.issuer != d.oidc.Issuer: // RFC 9207
		return Entry{}, &RefusedError{Why: fmt.Sprintf("the answer is of another provider: %.80q", in.issuer)}
	case in.failure != "":
		return Entry{}, &RefusedError{Why: fmt.Sprintf("the provider lets nobody in: %.80q", in.failure)}
	case in.code == "" || len(in.code) > maxOIDCAnswer:
		return Entry{}, &RefusedError{Why: "the answer has no code"}
	}
	who, err := d.oidc.redeem(ctx, in.attempt, in.code)
	if err != nil {
		return Entry{}, err
	}
	u, err := d.arrived(ctx, who)
	if err != nil {
		return Entry{}, err
	}
	return d.enter(ctx, v, &u, "openid connect")
}

// arrived is the person here for one of the provider's.
func (d *Directory) arrived(ctx context.Context, who arrival) (User, error) {
	u, err := d.store.User(ctx, who.name)
	switch {
	case errors.Is(err, ErrNotFound) && d.oidc.CreateReporters:
		return d.addReporter(ctx, who)
	case errors.Is(err, ErrNotFound):
		return User{}, &RefusedError{Why: fmt.Sprintf("nobody here has the name %q", who.name)}
	case err != nil:
		return User{}, fmt.Errorf("sign in: %w", err)
	case u.Disabled:
		return User{}, d.refused(&u, "the user is disabled")
	case u.HasFactor() && d.oidc.RequireMFA && !who.mfa:
		return User{}, d.refused(&u, "the person has a second factor here, and the provider does not say that it has asked for one (amr)")
	case u.Account == who.account:
		return u, nil
	case u.Account != "":
		return User{}, d.refused(&u, "the name belongs to another account of the provider: reset the person if that is right")
	}
	if err := d.wantFree(ctx, who); err != nil {
		return User{}, err
	}
	return d.bind(ctx, u, who.account)
}

// bind makes an account at the provider that of a person, who comes from there for the first time. A provider may let people choose their
// names, or give somebody's to the next: from now on nobody else comes by this one. A one-time password that the person has not needed ends, and
// with it what somebody may have begun who knew it.
func (d *Directory) bind(ctx context.Context, u User, account string) (User, error) {
	before := u
	u.Account = account
	u.Version++
	if u.MustChange() {
		u.Password, u.SetupUntil = "", time.Time{}
		u.Epoch++
	}
	var err error
	if u.Audit, err = d.record(ctx, theProvider, numberdb.AuditUserChanged, userObject(u.Name), "first sign-in at the provider", stateOf(&before), stateOf(&u)); err != nil {
		return User{}, err
	}
	if err := d.store.PutUser(ctx, u); err != nil {
		return User{}, fmt.Errorf("bind a person to an account of the provider: %w", err)
	}
	return u, nil
}

// wantFree refuses an account that is somebody else's here: who changes their name at the provider does not become another person.
func (d *Directory) wantFree(ctx context.Context, who arrival) error {
	users, err := d.store.Users(ctx)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	for i := range users {
		if users[i].Account == who.account {
			return d.refused(&users[i], fmt.Sprintf("the account of the provider is that of %q here, not of %q: reset them if that is wrong", users[i].Name, who.name))
		}
	}
	return nil
}

// addReporter adds a person whom only the provider knows. They have no password.
func (d *Directory) addReporter(ctx context.Context, who arrival) (User, error) {
	if err := d.wantFree(ctx, who); err != nil {
		return User{}, err
	}
	free := d.freeName(ctx, who.name)
	switch {
	case d.isTaken(who.name), errors.Is(free, ErrTaken):
		return User{}, &RefusedError{Why: fmt.Sprintf("%q is the name of a token, or of somebody who was added just now", who.name)}
	case free != nil:
		return User{}, fmt.Errorf("add a person of the provider: %w", free)
	}
	now := d.now()
	u := User{
		Name: who.name, Role: RoleReporter, RoleSince: now, RoleBy: theProvider.Name, Account: who.account,
		Epoch: 1, Version: 1, Added: now, AddedBy: theProvider.Name,
	}
	var err error
	if u.Audit, err = d.record(ctx, theProvider, numberdb.AuditUserAdded, userObject(u.Name), "first sign-in at the provider", nil, stateOf(&u)); err != nil {
		return User{}, err
	}
	if err := d.store.PutUser(ctx, u); err != nil {
		return User{}, fmt.Errorf("add a person of the provider: %w", err)
	}
	return u, nil
}
