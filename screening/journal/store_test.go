package journal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// patience bounds every wait of these tests; reaching it is a failure.
const patience = time.Minute

// noon is the present of these tests.
var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// memory is a store in memory that can be away, or hang.
type memory struct {
	mu     sync.Mutex
	calls  map[numberdb.Day]map[string][]byte
	counts map[int64]map[string]uint64
	ends   map[time.Time]bool
	writes int
	err    error         // what writes answer, after they have been applied if lossy
	lossy  bool          // writes are applied and their answers lost
	hang   chan struct{} // writes wait until it is closed, and ignore their context
	tried  chan struct{} // gets a word for each try to write calls, if there is room
}

func newMemory() *memory {
	return &memory{
		calls: map[numberdb.Day]map[string][]byte{}, counts: map[int64]map[string]uint64{}, ends: map[time.Time]bool{}, tried: make(chan struct{}, 1),
	}
}

var errAway = errors.New("the store is away")

// set makes the store answer err from now on.
func (m *memory) set(err error, lossy bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err, m.lossy = err, lossy
}

func (m *memory) write(apply func()) error {
	select {
	case m.tried <- struct{}{}:
	default:
	}
	if m.hang != nil {
		<-m.hang
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil || m.lossy {
		m.writes++
		apply()
	}
	return m.err
}

func (m *memory) KeepCalls(_ context.Context, day numberdb.Day, records map[string][]byte, end time.Time) error {
	return m.write(func() {
		if m.calls[day] == nil {
			m.calls[day] = map[string][]byte{}
		}
		maps.Copy(m.calls[day], records)
		m.ends[end] = true
	})
}

func (m *memory) KeepCounts(_ context.Context, hour time.Time, counts map[string]uint64, end time.Time) error {
	return m.write(func() {
		if m.counts[hour.Unix()] == nil {
			m.counts[hour.Unix()] = map[string]uint64{}
		}
		maps.Copy(m.counts[hour.Unix()], counts)
		m.ends[end] = true
	})
}

func (m *memory) Calls(_ context.Context, id string, first, last numberdb.Day) (found [][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for day, records := range m.calls {
		for name, value := range records {
			if day >= first && day <= last && strings.HasPrefix(name, id) {
				found = append(found, value, value) // once too often, as a scan may
			}
		}
	}
	return found, nil
}

func (m *memory) Counts(_ context.Context, hours []time.Time) (found []map[string]uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, hour := range hours {
		found = append(found, maps.Clone(m.counts[hour.Unix()]))
	}
	return found, nil
}

// findHour is what was counted in the hour in which a time lies.
func findHour(ctx context.Context, s Reader, at time.Time) (hour Hour, err error) {
	for hour, err = range Hours(ctx, s, at, 1) {
	}
	return hour, err
}

// kept is how many records there are.
func (m *memory) kept() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, records := range m.calls {
		n += len(records)
	}
	return n
}

// running is a journal whose Run was begun.
type running struct {
	*Journal
	t    *testing.T
	log  *lines
	end  context.CancelFunc
	done chan error
}

// start runs a journal; the test must stop it.
func start(t *testing.T, store Store, change ...func(*Options)) *running {
	t.Helper()
	r := &running{t: t, log: &lines{}, done: make(chan error, 1)}
	o := Options{Store: store, Every: time.Millisecond, Now: func() time.Time { return noon }, Logger: slog.New(slog.NewTextHandler(r.log, nil))}
	for _, c := range change {
		c(&o)
	}
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Journal = j
	ctx, cancel := context.WithCancel(t.Context())
	r.end = cancel
	go func() { r.done <- j.Run(ctx) }()
	return r
}

// stop ends the journal and gives its error.
func (r *running) stop() error {
	r.t.Helper()
	r.end()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		r.t.Fatal("Run does not return")
		return nil
	}
}

// eventually asks again and again until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); !so(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// warned is the i-th call that heard a warning.
func warned(i int) Entry {
	const digits = "0123456789abcdef"
	id := []byte("00000000aaaa")
	for at, n := 7, i; at >= 0; at, n = at-1, n/16 {
		id[at] = digits[n%16]
	}
	return Entry{
		ID: string(id), At: noon.Add(time.Duration(i) * time.Millisecond), Node: "node1", Direction: screening.Outbound, Number: 12025550143,
		Subscriber: Pseudonym{1, 2, 3},
		Verdict: screening.Verdict{
			Action: screening.Warn, Would: screening.Warn, Reason: screening.ReasonListedWarn, Standing: numberdb.StandingWarn, Brand: "amazon",
		},
		Prompt: "warn", Language: "en", Outcome: screening.Skipped, ListVersion: 300, ListAge: 1500 * time.Millisecond,
	}
}

var warnedKind = CallKind{screening.Outbound, screening.Warn, screening.ReasonListedWarn, screening.Skipped}

// value is what a counter has counted.
func value(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].Metric[0].Counter.GetValue()
}
