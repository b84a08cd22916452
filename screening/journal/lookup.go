package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// ErrNotFound says that there is no entry of a call.
var ErrNotFound = errors.New("no call with this id is recorded: only listed calls are, and not for ever")

// Find gives the entries of the calls with an id, the earliest first, from the retention until now. They are several only if callers
// reused their SIP Call-ID. The error wraps [ErrNotFound] if there is none, and [ErrCorrupt] or [ErrNewer] if one could not be
// read; those that could come with it.
func Find(ctx context.Context, s Reader, id string, retention time.Duration, now time.Time) ([]Entry, error) {
	if !ValidID(id) {
		return nil, fmt.Errorf("journal: %.20q is no id of a call: it has %d of the characters 0-9 and a-f", id, IDLength)
	}
	// A day more at both ends: clocks of nodes differ, and an entry is kept until its day is over.
	values, err := s.Calls(ctx, id, numberdb.DayOf(now.Add(-retention))-1, numberdb.DayOf(now)+1)
	if err != nil {
		return nil, fmt.Errorf("journal, look for call %s: %w", id, err)
	}
	if len(values) == 0 {
		return nil, ErrNotFound
	}
	var entries []Entry
	var unread error
	for _, v := range values {
		var e Entry
		if err := e.UnmarshalBinary(v); err != nil {
			unread = fmt.Errorf("journal, read call %s: %w", id, err)
			continue
		}
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	return slices.Compact(entries), unread
}

// hoursAtOnce is how many hours are read together. Each has up to some thousand counts of each node.
const hoursAtOnce = 24

// Hours goes through what was counted in n hours, the earliest first, from that in which a time lies; an hour without calls, or one that is no longer
// kept, is empty. A pair with an error is the last one.
func Hours(ctx context.Context, s Reader, from time.Time, n int) iter.Seq2[Hour, error] {
	return func(yield func(Hour, error) bool) {
		all := make([]time.Time, n)
		for i := range all {
			all[i] = from.UTC().Truncate(time.Hour).Add(time.Duration(i) * time.Hour)
		}
		for some := range slices.Chunk(all, hoursAtOnce) {
			found, err := s.Counts(ctx, some)
			if err == nil && len(found) != len(some) {
				err = errors.New("the store gave other hours than it was asked for")
			}
			if err != nil {
				yield(Hour{}, fmt.Errorf("journal, read the counts of hours: %w", err))
				return
			}
			for i, counts := range found {
				if !yield(readHour(some[i], counts), nil) {
					return
				}
			}
		}
	}
}
