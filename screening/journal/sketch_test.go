package journal

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// testKey makes every run of these tests the same.
var testKey = func() TrafficKey {
	k, err := NewKey(strings.Repeat("traffic of the tests", 2))
	if err != nil {
		panic(err)
	}
	return k.Traffic()
}()

// exact counts as a sketch does, without its faults.
type exact map[line][quantities]uint64

// both sketches calls and counts them exactly.
type both struct {
	w     *trafficWriter
	exact exact
	pairs map[touch]bool
}

// newBoth has a sketch of so many blocks, and room for all subscribers.
func newBoth(t testing.TB, blocks int) *both {
	traffic, err := NewTraffic(TrafficOptions{Store: newTrafficMemory(), Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	traffic.blocks = blocks
	b := &both{newTrafficWriter(traffic), exact{}, map[touch]bool{}}
	b.w.seen = make(seen, 1<<16)
	return b
}

func (b *both) call(d screening.Direction, other, subscriber numberdb.Number) {
	one := touch{numberLine(d, other), subscriber}
	b.w.sketch(one)
	for _, l := range linesOf(nil, d, other) {
		n := b.exact[l]
		n[ofCalls]++
		if !b.pairs[one] {
			n[ofSubscribers]++
		}
		b.exact[l] = n
	}
	b.pairs[one] = true
}

func (b *both) count(l line, q quantity) uint64 {
	p := placeOf(testKey, l, len(b.w.blocks))
	return b.w.blocks[p.block].count(&p, q)
}

// TestSketchNeverCountsTooFew fills very small sketches with calls to few and to many lines, until all sizes of cells are in use.
func TestSketchNeverCountsTooFew(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := newBoth(t, 1+int(seed))
		const often = numberdb.Number(442079460000)
		for range 70_000 { // more than cells of the middle size hold
			b.call(screening.Inbound, often, 12025550100)
			if r.IntN(4) > 0 {
				continue
			}
			b.call(screening.Outbound, often+numberdb.Number(r.IntN(1000)), numberdb.Number(12025550100+r.IntN(100)))
			b.call(screening.Inbound, numberdb.Number(33199000000+r.Uint64N(10_000)), numberdb.Number(12025550100+r.IntN(100)))
		}
		more := 0
		for l, want := range b.exact {
			for q := range quantities {
				got := b.count(l, q)
				if got < want[q] {
					t.Fatalf("seed %d: line %x, quantity %d: counted %d of %d", seed, l, q, got, want[q])
				}
				if got > want[q] {
					more++
				}
			}
		}
		if n := b.count(numberLine(screening.Inbound, often), ofCalls); n < mostSmall+mostMiddle+1 {
			t.Errorf("only %d calls on one line: the largest cells are not in use", n)
		}
		if seed == 0 && more == 0 {
			t.Error("no line shares its cells: the sketch is too large to show anything")
		}
	}
}

// TestSketchError measures how much too many a sketch counts with the load of a day of 10 million calls: 1/128 of them, in 1/128 of the blocks. Some lines
// have thousands of calls, most have one or a few; they are spread over the numbers of North America, which have three ranges each.
func TestSketchError(t *testing.T) {
	const part = 128
	for name, tc := range map[string]struct {
		calls       int
		numbers     uint64  // that may be called
		skew        float64 // of their popularity; 0 for none
		used, empty float64 // how much too many on average, on lines with calls and without
		crowded     float64 // how many of them have more than 10 too many
	}{
		"as calls are":      {10_000_000 / part, 8_000_000 / part, 1.05, 0.6, 0.6, 0.01},
		"all numbers alike": {10_000_000 / part, 4_000_000 / part, 0, 1, 1.4, 0.01},
		"a tenth of them":   {1_000_000 / part, 8_000_000 / part, 1.05, 0.03, 0.04, 0.001},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBoth(t, sketchBlocks/part)
			r := rand.New(rand.NewPCG(1, 2))
			draw := func() uint64 { return r.Uint64N(tc.numbers) }
			if tc.skew > 0 {
				draw = rand.NewZipf(r, tc.skew, 20, tc.numbers-1).Uint64
			}
			for range tc.calls {
				v := draw() * 0x9e3779b97f4a7c15
				exchange := v >> 40 % (40_000 / part)
				number := 12_000_000_000 + exchange*10_000*part + v>>20%10_000
				b.call(screening.Outbound, numberdb.Number(number), numberdb.Number(12_025_550_000+r.IntN(10_000)))
			}
			total, crowded := uint64(0), 0
			for l, want := range b.exact {
				over := b.count(l, ofCalls) - want[ofCalls]
				if total += over; over > 10 {
					crowded++
				}
			}
			lines := float64(len(b.exact))
			empty, asked := uint64(0), 100_000
			for i := range asked {
				empty += b.count(numberLine(screening.Inbound, numberdb.Number(49_300_000_000+i)), ofCalls)
			}
			used, none := float64(total)/lines, float64(empty)/float64(asked)
			t.Logf("%.0f lines: too many on average %.4f, on lines without calls %.4f; more than 10 too many on %.4f", lines, used, none, float64(crowded)/lines)
			if used > tc.used || none > tc.empty || float64(crowded)/lines > tc.crowded {
				t.Error("more than the documentation says")
			}
			size := 0
			for i := range b.w.blocks {
				size += len(b.w.encoder.encode(&b.w.blocks[i])) * part
			}
			t.Logf("%.1f MB stored", float64(size)/1e6)
			if size > 6.6e6 {
				t.Error("more than the documentation says")
			}
		})
	}
}

