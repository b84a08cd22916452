package numberdb

import (
	"strconv"
	"strings"
	"time"
)

// Decision is a person's ruling on a number or a range. It overrides what reports have earned until it ends, and never touches
// them: withdrawn, it leaves what reports alone say.
type Decision struct {
	Target Target `json:"target"`
	Roles  Roles  `json:"roles"`
	// Standing is what the target gets; none withdraws the decision in force.
	Standing Standing `json:"standing"`
	Class    Class    `json:"class,omitempty"`
	Brand    Brand    `json:"brand,omitempty"`
	// Reason is for those who later ask why: 1 to 1000 characters.
	Reason string `json:"reason"`
	// Author decided; Approver is a second person who agreed.
	Author   string    `json:"author"`
	Approver string    `json:"approver,omitempty"`
	At       time.Time `json:"at"`
	// Until is when it ends, to the day of UTC; the zero time leaves it to [Terms].
	Until time.Time `json:"until,omitzero"`
}

// MinPrefixDigits is how many digits a listed range must fix: fewer would take in the innocent by the million.
const MinPrefixDigits = 6

// MaxReason and MaxPerson are how many characters a reason and a person's name may have.
const (
	MaxReason = 1000
	MaxPerson = 128
)

// Check is all that is wrong with the decision at the given time, in the order of its fields; nil if nothing is. Whether it needs
// an approver for what it replaces, too, only the store can tell: see [NeedsApprover].
func (d *Decision) Check(now time.Time) Faults {
	var f Faults
	checkTarget(&f, d.Target)
	checkRoles(&f, d.Roles)
	checkClosed(&f, "standing", d.Standing, standingNames)
	checkClosed(&f, "class", d.Class, classNames)
	checkBrand(&f, d.Brand)
	checkText(&f, "reason", d.Reason, 1, MaxReason)
	checkText(&f, "author", d.Author, 1, MaxPerson)
	switch {
	case samePerson(d.Author, d.Approver):
		f.add("approver", "is the author", "have a second, different person approve")
	case strings.TrimSpace(d.Approver) != "":
		checkText(&f, "approver", d.Approver, 1, MaxPerson)
	case d.Target.Prefix || NeedsApprover(StandingNone, d.Standing):
		f.add("approver", "is missing", "block, cleared, protected and every range need a second person")
	}
	checkTime(&f, "at", d.At, now)
	if !d.Until.IsZero() && DayOf(d.Until) <= DayOf(d.At) {
		f.add("until", "is not after the day of the decision", "write a later day, or leave it out for the usual term")
	}
	return f
}

// Marking puts a target on one of the operator's own lists, or takes it off. It says nothing about fraud and needs no second person.
type Marking struct {
	Target Target    `json:"target"`
	Mark   Marks     `json:"mark"` // exactly one
	On     bool      `json:"on"`
	Author string    `json:"author"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Check is all that is wrong with the marking at the given time, in the order of its fields; nil if nothing is.
func (m *Marking) Check(now time.Time) Faults {
	var f Faults
	checkTarget(&f, m.Target)
	if m.Mark != MarkOptOut && m.Mark != MarkAllowed {
		f.add("mark", "is not one mark", "use opt_out or allowed")
	}
	checkText(&f, "author", m.Author, 1, MaxPerson)
	checkText(&f, "reason", m.Reason, 1, MaxReason)
	checkTime(&f, "at", m.At, now)
	return f
}

// checkTarget wants a number that can be reported, or a prefix of 6 to 14 digits.
func checkTarget(f *Faults, t Target) { checkTargetNamed(f, "target", t) }

func checkTargetNamed(f *Faults, field string, t Target) {
	if !t.Prefix {
		checkNumber(f, field, t.Number)
		return
	}
	if digits := len(strconv.FormatUint(uint64(t.Number), 10)); digits < MinPrefixDigits || digits > 14 {
		f.add(field, "is too broad or too long a range", "fix at least 6 and at most 14 digits, country code included")
	}
}

// samePerson compares as sign-in does: case and outer blanks make nobody another person.
func samePerson(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a != "" && strings.EqualFold(a, b)
}

// Approved says whether a second person agreed.
func (d *Decision) Approved() bool {
	return strings.TrimSpace(d.Approver) != "" && !samePerson(d.Author, d.Approver)
}

// NeedsApprover says whether it takes a second person to go from the current standing to the decided one (none: to withdraw).
//
// Block, clear and protect always do. One person may warn about a number and may soften a block to a warning, the emergency brake;
// but may neither make a listed number pass nor touch one that two people have cleared or protected: insiders have been bribed to
// do so.
func NeedsApprover(current, decided Standing) bool {
	switch decided {
	case StandingWarn:
		return current == StandingCleared || current == StandingProtected
	case StandingNone, StandingWatch:
		return current != StandingNone && current != StandingWatch
	}
	return true
}
