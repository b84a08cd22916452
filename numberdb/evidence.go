package numberdb

import "slices"

// Evidence is what reports say about a number in one role, summed up so that each report takes the same small work however many
// there are. The zero value is none.
type Evidence struct {
	// Trusted and Sources are the day of the last report of each trusted organisation and of each unverified source, at most
	// [MaxOrganisations] of each.
	Trusted map[string]Day
	Sources map[string]Day
	// Short and Long are the decayed scores of unverified reports as they were on the day Last, that of the newest. Keeping the day
	// beside the sum instead of counting from a fixed day lets sums neither overflow nor outlive a change of half-lives.
	Short, Long float64
	Last        Day
	// Days are the latest days of unverified reports, the newest first, at most [MaxDays].
	Days []Day
	// Forged counts reporters who complained while the number was known to be genuine or clean.
	Forged int
	// Earned is what all this earned so far.
	Earned Ends
	Brand  Brand
}

// MaxOrganisations is how many separate organisations evidence tells apart. The rules never ask for more.
const MaxOrganisations = 64

// MaxDays is how many separate days of unverified reports evidence tells apart. The rules never ask for more.
const MaxDays = 32

// Ends are the first days on which what reports earned no longer holds, as in [RoleListing]; zero is in the past.
type Ends struct {
	Block, Warn, Watch Day
}

// extend moves the end of a standing out.
func (e *Ends) extend(s Standing, end Day) {
	switch s {
	case StandingBlock:
		e.Block = max(e.Block, end)
	case StandingWarn:
		e.Warn = max(e.Warn, end)
	case StandingWatch:
		e.Watch = max(e.Watch, end)
	}
}

// latest has the later of each end.
func (e Ends) latest(o Ends) Ends {
	return Ends{max(e.Block, o.Block), max(e.Warn, o.Warn), max(e.Watch, o.Watch)}
}

// add counts a report of the given day. before is the day of the same reporter's report that has been counted, or zero: a
// newer one takes its place, an older one changes nothing.
func (e *Evidence) add(r *Rules, source Source, brand Brand, day, before Day) {
	if brand != "" && (source.Trusted() || e.Brand == "") {
		e.Brand = brand
	}
	if source.Trusted() {
		note(&e.Trusted, source.Organisation, day)
		return
	}
	note(&e.Sources, source.Organisation, day)
	if before >= day {
		return
	}
	short, long := r.DayFactors()
	if day > e.Last {
		e.Short = float64(e.Short * faded(short, int(day-e.Last)))
		e.Long = float64(e.Long * faded(long, int(day-e.Last)))
		e.Last = day
	}
	if before != 0 {
		e.Short = max(0, e.Short-faded(short, int(e.Last-before)))
		e.Long = max(0, e.Long-faded(long, int(e.Last-before)))
	}
	e.Short += faded(short, int(e.Last-day))
	e.Long += faded(long, int(e.Last-day))
	e.noteDay(day)
}

// noteDay puts a day into its place among the latest.
func (e *Evidence) noteDay(day Day) {
	i, known := slices.BinarySearchFunc(e.Days, day, func(a, b Day) int { return int(b) - int(a) })
	if !known && i < MaxDays {
		e.Days = slices.Insert(e.Days, i, day)
		e.Days = e.Days[:min(len(e.Days), MaxDays)]
	}
}

// note keeps the day of an organisation's last report.
func note(organisations *map[string]Day, organisation string, day Day) {
	if *organisations == nil {
		*organisations = map[string]Day{}
	}
	before, known := (*organisations)[organisation]
	if known || len(*organisations) < MaxOrganisations {
		(*organisations)[organisation] = max(before, day)
	}
}
