package replica

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// million is how many numbers the benchmarks list; their country code 999 is not assigned.
const million = 1_000_000

func benchNumber(i int) numberdb.Number { return numberdb.Number(999_000_000_000 + i*7) }

// bulk is a source with many numbers and nothing new.
type bulk struct{ numbers, partitions int }

func (s bulk) Identity(context.Context) (string, int, error) { return "bulk", s.partitions, nil }

func (s bulk) Accepted(context.Context, string) (bool, error) { return false, nil }

func (s bulk) Load(_ context.Context, partition int, put func([]numberdb.Change)) (string, error) {
	batch := make([]numberdb.Change, 0, 1000)
	for i := partition; i < s.numbers; i += s.partitions {
		if batch = append(batch, numberdb.Change{Target: numberdb.Target{Number: benchNumber(i)}, Listing: listed(i % 500)}); len(batch) == cap(batch) {
			put(batch)
			batch = batch[:0]
		}
	}
	put(batch)
	return "0-0", nil
}

func (s bulk) Follow(ctx context.Context, _ []string, block time.Duration, _ func(int, string, []numberdb.Change)) ([]int, error) {
	pause(ctx, block)
	return nil, ctx.Err()
}

// bulkReplica has a list of many numbers, and is not running.
func bulkReplica(tb testing.TB, opts Options) *Replica {
	tb.Helper()
	r, err := New(bulk{million, 64}, opts)
	if err != nil {
		tb.Fatal(err)
	}
	if err := r.load(context.Background(), loadedFirst, ""); err != nil {
		tb.Fatal(err)
	}
	return r
}

// heap is the memory in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLoadFromSource(b *testing.B) {
	before := heap()
	for b.Loop() {
		r := bulkReplica(b, Options{})
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/million, "B/number")
		runtime.KeepAlive(r)
		b.StartTimer()
	}
}

func BenchmarkSnapshotWrite(b *testing.B) {
	r := bulkReplica(b, Options{SnapshotPath: filepath.Join(b.TempDir(), "list")})
	for b.Loop() {
		r.saved = time.Time{}
		if err := r.saveSnapshot(); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(r.opts.SnapshotPath)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/million, "B/number")
}

func BenchmarkSnapshotRead(b *testing.B) {
	r := bulkReplica(b, Options{SnapshotPath: filepath.Join(b.TempDir(), "list")})
	if err := r.saveSnapshot(); err != nil {
		b.Fatal(err)
	}
	path := r.opts.SnapshotPath
	r = nil
	before := heap()
	for b.Loop() {
		l, err := readSnapshot(path)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/million, "B/number")
		runtime.KeepAlive(l)
		b.StartTimer()
	}
}

func BenchmarkLookup(b *testing.B) {
	r := bulkReplica(b, Options{})
	for name, offset := range map[string]int{"hit": 0, "miss": 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 7919) % million
				sink = r.Lookup(benchNumber(i)+numberdb.Number(offset), someDay)
			}
		})
	}
}

// sink keeps results alive, so that the compiler does not remove what is measured.
var sink numberdb.Listing

func TestLookupDoesNotAllocate(t *testing.T) {
	m := newMemory("a", 4)
	m.put(listed(1), targets(20)...)
	r, _ := run(t, m, Options{})
	untilLoaded(t, r)
	if n := testing.AllocsPerRun(1000, func() { sink = r.Lookup(number(1), someDay) }); n != 0 {
		t.Errorf("%v allocations per lookup, want 0", n)
	}
}
