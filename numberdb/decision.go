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
	// Proposal is the id of the [Proposal] that became this decision; empty if it was made without one. The store makes it once for each
	// proposal and target.
	Proposal string `json:"proposal,omitempty"`
	// Brake says that one person softened a block, at once, for all to see.
	Brake bool `json:"brake,omitempty"`
}

// MinPrefixDigits is how many digits a listed range must fix: fewer would take in the innocent by the million.
const MinPrefixDigits = 6

// MaxReason and MaxPerson are how many characters a reason and a person's name may have.
const (
	MaxReason = 1000
	MaxPerson = 128
)

// Check is all that is wrong with the decision at the given time, in the order of its fields; nil if nothing is. Whether it needs
// an approver for what it replaces, too, only the store can tell: see [Decision.NeedsApproverOver].
func (d *Decision) Check(now time.Time) Faults {
	var f Faults
	d.checkWhat(&f)
	checkText(&f, "reason", d.Reason, 1, MaxReason)
	checkText(&f, "author", d.Author, 1, MaxPerson)
	switch {
	case SamePerson(d.Author, d.Approver):
		f.add("approver", "is the author", "have a second, different person approve")
	case strings.TrimSpace(d.Approver) != "":
		checkText(&f, "approver", d.Approver, 1, MaxPerson)
	case d.Target.Prefix && d.Standing != StandingWarn || NeedsApprover(StandingNone, d.Standing):
		f.add("approver", "is missing", "block, cleared, protected and every range need a second person")
	}
	checkTime(&f, "at", d.At, now)
	d.checkUntil(&f, d.At)
	return f
}

// checkWhat looks at what is decided, as opposed to who decides and when.
func (d *Decision) checkWhat(f *Faults) {
	checkTarget(f, d.Target)
	checkRoles(f, d.Roles)
	checkClosed(f, "standing", d.Standing, standingNames)
	checkClosed(f, "class", d.Class, classNames)
	checkBrand(f, d.Brand)
}

// checkUntil wants an end, if there is one, on a later day than that of the decision.
func (d *Decision) checkUntil(f *Faults, at time.Time) {
	if !d.Until.IsZero() && DayOf(d.Until) <= DayOf(at) {
		f.add("until", "is not after the day of the decision", "write a later day, or leave it out for the usual term")
	}
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

// SamePerson compares names as sign-in does: case and outer blanks make nobody another person. No name is nobody's.
func SamePerson(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a != "" && strings.EqualFold(a, b)
}

// Approved says whether a second person agreed.
func (d *Decision) Approved() bool {
	return strings.TrimSpace(d.Approver) != "" && !SamePerson(d.Author, d.Approver)
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

// NeedsApproverOver says whether it takes a second person to make the decision where the list says l about its target, ranges around it
// included, on a day. About a range one person may only soften a block. A warning by one person may not end before what it replaces
// would have: an insider could otherwise soften a block until tomorrow.
func (d *Decision) NeedsApproverOver(l *Listing, today Day) bool {
	for role := range l.Roles {
		if !d.Roles.Has(Role(role)) {
			continue
		}
		current := l.Roles[role].At(today)
		switch {
		case NeedsApprover(current, d.Standing),
			d.Target.Prefix && current != StandingBlock,
			d.Standing == StandingWarn && !d.Until.IsZero() && DayOf(d.Until) < l.Roles[role].heldUntil():
			return true
		}
	}
	return false
}

// Softens says whether the decision turns a block into a warning, where the list says l about its target on a day.
func (d *Decision) Softens(l *Listing, today Day) bool {
	for role := range l.Roles {
		if d.Roles.Has(Role(role)) && d.Standing == StandingWarn && l.Roles[role].At(today) == StandingBlock {
			return true
		}
	}
	return false
}

// Prolong makes a warning by one person, if it names no end, hold as long as what it replaces would have: that of the usual term, or later.
func (d *Decision) Prolong(r *Rules, l *Listing) {
	if d.Standing != StandingWarn || d.Approved() || !d.Until.IsZero() {
		return
	}
	usual := dayAfter(DayOf(d.At), r.Terms.Warn)
	for role := range l.Roles {
		if held := l.Roles[role].heldUntil(); d.Roles.Has(Role(role)) && held > usual {
			d.Until = held.Time()
			usual = held
		}
	}
}

// heldUntil is the first day on which people are no longer warned, going by what is known now.
func (l *RoleListing) heldUntil() Day {
	held := max(l.BlockUntil, l.WarnUntil)
	if l.Override != StandingWarn && l.Override != StandingBlock {
		return held
	}
	if l.OverrideUntil == 0 {
		return ^Day(0)
	}
	return max(held, l.OverrideUntil)
}
