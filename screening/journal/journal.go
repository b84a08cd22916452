package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// Store is where the journal is kept: numberdb/redisstore is one. Its methods return soon after their context ends. All take and give
// plain values, so that neither side must know the other's types.
type Store interface {
	// KeepCalls stores records of one day until end, each under a name that begins with the call's id. One that is there already is
	// replaced.
	KeepCalls(ctx context.Context, day numberdb.Day, records map[string][]byte, end time.Time) error
	// KeepCounts sets counters of the hour that begins at the given time, and keeps all of its counters until end.
	KeepCounts(ctx context.Context, hour time.Time, counts map[string]uint64, end time.Time) error
	Reader
}

// Reader is what is asked about calls.
type Reader interface {
	// Calls gives the records of the days from first to last whose names begin with the id, some perhaps twice.
	Calls(ctx context.Context, id string, first, last numberdb.Day) ([][]byte, error)
	// Counts gives all counters of some hours, in their order. An hour of which a part cannot be read has a counter without a name.
	Counts(ctx context.Context, hours []time.Time) ([]map[string]uint64, error)
}

const (
	// DefaultRetention is how long entries and counts are kept where nobody says otherwise.
	DefaultRetention = 90 * 24 * time.Hour
	// MinRetention is the shortest: regulators give people some weeks to ask why a call of theirs was blocked.
	MinRetention = 28 * 24 * time.Hour
	// MaxRetention is the longest. A look-up asks for every day, and data about calls is not to be kept for ever.
	MaxRetention = 2 * 365 * 24 * time.Hour
	// DefaultMostPerDay is how many entries a node keeps in a day where nobody says otherwise.
	DefaultMostPerDay = 20_000
	// DefaultBacklog is how many entries wait in memory, some 200 bytes each, while the store is away.
	DefaultBacklog = 10_000
)

// Options is what a [Journal] is made of. Zero values stand for the defaults.
type Options struct {
	Store Store
	// Retention is how long entries and counts are kept, in whole days of UTC; [DefaultRetention].
	Retention time.Duration
	// MostPerDay bounds the entries that this node keeps in a day of UTC, so that a flood of listed calls cannot fill the store in which
	// the list lives; [DefaultMostPerDay].
	MostPerDay int
	// Backlog is how many entries may wait to be written; [DefaultBacklog].
	Backlog int
	// Every is the time between two writes; a second. Entries can be found, and counts seen, so much later.
	Every time.Duration
	// Linger is how long Run may go on writing after its context has ended; 3 seconds.
	Linger time.Duration
	// Now is the clock; time.Now.
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// Journal takes in what happened to calls. Count and Record may be called from many goroutines at once; Run once.
type Journal struct {
	options Options
	queue   chan Entry
	calls   counters
	crowded atomic.Uint64 // entries for which the queue had no room, since Run last looked
	metrics *metrics
}

// New checks the options and makes a journal of them. Nothing is written before Run.
func New(o Options) (*Journal, error) {
	if o.Store == nil {
		return nil, errors.New("journal: no store given")
	}
	setDefault(&o.Retention, DefaultRetention)
	setDefault(&o.MostPerDay, DefaultMostPerDay)
	setDefault(&o.Backlog, DefaultBacklog)
	setDefault(&o.Every, time.Second)
	setDefault(&o.Linger, 3*time.Second)
	if o.Retention < MinRetention || o.Retention > MaxRetention {
		return nil, fmt.Errorf("journal: a retention of %v: choose %v to %v", o.Retention, MinRetention, MaxRetention)
	}
	if o.MostPerDay < 1 || o.Backlog < 1 || o.Every < 0 || o.Linger < 0 {
		return nil, errors.New("journal: bounds and times must be positive")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	j := &Journal{options: o, queue: make(chan Entry, o.Backlog), calls: newCounters()}
	var err error
	j.metrics, err = newMetrics(j, o.Metrics)
	return j, err
}

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Count counts a call about which the list had nothing to say. It adds to one counter: no lock, no allocation, no clock.
func (j *Journal) Count(d screening.Direction, v screening.Verdict, o screening.Outcome) {
	j.calls.add(d, v, o)
}

// Record counts a call and keeps its entry. It never waits: where the queue is full, the entry is dropped, which is counted and, by Run,
// logged.
func (j *Journal) Record(e Entry) {
	j.calls.add(e.Direction, e.Verdict, e.Outcome)
	select {
	case j.queue <- e:
	default:
		j.crowded.Add(1)
		j.metrics.dropped[droppedCrowded].Inc()
	}
}

// Run writes until ctx ends, and then for as long as Options.Linger what is still there. The error says what was lost in the end. Calls that
// are recorded after that are not written.
func (j *Journal) Run(ctx context.Context) error {
	w := &writer{journal: j, seen: make([]uint64, len(j.calls)), tallies: map[int64]*tally{}}
	tick := time.NewTicker(j.options.Every)
	defer tick.Stop()
	for {
		queue := j.queue
		if len(w.batch) >= mostAtOnce {
			queue = nil // the store is away: the queue keeps what comes
		}
		select {
		case e := <-queue:
			w.take(e)
			if len(w.batch) >= mostAtOnce && !w.away {
				w.note(ctx, w.writeBatch(ctx))
			}
		case <-tick.C:
			w.collect()
			w.note(ctx, w.write(ctx))
			w.tellCrowded()
		case <-ctx.Done():
			return w.drain()
		}
	}
}
