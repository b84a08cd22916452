package numberdb

import (
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"
)

// benchIndex is an index of a size, made once for all benchmarks: numbers of 11 digits, a prefix of 6 to 9 digits for each hundred of them, and the
// several hundred distinct listings of a real list.
type benchIndex struct {
	index              *Index
	hit, miss, inRange []Number // drawn at random, benchSample of each
}

// benchSample numbers are so many that, when they come again, what was read for them is no longer in the caches: as with calls, whose numbers
// seldom come twice. They lie in a row, where the processor reads ahead.
const benchSample = 1 << 20

var benchSizes = []struct {
	name  string
	count int
	index func() *benchIndex
}{
	{"1k", 1_000, sync.OnceValue(func() *benchIndex { return newBenchIndex(1_000) })},
	{"100k", 100_000, sync.OnceValue(func() *benchIndex { return newBenchIndex(100_000) })},
	{"1M", 1_000_000, sync.OnceValue(func() *benchIndex { return newBenchIndex(1_000_000) })},
	{"10M", 10_000_000, sync.OnceValue(func() *benchIndex { return newBenchIndex(10_000_000) })},
}

func newBenchIndex(size int) *benchIndex {
	rnd := rand.New(rand.NewPCG(5, 6))
	b := &benchIndex{index: NewIndex()}
	b.index.Reserve(size)
	number := func(i int) Number { return 12_000_000_000 + Number(i)*6_121%8_000_000_000 }
	for i := range size {
		b.index.Apply(Change{Target{Number: number(i)}, benchListing(i)})
	}
	prefixes := make([]Number, size/100)
	for i := range prefixes {
		prefixes[i] = (Number(400_000_000) + Number(rnd.Uint64N(90_000_000))) / powersOfTen[i%4]
		b.index.Apply(Change{Target{prefixes[i], true}, benchListing(i)})
	}
	for range benchSample {
		n := prefixes[rnd.IntN(len(prefixes))]
		for n < 10_000_000_000 {
			n = n*10 + Number(rnd.Uint64N(10))
		}
		b.hit = append(b.hit, number(rnd.IntN(size)))
		b.miss = append(b.miss, 50_000_000_000+Number(rnd.Uint64N(9_000_000_000)))
		b.inRange = append(b.inRange, n)
	}
	return b
}

func benchListing(i int) Listing {
	day := Day(20_000 + i%365)
	r := RoleListing{WarnUntil: day, WatchUntil: day + 185, Brand: []Brand{"amazon", "microsoft", ""}[i%3]}
	return Listing{Roles: [RoleCount]RoleListing{RoleCallback: r}}
}

var sinkListing Listing

func BenchmarkLookup(b *testing.B) {
	for _, kind := range []struct {
		name    string
		numbers func(*benchIndex) []Number
	}{
		{"hit", func(x *benchIndex) []Number { return x.hit }},
		{"miss", func(x *benchIndex) []Number { return x.miss }},
		{"prefix", func(x *benchIndex) []Number { return x.inRange }},
	} {
		for _, size := range benchSizes {
			b.Run(kind.name+"/"+size.name, func(b *testing.B) {
				x := size.index()
				numbers := kind.numbers(x)
				listed, _ := x.index.Len()
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					sinkListing = x.index.Lookup(numbers[i%benchSample], 20_000)
					i++
				}
				b.ReportMetric(float64(x.index.Bytes())/float64(listed), "bytes/number")
			})
		}
	}
}

// BenchmarkMemory is the yardstick for BenchmarkLookup: reads from random places in as much memory as the index has, each waiting for the one
// before, as the reads of one look-up do, and side by side.
func BenchmarkMemory(b *testing.B) {
	for _, size := range benchSizes {
		next := sync.OnceValue(func() []uint32 {
			next := make([]uint32, size.index().index.Bytes()/4)
			hugePages(unsafe.Pointer(unsafe.SliceData(next)), len(next)*4)
			for i := range next {
				next[i] = uint32(i)
			}
			for i := len(next) - 1; i > 0; i-- { // one cycle through all (Sattolo 1986)
				j := rand.IntN(i)
				next[i], next[j] = next[j], next[i]
			}
			return next
		})
		b.Run("waiting/"+size.name, func(b *testing.B) {
			next, at := next(), uint32(0)
			for b.Loop() {
				at = next[at]
			}
			sinkListing.Marks = Marks(at)
		})
		b.Run("side_by_side/"+size.name, func(b *testing.B) {
			next, sum, at := next(), uint32(0), uint64(0)
			for b.Loop() {
				sum += next[at>>32*uint64(len(next))>>32]
				at = at*6364136223846793005 + 1442695040888963407 // a random place that depends on no read (D. Knuth, TAOCP 2, section 3.3.4)
			}
			sinkListing.Marks = Marks(sum)
		})
	}
}

// BenchmarkApply loads a million numbers into a new index.
func BenchmarkApply(b *testing.B) {
	for b.Loop() {
		x := NewIndex()
		for i := range 1_000_000 {
			x.Apply(Change{Target{Number: 12_000_000_000 + Number(i)*6_121}, benchListing(i)})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/change")
}
