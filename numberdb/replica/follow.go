package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/numberdb"
)

// ErrReplaced says that the store holds another list than the one in use, in which far less is listed, and that nobody has confirmed it. The
// last one stays in use.
var ErrReplaced = errors.New("the store holds another list, in which far less is listed; the last one stays in use: restore the store's data if they were lost, else confirm the new list with 'linewarden list accept'")

// errNoList is [numberdb.ErrNoList] with what to do.
var errNoList = fmt.Errorf("%w: restore its data if they were lost, else begin a new list with 'linewarden list accept', or by an intake that has no snapshot", numberdb.ErrNoList)

// refusal is a list that was not put in use.
type refusal struct {
	id  string
	why error
}

// shrunk says whether one list is so much smaller than another one that it must not silently take its place.
func shrunk(from, to int) bool { return 2*to < from }

// Why a list was put in use: the label of a metric.
const (
	loadedFromSnapshot = "snapshot" // at the start, from disk
	loadedFirst        = "first"    // there was no list
	loadedGap          = "gap"      // the stream of changes no longer reached back to our position
	loadedOther        = "other"    // the store holds another list than we did
)

// catchUpBlock is how long a new list waits for changes before it is put in use: it only takes those that are there.
const catchUpBlock = time.Millisecond

// keepEqual keeps the list equal to the store until ctx ends.
func (r *Replica) keepEqual(ctx context.Context) {
	wait := r.opts.RetryMin
	for ctx.Err() == nil {
		err := r.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			wait = r.opts.RetryMin
			continue
		}
		r.fault(err)
		pause(ctx, wait-rand.N(wait/2+1))
		wait = min(2*wait, r.opts.RetryMax)
	}
}

// pause waits for a time or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// step follows the list in use for one heartbeat, or loads one if that is needed.
func (r *Replica) step(ctx context.Context) error {
	l := r.list.Load()
	if l == nil {
		return r.load(ctx, loadedFirst, "")
	}
	if r.checked.IsZero() {
		if replaced, err := r.replaced(ctx, l); replaced || err != nil {
			return err
		}
	}
	began := time.Now()
	lost, err := r.follow(ctx, l, r.opts.HeartbeatEvery)
	if len(lost) > 0 {
		return r.load(ctx, loadedGap, "")
	}
	if err != nil {
		return err
	}
	if began.Sub(r.checked) < r.opts.HeartbeatEvery { // a busy stream: one confirmation per heartbeat is enough
		return nil
	}
	// A store that was replaced may well have streams to follow: only its identity tells that they were those of our list.
	if replaced, err := r.replaced(ctx, l); replaced || err != nil {
		return err
	}
	r.checked = began
	r.confirm(l, began)
	return nil
}

// replaced loads the store's list if that is another one than l, and says whether it was. One that was refused is loaded again only once
// people have confirmed it.
func (r *Replica) replaced(ctx context.Context, l *list) (bool, error) {
	id, partitions, err := r.identity(ctx)
	if err != nil || id == l.id && partitions == len(l.positions) {
		return false, err
	}
	accepted, err := r.accepted(ctx, id)
	switch {
	case err != nil:
		return true, err
	case accepted:
		return true, r.load(ctx, loadedOther, id)
	case id == r.refused.id:
		return true, r.refused.why
	}
	return true, r.load(ctx, loadedOther, "")
}

// accepted asks whether people have confirmed a list.
func (r *Replica) accepted(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	accepted, err := r.src.Accepted(ctx, id)
	if err != nil {
		r.metrics.faults.WithLabelValues("identity").Inc()
		return false, fmt.Errorf("ask the store whether its list was confirmed: %w", err)
	}
	return accepted, nil
}

// follow applies changes to the list for the given time.
func (r *Replica) follow(ctx context.Context, l *list, block time.Duration) (lost []int, err error) {
	ctx, cancel := context.WithTimeout(ctx, block+r.opts.Timeout)
	defer cancel()
	lost, err = r.src.Follow(ctx, l.header().positions, block, func(partition int, position string, changes []numberdb.Change) {
		l.advance(partition, position, changes)
		r.metrics.changes.Add(float64(len(changes)))
		if l == r.list.Load() { // and not a list that is still being loaded
			r.announce(func() {
				r.version += uint64(len(changes))
				r.recent.add(changes)
			})
		}
	})
	if err != nil {
		r.metrics.faults.WithLabelValues("follow").Inc()
		err = fmt.Errorf("follow the list in the store: %w", err)
	}
	return lost, err
}

