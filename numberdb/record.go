package numberdb

import (
	"errors"
	"time"
)

// Record is what is on record about a number, for those who ask why it has its standing.
type Record struct {
	Number Number
	// Listed is what is listed about the number and about ranges around it, each alone: the most specific first.
	Listed   []Change
	Evidence [RoleCount]Evidence // about the number itself, by Role
	Reports  ReportTotals
}

// Listing is what the list says about the number on a day, the ranges included, as [Index.Lookup] has it.
func (r *Record) Listing(today Day) (merged Listing) {
	for i := len(r.Listed) - 1; i >= 0; i-- {
		own := r.Listed[i].Listing
		own.Fill(&merged, today)
		merged = own
	}
	return merged
}

// at is the standing in a role on a day, and which of Listed has it; -1 if nothing holds.
func (r *Record) at(role Role, day Day) (Standing, int) {
	var merged RoleListing
	holder := -1
	for i := len(r.Listed) - 1; i >= 0; i-- {
		own := r.Listed[i].Listing.Roles[role]
		if !own.fill(&merged, day) {
			holder = i
		}
		merged = own
	}
	if s := merged.At(day); s != StandingNone {
		return s, holder
	}
	return StandingNone, -1
}

// ReportTotals counts the stored reports about a number.
type ReportTotals struct {
	Total int // all that are stored
	// BySource counts the newest [MostCounted] of them by [SourceKind].
	BySource [SourceKindCount]int
	// Newest and Oldest are when those reports were received; the zero time if there are none.
	Newest, Oldest time.Time
}

// MostCounted is how many reports about a number are counted by source.
const MostCounted = 1000

// Act is one thing that people did to a target: a decision or a marking.
type Act struct {
	Decision *Decision
	Marking  *Marking
	// Audit is its entry in the audit chain; zero for one from before there was a chain.
	Audit uint64
}

// At is when it was done.
func (a Act) At() time.Time {
	if a.Marking != nil {
		return a.Marking.At
	}
	return a.Decision.At
}

// ErrBadCursor says that a text is no cursor that a page before has named.
var ErrBadCursor = errors.New("this is no cursor of a page before")
