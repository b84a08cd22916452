package callflow

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/screening"
)

// metrics counts calls. The counters that every call touches are looked up once, at the start, not by label on the way of a call.
type metrics struct {
	calls           [2][]map[screening.Reason]prometheus.Counter // by direction, action, reason
	outcomes        []prometheus.Counter                         // by outcome
	unknownPolicies prometheus.Counter
	faults          prometheus.Counter
	took            prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linewarden_calls_total", Help: "Calls by what they got and why.",
	}, []string{"direction", "action", "reason"})
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linewarden_call_outcomes_total", Help: "Calls by what became of them.",
	}, []string{"outcome"})
	m := &metrics{
		unknownPolicies: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linewarden_call_unknown_policy_total",
			Help: "Calls for which the dialplan named a policy that the configuration does not have; the default applied.",
		}),
		faults: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linewarden_call_faults_total", Help: "Calls on which a request to Asterisk failed; all of them were let go of.",
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "linewarden_call_held_seconds", Help: "Time from StasisStart to the hand-back, prompts included.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .05, .25, 1, 5, 10, 20, 60},
		}),
	}
	for d := range m.calls {
		m.calls[d] = make([]map[screening.Reason]prometheus.Counter, len(screening.Actions()))
		for _, action := range screening.Actions() {
			m.calls[d][action] = map[screening.Reason]prometheus.Counter{}
			for _, reason := range screening.Reasons() {
				if reason.OccursWith(action) {
					m.calls[d][action][reason] = calls.WithLabelValues(screening.Direction(d).String(), action.String(), reason.String())
				}
			}
		}
	}
	for _, o := range screening.Outcomes() {
		m.outcomes = append(m.outcomes, outcomes.WithLabelValues(o.String()))
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{calls, outcomes, m.unknownPolicies, m.faults, m.took} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) observe(c *call, took time.Duration) {
	v := c.verdict
	if counter := m.calls[c.subject.Direction][v.Action][v.Reason]; counter != nil {
		counter.Inc()
	}
	m.outcomes[c.outcome].Inc()
	if c.unknown {
		m.unknownPolicies.Inc()
	}
	if c.fault != nil {
		m.faults.Inc()
	}
	m.took.Observe(took.Seconds())
}
