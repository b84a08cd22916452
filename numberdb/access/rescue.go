package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linewarden/linewarden/numberdb"
)

// Rescue is how people who have access to the store make one more administrator, where too few are left of whom one could propose and
// another approve. It goes past the second person, and hides nothing: it has an action of its own in the audit chain, and everybody on the
// staff sees the reason with the person.
type Rescue struct {
	Name   string   // of the new administrator: nobody has it yet
	Reason string   // 1 to 1000 bytes
	Lost   []string // administrators who cannot sign in any more, and are disabled first
}

// maxRescueReason is how many bytes the reason may have.
const maxRescueReason = 1000

// rescueAmong is among how many other administrators one is rescued: with two, one proposes and the other approves.
const rescueAmong = 1

// Rescue makes an administrator, with a one-time password, while no more than one other can sign in: else [ErrEnoughAdministrators].
// Whoever is said to be lost is disabled, so that nobody is a second person unseen beside two who are there. Faults are an error of type
// [numberdb.Faults]; [ErrTaken] says that the name is somebody's. It asks for no second person, so nothing that can be reached over a
// network may call it.
func (d *Directory) Rescue(ctx context.Context, by Principal, r Rescue) (u User, setup string, err error) {
	r.Reason = strings.TrimSpace(r.Reason)
	if u, err = d.newUser(by, NewUser{Name: r.Name, Role: RoleAdministrator}); err != nil {
		return User{}, "", err
	}
	if r.Reason == "" || len(r.Reason) > maxRescueReason || !utf8.ValidString(r.Reason) {
		return User{}, "", numberdb.Faults{{Field: "reason", Problem: "is missing, too long or not UTF-8",
			Remedy: fmt.Sprintf("say in at most %d bytes why nobody else can do it", maxRescueReason)}}
	}
	if err := d.freeName(ctx, u.Name); err != nil {
		return User{}, "", err
	}
	lost, err := d.lost(ctx, r.Lost)
	if err != nil {
		return User{}, "", err
	}
	if setup, err = d.setUp(ctx, by, &u); err != nil {
		return User{}, "", err
	}
	disabled := true
	for _, l := range lost {
		if _, _, err := d.ChangeUser(ctx, by, l.Name, l.Version, Change{Disabled: &disabled}); err != nil {
			return User{}, "", fmt.Errorf("disable %s: %w", l.Name, err)
		}
	}
	u.Rescue = r.Reason
	if u.Audit, err = d.record(ctx, by, numberdb.AuditUserRescued, userObject(u.Name), r.Reason, nil, stateOf(&u)); err != nil {
		return User{}, "", err
	}
	err = d.store.PutAdministrator(ctx, u, rescueAmong)
	switch {
	case errors.Is(err, ErrHasAdministrator):
		return User{}, "", ErrEnoughAdministrators
	case err != nil:
		return User{}, "", fmt.Errorf("rescue: %w", err)
	}
	return u, setup, nil
}

// lost are the administrators of these names, if few enough are left without them.
func (d *Directory) lost(ctx context.Context, names []string) (lost []User, err error) {
	all, err := d.store.Users(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for administrators: %w", err)
	}
	all = slices.DeleteFunc(all, func(u User) bool { return !u.IsAdministrator() })
	for _, name := range names {
		name, _ := FoldName(name)
		i := slices.IndexFunc(all, func(u User) bool { return u.Name == name })
		if i < 0 {
			return nil, numberdb.Faults{{Field: "lost", Problem: "is no administrator who could sign in", Remedy: "name each of them once, as the list of people does"}}
		}
		lost, all = append(lost, all[i]), slices.Delete(all, i, i+1)
	}
	if len(all) > rescueAmong {
		return nil, ErrEnoughAdministrators
	}
	return lost, nil
}
