package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// browserLife is how long a browser is known in which somebody has signed in.
const browserLife = 180 * 24 * time.Hour

// RefusedError says that a request or a sign-in is not good. Why is for the audit chain: whoever asks is told the same, whatever it was.
type RefusedError struct {
	Who Principal // whose name it was; the zero value if nobody's
	Why string
	// CodeNeeded says that name and password were right, and the code of the second factor was not.
	CodeNeeded bool
}

func (e *RefusedError) Error() string { return "refused: " + e.Why }

// ErrCodeNeeded says that name and password are right, and that a code of the second factor is needed too.
var ErrCodeNeeded = errors.New("a code of the second factor is needed")

// Credentials are what a person signs in with.
type Credentials struct {
	Name, Password string
	Code           string // of the second factor, where one is set up
}

// Entry is what a person gets who has signed in.
type Entry struct {
	User    User
	Cookies []*http.Cookie
}

// SignIn lets a person in by name and password, and by a code where there is a second factor, and begins a session. Other errors than those of
// the store and the audit chain are *[RefusedError], *[LockedError], [ErrCodeNeeded] and [ErrBusy].
func (d *Directory) SignIn(ctx context.Context, v Visit, c Credentials) (Entry, error) {
	end := time.After(max(d.answer, 0))
	e, err := d.signIn(ctx, v, c)
	var refused *RefusedError
	if errors.As(err, &refused) {
		select {
		case <-end:
		case <-ctx.Done():
		}
	}
	return e, err
}

func (d *Directory) signIn(ctx context.Context, v Visit, c Credentials) (Entry, error) {
	name, sound := FoldName(c.Name)
	var u User
	var err error
	if sound {
		u, err = d.store.User(ctx, name)
	}
	known := sound && err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Entry{}, fmt.Errorf("sign in: %w", err)
	}
	if !sound {
		name = "?" // all that can be nobody's name share one count
	}
	key, err := d.attemptKey(ctx, v, name, &u)
	if err != nil {
		return Entry{}, fmt.Errorf("sign in: %w", err)
	}
	if err := d.attempt(ctx, key, signInLockout, &u); err != nil {
		return Entry{}, err
	}
	hash, password := u.Password, c.Password
	if len(password) > 4*MaxPassword {
		hash, password = "", "" // takes as long as any other
	}
	match, err := d.hashes.matches(ctx, password, hash)
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("sign in: %w", err)
	case !known:
		return Entry{}, &RefusedError{Why: "nobody has that name"}
	case !match:
		return Entry{}, d.refused(&u, "wrong password")
	case u.Disabled:
		return Entry{}, d.refused(&u, "the user is disabled")
	case u.MustChange() && !d.now().Before(u.SetupUntil):
		return Entry{}, d.refused(&u, "the one-time password has ended")
	}
	by := "password"
	if u.HasFactor() {
		by = "password and code"
		if err := d.checkCode(ctx, &u, c.Code); err != nil { // nothing is forgiven yet: who knows the password may guess no more often
			return Entry{}, err
		}
	}
	if err := d.store.Forgive(ctx, key); err != nil {
		return Entry{}, fmt.Errorf("sign in: %w", err)
	}
	return d.enter(ctx, v, &u, by)
}

func (d *Directory) refused(u *User, why string) error {
	return &RefusedError{Who: u.principal(d.organisation), Why: why}
}

// attemptKey is under which failures are counted: the person's in this browser, where they have signed in with it before, or the name's.
func (d *Directory) attemptKey(ctx context.Context, v Visit, name string, u *User) (string, error) {
	if v.browser == "" {
		return name, nil
	}
	hash := HashToken(v.browser)
	owner, err := d.store.BrowserOwner(ctx, hash)
	if err != nil || owner == "" || owner != browserOwner(u) {
		return name, err
	}
	return name + "/" + hex.EncodeToString(hash[:8]), nil
}

// browserOwner is whose a browser is: a person's, until their epoch ends.
func browserOwner(u *User) string { return fmt.Sprintf("%s %d", u.Name, u.Epoch) }

// attempt counts an attempt to guess something of a person.
func (d *Directory) attempt(ctx context.Context, key string, l Lockout, u *User) error {
	wait, err := d.store.Attempt(ctx, key, l, d.now())
	switch {
	case err != nil:
		return fmt.Errorf("count an attempt: %w", err)
	case wait > 0:
		locked := &LockedError{Wait: wait}
		if u.Name != "" {
			locked.Who = u.principal(d.organisation)
		}
		return locked
	}
	return nil
}

