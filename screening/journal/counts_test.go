package journal

import (
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// clock is a clock that stands until it is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// TestNodesShareAnHour has three runs of nodes count the same hour, as after a restart: their counts add up.
func TestNodesShareAnHour(t *testing.T) {
	store := newMemory()
	for range 3 {
		j := start(t, store)
		j.Record(warned(1))
		j.Count(screening.Outbound, clean, screening.Passed)
		if err := j.stop(); err != nil {
			t.Fatal(err)
		}
	}
	h, err := findHour(t.Context(), store, noon)
	if err != nil || h.Calls[warnedKind] != 3 || h.Calls[CallKind{Direction: screening.Outbound}] != 3 || h.Brands[BrandKind{screening.Outbound, "amazon"}] != 3 {
		t.Errorf("counted %+v, %v", h, err)
	}
}

func TestHoursAreKeptApart(t *testing.T) {
	store := newMemory()
	var c clock
	c.set(noon)
	j := start(t, store, func(o *Options) { o.Now = c.Now })
	count := func(at time.Time) uint64 {
		h, err := findHour(t.Context(), store, at)
		if err != nil {
			t.Fatal(err)
		}
		return h.Calls[CallKind{}]
	}
	j.Count(screening.Inbound, clean, screening.Passed)
	eventually(t, "the first is counted", func() bool { return count(noon) == 1 })
	c.set(noon.Add(time.Hour))
	j.Count(screening.Inbound, clean, screening.Passed)
	eventually(t, "the second is counted", func() bool { return count(noon.Add(time.Hour)) == 1 })
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	if count(noon) != 1 {
		t.Error("the second counts in the first hour too")
	}
}

// TestNothingNewIsNotWritten leaves the store in peace while no calls come.
func TestNothingNewIsNotWritten(t *testing.T) {
	store := newMemory()
	w := &writer{journal: start(t, store, func(o *Options) { o.Every = time.Hour }).Journal, tallies: map[int64]*tally{}}
	w.seen = make([]uint64, len(w.journal.calls))
	w.journal.Count(screening.Inbound, clean, screening.Passed)
	for range 3 {
		w.collect()
		if err := w.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if store.writes != 1 {
		t.Errorf("%d writes for one call", store.writes)
	}
}

// TestHoursInMemoryAreBounded lets a store be away for a week.
func TestHoursInMemoryAreBounded(t *testing.T) {
	j, err := New(Options{Store: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{journal: j, tallies: map[int64]*tally{}}
	const hours = 7 * 24
	for h := range hours {
		w.tally(noon.Add(time.Duration(h)*time.Hour)).add("c", 1)
	}
	if len(w.tallies) != mostHours || w.tallies[noon.Unix()] != nil {
		t.Errorf("%d hours are in memory", len(w.tallies))
	}
	if n := value(t, j.metrics.dropped[droppedHour]); n != hours-mostHours {
		t.Errorf("%v hours were given up", n)
	}
}

func TestNamesInMemoryAreBounded(t *testing.T) {
	tal := newTally(noon)
	for i := range 3 * mostNames {
		e := warned(i)
		e.Verdict.Brand, e.Number = "", 33199000000+numberdb.Number(i)
		tal.addEntry(&e)
	}
	if len(tal.counts) != mostNames+1 {
		t.Errorf("%d names are in memory", len(tal.counts))
	}
	h := readHour(noon, tal.changes())
	if len(h.Lines) != mostNames+1 || h.Lines[LineKind{Direction: screening.Outbound}] != 2*mostNames || h.Unknown != 0 {
		t.Errorf("%d lines, %d together, %d unknown", len(h.Lines), h.Lines[LineKind{Direction: screening.Outbound}], h.Unknown)
	}
}

// TestEveryKindOfCall wants each counter to be found again under its own kind.
func TestEveryKindOfCall(t *testing.T) {
	c := newCounters()
	for _, d := range []screening.Direction{screening.Inbound, screening.Outbound} {
		for _, a := range screening.Actions() {
			for _, r := range screening.Reasons() {
				for _, o := range screening.Outcomes() {
					c.add(d, screening.Verdict{Action: a, Reason: r}, o)
				}
			}
		}
	}
	for i := range c {
		if c[i].Load() != 1 {
			t.Fatalf("counter %d is %d", i, c[i].Load())
		}
		k := kindOf(i)
		c.add(k.Direction, screening.Verdict{Action: k.Action, Reason: k.Reason}, k.Outcome)
		if c[i].Load() != 2 {
			t.Fatalf("counter %d is not that of %v", i, k)
		}
	}
	if len(kinds) != len(c) {
		t.Errorf("%d names for %d counters", len(kinds), len(c))
	}
	c.add(2, screening.Verdict{}, screening.Passed)
	c.add(0, screening.Verdict{Action: 200, Reason: 200}, screening.Outcome(outcomeCount))
}

func TestCountsOfNewerVersions(t *testing.T) {
	h := readHour(noon, map[string]uint64{
		"x:c:inbound:allow:clean:passed": 1, "x:c:inbound:allow:clean:teleported": 2, "x:b:inbound:No Brand": 3, "x:b:inbound:amazon": 4,
		"x:n:outbound:12": 5, "x:z:outbound:12025550143": 6, "": 7, "x": 8, "x:n": 9, "x:n:sideways:12025550143": 10, "inbound": 11, "x:n:inbound:": 12,
	})
	if h.Unknown != 9 || len(h.Calls) != 1 || h.Brands[BrandKind{screening.Inbound, "amazon"}] != 4 || len(h.Brands) != 1 || len(h.Lines) != 1 {
		t.Errorf("read %+v", h)
	}
}

// TestCountDoesNotAllocate holds what every clean call costs.
func TestCountDoesNotAllocate(t *testing.T) {
	j, err := New(Options{Store: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { j.Count(screening.Outbound, clean, screening.Passed) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	e := warned(1)
	if n := testing.AllocsPerRun(1000, func() { j.Record(e) }); n != 0 {
		t.Errorf("%v allocations for an entry", n)
	}
}

func BenchmarkCount(b *testing.B) {
	j, err := New(Options{Store: newMemory()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			j.Count(screening.Outbound, clean, screening.Passed)
		}
	})
}

// BenchmarkRecord is an entry with its pseudonym, for a queue that is mostly full.
func BenchmarkRecord(b *testing.B) {
	j, err := New(Options{Store: newMemory()})
	if err != nil {
		b.Fatal(err)
	}
	key := RandomKey()
	e := warned(1)
	b.ReportAllocs()
	for b.Loop() {
		e.Subscriber = key.Of(12025550111)
		j.Record(e)
	}
}

func BenchmarkEncode(b *testing.B) {
	e := warned(1)
	buffer := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.AppendBinary(buffer); err != nil {
			b.Fatal(err)
		}
	}
}
