package replica

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
)

func TestNewRefuses(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := New(newMemory("a", 1), Options{Metrics: registry}); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]Options{
		"a negative time":                     {HeartbeatEvery: -1},
		"a negative concurrency":              {LoadConcurrency: -1},
		"metrics that are registered already": {Metrics: registry},
	} {
		if _, err := New(newMemory("a", 1), opts); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestRunOnce(t *testing.T) {
	r, stop := run(t, newMemory("a", 1), Options{})
	untilLoaded(t, r)
	if err := r.Run(t.Context()); err == nil {
		t.Error("a second Run is taken")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		m := newMemory("a", 4)
		m.setDown(errAway)
		r, _ := run(t, m, Options{Metrics: registry})
		untilFault(t, r, errAway)
		metric := func(name, label string) float64 {
			t.Helper()
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				for _, series := range family.GetMetric() {
					if family.GetName() == name && (label == "" || series.GetLabel()[0].GetValue() == label) {
						return series.GetGauge().GetValue() + series.GetCounter().GetValue()
					}
				}
			}
			t.Fatalf("there is no metric %s{%s}", name, label)
			return 0
		}
		if age := metric("linewarden_list_age_seconds", ""); age < 1e9 {
			t.Errorf("without a list, the age is %v", age)
		}
		if n := metric("linewarden_list_store_faults_total", "identity"); n < 1 {
			t.Errorf("%v faults are counted, want one", n)
		}
		m.put(listed(1), targets(20)...)
		m.put(listed(1), numberdb.Target{Number: 4420794, Prefix: true})
		m.setDown(nil)
		untilHealthy(t, r)
		m.put(listed(2), targets(3)...)
		untilListed(t, r, 2, listed(2))
		pass(10 * time.Second)
		for _, want := range []struct {
			name, label string
			value       float64
		}{
			{"linewarden_list_numbers", "", 20},
			{"linewarden_list_prefixes", "", 1},
			{"linewarden_list_changes_total", "", 3},
			{"linewarden_list_loads_total", "first", 1},
			{"linewarden_list_loads_total", "gap", 0},
			{"linewarden_list_from_snapshot", "", 0},
		} {
			if got := metric(want.name, want.label); got != want.value {
				t.Errorf("%s{%s} is %v, want %v", want.name, want.label, got, want.value)
			}
		}
		if age := metric("linewarden_list_age_seconds", ""); age > 2 {
			t.Errorf("while all is well, the age is %v", age)
		}
		if n := metric("linewarden_list_replaced", ""); n != 0 {
			t.Errorf("while all is well, the list is said to be replaced: %v", n)
		}
		m.reset("b", 4)
		untilFault(t, r, ErrReplaced)
		if n := metric("linewarden_list_replaced", ""); n != 1 {
			t.Errorf("with another, empty list in the store, linewarden_list_replaced is %v", n)
		}
	})
}

// records counts log records by message.
type records struct {
	slog.Handler
	mu    sync.Mutex
	count map[string]int
}

func (h *records) Handle(_ context.Context, record slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count[record.Level.String()+" "+record.Message]++
	return nil
}

func (h *records) Enabled(context.Context, slog.Level) bool { return true }

// A store that is away must not fill the log, and its return must be in it.
func TestLogOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		m.trim()
		log := &records{count: map[string]int{}}
		r, _ := run(t, m, Options{Logger: slog.New(log)})
		untilLoaded(t, r)
		m.setDown(errAway)
		pass(10 * time.Minute)
		m.setDown(nil)
		untilHealthy(t, r)
		pass(time.Minute)
		log.mu.Lock()
		defer log.mu.Unlock()
		want := map[string]int{
			"INFO the list is loaded": 1,
			"ERROR the list cannot be kept up to date; calls go on with what there is": 20,
			"INFO the list is up to date again":                                        1,
		}
		if !maps.Equal(log.count, want) {
			t.Errorf("ten minutes without a store leave in the log: %v, want %v", log.count, want)
		}
	})
}
