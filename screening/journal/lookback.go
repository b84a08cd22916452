package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// Impact is what listings would have done to the calls of some days.
type Impact struct {
	// Calls is how many calls they would have touched, and Subscribers how many subscribers' those were. Both may be a little too high, but are
	// not too low, unless Complete is false: see [LookBack.Impact].
	Calls       uint64
	Subscribers uint64
	// Complete is false if calls may be missing, because nothing was sketched yet when the days began, a node died, or its sketch was lost or made
	// with another key.
	Complete bool
	// Since is the beginning of the time that was looked at.
	Since time.Time
}

// LookBack answers from the sketches of traffic of all nodes. Its methods may be used by many goroutines at once.
type LookBack struct {
	store  TrafficStore
	key    TrafficKey
	now    func() time.Time
	blocks int
}

// NewLookBack makes a look-back with the key of the nodes and a clock, nil for time.Now.
func NewLookBack(store TrafficStore, key TrafficKey, now func() time.Time) *LookBack {
	if now == nil {
		now = time.Now
	}
	return &LookBack{store, key, now, sketchBlocks}
}

// MaxImpactDays is how many days a look-back reaches back at most.
const MaxImpactDays = 7

// Impact is what listings of the targets in the roles would have done to the calls of the last days: 1 to [MaxImpactDays]. It counts from the beginning
// of the day of UTC on which they begin until some minutes ago: a running node writes every ten.
//
// Where a node had 10 million calls to 3 million numbers in a day, a number or range seems to have had 0.5 calls too many on average,
// and one in two hundred more than 10; where they went to 4 million numbers alike, 1.3 and one in a hundred (TestSketchError). Of a
// million calls, one line in a hundred that had any and one in fifty that had none seem to have one more. Subscribers are too many besides, for one who called on several days,
// through several nodes, or several of the targets counts for each, and so does one who calls again when half a million others have called.
//
// A number that a range among the targets covers is not counted again. An error says that the store could not be read, or that a range is too wide
// or too narrow to be listed.
func (b *LookBack) Impact(ctx context.Context, targets []numberdb.Target, roles numberdb.Roles, days int) (Impact, error) {
	if days < 1 || days > MaxImpactDays {
		return Impact{}, fmt.Errorf("impact of a listing: %d days: choose 1 to %d", days, MaxImpactDays)
	}
	q, err := newQuestion(b.key, b.blocks, targets, roles)
	if err != nil {
		return Impact{}, err
	}
	now := b.now()
	first, last := numberdb.DayOf(now.AddDate(0, 0, -days)), numberdb.DayOf(now)+1 // a node's clock may be ahead
	impact := Impact{Complete: true, Since: now.UTC()}
	for day := first - 1; day <= last; day++ {
		runs, complete, err := b.runs(ctx, day, now)
		if err != nil {
			return Impact{}, err
		}
		if day < first { // only to see that there was a time before
			if len(runs) > 0 {
				impact.Since = first.Time()
			}
			continue
		}
		for _, r := range runs {
			if r.From.Before(impact.Since) {
				impact.Since = r.From.UTC()
			}
		}
		whole, err := b.ask(ctx, q, day, runs)
		if err != nil {
			return Impact{}, err
		}
		impact.Complete = impact.Complete && complete && whole
	}
	impact.Complete = impact.Complete && !impact.Since.After(first.Time())
	impact.Calls, impact.Subscribers = q.answer()
	return impact, nil
}

// runs are those of a day. They are not complete if one of them misses calls, or cannot be asked.
func (b *LookBack) runs(ctx context.Context, day numberdb.Day, now time.Time) (runs map[string]trafficRun, complete bool, err error) {
	records, err := b.store.TrafficRuns(ctx, day)
	if err != nil {
		return nil, false, fmt.Errorf("impact of a listing, read whose traffic is known: %w", err)
	}
	runs, complete = map[string]trafficRun{}, true
	for name, record := range records {
		var r trafficRun
		if json.Unmarshal(record, &r) != nil {
			complete = false
			continue
		}
		runs[name] = r
		complete = complete && r.Key == b.key.name && r.Lost == 0 && !r.died(now)
	}
	return runs, complete, nil
}

