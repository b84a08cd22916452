package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// setupLife is how long a one-time password is good.
const setupLife = 7 * 24 * time.Hour

// Errors about people.
var (
	// ErrSelf says that people do not change their own role, disable or reset themselves: there is always somebody left who can undo it.
	ErrSelf = errors.New("nobody may change their own role, or disable or reset themselves: ask another administrator")
	// ErrWrongPassword says that the old password is not the right one.
	ErrWrongPassword = errors.New("the old password is not the right one")
)

// Users are all people, by name.
func (d *Directory) Users(ctx context.Context) ([]User, error) { return d.store.Users(ctx) }

// User is a person, or [ErrNotFound].
func (d *Directory) User(ctx context.Context, name string) (User, error) {
	name, ok := FoldName(name)
	if !ok {
		return User{}, ErrNotFound
	}
	return d.store.User(ctx, name)
}

// NewUser is a person to be added.
type NewUser struct {
	Name     string
	Role     Role
	Language string // may be empty
	Approval Approval
}

// AddUser adds a person, and makes the one-time password with which they first sign in: it is shown once and kept nowhere. Faults are an
// error of type [numberdb.Faults]; [ErrTaken] says that the name is somebody's, [ErrSecondPerson] that the role takes two people.
func (d *Directory) AddUser(ctx context.Context, by Principal, n NewUser) (u User, setup string, err error) {
	if u, err = d.newUser(by, n); err != nil {
		return User{}, "", err
	}
	if err := d.freeName(ctx, u.Name); err != nil {
		return User{}, "", err
	}
	if u.Role.IsSecondPerson() {
		if err := d.wantSecond(ctx, by, n.Approval); err != nil {
			return User{}, "", err
		}
	}
	if setup, err = d.setUp(ctx, by, &u); err != nil {
		return User{}, "", err
	}
	if u.Audit, err = d.record(ctx, by, numberdb.AuditUserAdded, userObject(u.Name), n.Approval.reason(), nil, stateOf(&u)); err != nil {
		return User{}, "", err
	}
	if err := d.store.PutUser(ctx, u); err != nil {
		return User{}, "", fmt.Errorf("add a person: %w", err)
	}
	return u, setup, nil
}

// AddFirst makes a person the first administrator, while nobody is one, whoever had the name; else [ErrHasAdministrator].
func (d *Directory) AddFirst(ctx context.Context, by Principal, name string) (u User, setup string, err error) {
	if u, err = d.newUser(by, NewUser{Name: name, Role: RoleAdministrator}); err != nil {
		return User{}, "", err
	}
	if setup, err = d.setUp(ctx, by, &u); err != nil {
		return User{}, "", err
	}
	before, err := d.store.Users(ctx)
	if err != nil {
		return User{}, "", fmt.Errorf("look for administrators: %w", err)
	}
	for i := range before {
		if before[i].IsAdministrator() {
			return User{}, "", ErrHasAdministrator
		}
		if before[i].Name == u.Name { // sessions and tokens of before must not come back to life
			u.Version, u.Epoch = before[i].Version+1, before[i].Epoch+1
		}
	}
	if u.Audit, err = d.record(ctx, by, numberdb.AuditUserAdded, userObject(u.Name), "the first administrator", nil, stateOf(&u)); err != nil {
		return User{}, "", err
	}
	if err := d.store.PutAdministrator(ctx, u, 0); err != nil {
		return User{}, "", fmt.Errorf("add the first administrator: %w", err)
	}
	return u, setup, nil
}

