package replica

import (
	"errors"
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what a replica does. All label sets are closed.
type metrics struct {
	changes         prometheus.Counter
	loads           *prometheus.CounterVec // by why: snapshot, first, gap, other
	loadSeconds     prometheus.Gauge
	faults          *prometheus.CounterVec // by operation: identity, load, follow
	snapshotTime    prometheus.Gauge
	snapshotSeconds prometheus.Gauge
	snapshotBytes   prometheus.Gauge
	snapshotFaults  *prometheus.CounterVec // by operation: read, write
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.CounterOpts { return prometheus.CounterOpts{Name: name, Help: help} }
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		changes: prometheus.NewCounter(counter("linewarden_list_changes_total", "Changes of the list that were read from the store's stream and applied.")),
		loads: prometheus.NewCounterVec(counter("linewarden_list_loads_total",
			"Lists that were put in use: the snapshot's, the first from the store, one after a gap in the stream, another list of the store."), []string{"why"}),
		loadSeconds: gauge("linewarden_list_load_seconds", "How long it took to load the list in use."),
		faults: prometheus.NewCounterVec(counter("linewarden_list_store_faults_total",
			"Failed attempts to ask the store for its list, to load it, to follow it."), []string{"operation"}),
		snapshotTime:    gauge("linewarden_list_snapshot_timestamp_seconds", "When the store had last confirmed the list that is in the snapshot on disk; 0 if none was written."),
		snapshotSeconds: gauge("linewarden_list_snapshot_seconds", "How long it took to write the snapshot."),
		snapshotBytes:   gauge("linewarden_list_snapshot_bytes", "Size of the snapshot on disk."),
		snapshotFaults:  prometheus.NewCounterVec(counter("linewarden_list_snapshot_faults_total", "Snapshots that could not be read or written."), []string{"operation"}),
	}
	// All series exist from the start, so that an alert on a first fault sees it rise from zero.
	for _, why := range []string{loadedFromSnapshot, loadedFirst, loadedGap, loadedOther} {
		m.loads.WithLabelValues(why)
	}
	for _, operation := range []string{"identity", "load", "follow"} {
		m.faults.WithLabelValues(operation)
	}
	for _, operation := range []string{"read", "write"} {
		m.snapshotFaults.WithLabelValues(operation)
	}
	return m
}

// register gives the metrics, and those that follow from the replica's state, to a registry. If one is refused, the ones before it
// are taken back.
func (m *metrics) register(registry prometheus.Registerer, r *Replica) error {
	state := func(name, help string, value func(State) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(r.State()) })
	}
	all := []prometheus.Collector{
		m.changes, m.loads, m.loadSeconds, m.faults, m.snapshotTime, m.snapshotSeconds, m.snapshotBytes, m.snapshotFaults,
		state("linewarden_list_age_seconds", "Time since the store last confirmed that nothing is missing from the list; +Inf without a list.",
			func(s State) float64 {
				if !s.Loaded {
					return math.Inf(1)
				}
				return s.Age.Seconds()
			}),
		state("linewarden_list_numbers", "Listed numbers.", func(s State) float64 { return float64(s.Numbers) }),
		state("linewarden_list_prefixes", "Listed ranges of numbers.", func(s State) float64 { return float64(s.Prefixes) }),
		state("linewarden_list_replaced", "1 while the store holds another list, with far less in it, that nobody has confirmed and that is not used; otherwise 0.",
			func(s State) float64 {
				if errors.Is(s.Err, ErrReplaced) {
					return 1
				}
				return 0
			}),
		state("linewarden_list_from_snapshot", "1 while the list in use comes from the snapshot on disk and the store has not confirmed it, otherwise 0.",
			func(s State) float64 {
				if s.FromSnapshot {
					return 1
				}
				return 0
			}),
	}
	for i, c := range all {
		if err := registry.Register(c); err != nil {
			for _, registered := range all[:i] {
				registry.Unregister(registered)
			}
			return err
		}
	}
	return nil
}