// enter begins a session for a person who has shown who they are. The session that the browser had before ends.
func (d *Directory) enter(ctx context.Context, v Visit, u *User, by string) (Entry, error) {
	_, err := d.record(ctx, u.principal(d.organisation), numberdb.AuditSignedIn, sessionObject, "", nil, struct {
		visitState
		By string `json:"by"`
	}{visitState{v.Address}, by})
	if err != nil {
		return Entry{}, err
	}
	if err := d.sessions.end(ctx, v); err != nil {
		return Entry{}, err
	}
	return d.open(ctx, v, u)
}

// open begins a session and makes the browser known.
func (d *Directory) open(ctx context.Context, v Visit, u *User) (Entry, error) {
	session, err := d.sessions.begin(ctx, u, v)
	if err != nil {
		return Entry{}, err
	}
	browser := rand.Text() + rand.Text()
	if err := d.store.RememberBrowser(ctx, HashToken(browser), browserOwner(u), d.now().Add(browserLife)); err != nil {
		return Entry{}, fmt.Errorf("remember a browser: %w", err)
	}
	return Entry{*u, []*http.Cookie{session, newCookie(browserCookie, browser, int(browserLife.Seconds()))}}, nil
}

// SignOut ends the session of a request, and gives the cookie that makes the browser forget it.
func (d *Directory) SignOut(ctx context.Context, v Visit, p Principal) ([]*http.Cookie, error) {
	if _, err := d.record(ctx, p, numberdb.AuditSignedOut, sessionObject, "", nil, visitState{v.Address}); err != nil {
		return nil, err
	}
	if err := d.sessions.end(ctx, v); err != nil {
		return nil, err
	}
	return []*http.Cookie{newCookie(SessionCookie, "", -1)}, nil
}

// ByCookie says who sends a request by its session, with the role of this moment. ErrNoSession is the error for none, a *[RefusedError] that for
// one that looks stolen, which has ended then.
func (d *Directory) ByCookie(ctx context.Context, v Visit) (Principal, error) {
	s, err := d.sessions.find(ctx, v)
	if err != nil {
		return Principal{}, err
	}
	u, err := d.store.User(ctx, s.user)
	switch {
	case errors.Is(err, ErrNotFound):
		return Principal{}, ErrNoSession
	case err != nil:
		return Principal{}, fmt.Errorf("look a person up: %w", err)
	case u.Disabled || u.Epoch != s.epoch:
		return Principal{}, errors.Join(ErrNoSession, d.sessions.end(ctx, v))
	case s.agent != v.agent:
		return Principal{}, errors.Join(d.refused(&u, "the session was begun in another browser"), d.sessions.end(ctx, v))
	}
	return u.principal(d.organisation), nil
}

// ErrNoToken says that a text is no token, or no longer.
var ErrNoToken = errors.New("no such token")

// ByToken says who sends a request by a token that was made here, with the role of this moment. ErrNoToken is the error for none, a
// *[LockedError] that for one that is used too often.
func (d *Directory) ByToken(ctx context.Context, text string) (Principal, error) {
	if !looksLikeToken(text) {
		return Principal{}, ErrNoToken
	}
	now := d.now()
	use, err := d.store.UseToken(ctx, HashToken(text), now)
	switch {
	case errors.Is(err, ErrNotFound):
		return Principal{}, ErrNoToken
	case err != nil:
		return Principal{}, fmt.Errorf("look a token up: %w", err)
	}
	p, good := d.usable(&use, now)
	switch {
	case !good:
		return Principal{}, ErrNoToken
	case use.Count > int64(use.Token.RateLimit):
		return Principal{}, &LockedError{Wait: now.Truncate(time.Minute).Add(time.Minute).Sub(now), Who: p}
	}
	return p, nil
}

// usable says as whom a token acts, and whether it may.
func (d *Directory) usable(use *TokenUse, now time.Time) (Principal, bool) {
	t, owner := &use.Token, &use.Owner
	switch {
	case !now.Before(t.Expires):
		return Principal{}, false
	case t.Owner == "":
		return t.principal(), t.Role.ForMachines() && !strings.Contains(t.Name, "/")
	case owner.Name != t.Owner || owner.Disabled || owner.Epoch != t.Epoch || owner.MustChange():
		return Principal{}, false
	}
	return owner.principal(d.organisation), true
}
