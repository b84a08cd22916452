package intake

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// List is the number list in this node's memory: numberdb/replica keeps it. Its methods are called by many goroutines at once.
type List interface {
	// Lookup is what the list says about a number on a day, ranges included.
	Lookup(numberdb.Number, numberdb.Day) numberdb.Listing
	// All goes through all that is listed, in no order.
	All() iter.Seq[numberdb.Change]
	// Version grows with every change; zero before there is a list.
	Version() uint64
}

// catalogue keeps what is listed in the order of its digits, so that a page of it takes no more work the longer the list is. It is made anew
// from the list where that has changed, while somebody asks, and at most for a twentieth of the time: of a million numbers every few
// seconds. Until then a number that is new to the list is missing from it; what it says about the others is always the list's word of
// the moment. Eight bytes a number, sixteen while it is made.
type catalogue struct {
	list List
	now  func() time.Time

	making sync.Mutex
	latest atomic.Pointer[order]
}

// order is what was listed at one time.
type order struct {
	places  []place // sorted
	ranges  map[numberdb.Number]numberdb.Listing
	version uint64
	made    time.Time
	took    time.Duration
}

// Bounds on how often the catalogue is made anew.
const (
	leastAge  = time.Second
	agePerJob = 20
)

// current is the order of what is listed now or was some seconds ago; false if there is no list yet.
func (c *catalogue) current() (*order, bool) {
	if c.list == nil || c.list.Version() == 0 {
		return nil, false
	}
	if o := c.latest.Load(); o != nil {
		if c.fresh(o) || !c.making.TryLock() { // somebody else is at it
			return o, true
		}
	} else {
		c.making.Lock()
	}
	defer c.making.Unlock()
	if o := c.latest.Load(); o != nil && c.fresh(o) {
		return o, true
	}
	o := c.order()
	c.latest.Store(o)
	return o, true
}

func (c *catalogue) fresh(o *order) bool {
	return o.version == c.list.Version() || c.now().Sub(o.made) < max(leastAge, agePerJob*o.took)
}

// order sorts what is listed now.
func (c *catalogue) order() *order {
	began := time.Now()
	o := &order{version: c.list.Version(), ranges: map[numberdb.Number]numberdb.Listing{}} // changes meanwhile make it old at once
	for change := range c.list.All() {
		if change.Target.Prefix {
			o.ranges[change.Target.Number] = change.Listing
		}
		o.places = append(o.places, placeOf(change.Target))
	}
	slices.Sort(o.places)
	o.places = slices.Compact(o.places)
	o.made, o.took = c.now(), time.Since(began)
	return o
}

// span is a stretch of the order: from the first place up to before the end.
type span struct{ first, end place }

// everything is the span of all there is.
var everything = span{0, ^place(0)}

// beginning with some digits, at most 15, are the targets in the span.
func beginningWith(digits string) span {
	first := placeOfDigits(digits)
	return span{first << 1, (first + powersOf11[mostDigits-len(digits)]) << 1}
}

// merged are the spans in their order, without overlaps.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return compare(a.first, b.first) })
	kept := spans[:0]
	for _, s := range spans {
		if n := len(kept); n > 0 && s.first < kept[n-1].end {
			kept[n-1].end = max(kept[n-1].end, s.end)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// after goes through the places in some merged spans that come after a place.
func (o *order) after(last place, spans []span) iter.Seq[place] {
	return func(yield func(place) bool) {
		for _, s := range spans {
			i, found := slices.BinarySearch(o.places, max(s.first, last))
			if found && o.places[i] == last {
				i++
			}
			for ; i < len(o.places) && o.places[i] < s.end; i++ {
				if !yield(o.places[i]) {
					return
				}
			}
		}
	}
}

// has says whether a target is in the order.
func (o *order) has(t numberdb.Target) bool {
	_, found := slices.BinarySearch(o.places, placeOf(t))
	return found
}
