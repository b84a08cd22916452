package replica

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
)

// Options are a replica's settings; the zero value of each stands for its default.
type Options struct {
	// SnapshotPath is the file that keeps the list on disk; empty for none. Beside it a file of the same name with ".new" appears
	// while it is written. Each process needs a path of its own.
	SnapshotPath string
	// SnapshotEvery is the time between two snapshots; 5 minutes by default.
	SnapshotEvery time.Duration
	// HeartbeatEvery is how often the store is asked to confirm that nothing is missing; 1 second by default. A healthy list's age
	// stays below two heartbeats.
	HeartbeatEvery time.Duration
	// Timeout bounds a request to the store, beyond the time that it was asked to wait; 5 seconds by default.
	Timeout time.Duration
	// LoadTimeout bounds the loading of the whole list; 5 minutes by default.
	LoadTimeout time.Duration
	// LoadConcurrency is how many partitions are loaded at once; 4 by default.
	LoadConcurrency int
	// RetryMin and RetryMax bound the wait after a fault: it doubles from one to the other, less up to half of it at random. By default 100
	// milliseconds and 1 second.
	RetryMin, RetryMax time.Duration

	Logger  *slog.Logger          // nil for none
	Metrics prometheus.Registerer // nil for none
}

// withDefaults replaces zeros and refuses what makes no sense.
func (o Options) withDefaults() (Options, error) {
	for _, d := range []struct {
		name    string
		value   *time.Duration
		initial time.Duration
	}{
		{"SnapshotEvery", &o.SnapshotEvery, 5 * time.Minute},
		{"HeartbeatEvery", &o.HeartbeatEvery, time.Second},
		{"Timeout", &o.Timeout, 5 * time.Second},
		{"LoadTimeout", &o.LoadTimeout, 5 * time.Minute},
		{"RetryMin", &o.RetryMin, 100 * time.Millisecond},
		{"RetryMax", &o.RetryMax, time.Second},
	} {
		if *d.value < 0 {
			return o, fmt.Errorf("replica: %s is %v: give a time above zero, or zero for %v", d.name, *d.value, d.initial)
		}
		if *d.value == 0 {
			*d.value = d.initial
		}
	}
	o.RetryMax = max(o.RetryMax, o.RetryMin)
	if o.LoadConcurrency < 0 {
		return o, fmt.Errorf("replica: LoadConcurrency is %d: give a number above zero, or zero for 4", o.LoadConcurrency)
	}
	if o.LoadConcurrency == 0 {
		o.LoadConcurrency = 4
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Replica keeps a copy of the store's list in memory. Its methods may be used from any goroutine.
type Replica struct {
	src     Source
	opts    Options
	log     *slog.Logger
	metrics *metrics

	running atomic.Bool
	list    atomic.Pointer[list] // the one in use; nil until the first is loaded

	checked    time.Time // when following began that ended with the store still holding our list; zero after a fault; of keepEqual
	complained time.Time // when the last fault was logged; of keepEqual
	refused    refusal   // the last list that was not put in use; of keepEqual
	saved      time.Time // of the list on disk: when it was confirmed; of keepSnapshots

	mu           sync.Mutex
	version      uint64        // see State.Version
	recent       history       // the changes that led to version, as far back as they are kept
	fromSnapshot bool          // see State.FromSnapshot
	err          error         // see State.Err
	changed      chan struct{} // closed and replaced at every change of these or the list
}

// New makes a replica of the store. It has no list until Run has found one. The error tells of an option that makes no sense, or of
// metrics that are registered already.
func New(src Source, opts Options) (*Replica, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Replica{src: src, opts: opts, log: opts.Logger, metrics: newMetrics(), changed: make(chan struct{})}
	if opts.Metrics != nil {
		if err := r.metrics.register(opts.Metrics, r); err != nil {
			return nil, fmt.Errorf("replica: register metrics: %w", err)
		}
	}
	return r, nil
}

// Run keeps the list equal to the store until ctx ends: it starts from the snapshot if there is one, loads, follows, and after any
// fault tries again by itself. It returns when all that it started has ended and the last snapshot is written, which may
// take as long as the store's Follow takes to notice that its context has ended; the error is that of writing the snapshot. It may be
// called once.
func (r *Replica) Run(ctx context.Context) error {
	if r.running.Swap(true) {
		return errors.New("replica: Run may be called once")
	}
	r.startFromSnapshot()
	stop, last := make(chan struct{}), make(chan error)
	go func() { last <- r.keepSnapshots(stop) }()
	r.keepEqual(ctx)
	close(stop)
	return <-last
}

// Lookup is what the list says about a number on the given day ([numberdb.Index.Lookup]); the zero Listing before there is a list. It takes
// no lock and does not allocate.
func (r *Replica) Lookup(n numberdb.Number, today numberdb.Day) numberdb.Listing {
	l := r.list.Load()
	if l == nil {
		return numberdb.Listing{}
	}
	return l.index.Lookup(n, today)
}

// All goes through all that is listed, as [numberdb.Index.All] does; nothing before there is a list.
func (r *Replica) All() iter.Seq[numberdb.Change] {
	l := r.list.Load()
	if l == nil {
		return func(func(numberdb.Change) bool) {}
	}
	return l.index.All()
}

// Version grows by one with every change that is applied and every list that is put in use; it is zero before there is a list.
func (r *Replica) Version() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// Loaded says whether there is a list. Once there is one, there always is. It takes no lock.
func (r *Replica) Loaded() bool { return r.list.Load() != nil }

// State is what a replica knows about itself.
type State struct {
	// Loaded says that there is a list to decide calls by; all but Err is zero before.
	Loaded bool
	// FromSnapshot says that the list comes from the snapshot on disk and the store has not confirmed it yet.
	FromSnapshot bool
	// Age is the time since the store last confirmed that nothing is missing from the list: whatever was stored earlier is in it. It stays
	// below two heartbeats while all is well, and grows while the store is away, hung, empty or cannot be read.
	Age time.Duration
	// Numbers and Prefixes are how many of each are listed.
	Numbers, Prefixes int
	// ListID names the list, as the store does.
	ListID string
	// Version grows by one with every change that is applied and every list that is put in use. It counts from the start of the process.
	Version uint64
	// Err is why the list is not known to be up to date; nil while it is.
	Err error
}

// State tells how the list is at this moment.
func (r *Replica) State() State {
	r.mu.Lock()
	s := State{FromSnapshot: r.fromSnapshot, Version: r.version, Err: r.err}
	l := r.list.Load()
	r.mu.Unlock()
	if l == nil {
		return s
	}
	s.Loaded = true
	s.ListID = l.id
	s.Age = l.age(time.Now())
	s.Numbers, s.Prefixes = l.index.Len()
	return s
}

// Wait waits until the state is as wanted. It looks at every change of the list or of Err, not at the passing of time. The error is
// the context's.
func (r *Replica) Wait(ctx context.Context, wanted func(State) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if wanted(r.State()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("replica: wait for the list: %w", context.Cause(ctx))
		}
	}
}

// announce makes a change of state and wakes those who wait for one.
func (r *Replica) announce(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
}
