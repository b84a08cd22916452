package journal

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

var clean = screening.Verdict{Reason: screening.ReasonClean}

func TestOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		o    Options
		want string
	}{
		"no store":         {Options{}, "no store"},
		"short retention":  {Options{Store: newMemory(), Retention: MinRetention - 1}, "retention"},
		"long retention":   {Options{Store: newMemory(), Retention: MaxRetention + 1}, "retention"},
		"negative backlog": {Options{Store: newMemory(), Backlog: -1}, "positive"},
		"negative day":     {Options{Store: newMemory(), MostPerDay: -1}, "positive"},
	} {
		if _, err := New(tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	j, err := New(Options{Store: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if j.options.Retention != 90*24*time.Hour {
		t.Errorf("retention %v", j.options.Retention)
	}
}

func TestCallsAreRecordedAndCounted(t *testing.T) {
	store := newMemory()
	registry := prometheus.NewRegistry()
	j := start(t, store, func(o *Options) { o.Metrics, o.Retention = registry, MinRetention })
	for i := range 1000 {
		j.Record(warned(i))
		j.Count(screening.Inbound, clean, screening.Passed)
	}
	eventually(t, "all are stored", func() bool { return store.kept() == 1000 })
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	got, err := Find(t.Context(), store, warned(7).ID, MinRetention, noon)
	if err != nil || len(got) != 1 || got[0] != warned(7) {
		t.Errorf("found %+v, %v", got, err)
	}
	h, err := findHour(t.Context(), store, noon.Add(59*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Calls) != 2 || h.Calls[warnedKind] != 1000 || h.Calls[CallKind{Direction: screening.Inbound}] != 1000 || h.Unknown != 0 {
		t.Errorf("counted %+v", h.Calls)
	}
	if len(h.Brands) != 1 || h.Brands[BrandKind{screening.Outbound, "amazon"}] != 1000 ||
		len(h.Lines) != 1 || h.Lines[LineKind{screening.Outbound, 12025550143}] != 1000 {
		t.Errorf("counted %v and %v", h.Brands, h.Lines)
	}
	end := time.Date(2026, 6, 16, 0, 0, 0, 0, time.UTC).Add(MinRetention)
	if len(store.ends) != 1 || !store.ends[end] {
		t.Errorf("kept until %v, want %v", store.ends, end)
	}
	if kept := value(t, j.metrics.kept); kept != 1000 {
		t.Errorf("%v said to be kept", kept)
	}
}

// TestHungStoreDelaysNobody has a store that never answers and ignores its context: whoever reports a call returns at once, and
// what had no room is counted.
func TestHungStoreDelaysNobody(t *testing.T) {
	store := newMemory()
	store.hang = make(chan struct{})
	j := start(t, store, func(o *Options) { o.Backlog = 10 })
	j.Record(warned(0))
	<-store.tried // from here on, Run hangs in the store
	var reporters sync.WaitGroup
	for r := range 8 {
		reporters.Go(func() {
			for i := range 1000 {
				j.Record(warned(1 + r*1000 + i))
				j.Count(screening.Inbound, clean, screening.Passed)
			}
		})
	}
	reporters.Wait() // this is the test: with a lock or a wait on the way, it would never end
	if n := value(t, j.metrics.dropped[droppedCrowded]); n != 8000-10 {
		t.Errorf("%v dropped, want all but the ten that the queue holds", n)
	}
	close(store.hang)
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if n := store.kept(); n != 11 {
		t.Errorf("%d are stored, want 11", n)
	}
	h, err := findHour(t.Context(), store, noon)
	if err != nil || h.Calls[warnedKind] != 8001 || h.Calls[CallKind{}] != 8000 {
		t.Errorf("counted %v, %v: calls that are not recorded must be counted all the same", h.Calls, err)
	}
}

func TestDroppedCallsAreLogged(t *testing.T) {
	store := newMemory()
	store.hang = make(chan struct{})
	j := start(t, store, func(o *Options) { o.Backlog = 1 })
	j.Record(warned(0))
	<-store.tried
	for i := range 4 {
		j.Record(warned(1 + i))
	}
	close(store.hang)
	eventually(t, "it is logged", func() bool { return strings.Contains(j.log.String(), "calls=3") })
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestAwayAndBack has a store that is away for a while, and one whose answers are lost though it stored what it got.
func TestAwayAndBack(t *testing.T) {
	for name, lossy := range map[string]bool{"away": false, "answers lost": true} {
		t.Run(name, func(t *testing.T) {
			store := newMemory()
			store.set(errAway, lossy)
			j := start(t, store)
			for i := range 3 * mostAtOnce {
				j.Record(warned(i))
			}
			eventually(t, "it is logged that the store is away", func() bool { return strings.Contains(j.log.String(), "cannot be written") })
			<-store.tried // a second try
			store.set(nil, false)
			eventually(t, "all are stored", func() bool { return store.kept() == 3*mostAtOnce })
			eventually(t, "it is logged that the store is back", func() bool { return strings.Contains(j.log.String(), "can be written again") })
			if err := j.stop(); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(j.log.String(), "cannot be written"); n != 1 {
				t.Errorf("logged %d times: %s", n, j.log)
			}
			h, err := findHour(t.Context(), store, noon)
			if err != nil || h.Calls[warnedKind] != 3*mostAtOnce || h.Lines[LineKind{screening.Outbound, 12025550143}] != 3*mostAtOnce {
				t.Errorf("counted %+v, %v: twice stored must count once", h, err)
			}
		})
	}
}

func TestEndWritesWhatIsLeft(t *testing.T) {
	store := newMemory()
	j := start(t, store, func(o *Options) { o.Every = time.Hour })
	for i := range 2*mostAtOnce + 5 {
		j.Record(warned(i))
	}
	j.Count(screening.Inbound, clean, screening.Passed)
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if n := store.kept(); n != 2*mostAtOnce+5 {
		t.Errorf("%d are stored", n)
	}
	if h, err := findHour(t.Context(), store, noon); err != nil || h.Calls[CallKind{}] != 1 {
		t.Errorf("counted %v, %v", h.Calls, err)
	}
}

func TestEndIsBounded(t *testing.T) {
	store := newMemory()
	store.set(errAway, false)
	j := start(t, store, func(o *Options) { o.Linger = time.Millisecond })
	for i := range mostAtOnce + 5 {
		j.Record(warned(i))
	}
	err := j.stop()
	if !errors.Is(err, errAway) || !strings.Contains(err.Error(), "261 calls") {
		t.Errorf("ended with %v", err)
	}
	if n := value(t, j.metrics.dropped[droppedStop]); n != mostAtOnce+5 {
		t.Errorf("%v counted as lost", n)
	}
}

// TestEndWithoutCalls asks nothing of a store that is away: a node that had no calls stops cleanly.
func TestEndWithoutCalls(t *testing.T) {
	store := newMemory()
	store.set(errAway, false)
	if err := start(t, store).stop(); err != nil {
		t.Error(err)
	}
}

func TestMostPerDay(t *testing.T) {
	store := newMemory()
	j := start(t, store, func(o *Options) { o.MostPerDay = 3 })
	for i := range 10 {
		j.Record(warned(i))
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if n := store.kept(); n != 3 {
		t.Errorf("%d are stored", n)
	}
	if n := value(t, j.metrics.dropped[droppedDayFull]); n != 7 || strings.Count(j.log.String(), "most_per_day=3") != 1 {
		t.Errorf("%v dropped: %s", n, j.log)
	}
	if h, err := findHour(t.Context(), store, noon); err != nil || h.Calls[warnedKind] != 10 {
		t.Errorf("counted %v, %v", h.Calls, err)
	}
}

func TestUnsoundEntryHoldsUpNoOther(t *testing.T) {
	store := newMemory()
	j := start(t, store)
	bad := warned(1)
	bad.Outcome = screening.Outcome(outcomeCount)
	j.Record(bad)
	bad = warned(2)
	bad.Node = strings.Repeat("n", mostText+1)
	j.Record(bad)
	j.Record(warned(3))
	eventually(t, "the sound one is stored", func() bool { return store.kept() == 1 })
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if n := value(t, j.metrics.dropped[droppedUnsound]); n != 2 || strings.Contains(j.log.String(), "5550143") {
		t.Errorf("%v dropped: %s", n, j.log)
	}
}

func TestFind(t *testing.T) {
	store := newMemory()
	j := start(t, store)
	first, again := warned(1), warned(1)
	again.At = again.At.Add(time.Hour) // the caller used the same Call-ID twice
	j.Record(again)
	j.Record(first)
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if got, err := Find(ctx, store, first.ID, MinRetention, noon); err != nil || len(got) != 2 || got[0] != first || got[1] != again {
		t.Errorf("found %+v, %v", got, err)
	}
	if _, err := Find(ctx, store, warned(9).ID, MinRetention, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	for _, id := range []string{"", "00000001aaa", "00000001AAAA", "00000001aaa*", strings.Repeat("0", 13)} {
		if _, err := Find(ctx, store, id, MinRetention, noon); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%q is looked for", id)
		}
	}
	store.calls[numberdb.DayOf(noon)][first.ID+"x"] = []byte{1, 2, 3}
	if got, err := Find(ctx, store, first.ID, MinRetention, noon); !errors.Is(err, ErrCorrupt) || len(got) != 2 {
		t.Errorf("beside a damaged one: %+v, %v", got, err)
	}
}
