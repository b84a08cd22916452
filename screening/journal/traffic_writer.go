package journal

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

const (
	// trafficKept is how long a day's sketches are kept after it: a week back from any moment begins on the eighth day before.
	trafficKept = 8 * 24 * time.Hour
	// blocksAtOnce is how many blocks are written or read together, some 300 kB.
	blocksAtOnce = 64
	// mostDaysWaiting is of how many days blocks wait in memory, some 5 MB each, while the store is away.
	mostDaysWaiting = 2
)

// Why calls are missing in the sketch.
const (
	lostCrowded = "queue_full"
	lostAway    = "store_away"
)

// trafficWriter is all that belongs to Run's goroutine.
type trafficWriter struct {
	traffic *Traffic
	spare   []touch
	lines   []line
	encoder *blockEncoder

	day    numberdb.Day // of the sketch
	name   string       // of the run
	known  bool         // whether the store has a record of the run
	record trafficRun
	blocks []block
	dirty  []bool
	seen   seen
	missed uint64 // of handOver.lost, those that a record has

	// waiting has what is to be written, by day, the oldest first. While the first is being written, written will get what became
	// of it, and nothing else touches it.
	waiting []*trafficDay
	writing bool
	written chan error
	next    time.Time // when to write again, on the real clock: pauses have nothing to do with the days
	away    bool      // whether the last write failed
}

// trafficDay is what is to be written of a day.
type trafficDay struct {
	day    numberdb.Day
	name   string
	known  bool
	record trafficRun
	blocks map[int][]byte
}

func newTrafficWriter(t *Traffic) *trafficWriter {
	w := &trafficWriter{
		traffic: t, spare: make([]touch, 0, laneRoom), encoder: newBlockEncoder(),
		blocks: make([]block, t.blocks), dirty: make([]bool, t.blocks), seen: make(seen, max(1, seenSets*t.blocks/sketchBlocks)),
		written: make(chan error, 1),
	}
	now := t.options.Now()
	w.beginDay(now, now)
	return w
}

// beginDay begins a sketch, of the calls since from.
func (w *trafficWriter) beginDay(from, now time.Time) {
	o := &w.traffic.options
	w.day, w.name, w.known = numberdb.DayOf(now), rand.Text()[:8], false
	w.record = trafficRun{Node: o.Node, Key: o.Key.name, From: from.UTC(), Until: now.UTC(), Every: o.Every.Seconds()}
}

// look takes what was noted into the sketch.
func (w *trafficWriter) look() {
	now := w.traffic.options.Now()
	w.spare = w.traffic.calls.take(w.spare, w.sketch)
	w.record.Until = now.UTC()
	if lost := w.traffic.calls.lost.Load(); lost != w.missed {
		w.lose(lost-w.missed, lostCrowded)
		w.missed = lost
	}
}

// lose counts calls that are missing.
func (w *trafficWriter) lose(calls uint64, why string) {
	w.record.Lost += calls
	w.traffic.lost.WithLabelValues(why).Add(float64(calls))
}

// sketch counts one call.
func (w *trafficWriter) sketch(t touch) {
	key := w.traffic.options.Key
	fresh := t.subscriber == 0
	if !fresh {
		_, hash := key.of(uint64(t.line), uint64(t.subscriber))
		fresh = w.seen.add(hash)
	}
	w.lines = linesOf(w.lines[:0], t.line.direction(), t.line.number())
	for _, l := range w.lines {
		p := placeOf(key, l, len(w.blocks))
		b := &w.blocks[p.block]
		b.add(&p, ofCalls)
		if fresh {
			b.add(&p, ofSubscribers)
		}
		w.dirty[p.block] = true
	}
	w.record.Calls++
}