// identity asks which list the store holds.
func (r *Replica) identity(ctx context.Context) (id string, partitions int, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	id, partitions, err = r.src.Identity(ctx)
	switch {
	case err != nil:
		err = fmt.Errorf("ask the store for its list: %w", err)
	case id == "":
		err = errNoList
	case len(id) > maxID || partitions < 1 || partitions > maxPartitions:
		err = fmt.Errorf("the store says that its list has an id of %d bytes and %d partitions: at most %d and %d are possible",
			len(id), partitions, maxID, maxPartitions)
	}
	if err != nil {
		r.metrics.faults.WithLabelValues("identity").Inc()
	}
	return id, partitions, err
}

// load reads the whole list anew and puts it in use, unless it is another one than before, has shrunk, and is not the one that people have
// confirmed.
func (r *Replica) load(ctx context.Context, why, accepted string) error {
	ctx, cancel := context.WithTimeout(ctx, r.opts.LoadTimeout)
	defer cancel()
	began := time.Now()
	l, err := r.read(ctx, began)
	if err != nil {
		return err
	}
	numbers, prefixes := l.index.Len()
	if last := r.list.Load(); last != nil && last.id != l.id {
		lastNumbers, lastPrefixes := last.index.Len()
		if l.id != accepted && shrunk(lastNumbers+lastPrefixes, numbers+prefixes) {
			r.refused = refusal{l.id, fmt.Errorf("%w (%d numbers and %d ranges instead of %d and %d)", ErrReplaced, numbers, prefixes, lastNumbers, lastPrefixes)}
			return r.refused.why
		}
		r.log.Warn("the store holds another list, which takes the place of the last one", "list", l.id, "numbers", numbers,
			"last", last.id, "last_numbers", lastNumbers)
	}
	r.checked = began
	r.install(l, why, began)
	r.log.Info("the list is loaded", "why", why, "list", l.id, "numbers", numbers, "prefixes", prefixes,
		"took", time.Since(began).Round(time.Millisecond))
	return nil
}

// read reads the store's list, and lets it catch up with what changed since it began.
func (r *Replica) read(ctx context.Context, began time.Time) (*list, error) {
	id, partitions, err := r.identity(ctx)
	if err != nil {
		return nil, err
	}
	l := &list{id: id, index: numberdb.NewIndex(), positions: make([]string, partitions), confirmed: began}
	var size sync.Once // the first partition tells how large the list will be, for numbers are spread evenly
	group, loading := errgroup.WithContext(ctx)
	group.SetLimit(r.opts.LoadConcurrency)
	for p := range partitions {
		group.Go(func() error {
			listed := 0
			position, err := r.src.Load(loading, p, func(changes []numberdb.Change) {
				listed += len(changes)
				l.fill(changes)
			})
			if err != nil {
				return fmt.Errorf("load partition %d of the list: %w", p, err)
			}
			size.Do(func() { l.index.Reserve(listed * partitions) })
			l.begin(p, position)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		r.metrics.faults.WithLabelValues("load").Inc()
		return nil, err
	}
	lost, err := r.follow(ctx, l, catchUpBlock)
	if err != nil {
		return nil, err
	}
	if len(lost) > 0 {
		r.metrics.faults.WithLabelValues("load").Inc()
		return nil, fmt.Errorf("load the list: changes of %d partitions were gone before they were read: let the store keep more of its stream", len(lost))
	}
	// Partitions of two lists make none.
	switch now, _, err := r.identity(ctx); {
	case err != nil:
		return nil, err
	case now != id:
		r.metrics.faults.WithLabelValues("load").Inc()
		return nil, fmt.Errorf("load the list: the store's list %q was replaced by %q meanwhile", id, now)
	}
	return l, nil
}

// install puts a list in use. One from the store is up to date.
func (r *Replica) install(l *list, why string, began time.Time) {
	r.metrics.loads.WithLabelValues(why).Inc()
	r.metrics.loadSeconds.Set(time.Since(began).Seconds())
	r.announce(func() {
		r.list.Store(l)
		r.version++
		r.recent = nil
		r.fromSnapshot = why == loadedFromSnapshot
		r.err = nil
	})
}

// confirm notes that the store has confirmed the list in use as of the given time.
func (r *Replica) confirm(l *list, at time.Time) {
	l.confirm(at)
	var last error
	r.announce(func() { last, r.err, r.fromSnapshot = r.err, nil, false })
	if last != nil {
		r.log.Info("the list is up to date again", "list", l.id)
	}
}

// repeatLog is how often a lasting fault is logged. The retries are more frequent and would fill the log.
const repeatLog = 30 * time.Second

// fault notes why the list may be out of date.
func (r *Replica) fault(err error) {
	r.checked = time.Time{} // before anything else, ask whose list the store holds
	var last error
	r.announce(func() { last, r.err = r.err, err })
	if now := time.Now(); last == nil || now.Sub(r.complained) >= repeatLog {
		r.complained = now
		r.log.Error("the list cannot be kept up to date; calls go on with what there is", "loaded", r.Loaded(), "error", err)
	}
}
