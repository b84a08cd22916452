package journal

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// counters has a counter for each direction, action, reason and outcome, since the start of the process.
type counters []atomic.Uint64

var (
	actionCount  = len(screening.Actions())
	reasonCount  = len(screening.Reasons())
	outcomeCount = len(screening.Outcomes())
)

func newCounters() counters {
	return make(counters, 2*actionCount*reasonCount*outcomeCount)
}

func (c counters) add(d screening.Direction, v screening.Verdict, o screening.Outcome) {
	if d > screening.Outbound || int(v.Action) >= actionCount || int(v.Reason) >= reasonCount || int(o) >= outcomeCount {
		return // there are no such values
	}
	c[((int(d)*actionCount+int(v.Action))*reasonCount+int(v.Reason))*outcomeCount+int(o)].Add(1)
}

// kindOf is what the i-th counter counts.
func kindOf(i int) CallKind {
	o := screening.Outcome(i % outcomeCount)
	i /= outcomeCount
	r := screening.Reason(i % reasonCount)
	i /= reasonCount
	return CallKind{screening.Direction(i / actionCount), screening.Action(i % actionCount), r, o}
}

// Fields of an hour's hash: that which counts, a colon, and what is counted: c:<direction>:<action>:<reason>:<outcome> for calls,
// b:<direction>:<brand> for brands, n:<direction>:<digits> for the other parties' numbers.
const (
	callsField  = "c"
	brandsField = "b"
	linesField  = "n"
)

func callField(i int) string {
	k := kindOf(i)
	return strings.Join([]string{callsField, k.Direction.String(), k.Action.String(), k.Reason.String(), k.Outcome.String()}, ":")
}

// mostNames is how many different brands and numbers a node counts in an hour; later ones are counted together, under no name.
const mostNames = 1000

// tally is what one node counted of one hour. It is stored as absolute values under a random name of its own, so that several nodes
// share an hour, a value that is stored twice counts once, and a node that starts anew within the hour overwrites nothing.
type tally struct {
	name    string
	hour    time.Time
	counts  map[string]uint64
	changed map[string]bool
	names   int // of brands and lines among the counts
}

func newTally(hour time.Time) *tally {
	return &tally{name: rand.Text()[:8], hour: hour, counts: map[string]uint64{}, changed: map[string]bool{}}
}

func (t *tally) add(field string, n uint64) {
	t.counts[field] += n
	t.changed[field] = true
}

// addEntry counts the brand and the line of a call.
func (t *tally) addEntry(e *Entry) {
	if e.Verdict.Brand != "" {
		t.addName(brandsField, e.Direction, string(e.Verdict.Brand))
	}
	if e.Number != 0 {
		t.addName(linesField, e.Direction, strconv.FormatUint(uint64(e.Number), 10))
	}
}

func (t *tally) addName(kind string, d screening.Direction, name string) {
	field := kind + ":" + d.String() + ":" + name
	if _, known := t.counts[field]; !known {
		if t.names >= mostNames {
			field = kind + ":" + d.String() + ":"
		} else {
			t.names++
		}
	}
	t.add(field, 1)
}

// changes are the fields to be stored.
func (t *tally) changes() map[string]uint64 {
	changes := make(map[string]uint64, len(t.changed))
	for field := range t.changed {
		changes[t.name+":"+field] = t.counts[field]
	}
	return changes
}

// CallKind is one way in which calls can go.
type CallKind struct {
	Direction screening.Direction
	Action    screening.Action
	Reason    screening.Reason
	Outcome   screening.Outcome
}

// BrandKind and LineKind are a brand, or the other party's number, in a direction. The empty brand and the number zero stand for all that
// came when a node had counted a thousand in the hour.
type (
	BrandKind struct {
		Direction screening.Direction
		Brand     numberdb.Brand
	}
	LineKind struct {
		Direction screening.Direction
		Number    numberdb.Number
	}
)

// Hour is what all nodes counted in one hour. A call counts in Calls in the hour in which it ended; in Brands and Lines, if it was a listed one
// ([Listed]), in that in which it began.
type Hour struct {
	Start  time.Time
	Calls  map[CallKind]uint64
	Brands map[BrandKind]uint64
	Lines  map[LineKind]uint64
	// Unknown is how many counts have a name that we do not know: a newer version wrote them, or they cannot be read.
	Unknown int
}

// kinds are all kinds of calls by their field.
var kinds = func() map[string]CallKind {
	m := map[string]CallKind{}
	for i := range newCounters() {
		m[callField(i)] = kindOf(i)
	}
	return m
}()

// readHour adds up the tallies of an hour.
func readHour(start time.Time, fields map[string]uint64) Hour {
	h := Hour{Start: start, Calls: map[CallKind]uint64{}, Brands: map[BrandKind]uint64{}, Lines: map[LineKind]uint64{}}
	for field, n := range fields {
		_, what, _ := strings.Cut(field, ":") // behind the name of the tally
		if k, ok := kinds[what]; ok {
			h.Calls[k] += n
			continue
		}
		part := strings.SplitN(what, ":", 3)
		d, ok := directions[part[min(1, len(part)-1)]]
		if !ok || len(part) != 3 {
			h.Unknown++
			continue
		}
		switch number, err := numberdb.ParseE164("+" + part[2]); {
		case part[0] == brandsField && numberdb.Brand(part[2]).Valid():
			h.Brands[BrandKind{d, numberdb.Brand(part[2])}] += n
		case part[0] == linesField && (err == nil || part[2] == ""):
			h.Lines[LineKind{d, number}] += n
		default:
			h.Unknown++
		}
	}
	return h
}

var directions = map[string]screening.Direction{"inbound": screening.Inbound, "outbound": screening.Outbound}
