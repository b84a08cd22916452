package redisstore

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/replica"
)

var growthPicture = flag.String("growth", "", "file to which BenchmarkGrowth writes its picture (SVG)")

// growth is what a node needs for a list of one size. All times are CPU time, which other programs on the machine change least.
type growth struct {
	numbers, prefixes int
	fromRedis         float64        // seconds of ours to load the list from Redis
	ofRedis           float64        // seconds of Redis for it
	fromSnapshot      float64        // seconds of ours to start from the snapshot on disk
	bytes             float64        // of memory for each number, prefixes included, as Go's heap has it
	busy              [kinds]float64 // nanoseconds a look-up, one right behind the other
	alone             [kinds]float64 // the same, each waiting for the answer of the one before
	memory            float64        // nanoseconds to read from a random place in as much memory, each waiting for the one before
}

// kind is what the list says about a number that is looked up.
type kind int

const (
	hit kind = iota
	miss
	inRange
	kinds
)

func (k kind) String() string { return [...]string{"hit", "miss", "prefix"}[k] }

// BenchmarkGrowth shows how what a list costs grows with its size, with one prefix for each hundred numbers: a table, and with -growth a
// picture. It takes some minutes and 2 GB; with -short it stops at 100,000 numbers.
//
//	go test -run - -bench Growth -benchtime 1x -timeout 30m ./numberdb/redisstore -growth $PWD/numberdb/growth.svg
func BenchmarkGrowth(b *testing.B) {
	sizes := []int{1_000, 100_000, 1_000_000, 10_000_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for range b.N {
		var all []growth
		for _, size := range sizes {
			g := measureGrowth(b, size)
			all = append(all, g)
			for k := range kinds {
				b.ReportMetric(g.busy[k], fmt.Sprintf("ns-%v-%d", k, size))
			}
			b.ReportMetric(g.bytes, fmt.Sprintf("B/number-%d", size))
		}
		b.Log("\n" + growthTable(all))
		if *growthPicture != "" {
			if err := writeGrowthPicture(*growthPicture, all); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func growthTable(all []growth) string {
	var t strings.Builder
	t.WriteString("| numbers | prefixes | look-up, ns: hit, miss, prefix | each waiting for the last: hit, miss, prefix | one read of memory, ns | " +
		"bytes a number | load from Redis, s (of Redis) | from the snapshot, s |\n|---|---|---|---|---|---|---|---|\n")
	for _, g := range all {
		fmt.Fprintf(&t, "| %d | %d | %.0f, %.0f, %.0f | %.0f, %.0f, %.0f | %.0f | %.1f | %.3f (%.3f) | %.3f |\n", g.numbers, g.prefixes,
			g.busy[hit], g.busy[miss], g.busy[inRange], g.alone[hit], g.alone[miss], g.alone[inRange], g.memory, g.bytes,
			g.fromRedis, g.ofRedis, g.fromSnapshot)
	}
	return t.String()
}

// growthNumber is the number at a place of the list; those of even places are listed.
func growthNumber(i int) numberdb.Number {
	return 12_000_000_000 + numberdb.Number(i)*6_121%8_000_000_000
}

// growthPrefix draws a prefix of 6 to 9 digits, of 90,000 beginnings.
func growthPrefix(rnd *rand.Rand) numberdb.Number {
	p := 400_000_000 + numberdb.Number(rnd.Uint64N(90_000_000))
	for range rnd.IntN(4) {
		p /= 10
	}
	return p
}

// fillGrowth puts a list into Redis, past the rules that would make it.
func fillGrowth(b *testing.B, s *Store, numbers int, prefixes []numberdb.Number) {
	b.Helper()
	pipe := s.client.Pipeline()
	put := func(t numberdb.Target, i int) {
		day := numberdb.DayOf(noon) + numberdb.Day(i%365)
		raw, err := numberdb.Listing{Roles: [numberdb.RoleCount]numberdb.RoleListing{
			callback: {WarnUntil: day, WatchUntil: day + 185, Brand: []numberdb.Brand{"amazon", "microsoft", ""}[i%3]},
		}}.AppendBinary(nil)
		if err != nil {
			b.Fatal(err)
		}
		p := placeOf(t, defaultPartitions)
		pipe.HSet(b.Context(), s.keys.listing(p), p.field, raw)
		if pipe.Len() == 10_000 {
			if _, err := pipe.Exec(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i := range numbers {
		put(exact(growthNumber(i)), i)
	}
	for i, p := range prefixes {
		put(ranged(p), i)
	}
	if _, err := pipe.Exec(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func measureGrowth(b *testing.B, numbers int) growth {
	b.Helper()
	server := ownRedis(b, "--appendonly", "no", "--save", "")
	client := clientOf(b, server.Addr())
	s := newStore(b, client, func(o *Options) { o.Partitions = defaultPartitions })
	rnd := rand.New(rand.NewPCG(1, 2))
	prefixes := make([]numberdb.Number, numbers/100)
	for i := range prefixes {
		prefixes[i] = growthPrefix(rnd)
	}
	fillGrowth(b, s, numbers, prefixes)

	g := growth{}
	options := replica.Options{SnapshotPath: filepath.Join(b.TempDir(), "list"), SnapshotEvery: time.Hour, LoadTimeout: time.Hour}
	ours, theirs := ownCPU(b), serverCPU(b, client)
	_, stop := growthReplica(b, s, options)
	g.fromRedis, g.ofRedis = ownCPU(b)-ours, serverCPU(b, client)-theirs
	stop()                                // writes the snapshot
	if err := server.Kill(); err != nil { // its memory is not needed any more
		b.Fatal(err)
	}

	before := heapInUse()
	ours = ownCPU(b)
	list, stop := growthReplica(b, goneSource{}, options)
	g.fromSnapshot = ownCPU(b) - ours
	defer stop()
	g.numbers, g.prefixes = list.State().Numbers, list.State().Prefixes
	g.bytes = float64(heapInUse()-before) / float64(numbers)
	if g.numbers != numbers {
		b.Fatalf("%d numbers are listed, want %d", g.numbers, numbers)
	}
	measureLookups(b, &g, list, prefixes, rnd)
	return g
}

// goneSource is a store that is away.
type goneSource struct{ replica.Source }

func (goneSource) Identity(context.Context) (string, int, error) { return "", 0, errors.New("away") }

// growthReplica runs a replica and waits until it has a list.
func growthReplica(b *testing.B, src replica.Source, options replica.Options) (r *replica.Replica, stop func()) {
	b.Helper()
	r, err := replica.New(src, options)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	if err := r.Wait(ctx, func(s replica.State) bool { return s.Loaded }); err != nil {
		b.Fatal(err)
	}
	return r, func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measureLookups takes the median of several rounds, in which all kinds have their turn, so that they meet the same disturbances.
func measureLookups(b *testing.B, g *growth, list *replica.Replica, prefixes []numberdb.Number, rnd *rand.Rand) {
	b.Helper()
	const sample, rounds = 1 << 20, 9
	var numbers [kinds][]numberdb.Number
	for range sample {
		n := prefixes[rnd.IntN(len(prefixes))]
		for n < 10_000_000_000 {
			n = n*10 + numberdb.Number(rnd.Uint64N(10))
		}
		numbers[hit] = append(numbers[hit], growthNumber(rnd.IntN(g.numbers)))
		numbers[miss] = append(numbers[miss], 50_000_000_000+numberdb.Number(rnd.Uint64N(9_000_000_000)))
		numbers[inRange] = append(numbers[inRange], n)
	}
	next := randomCycle(rnd, int(g.bytes*float64(g.numbers))/4)
	var busy, alone [kinds][rounds]float64
	var memory [rounds]float64
	for r := range rounds {
		for k := range kinds {
			busy[k][r] = threadCPU(b, sample, func() {
				for _, n := range numbers[k] {
					sinkListing = list.Lookup(n, 1)
				}
			})
			alone[k][r] = threadCPU(b, sample, func() {
				var last numberdb.Listing
				for _, n := range numbers[k] {
					last = list.Lookup(n+numberdb.Number(last.Marks), 1) // nothing here has a mark
				}
				sinkListing = last
			})
		}
		memory[r] = threadCPU(b, sample, func() {
			at := uint32(0)
			for range sample {
				at = next[at]
			}
			sinkListing.Marks = numberdb.Marks(at)
		})
	}
	for k := range kinds {
		g.busy[k], g.alone[k] = median(busy[k][:]), median(alone[k][:])
	}
	g.memory = median(memory[:])
	for k, wants := range [kinds]bool{hit: true, inRange: true} {
		for _, n := range numbers[k][:1000] {
			if found := list.Lookup(n, 1) != (numberdb.Listing{}); found != wants {
				b.Fatalf("the number %d, a %v, is listed: %v", n, kind(k), found)
			}
		}
	}
}

// sinkListing keeps results alive, so that the compiler does not remove what is measured.
var sinkListing numberdb.Listing

// randomCycle leads through all places in one cycle (S. Sattolo 1986).
func randomCycle(rnd *rand.Rand, places int) []uint32 {
	next := make([]uint32, places)
	for i := range next {
		next[i] = uint32(i)
	}
	for i := len(next) - 1; i > 0; i-- {
		j := rnd.IntN(i)
		next[i], next[j] = next[j], next[i]
	}
	return next
}

// threadCPU is the CPU time in nanoseconds of each of count things that are done.
func threadCPU(b *testing.B, count int, do func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now := func() int64 {
		var t unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
			b.Fatal(err)
		}
		return t.Nano()
	}
	began := now()
	do()
	return float64(now()-began) / float64(count)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
