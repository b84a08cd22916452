package prefilter

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening/ami"
)

// List is the list that is followed: numberdb/replica is one.
type List interface {
	// Since gives the changes after a version, each a target's whole listing, and the version with them; or says that All must be gone
	// through anew, which holds at least what that version does.
	Since(version uint64) (changes []numberdb.Change, now uint64, ok bool)
	// All goes through everything that is listed.
	All() iter.Seq[numberdb.Change]
	// Confirmed is when the store last confirmed that nothing is missing from the list; the zero time before there is one.
	Confirmed() time.Time
	// Changed is closed at the next change of what the others say.
	Changed() <-chan struct{}
}

// Options is what a [Prefilter] is made of.
type Options struct {
	List     List
	Asterisk ami.Config
	// Instance names this Linewarden among those that write to the same Asterisk.
	Instance string
	// Origins are how the trunks of each policy write numbers.
	Origins map[string]numberdb.Origin
	// StaleAfter is how long after the store's last confirmation the dialplan may rely on what is written; DefaultStaleAfter if zero.
	StaleAfter time.Duration
	// Today gives the day by which listings hold; nil for that of the clock.
	Today   func() numberdb.Day
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil for none
}

// Bounds of StaleAfter. A list in good health is up to two seconds old, and the state is renewed every few.
const (
	MinStaleAfter     = 5 * time.Second
	DefaultStaleAfter = 10 * time.Second
	MaxStaleAfter     = time.Hour
)

// How long to wait before connecting again after a failure, and how soon at all: changes that come close together are written together.
const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
	visitEvery = 50 * time.Millisecond
)

// Prefilter keeps one Asterisk's database filled.
type Prefilter struct {
	opts    Options
	name    dialplan.PrefilterContent
	log     *slog.Logger
	metrics *metrics
	relied  atomic.Int64 // when the store confirmed what the dialplan relies on, in nanoseconds since 1970; 0 for nothing

	// The rest is Run's goroutine's: what is in Asterisk, as far as we know.
	built     bool // all of what follows is there
	content   *content
	version   uint64       // of the list, up to which all is written
	day       numberdb.Day // by which all is written
	mark      mark
	state     dialplan.PrefilterState
	confirmed time.Time // what state stands for
	seen      time.Time // what the store had confirmed at the last visit
}

// New makes one. The error tells of metrics that are registered already.
func New(o Options) (*Prefilter, error) {
	if o.StaleAfter <= 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.Today == nil {
		o.Today = func() numberdb.Day { return numberdb.DayOf(time.Now()) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Prefilter{
		opts: o, name: dialplan.NewPrefilterContent(o.Instance), log: o.Logger, metrics: newMetrics(), mark: newMark(),
	}
	if o.Metrics != nil {
		if err := p.metrics.register(o.Metrics, p); err != nil {
			return nil, fmt.Errorf("prefilter: register metrics: %w", err)
		}
	}
	return p, nil
}

// repeatLog is how often a lasting fault is logged.
const repeatLog = 30 * time.Second

// Run keeps the database filled until ctx ends, whatever happens to the connection; it may be called once. What is written stays: the
// dialplan relies on it until it expires.
func (p *Prefilter) Run(ctx context.Context) error {
	wait := backoffMin
	var complained time.Time
	for ctx.Err() == nil {
		changed := p.opts.List.Changed()
		if !p.due() {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		err := p.visit(ctx)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			wait = backoffMin
			pause(ctx, visitEvery)
		default:
			p.metrics.faults.Inc()
			if now := time.Now(); now.Sub(complained) >= repeatLog {
				complained = now
				p.log.Error("the pre-filter in Asterisk cannot be kept up; once it expires all calls are handed out", "error", err)
			}
			pause(ctx, wait-rand.N(wait/2+1))
			wait = min(2*wait, backoffMax)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// due says whether there is anything to write.
func (p *Prefilter) due() bool {
	confirmed := p.opts.List.Confirmed()
	if confirmed.IsZero() {
		return false // there is no list yet
	}
	_, version, told := p.opts.List.Since(p.version)
	return !p.built || !told || version != p.version || p.opts.Today() != p.day || confirmed.Sub(p.seen) >= p.often()
}

// often is how much longer a state must be good for to be worth writing: Asterisk logs it each time, where its log is verbose.
func (p *Prefilter) often() time.Duration {
	return min(max(p.opts.StaleAfter/4, time.Second), 30*time.Second)
}