func TestLinesOf(t *testing.T) {
	const d = screening.Outbound
	for n, want := range map[numberdb.Number][]line{
		12025550143: {numberLine(d, 12025550143), rangeOf(d, 12025550), rangeOf(d, 1202555), rangeOf(d, 120255), lengthOf(d, 120255, 11)},
		1202555:     {numberLine(d, 1202555), lengthOf(d, 120255, 7)},
		120255014:   {numberLine(d, 120255014), rangeOf(d, 120255), lengthOf(d, 120255, 9)},
		12025:       {numberLine(d, 12025)},
	} {
		if got := linesOf(nil, d, n); !slices.Equal(got, want) {
			t.Errorf("%d has %x, want %x", n, got, want)
		}
	}
	// The longest number has a line of each kind, and they are all different.
	all := map[line]bool{}
	for _, d := range []screening.Direction{screening.Inbound, screening.Outbound} {
		for _, l := range linesOf(nil, d, numberdb.MaxNumber) {
			all[l] = true
		}
		if l := numberLine(d, numberdb.MaxNumber); l.number() != numberdb.MaxNumber || l.direction() != d {
			t.Errorf("%x is read as %v %v", l, l.direction(), l.number())
		}
	}
	if len(all) != 2*(1+7+1) {
		t.Errorf("%d lines: %x", len(all), slices.Sorted(maps.Keys(all)))
	}
}

func TestSeen(t *testing.T) {
	s := make(seen, 1)
	for i, tc := range []struct {
		pair  uint64
		fresh bool
	}{
		{1, true}, {1, false}, {2, true}, {3, true}, {4, true}, {1, false}, // 1 is the latest again
		{5, true}, {1, false}, {2, true}, {0, true}, {0, false},
	} {
		if got := s.add(tc.pair); got != tc.fresh {
			t.Errorf("step %d: %d is new: %v", i, tc.pair, got)
		}
	}
	// Of a hundred thousand different pairs none is taken for another.
	s = make(seen, 1<<15)
	for i := range uint64(1 << 17) {
		if hash, _ := testKey.of(i, 0); !s.add(hash) {
			t.Fatalf("pair %d is taken for another", i)
		}
	}
}

func TestTrafficKeys(t *testing.T) {
	one, err := NewKey(strings.Repeat("a", MinKeyLength))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKey(strings.Repeat("b", MinKeyLength))
	if err != nil {
		t.Fatal(err)
	}
	places, names := map[place]bool{}, map[string]bool{}
	for range 2 {
		for _, k := range []Key{one, other} {
			places[placeOf(k.Traffic(), numberLine(screening.Inbound, 12025550143), sketchBlocks)] = true
			names[k.Traffic().name] = true
		}
	}
	if len(places) != 2 || len(names) != 2 {
		t.Errorf("two keys give %d places and have %d names", len(places), len(names))
	}
	random := RandomKey()
	if names[random.Traffic().name] || random.Traffic().name == RandomKey().Traffic().name {
		t.Error("a random key is another one")
	}
}
