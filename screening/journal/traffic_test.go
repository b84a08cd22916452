package journal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// sketching is a Traffic whose Run was begun.
type sketching struct {
	*Traffic
	t    *testing.T
	log  *lines
	end  context.CancelFunc
	done chan error
}

// startTraffic runs a sketch with a small part of its blocks; the test must stop it.
func startTraffic(t *testing.T, store TrafficStore, change ...func(*TrafficOptions)) *sketching {
	t.Helper()
	s := &sketching{t: t, log: &lines{}, done: make(chan error, 1)}
	o := TrafficOptions{
		Store: store, Key: testKey, Node: "node1", Every: time.Millisecond, Linger: patience, Now: func() time.Time { return noon },
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	traffic, err := NewTraffic(o)
	if err != nil {
		t.Fatal(err)
	}
	traffic.blocks = testBlocks
	s.Traffic = traffic
	ctx, cancel := context.WithCancel(t.Context())
	s.end = cancel
	go func() { s.done <- traffic.Run(ctx) }()
	return s
}

// testBlocks is how many blocks the sketches of these tests have.
const testBlocks = 16

func (s *sketching) stop() error {
	s.t.Helper()
	s.end()
	select {
	case err := <-s.done:
		return err
	case <-time.After(patience):
		s.t.Fatal("Run does not return")
		return nil
	}
}

// noneWaits says whether all calls were taken.
func (s *sketching) noneWaits() bool {
	waiting := 0
	for i := range s.calls.lanes {
		l := &s.calls.lanes[i]
		l.mu.Lock()
		waiting += len(l.waiting)
		l.mu.Unlock()
	}
	return waiting == 0
}

// lookBackAt is a look-back as of a time.
func lookBackAt(store TrafficStore, now time.Time) *LookBack {
	b := NewLookBack(store, testKey, func() time.Time { return now })
	b.blocks = testBlocks
	return b
}

func exactly(n numberdb.Number) []numberdb.Target { return []numberdb.Target{{Number: n}} }

const (
	fake  numberdb.Number = 12025550143
	quiet numberdb.Number = 12025550199
)

var bothRoles = numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID)

