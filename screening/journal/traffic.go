package journal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// TrafficStore is where sketches of traffic are kept: numberdb/redisstore is one. Its methods return soon after their context ends. A run is
// what one node sketched of a day, under a random name.
type TrafficStore interface {
	// KeepTraffic stores blocks of a run's sketch of a day by their numbers until end. What is there already is replaced.
	KeepTraffic(ctx context.Context, day numberdb.Day, run string, blocks map[int][]byte, end time.Time) error
	// KeepTrafficRun stores what is to be known about a run.
	KeepTrafficRun(ctx context.Context, day numberdb.Day, run string, record []byte, end time.Time) error
	// Traffic gives those blocks of a day, of each run that has them, in the order asked for.
	Traffic(ctx context.Context, day numberdb.Day, blocks []int) ([]map[string][]byte, error)
	// TrafficRuns gives what is to be known about the runs of a day.
	TrafficRuns(ctx context.Context, day numberdb.Day) (map[string][]byte, error)
}

// TrafficOptions is what a [Traffic] is made of. Zero values stand for the defaults.
type TrafficOptions struct {
	Store TrafficStore
	// Key must be the same on all nodes, and wherever the impact of a listing is asked for.
	Key TrafficKey
	// Node is the name of this instance.
	Node string
	// Every is the time between two writes; 10 minutes. A node that dies loses so much.
	Every time.Duration
	// Linger is how long Run may go on writing after its context has ended; 5 seconds.
	Linger time.Duration
	// Now is the clock; time.Now.
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// Traffic keeps a sketch of all calls, clean ones too, of which nothing else is kept: so many of each line and day, from so many subscribers. It
// answers what a listing would have done to the calls of the last days ([LookBack]), and nothing about who called whom: the subscribers are
// only counted, and where the calls of a number are counted depends on the key.
//
// It takes 17 MB of memory. A day of 10 million calls is stored in 6 MB, and nine days are kept.
type Traffic struct {
	options TrafficOptions
	calls   *handOver
	lost    *prometheus.CounterVec
	blocks  int // of the sketch
}

// NewTraffic checks the options and makes a sketch of them. Nothing is written before Run.
func NewTraffic(o TrafficOptions) (*Traffic, error) {
	setDefault(&o.Every, 10*time.Minute)
	setDefault(&o.Linger, 5*time.Second)
	switch {
	case o.Store == nil:
		return nil, errors.New("traffic: no store given")
	case o.Key.cipher == nil:
		return nil, errors.New("traffic: no key given")
	case o.Every < 0 || o.Linger < 0:
		return nil, errors.New("traffic: times must be positive")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Traffic{options: o, calls: newHandOver(), blocks: sketchBlocks, lost: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linewarden_traffic_lost_total",
		Help: "Calls that are missing in the sketch of traffic, by why: more came than it could take in, or the store was away too long.",
	}, []string{"why"})}
	for _, why := range []string{lostCrowded, lostAway} {
		t.lost.WithLabelValues(why) // shows as zero
	}
	if o.Metrics == nil {
		return t, nil
	}
	return t, o.Metrics.Register(t.lost)
}

// Touchable says whether a listing of the other party's number could change what such a call gets.
func Touchable(v screening.Verdict) bool {
	return v.Reason != screening.ReasonEmergency && v.Reason != screening.ReasonPSAPBack && v.Reason != screening.ReasonOptOut
}

// Note counts a call, by any number of goroutines at once. It waits for nothing, allocates nothing and takes some 20 ns. A call without the
// other party's number is not counted; one without the subscriber's counts as one of a subscriber of its own. The numbers are in memory until Run takes
// them, which is some hundred milliseconds.
func (t *Traffic) Note(d screening.Direction, other, subscriber numberdb.Number) {
	if other != 0 && other <= numberdb.MaxNumber && d <= screening.Outbound {
		t.calls.give(touch{numberLine(d, other), subscriber})
	}
}

const (
	// lookEvery is how often Run takes the calls that were noted.
	lookEvery = 250 * time.Millisecond
	// retryTraffic is the time between two tries to write while the store is away.
	retryTraffic = 5 * time.Second
)

// Run sketches and writes until ctx ends, and then for as long as TrafficOptions.Linger what is still to be written. The error says what was
// lost in the end. Run may be called once.
func (t *Traffic) Run(ctx context.Context) error {
	look := time.NewTicker(min(lookEvery, t.options.Every))
	defer look.Stop()
	w := newTrafficWriter(t)
	for {
		select {
		case <-t.calls.wake:
			w.look()
		case <-look.C:
			w.look()
			w.turnDay()
			w.begin(ctx)
		case err := <-w.written:
			w.note(ctx, err)
		case <-ctx.Done():
			return w.drain()
		}
	}
}
