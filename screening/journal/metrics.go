package journal

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Why something was dropped.
const (
	droppedCrowded = iota // the queue had no room
	droppedDayFull        // Options.MostPerDay was reached
	droppedStop           // the process ended while the store was away
	droppedUnsound        // it could not be written down: a fault of ours
	droppedHour           // counts of an hour, after days without a store
	droppedCount
)

var droppedLabels = [droppedCount]string{"queue_full", "day_full", "stopped", "unsound", "old_hour"}

// metrics say how the journal itself does.
type metrics struct {
	kept    prometheus.Counter
	dropped [droppedCount]prometheus.Counter
}

func newMetrics(j *Journal, r prometheus.Registerer) (*metrics, error) {
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linewarden_journal_dropped_total",
		Help: "Records of calls that were not kept, by why; old_hour is the counts of a whole hour.",
	}, []string{"why"})
	m := &metrics{kept: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "linewarden_journal_kept_total", Help: "Records of calls that were stored.",
	})}
	for why, label := range droppedLabels {
		m.dropped[why] = dropped.WithLabelValues(label)
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linewarden_journal_waiting", Help: "Records of calls that wait to be stored.",
	}, func() float64 { return float64(len(j.queue)) })
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.kept), r.Register(dropped), r.Register(waiting))
}
