package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

const (
	// mostAtOnce is how many entries are written together.
	mostAtOnce = 256
	// mostHours is how many hours of counts wait in memory while the store is away.
	mostHours = 72
	// tellEvery is the shortest time between two log lines about entries that were dropped.
	tellEvery = time.Minute
	// retryEvery is the time between two tries to write while the journal ends.
	retryEvery = 100 * time.Millisecond
)

// writer is all that belongs to Run's goroutine.
type writer struct {
	journal *Journal
	batch   []stored         // entries to be written next
	seen    []uint64         // what the counters held when collect last looked
	tallies map[int64]*tally // by hour: seconds since 1970
	away    bool             // whether the last write failed
	day     numberdb.Day     // to which taken belongs
	taken   int
	told    time.Time // when it was last logged that entries were dropped
}

// stored is an entry as the store gets it.
type stored struct {
	day   numberdb.Day
	name  string
	value []byte
}

// take puts an entry into the batch, and its brand and line into the counts of the hour in which the call began.
func (w *writer) take(e Entry) {
	o := &w.journal.options
	value, err := e.AppendBinary(nil)
	if err != nil {
		w.journal.metrics.dropped[droppedUnsound].Inc()
		o.Logger.Error("a call cannot be recorded: report this as a bug", "id", e.ID, "error", err)
		return
	}
	w.tally(e.At).addEntry(&e)
	if today := numberdb.DayOf(o.Now()); today != w.day {
		w.day, w.taken = today, 0
	}
	if w.taken++; w.taken > o.MostPerDay {
		w.journal.metrics.dropped[droppedDayFull].Inc()
		if w.taken == o.MostPerDay+1 {
			o.Logger.Warn("the journal has as many calls as it keeps in a day: until midnight UTC further ones are only counted", "most_per_day", o.MostPerDay)
		}
		return
	}
	w.batch = append(w.batch, stored{numberdb.DayOf(e.At), e.name(), value})
}

// collect adds what was counted since it last looked to the present hour: calls count in the hour in which they end.
func (w *writer) collect() {
	t := w.tally(w.journal.options.Now())
	for i := range w.journal.calls {
		if n := w.journal.calls[i].Load(); n != w.seen[i] {
			t.add(callField(i), n-w.seen[i])
			w.seen[i] = n
		}
	}
}

// tally is that of the hour in which a time lies. Where there are too many, the oldest is given up.
func (w *writer) tally(at time.Time) *tally {
	hour := at.Truncate(time.Hour).Unix()
	t := w.tallies[hour]
	if t == nil {
		t = newTally(time.Unix(hour, 0).UTC())
		w.tallies[hour] = t
	}
	if len(w.tallies) > mostHours {
		oldest := hour
		for h := range w.tallies {
			oldest = min(oldest, h)
		}
		delete(w.tallies, oldest)
		w.journal.metrics.dropped[droppedHour].Inc()
	}
	return t
}

// write writes the batch and what has changed in the counts.
func (w *writer) write(ctx context.Context) error {
	if err := w.writeBatch(ctx); err != nil {
		return err
	}
	present := w.journal.options.Now().Truncate(time.Hour).Unix()
	for hour, t := range w.tallies {
		if len(t.changed) > 0 {
			if err := w.journal.options.Store.KeepCounts(ctx, t.hour, t.changes(), w.end(numberdb.DayOf(t.hour))); err != nil {
				return err
			}
			clear(t.changed)
		}
		if hour < present {
			delete(w.tallies, hour)
		}
	}
	return nil
}

// writeBatch writes the batch. If that fails in the middle, all of it is written again later, which changes nothing about what was stored.
func (w *writer) writeBatch(ctx context.Context) error {
	byDay := map[numberdb.Day]map[string][]byte{}
	for _, s := range w.batch {
		if byDay[s.day] == nil {
			byDay[s.day] = map[string][]byte{}
		}
		byDay[s.day][s.name] = s.value
	}
	for day, records := range byDay {
		if err := w.journal.options.Store.KeepCalls(ctx, day, records, w.end(day)); err != nil {
			return err
		}
	}
	w.journal.metrics.kept.Add(float64(len(w.batch)))
	w.batch = w.batch[:0]
	return nil
}

// end is when what belongs to a day need no longer be kept: a whole day after it has ended, and the retention.
func (w *writer) end(day numberdb.Day) time.Time {
	return day.Time().Add(24*time.Hour + w.journal.options.Retention)
}

// note logs that the store went away or came back.
func (w *writer) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // a write that was broken off says nothing about the store
	}
	log := w.journal.options.Logger
	if err != nil && !w.away {
		log.Warn("the journal cannot be written; calls wait in memory, and are dropped when there are too many", "backlog", w.journal.options.Backlog, "error", err)
	} else if err == nil && w.away {
		log.Info("the journal can be written again")
	}
	w.away = err != nil
}

// tellCrowded logs how many entries were dropped, once in a while.
func (w *writer) tellCrowded() {
	now := w.journal.options.Now()
	if now.Sub(w.told) < tellEvery {
		return
	}
	if n := w.journal.crowded.Swap(0); n > 0 {
		w.told = now
		w.journal.options.Logger.Warn("calls were not recorded, since too many were waiting; they are counted", "calls", n)
	}
}

// drain writes what is left, within the time that is given to it.
func (w *writer) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.journal.options.Linger)
	defer cancel()
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	w.collect()
	for {
		w.fill()
		err := w.write(ctx)
		if err == nil && len(w.journal.queue) == 0 {
			return nil
		}
		if err == nil {
			continue
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			lost := len(w.batch) + len(w.journal.queue)
			w.journal.metrics.dropped[droppedStop].Add(float64(lost))
			return fmt.Errorf("the journal ends with %d calls and the latest counts not written: %w", lost, err)
		}
	}
}

// fill takes from the queue what is there, as far as the batch has room.
func (w *writer) fill() {
	for len(w.batch) < mostAtOnce {
		select {
		case e := <-w.journal.queue:
			w.take(e)
		default:
			return
		}
	}
}