// turnDay begins a new sketch when a day is over. Calls of the last moments may count for the day after, or, while a write is on its way, those of
// the first moments for the day before.
func (w *trafficWriter) turnDay() {
	now := w.traffic.options.Now()
	if w.writing || numberdb.DayOf(now) <= w.day {
		return
	}
	w.record.Ended = true
	w.encode()
	clear(w.blocks)
	clear(w.seen)
	w.beginDay(numberdb.DayOf(now).Time(), now)
	for len(w.waiting) > mostDaysWaiting {
		w.lose(w.waiting[0].record.Calls, lostAway)
		w.waiting = w.waiting[1:]
	}
	w.next = time.Time{}
}

// encode puts what has changed in the sketch behind what waits to be written. No write is on its way.
func (w *trafficWriter) encode() {
	if len(w.waiting) == 0 || w.waiting[len(w.waiting)-1].name != w.name {
		w.waiting = append(w.waiting, &trafficDay{day: w.day, name: w.name, known: w.known, blocks: map[int][]byte{}})
	}
	last := w.waiting[len(w.waiting)-1]
	last.record = w.record
	for i := range w.blocks {
		if w.dirty[i] {
			last.blocks[i] = w.encoder.encode(&w.blocks[i])
			w.dirty[i] = false
		}
	}
}

// begin begins to write when it is time to.
func (w *trafficWriter) begin(ctx context.Context) {
	if w.writing || time.Now().Before(w.next) {
		return
	}
	w.encode()
	w.write(ctx)
}

// write begins to write the oldest day that waits.
func (w *trafficWriter) write(ctx context.Context) {
	w.writing = true
	d := w.waiting[0]
	go func() { w.written <- w.traffic.store(ctx, d) }()
}

// store writes a day, and in the end how far it reaches. What has been written no longer waits.
func (t *Traffic) store(ctx context.Context, d *trafficDay) error {
	end := d.day.Time().Add(24*time.Hour + trafficKept)
	if !d.known { // there must be no blocks of a run that nobody knows
		begun := d.record
		begun.Until, begun.Ended = begun.From, false
		if err := t.options.Store.KeepTrafficRun(ctx, d.day, d.name, begun.encode(), end); err != nil {
			return err
		}
		d.known = true
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(d.blocks)), blocksAtOnce) {
		blocks := map[int][]byte{}
		for _, i := range some {
			blocks[i] = d.blocks[i]
		}
		if err := t.options.Store.KeepTraffic(ctx, d.day, d.name, blocks, end); err != nil {
			return err
		}
		for _, i := range some {
			delete(d.blocks, i)
		}
	}
	return t.options.Store.KeepTrafficRun(ctx, d.day, d.name, d.record.encode(), end)
}

// note takes in what became of a write, and says when to write again.
func (w *trafficWriter) note(ctx context.Context, err error) {
	w.writing = false
	o := &w.traffic.options
	d := w.waiting[0]
	w.known = w.known || d.name == w.name && d.known
	if err == nil {
		w.waiting = w.waiting[1:]
		w.next = time.Now().Add(o.Every)
		if len(w.waiting) > 0 {
			w.next = time.Time{}
		}
	} else {
		w.next = time.Now().Add(min(retryTraffic, o.Every))
	}
	if ctx.Err() != nil {
		return // a write that was broken off says nothing about the store
	}
	if err != nil && !w.away {
		o.Logger.Warn("the sketch of traffic cannot be written; it waits in memory", "error", err)
	} else if err == nil && w.away {
		o.Logger.Info("the sketch of traffic can be written again")
	}
	w.away = err != nil
}

// drain writes what is left, within the time that is given to it.
func (w *trafficWriter) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.traffic.options.Linger)
	defer cancel()
	if w.writing {
		w.note(ctx, <-w.written) // its context has ended
	}
	w.look()
	w.record.Ended = true
	w.encode()
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	for {
		err := w.traffic.store(ctx, w.waiting[0])
		if err == nil {
			if w.waiting = w.waiting[1:]; len(w.waiting) == 0 {
				return nil
			}
			continue
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the sketch of traffic ends with up to %d calls not written: %w", w.record.Calls, err)
		}
	}
}
