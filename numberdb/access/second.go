package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/linewarden/linewarden/numberdb"
)

// ErrSecondPerson says that something takes two people, and that nobody else has agreed yet.
var ErrSecondPerson = errors.New("a second, different person has to approve this: it would let one alone act as two")

// Approval is the word of a second person, with which that is done which takes two. The zero value is nobody's.
//
// What takes two is to make somebody who can be a second person, or a machine that is believed like several: giving the role of reviewer or
// administrator, letting such a person in again by a reset or by enabling them, and making a token of a trusted source. It does so once two people have
// ever been reviewers. Until then there is nobody who could be asked.
type Approval struct {
	Proposal string // its id, for the audit chain
	By       string
}

// given says whether somebody other than a person has agreed.
func (a Approval) given(by Principal) bool {
	return a.Proposal != "" && a.By != "" && !numberdb.SamePerson(a.By, by.Name)
}

// reason is what the audit chain says of an approval.
func (a Approval) reason() string {
	if a == (Approval{}) {
		return ""
	}
	return fmt.Sprintf("proposal %s, approved by %s", a.Proposal, a.By)
}

// IsSecondPerson says whether those with the role agree to what others propose.
func (r Role) IsSecondPerson() bool { return r == RoleReviewer || r == RoleAdministrator }

// lets says whether a change lets somebody in, or back in, as a second person.
func lets(before, after *User, reset bool) bool {
	return after.Role.IsSecondPerson() && (before.Role != after.Role || before.Disabled && !after.Disabled || reset)
}

// wantSecond is ErrSecondPerson where nobody else has agreed to what takes two, and somebody could be asked. That a second reviewer comes to be
// between this and the change is as if the change had come first.
func (d *Directory) wantSecond(ctx context.Context, by Principal, a Approval) error {
	if a.given(by) {
		return nil
	}
	two, err := d.store.HadTwoReviewers(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look for a second person: %w", err)
	case two:
		return ErrSecondPerson
	}
	return nil
}