// freeName is ErrTaken for a name that a person or a token has.
func (d *Directory) freeName(ctx context.Context, name string) error {
	_, err := d.store.User(ctx, name)
	switch {
	case err == nil:
		return ErrTaken
	case !errors.Is(err, ErrNotFound):
		return err
	}
	tokens, err := d.store.Tokens(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(tokens, func(t StoredToken) bool { return t.Name == name }) {
		return ErrTaken
	}
	return nil
}

// newUser is a person without a password.
func (d *Directory) newUser(by Principal, n NewUser) (User, error) {
	var faults numberdb.Faults
	name, sound := FoldName(n.Name)
	if !sound {
		faults = append(faults, numberdb.Fault{Field: "name", Problem: "cannot name a person",
			Remedy: "write 1 to 64 of a-z, 0-9 and . _ @ + -, the first a letter or digit"})
	}
	if !n.Role.ForPeople() {
		faults = append(faults, numberdb.Fault{Field: "role", Problem: "is not a role of people", Remedy: fmt.Sprintf("use one of %q", PeopleRoles)})
	}
	if n.Language != "" && (len(n.Language) > 35 || !languageTag.MatchString(n.Language)) {
		faults = append(faults, numberdb.Fault{Field: "language", Problem: "is not a language", Remedy: "write its tag (BCP 47), such as en or fr"})
	}
	switch {
	case faults != nil:
		return User{}, faults
	case d.isTaken(name):
		return User{}, ErrTaken
	}
	now := d.now()
	return User{
		Name: name, Role: n.Role, RoleSince: now, RoleBy: by.Name, Language: n.Language, Proposal: n.Approval.Proposal,
		Epoch: 1, Version: 1, Added: now, AddedBy: by.Name,
	}, nil
}

// setUp gives a person a new one-time password, and takes their second factor and their account at the sign-in provider away.
func (d *Directory) setUp(ctx context.Context, by Principal, u *User) (setup string, err error) {
	setup = newSetupPassword()
	if u.Password, err = d.hashes.hash(ctx, setup); err != nil {
		return "", fmt.Errorf("make a one-time password: %w", err)
	}
	now := d.now()
	u.SetupUntil, u.ResetAt, u.ResetBy, u.Factor, u.Account = now.Add(setupLife), now, by.Name, "", ""
	return setup, nil
}

// Change is what somebody else changes about a person; nil leaves it as it is.
type Change struct {
	Role     *Role
	Disabled *bool
	// Reset makes a new one-time password, and takes the second factor away.
	Reset    bool
	Approval Approval
}

// ChangeUser changes a person whose version is known, else [ErrChanged]. All their sessions and own tokens end. It returns the one-time
// password if there is one. Other errors are [ErrNotFound], [ErrSelf], [ErrSecondPerson] and [numberdb.Faults].
func (d *Directory) ChangeUser(ctx context.Context, by Principal, name string, version int64, c Change) (u User, setup string, err error) {
	if u, err = d.User(ctx, name); err != nil {
		return User{}, "", err
	}
	before := u
	switch {
	case u.Version != version:
		return User{}, "", ErrChanged
	case u.Name == strings.ToLower(by.Name):
		return User{}, "", ErrSelf
	case c.Role != nil && !c.Role.ForPeople():
		return User{}, "", numberdb.Faults{{Field: "role", Problem: "is not a role of people", Remedy: fmt.Sprintf("use one of %q", PeopleRoles)}}
	}
	if c.Role != nil && *c.Role != u.Role {
		u.Role, u.RoleSince, u.RoleBy = *c.Role, d.now(), by.Name
	}
	if c.Disabled != nil {
		u.Disabled = *c.Disabled
	}
	if lets(&before, &u, c.Reset) {
		if err := d.wantSecond(ctx, by, c.Approval); err != nil {
			return User{}, "", err
		}
	}
	if c.Approval.Proposal != "" {
		u.Proposal = c.Approval.Proposal
	}
	action := numberdb.AuditUserChanged
	switch {
	case c.Reset:
		action = numberdb.AuditUserReset
		if setup, err = d.setUp(ctx, by, &u); err != nil {
			return User{}, "", err
		}
	case u == before:
		return u, "", nil
	}
	u.Epoch++
	u.Version++
	if u.Audit, err = d.record(ctx, by, action, userObject(u.Name), c.Approval.reason(), stateOf(&before), stateOf(&u)); err != nil {
		return User{}, "", err
	}
	if err := d.store.PutUser(ctx, u); err != nil {
		return User{}, "", fmt.Errorf("change a person: %w", err)
	}
	if c.Reset {
		if err := errors.Join(d.store.Forgive(ctx, u.Name), d.store.Forgive(ctx, u.Name+"/code")); err != nil {
			return User{}, "", fmt.Errorf("forget failed attempts: %w", err)
		}
	}
	return u, setup, nil
}

// ChangePassword sets a person's own password. All their sessions and own tokens end; a new session begins in this browser, if the request
// came with one. Errors are [ErrWrongPassword], [numberdb.Faults], *[LockedError] and [ErrBusy], beside those of the store.
func (d *Directory) ChangePassword(ctx context.Context, v Visit, p Principal, old, password string) (Entry, error) {
	u, err := d.store.User(ctx, p.Name)
	if err != nil {
		return Entry{}, fmt.Errorf("change a password: %w", err)
	}
	switch fault := passwordFault(u.Name, password); {
	case fault != "":
		return Entry{}, numberdb.Faults{{Field: "new", Problem: "cannot be a password", Remedy: fault}}
	case old == password:
		return Entry{}, numberdb.Faults{{Field: "new", Problem: "is the old password", Remedy: "choose another one"}}
	}
	if err := d.checkOwnPassword(ctx, &u, old); err != nil {
		return Entry{}, err
	}
	before := u
	if u.Password, err = d.hashes.hash(ctx, password); err != nil {
		return Entry{}, fmt.Errorf("change a password: %w", err)
	}
	u.SetupUntil = time.Time{}
	u.Epoch++
	u.Version++
	if u.Audit, err = d.record(ctx, p, numberdb.AuditPasswordChanged, userObject(u.Name), "", stateOf(&before), stateOf(&u)); err != nil {
		return Entry{}, err
	}
	if err := d.store.PutUser(ctx, u); err != nil {
		return Entry{}, fmt.Errorf("change a password: %w", err)
	}
	return d.goOn(ctx, v, &u)
}

// checkOwnPassword wants the password of a person who is signed in.
func (d *Directory) checkOwnPassword(ctx context.Context, u *User, password string) error {
	// A count of its own: who has stolen a session must not lock the person out.
	key := u.Name + "/own"
	if err := d.attempt(ctx, key, signInLockout, u); err != nil {
		return err
	}
	match, err := d.hashes.matches(ctx, password, u.Password)
	switch {
	case err != nil:
		return fmt.Errorf("check a password: %w", err)
	case !match:
		return ErrWrongPassword
	}
	if err := d.store.Forgive(ctx, key); err != nil {
		return fmt.Errorf("check a password: %w", err)
	}
	return nil
}

// goOn begins a new session for a person whose sessions have ended by what they did, in the browser that they did it in.
func (d *Directory) goOn(ctx context.Context, v Visit, u *User) (Entry, error) {
	if !v.HasSession() {
		return Entry{User: *u, Cookies: []*http.Cookie{}}, nil
	}
	return d.open(ctx, v, u)
}