// ask adds what the runs of a day counted. It is not the whole if a part of a sketch cannot be read.
func (b *LookBack) ask(ctx context.Context, q *question, day numberdb.Day, runs map[string]trafficRun) (whole bool, err error) {
	whole = true
	if len(runs) == 0 {
		return whole, nil
	}
	decoder, decoded := newBlockDecoder(), new(block)
	for some := range slices.Chunk(slices.Sorted(maps.Keys(q.blocks)), blocksAtOnce) {
		stored, err := b.store.Traffic(ctx, day, some)
		if err == nil && len(stored) != len(some) {
			err = errors.New("the store gave other blocks than it was asked for")
		}
		if err != nil {
			return false, fmt.Errorf("impact of a listing, read a sketch of traffic: %w", err)
		}
		for i, number := range some {
			for name, encoded := range stored[i] {
				if r, known := runs[name]; !known || r.Key != b.key.name || decoder.decode(decoded, encoded) != nil {
					whole = false
					continue
				}
				q.add(number, decoded)
			}
		}
	}
	return whole, nil
}

// question is the lines that a sketch is asked about, and what it has answered so far.
type question struct {
	key    TrafficKey
	size   int // blocks of the sketch
	asked  map[line]*asked
	blocks map[int][]*asked
	terms  []term
}

// asked is one line.
type asked struct {
	place place
	count [quantities]uint64
}

// term is a part of the answer: the counts of its lines summed up, or that of the bound if it is less.
type term struct {
	lines []*asked
	bound []*asked
}

func newQuestion(k TrafficKey, size int, targets []numberdb.Target, roles numberdb.Roles) (*question, error) {
	q := &question{key: k, size: size, asked: map[line]*asked{}, blocks: map[int][]*asked{}}
	listed := map[numberdb.Target]bool{}
	for _, t := range targets {
		if digits := digitsOf(t.Number); t.Prefix && (digits < shortestRange || digits > longestRange) {
			return nil, fmt.Errorf("impact of a listing: %v: a range fixes %d to %d digits", t, shortestRange, longestRange)
		}
		listed[t] = true
	}
	for t := range listed {
		if covered(t, listed) {
			continue
		}
		for _, d := range []screening.Direction{screening.Inbound, screening.Outbound} {
			switch {
			case !roles.Has(d.Role()):
			case t.Prefix:
				q.askRange(d, t.Number)
			default:
				q.terms = append(q.terms, term{lines: []*asked{q.ask(numberLine(d, t.Number))}})
			}
		}
	}
	return q, nil
}

// covered says whether a range among the targets, other than t itself, has all of t.
func covered(t numberdb.Target, targets map[numberdb.Target]bool) bool {
	first := t.Number
	if !t.Prefix && targets[numberdb.Target{Number: first, Prefix: true}] {
		return true
	}
	for first /= 10; first > 0; first /= 10 {
		if targets[numberdb.Target{Number: first, Prefix: true}] {
			return true
		}
	}
	return false
}

// ask asks about one line, once.
func (q *question) ask(l line) *asked {
	a := q.asked[l]
	if a == nil {
		a = &asked{place: placeOf(q.key, l, q.size)}
		q.asked[l] = a
		q.blocks[a.place.block] = append(q.blocks[a.place.block], a)
	}
	return a
}

// askRange asks about a range. Numbers that have three digits more, or more than that, were counted for it; about shorter ones it asks one by one. There may be
// none of that length, which the sketch knows better of a range that is wider: it bounds what adds up of so many answers.
func (q *question) askRange(d screening.Direction, first numberdb.Number) {
	digits := digitsOf(first)
	q.terms = append(q.terms, term{lines: []*asked{q.ask(rangeOf(d, first))}})
	from, numbers := first, numberdb.Number(1)
	for length := digits; length < digits+openDigits && length <= mostDigits; length++ {
		t := term{bound: []*asked{q.ask(lengthOf(d, cut(first, digits, shortestRange), length))}}
		for n := range numbers {
			t.lines = append(t.lines, q.ask(numberLine(d, from+n)))
		}
		if wider := length - openDigits; wider >= shortestRange {
			t.bound = append(t.bound, q.ask(rangeOf(d, cut(first, digits, wider))))
		}
		q.terms = append(q.terms, t)
		from, numbers = from*10, numbers*10
	}
}

// add adds what a block of a sketch says.
func (q *question) add(number int, b *block) {
	for _, a := range q.blocks[number] {
		for what := range quantities {
			a.count[what] += b.count(&a.place, what)
		}
	}
}

// answer adds up.
func (q *question) answer() (calls, subscribers uint64) {
	var total [quantities]uint64
	for _, t := range q.terms {
		for what := range quantities {
			n := uint64(0)
			for _, a := range t.lines {
				n += a.count[what]
			}
			for _, a := range t.bound {
				n = min(n, a.count[what])
			}
			total[what] += n
		}
	}
	return total[ofCalls], min(total[ofSubscribers], total[ofCalls])
}
