package asterisk

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the package's counters. Every label comes from a closed set.
type metrics struct {
	connected     prometheus.Gauge
	calls         prometheus.Gauge
	connects      *prometheus.CounterVec // by result
	events        [kindCount]prometheus.Counter
	requests      [opCount][outcomeCount]prometheus.Counter
	seconds       [opCount]prometheus.Observer
	lateReplies   prometheus.Counter
	queueFull     prometheus.Counter
	foreignEvents prometheus.Counter
	claims        [claimCount]prometheus.Counter
	released      [releaseCount]prometheus.Counter
	adopted       prometheus.Counter
	vanished      prometheus.Counter
	panics        prometheus.Counter
}

// How a claim of a broadcast call ended.
const (
	claimWon      = iota
	claimTaken    // another instance was first (409)
	claimLate     // Asterisk had moved on, or the caller hung up (404)
	claimFailed   // no usable answer
	claimDraining // not tried: stopping
	claimBusy     // not tried: MaxCalls reached, or too many claims waiting
	claimCount
)

var claimLabels = [claimCount]string{"won", "taken", "late", "failed", "draining", "busy"}

// Why this package, and not a handler, released a call.
const (
	releaseFellow    = iota // it belonged to a dead fellow
	releaseAbandoned        // its handler returned without releasing it
	releaseBusy             // MaxCalls reached
	releaseLeftover         // it came while the connection was being closed
	releaseCount
)

var releaseLabels = [releaseCount]string{"fellow", "abandoned", "busy", "leftover"}

const namespace, subsystem = "linewarden", "asterisk"

// newMetrics makes the counters and registers them, unless r is nil.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	var all []prometheus.Collector
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
		all = append(all, g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
		all = append(all, c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
		all = append(all, c)
		return c
	}
	m := &metrics{
		connected:     gauge("connected", "1 while calls can be taken, else 0."),
		calls:         gauge("calls", "Calls that a handler owns."),
		connects:      counters("connects_total", "Attempts to connect, by result.", "result"),
		lateReplies:   counter("late_replies_total", "Answers that came after their request was given up, or that match none."),
		queueFull:     counter("event_queue_full_total", "Calls whose events ended because their handler did not read them."),
		foreignEvents: counter("foreign_events_total", "Events about a channel that no handler owns, or for another application."),
		adopted:       counter("adopted_total", "Calls found waiting without a handler and given to one."),
		vanished:      counter("vanished_total", "Calls that left without Asterisk saying so."),
		panics:        counter("handler_panics_total", "Handlers that panicked; their calls were released."),
	}
	events := counters("events_total", "Messages from Asterisk, by kind; unknown and malformed ones too.", "kind")
	for k := range m.events {
		m.events[k] = events.WithLabelValues(kind(k).String())
	}
	requests := counters("requests_total", "Requests to Asterisk, by operation and outcome.", "operation", "outcome")
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "request_seconds",
		Help:    "Time from a request to its answer or failure.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	}, []string{"operation"})
	all = append(all, seconds)
	for op := range m.requests {
		m.seconds[op] = seconds.WithLabelValues(operations[op].label)
		for o := range m.requests[op] {
			m.requests[op][o] = requests.WithLabelValues(operations[op].label, outcomeLabels[o])
		}
	}
	claims := counters("claims_total", "Broadcast calls, by what became of the claim.", "outcome")
	for i := range m.claims {
		m.claims[i] = claims.WithLabelValues(claimLabels[i])
	}
	released := counters("released_total", "Calls that the connection released in place of a handler, by reason.", "reason")
	for i := range m.released {
		m.released[i] = released.WithLabelValues(releaseLabels[i])
	}
	if r == nil {
		return m, nil
	}
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("asterisk: register metrics: %w; give each Asterisk's client a registerer with a label of its own", err)
		}
	}
	return m, nil
}

func (m *metrics) request(op operation, err error, took time.Duration) {
	m.requests[op][outcome(err)].Inc()
	m.seconds[op].Observe(took.Seconds())
}