// impact asks a look-back and fails the test if it does not answer.
func impact(t *testing.T, b *LookBack, targets []numberdb.Target, roles numberdb.Roles) Impact {
	t.Helper()
	got, err := b.Impact(t.Context(), targets, roles, MaxImpactDays)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTrafficOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		o    TrafficOptions
		want string
	}{
		"no store":       {TrafficOptions{Key: testKey}, "no store"},
		"no key":         {TrafficOptions{Store: newTrafficMemory()}, "no key"},
		"negative times": {TrafficOptions{Store: newTrafficMemory(), Key: testKey, Every: -1}, "positive"},
	} {
		if _, err := NewTraffic(tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestImpact has two nodes sketch the same two days, and asks for numbers, ranges and both roles.
func TestImpact(t *testing.T) {
	store := newTrafficMemory()
	for _, at := range []time.Time{noon.AddDate(0, 0, -8), noon.AddDate(0, 0, -1), noon} {
		for node := range 2 {
			s := startTraffic(t, store, func(o *TrafficOptions) { o.Now = func() time.Time { return at } })
			for i := range 100 {
				s.Note(screening.Outbound, fake, numberdb.Number(12025550100+i%5))
				s.Note(screening.Inbound, fake, 0)
				s.Note(screening.Outbound, numberdb.Number(442079460000+node*100+i), 12025550100)
			}
			s.Note(screening.Inbound, 0, 12025550100)
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	callback, callerID := numberdb.RolesOf(numberdb.RoleCallback), numberdb.RolesOf(numberdb.RoleCallerID)
	digits := func(n numberdb.Number) numberdb.Target { return numberdb.Target{Number: n, Prefix: true} }
	week := noon.AddDate(0, 0, -7).Truncate(24 * time.Hour)
	for name, tc := range map[string]struct {
		targets            []numberdb.Target
		roles              numberdb.Roles
		calls, subscribers uint64
	}{
		"a number":                       {exactly(fake), callback, 400, 20},
		"as caller ID, nobody known":     {exactly(fake), callerID, 400, 400},
		"in both roles":                  {exactly(fake), bothRoles, 800, 420},
		"in no role":                     {exactly(fake), 0, 0, 0},
		"a number without calls":         {exactly(quiet), bothRoles, 0, 0},
		"a number twice":                 {append(exactly(fake), exactly(fake)...), callback, 400, 20},
		"two numbers":                    {append(exactly(fake), exactly(442079460007)...), callback, 402, 22},
		"a wide range":                   {[]numberdb.Target{digits(442079)}, callback, 400, 400},
		"a range of a thousand":          {[]numberdb.Target{digits(442079460)}, callback, 400, 400},
		"a range of a hundred":           {[]numberdb.Target{digits(4420794600)}, callback, 200, 200},
		"a range of ten":                 {[]numberdb.Target{digits(44207946001)}, callback, 20, 20},
		"a range of one":                 {[]numberdb.Target{digits(442079460017)}, callback, 2, 2},
		"a range of none":                {[]numberdb.Target{digits(4420794600170)}, callback, 0, 0},
		"a range beside":                 {[]numberdb.Target{digits(442078)}, bothRoles, 0, 0},
		"a number in a range":            {[]numberdb.Target{digits(442079460), {Number: 442079460007}}, callback, 400, 400},
		"a range in a range":             {[]numberdb.Target{digits(442079460), digits(4420794600)}, callback, 400, 400},
		"the number of a range's digits": {[]numberdb.Target{digits(fake), {Number: fake}}, callback, 400, 20},
		"nothing":                        {nil, bothRoles, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			want := Impact{tc.calls, tc.subscribers, true, week}
			if got := impact(t, lookBackAt(store, noon), tc.targets, tc.roles); got != want {
				// The sketch is all but empty: it has no reason to count too many.
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	if got, err := lookBackAt(store, noon).Impact(t.Context(), exactly(fake), callback, 1); err != nil || got.Calls != 400 {
		t.Errorf("since the day before: %+v, %v", got, err)
	}
	for day, end := range store.ends {
		if want := day.Time().AddDate(0, 0, 9); end != want {
			t.Errorf("day %v is kept until %v, want %v", day.Time(), end, want)
		}
	}
}

func TestImpactOfWhatCannotBeListed(t *testing.T) {
	b := lookBackAt(newTrafficMemory(), noon)
	for _, n := range []numberdb.Number{12025, numberdb.MaxNumber} {
		if _, err := b.Impact(t.Context(), []numberdb.Target{{Number: n, Prefix: true}}, bothRoles, 7); err == nil {
			t.Errorf("the range %v has an impact", n)
		}
	}
	for _, days := range []int{0, 8, -1} {
		if _, err := b.Impact(t.Context(), exactly(fake), bothRoles, days); err == nil {
			t.Errorf("%d days have an impact", days)
		}
	}
}

// TestImpactIsNeverTooLow asks for numbers and ranges of random traffic of random lengths.
func TestImpactIsNeverTooLow(t *testing.T) {
	store := newTrafficMemory()
	s := startTraffic(t, store)
	r := rand.New(rand.NewPCG(5, 6))
	type call struct{ other, subscriber numberdb.Number }
	var calls []call
	for range 10_000 {
		// Few ranges of six digits, with numbers of all lengths in them.
		n := numberdb.Number(331990 + r.IntN(3))
		for more := 1 + r.IntN(9); more > 0; more-- {
			n = n*10 + numberdb.Number(r.IntN(4))
		}
		c := call{n, numberdb.Number(12025550100 + r.IntN(50))}
		calls = append(calls, c)
	}
	for i, c := range calls {
		s.Note(screening.Outbound, c.other, c.subscriber)
		if i%1000 == 999 { // as calls come: not all at once
			eventually(t, "the calls are taken", s.noneWaits)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	b := lookBackAt(store, noon)
	for range 100 {
		target := numberdb.Target{Number: calls[r.IntN(len(calls))].other}
		if digits := digitsOf(target.Number); r.IntN(4) > 0 && digits > shortestRange {
			target.Number, target.Prefix = cut(target.Number, digits, shortestRange+r.IntN(digits-shortestRange)), true
		}
		want, subscribers := uint64(0), map[numberdb.Number]bool{}
		for _, c := range calls {
			in := c.other == target.Number
			for n := c.other; n > 0 && target.Prefix; n /= 10 {
				in = in || n == target.Number
			}
			if in {
				want++
				subscribers[c.subscriber] = true
			}
		}
		got := impact(t, b, []numberdb.Target{target}, numberdb.RolesOf(numberdb.RoleCallback))
		if got.Calls < want || got.Subscribers < uint64(len(subscribers)) {
			t.Errorf("%v: %+v, but there were %d calls of %d subscribers", target, got, want, len(subscribers))
		}
		if got.Calls > want+want/10+100 {
			t.Errorf("%v: %d calls, but there were %d", target, got.Calls, want)
		}
	}
}

// TestImpactSaysWhatIsMissing has each of the things that keep it from being complete, one at a time.
func TestImpactSaysWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil    func(t *testing.T, m *trafficMemory)
		complete bool
		calls    uint64
	}{
		"nothing": {func(*testing.T, *trafficMemory) {}, true, 1},
		"a node died": {func(t *testing.T, m *trafficMemory) {
			m.change(t, noon, func(r *trafficRun) { r.Ended, r.Until = false, noon.Add(-time.Hour) })
		}, false, 1},
		"a node is between two writes": {func(t *testing.T, m *trafficMemory) {
			m.change(t, noon, func(r *trafficRun) { r.Ended, r.Until, r.Every = false, noon.Add(-time.Hour), 3000 })
		}, true, 1},
		"a node had too many calls": {func(t *testing.T, m *trafficMemory) {
			m.change(t, noon, func(r *trafficRun) { r.Lost = 1 })
		}, false, 1},
		"another key": {func(t *testing.T, m *trafficMemory) {
			m.change(t, noon, func(r *trafficRun) { r.Key = "other" })
		}, false, 0},
		"damaged record": {func(t *testing.T, m *trafficMemory) { m.spoilRuns(noon, []byte("{")) }, false, 0},
		"lost record":    {func(t *testing.T, m *trafficMemory) { m.spoilRuns(noon, nil) }, true, 0},
		"damaged blocks": {func(t *testing.T, m *trafficMemory) { m.spoilBlocks(noon, []byte{sketchVersion, 0xff, 0xff}) }, false, 0},
		"newer blocks":   {func(t *testing.T, m *trafficMemory) { m.spoilBlocks(noon, []byte{sketchVersion + 1}) }, false, 0},
		"empty blocks":   {func(t *testing.T, m *trafficMemory) { m.spoilBlocks(noon, []byte{}) }, false, 0},
		"nothing was sketched before": {func(t *testing.T, m *trafficMemory) {
			m.spoilRuns(noon.AddDate(0, 0, -8), nil)
		}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			store := newTrafficMemory()
			for _, at := range []time.Time{noon.AddDate(0, 0, -8), noon} {
				s := startTraffic(t, store, func(o *TrafficOptions) { o.Now = func() time.Time { return at } })
				s.Note(screening.Inbound, fake, 0)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
			}
			tc.spoil(t, store)
			got := impact(t, lookBackAt(store, noon), exactly(fake), bothRoles)
			if got.Complete != tc.complete || got.Calls != tc.calls {
				t.Errorf("got %+v", got)
			}
		})
	}
	got := impact(t, lookBackAt(newTrafficMemory(), noon), exactly(fake), bothRoles)
	if got != (Impact{Since: noon}) {
		t.Errorf("of an empty store: %+v", got)
	}
	store := newTrafficMemory()
	store.set(errAway)
	if _, err := lookBackAt(store, noon).Impact(t.Context(), exactly(fake), bothRoles, 7); !errors.Is(err, errAway) {
		t.Errorf("of a store that is away: %v", err)
	}
}

// TestTrafficThroughMidnight lets the clock run over midnight, while the store is there and while it is away.
func TestTrafficThroughMidnight(t *testing.T) {
	for _, away := range []bool{false, true} {
		store := newTrafficMemory()
		var c clock
		c.set(noon)
		s := startTraffic(t, store, func(o *TrafficOptions) { o.Now = c.Now })
		count := func(at time.Time) uint64 {
			b, err := lookBackAt(store, at).Impact(t.Context(), exactly(fake), bothRoles, MaxImpactDays)
			if err != nil {
				return 0
			}
			return b.Calls
		}
		for day := range 3 {
			s.Note(screening.Inbound, fake, 12025550100)
			if away && day == 1 {
				eventually(t, "the call is taken", s.noneWaits)
			} else {
				eventually(t, "the call is stored", func() bool { return count(noon.AddDate(0, 0, day)) == uint64(day+1) })
			}
			if away && day == 0 {
				store.set(errAway)
			}
			c.set(noon.AddDate(0, 0, day+1))
			if away && day == 1 {
				eventually(t, "the store is missed", func() bool { return strings.Contains(s.log.String(), "cannot be written") })
				store.set(nil)
			}
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if n := len(store.runs); n < 3 {
			t.Errorf("away %v: %d days", away, n)
		}
		if got := impact(t, lookBackAt(store, noon.AddDate(0, 0, 2)), exactly(fake), bothRoles); got.Calls != 3 || got.Subscribers == 0 || got.Since != noon {
			t.Errorf("away %v: %+v", away, got)
		}
	}
}

// TestTrafficIsGivenUp has a store that is away for days: memory is bounded, and what is lost is named.
func TestTrafficIsGivenUp(t *testing.T) {
	traffic, err := NewTraffic(TrafficOptions{Store: newTrafficMemory(), Key: testKey, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	traffic.blocks = testBlocks
	w := newTrafficWriter(traffic)
	for day := range 5 {
		w.traffic.options.Now = func() time.Time { return noon.AddDate(0, 0, day) }
		w.turnDay()
		traffic.Note(screening.Inbound, fake, 0)
		w.look()
	}
	if len(w.waiting) != mostDaysWaiting || w.record.Lost != 1 {
		t.Errorf("%d days wait, %d calls lost", len(w.waiting), w.record.Lost)
	}
	if n := value(t, traffic.lost.WithLabelValues(lostAway)); n != 2 {
		t.Errorf("%v calls are said to be lost", n)
	}
}

// TestTooManyCalls has more calls between two looks than there is room for: nobody waits, and it is known how many are missing.
func TestTooManyCalls(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := newTrafficMemory()
	traffic, err := NewTraffic(TrafficOptions{Store: store, Key: testKey, Metrics: registry, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	traffic.blocks = testBlocks
	const calls = 3 * lanes * laneRoom
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range calls / 4 {
				traffic.Note(screening.Outbound, fake, 12025550100)
			}
		})
	}
	callers.Wait()
	select {
	case <-traffic.calls.wake:
	default:
		t.Error("nobody is woken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := traffic.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := impact(t, lookBackAt(store, noon), exactly(fake), bothRoles)
	if got.Calls != lanes*laneRoom || got.Subscribers != 1 || got.Complete {
		t.Errorf("got %+v", got)
	}
	if n := value(t, traffic.lost.WithLabelValues(lostCrowded)); n != calls-lanes*laneRoom {
		t.Errorf("%v calls are said to be lost", n)
	}
}

// TestTrafficEndsWithoutStore wants an end, and to be told what was lost.
func TestTrafficEndsWithoutStore(t *testing.T) {
	store := newTrafficMemory()
	store.set(errAway)
	s := startTraffic(t, store, func(o *TrafficOptions) { o.Linger = time.Millisecond })
	s.Note(screening.Inbound, fake, 0)
	if err := s.stop(); !errors.Is(err, errAway) || !strings.Contains(err.Error(), "1 calls") {
		t.Errorf("ends with %v", err)
	}
}

// TestOnlyChangedBlocksAreWritten leaves the store in peace where nothing changed.
func TestOnlyChangedBlocksAreWritten(t *testing.T) {
	store := newTrafficMemory()
	traffic, err := NewTraffic(TrafficOptions{Store: store, Key: testKey, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	w := newTrafficWriter(traffic)
	w.sketch(touch{numberLine(screening.Outbound, fake), 0})
	for range 3 {
		w.encode()
		w.write(t.Context())
		if err := <-w.written; err != nil {
			t.Fatal(err)
		}
		w.note(t.Context(), nil)
	}
	if most := len(linesOf(nil, screening.Outbound, fake)); store.writes > most {
		t.Errorf("%d blocks were written for one call of %d lines", store.writes, most)
	}
}

// TestEncodedBlocks reads blocks back, an empty one and one with random cells.
func TestEncodedBlocks(t *testing.T) {
	e, d := newBlockEncoder(), newBlockDecoder()
	r := rand.New(rand.NewPCG(7, 8))
	var blocks [3]block
	for i := range blocks[1].small {
		blocks[1].small[i] = uint8(r.Uint32())
	}
	for i := range blocks[2].middle {
		blocks[2].middle[i] = [quantities]uint16{mostMiddle, mostMiddle}
	}
	for i := range blocks[2].large {
		blocks[2].large[i] = [quantities]uint32{mostLarge, mostLarge}
	}
	for i := range blocks {
		stored := e.encode(&blocks[i])
		var got block
		if err := d.decode(&got, stored); err != nil || got != blocks[i] {
			t.Errorf("block %d is not read as it was written: %v", i, err)
		}
		for n := 0; n < len(stored); n += 1 + len(stored)/100 {
			if err := d.decode(&got, stored[:n]); err == nil {
				t.Fatalf("block %d is read from its first %d bytes", i, n)
			}
		}
		if i == 0 && len(stored) > 100 {
			t.Errorf("an empty block takes %d bytes", len(stored))
		}
	}
	if err := d.decode(new(block), bombs(t)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of megabytes behind each other: %v", err)
	}
}

// bombs is what would take a hundred megabytes.
func bombs(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteByte(sketchVersion)
	w := newBlockEncoder().scanty
	w.Reset(&b)
	for range 100 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzDecodeBlock wants whatever lies in the store to be refused or read, and what is read to be written and read the same.
func FuzzDecodeBlock(f *testing.F) {
	e, d := newBlockEncoder(), newBlockDecoder()
	f.Add(e.encode(&block{}))
	f.Add([]byte{})
	f.Add([]byte{sketchVersion, 0xff})
	f.Add([]byte{sketchVersion + 1})
	f.Fuzz(func(t *testing.T, stored []byte) {
		var first, second block
		if err := d.decode(&first, stored); err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if err := d.decode(&second, e.encode(&first)); err != nil || first != second {
			t.Errorf("read otherwise: %v", err)
		}
	})
}

func TestTouchable(t *testing.T) {
	for reason, want := range map[screening.Reason]bool{
		screening.ReasonClean: true, screening.ReasonListedWarn: true, screening.ReasonProtected: true, screening.ReasonNoList: true,
		screening.ReasonEmergency: false, screening.ReasonPSAPBack: false, screening.ReasonOptOut: false,
	} {
		if got := Touchable(screening.Verdict{Reason: reason}); got != want {
			t.Errorf("%v: %v", reason, got)
		}
	}
}

// TestNoteDoesNotAllocate holds what every clean call costs.
func TestNoteDoesNotAllocate(t *testing.T) {
	traffic, err := NewTraffic(TrafficOptions{Store: newTrafficMemory(), Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(3*lanes*laneRoom, func() { traffic.Note(screening.Outbound, fake, 12025550100) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkNote is what every call pays. The calls are taken as often as is needed, which is part of it.
func BenchmarkNote(b *testing.B) {
	traffic, err := NewTraffic(TrafficOptions{Store: newTrafficMemory(), Key: testKey})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		spare := make([]touch, 0, laneRoom)
		for n := 1; p.Next(); n++ {
			traffic.Note(screening.Outbound, fake, 12025550100)
			if n%laneRoom == 0 {
				spare = traffic.calls.take(spare, func(touch) {})
			}
		}
	})
	if lost := traffic.calls.lost.Load(); lost > 0 {
		b.Errorf("%d calls had no room", lost)
	}
}

// BenchmarkSketch is what a call costs Run's goroutine, with the sketch of a whole node.
func BenchmarkSketch(b *testing.B) {
	both := newBoth(b, sketchBlocks)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		both.w.sketch(touch{numberLine(screening.Outbound, numberdb.Number(12_000_000_000+n*7919%10_000_000_000)), numberdb.Number(n)})
	}
}
