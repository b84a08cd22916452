package numberdb

import "time"

// Role is the part that a number plays in a scam. A forged caller ID must never make outbound calls to its innocent owner fail, so
// the two are kept apart in the list, the index and the verdict.
type Role uint8

const (
	RoleCallback Role = iota // people are told to dial it: a risk on outbound calls
	RoleCallerID             // it shows on incoming calls: a risk on inbound calls, and easily forged
	RoleCount    = iota
)

// Roles is a set of roles.
type Roles uint8

// RolesOf is the set of the given roles.
func RolesOf(roles ...Role) Roles {
	var s Roles
	for _, r := range roles {
		s |= 1 << r
	}
	return s
}

// Has says whether the set holds the role.
func (s Roles) Has(r Role) bool { return s&(1<<r) != 0 }

// Standing is how the list sees a number in one role. The zero value is none.
type Standing uint8

const (
	StandingNone      Standing = iota // nothing is known
	StandingWatch                     // recorded; calls pass
	StandingWarn                      // people are warned
	StandingBlock                     // calls are refused
	StandingCleared                   // reviewed and found clean
	StandingProtected                 // a genuine line: never warned about, never blocked
)

// Class is why a listing exists, as regulators tell apart the SIP answers to a blocked call.
type Class uint8

const (
	ClassAnalytics         Class = iota // reports and their analysis (47 CFR 64.1200(k)(3), ATIS-1000099)
	ClassDoNotOriginate                 // a number that never makes calls (47 CFR 64.1200(k)(1) and (2))
	ClassSubscriberRequest              // the called subscriber asked for it (RFC 8197: 607 Unwanted)
)

// Brand is the slug of an impersonated company, such as "amazon": 1 to 32 of a-z, 0-9 and hyphen; empty if none is known.
type Brand string

// Day is a day of UTC, counted from 1970-01-01; zero stands for none. It reaches until the year 2149.
type Day uint16

// DayOf is the day of UTC on which t lies. Times before 1970-01-02 or after 2149 give the nearest day that there is.
func DayOf(t time.Time) Day {
	return Day(min(max(t.Unix()/86400, 1), int64(^Day(0))))
}

// Time is the beginning of the day, or the zero time for none.
func (d Day) Time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Unix(int64(d)*86400, 0).UTC()
}

// RoleListing is what the list says about a number in one role. Its end times are part of it, so that a lookup needs no timer.
//
// What two people decided, or one who softened a block, is the Override; below it stands what reports have earned, and what one person
// decided beside them ([Dossier.Decide]), which steps down by itself: block until BlockUntil, then warn until WarnUntil, then watch until
// WatchUntil, then none. Each day is the first on which it no longer holds; zero is in the past, except in OverrideUntil, where it means
// no end.
type RoleListing struct {
	Override      Standing
	OverrideUntil Day

	BlockUntil Day
	WarnUntil  Day
	WatchUntil Day

	Class Class
	Brand Brand
}

// At is the standing on the given day.
func (l *RoleListing) At(today Day) Standing {
	switch {
	case l.Override != StandingNone && (l.OverrideUntil == 0 || today < l.OverrideUntil):
		return l.Override
	case today < l.BlockUntil:
		return StandingBlock
	case today < l.WarnUntil:
		return StandingWarn
	case today < l.WatchUntil:
		return StandingWatch
	}
	return StandingNone
}

// Marks are an operator's own lists: they say nothing about fraud, only whose calls are not to be screened.
type Marks uint8

const (
	MarkOptOut  Marks = 1 << iota // a subscriber who asked not to be screened
	MarkAllowed                   // a number on the operator's allow list
)

// Listing is all that the list says about one number or range. It is comparable; the zero value says nothing.
type Listing struct {
	Roles [RoleCount]RoleListing // by Role
	Marks Marks
}

// Fill takes over what holds for a target by all that lies around it: of each role in which less, the listings of the ranges around l merged from
// the broadest one in, outdoes l on the given day; and the marks.
//
// A decision in force about the target itself, by two people or to soften a block, is outdone by nothing. Otherwise the graver standing holds, and of two alike the one that was
// decided; what was cleared or protected holds over all that reports have earned. So one report about a number makes no call pass that was to be
// blocked with its range, nor does one person's warning, and many reports none blocked to a range of genuine lines.
func (l *Listing) Fill(less *Listing, today Day) {
	for r := range l.Roles {
		l.Roles[r].fill(&less.Roles[r], today)
	}
	l.Marks |= less.Marks
}

// fill is [Listing.Fill] for one role, and says whether what lies around has been taken over. That keeps the brand that reports about the
// target name, if it names none itself.
func (l *RoleListing) fill(around *RoleListing, today Day) (outdone bool) {
	own, other := l.At(today), around.At(today)
	switch {
	case *l == (RoleListing{}):
	case l.inForce(today), own > other, own == other && !around.inForce(today): // cleared and protected are above all that reports earn
		return false
	}
	brand := l.Brand
	*l = *around
	if l.Brand == "" && own != StandingNone && other <= StandingBlock {
		l.Brand = brand
	}
	return true
}

// Target is what a listing is about: one number, or with Prefix set the range of all numbers whose E.164 digits begin with those
// of Number. E.164 digits never begin with 0, so the digits of a prefix need no length beside them.
type Target struct {
	Number Number
	Prefix bool
}

// Change is one listing as the store now has it: a zero Listing says that the target is no longer listed.
type Change struct {
	Target  Target
	Listing Listing
}
