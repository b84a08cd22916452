package prefilter

import (
	"errors"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
)

// Why everything was written: labels of a metric.
const (
	builtStart = "start" // at the start, or because what was written is lost or not known
	builtList  = "list"  // the list was replaced, or changed faster than it could be followed
)

// metrics tell how the pre-filter is. All label sets are closed.
type metrics struct {
	keys         prometheus.Gauge
	builds       *prometheus.CounterVec // by why
	buildSeconds prometheus.Gauge
	faults       prometheus.Counter
	passed       [2]*passed // inbound, outbound
}

func newMetrics() *metrics {
	m := &metrics{
		keys: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linewarden_prefilter_keys", Help: "Keys in the Asterisk's database, some six thousand of which do not depend on the list."}),
		builds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linewarden_prefilter_builds_total", Help: "How often everything was written anew, and why."}, []string{"why"}),
		buildSeconds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linewarden_prefilter_build_seconds", Help: "How long it took to write everything the last time."}),
		faults: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linewarden_prefilter_faults_total", Help: "Failures to connect to the Asterisk's manager interface, to write, or to find what was written."}),
	}
	m.builds.WithLabelValues(builtStart)
	m.builds.WithLabelValues(builtList)
	for i, d := range [...]dialplan.Direction{dialplan.Inbound, dialplan.Outbound} {
		m.passed[i] = &passed{total: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linewarden_prefilter_passed_total", ConstLabels: prometheus.Labels{"direction": string(d)},
			Help: "Calls that the Asterisk's dialplan took for clean, and that are not among linewarden_calls_total. Of two at the very same time it may count one."})}
	}
	return m
}

// register gives the metrics to a registry.
func (m *metrics) register(r prometheus.Registerer, p *Prefilter) error {
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linewarden_prefilter_age_seconds",
		Help: "Time since the store confirmed the list that the dialplan relies on; +Inf while it may rely on none.",
	}, func() float64 {
		at := p.relied.Load()
		if at == 0 {
			return math.Inf(1)
		}
		return time.Since(time.Unix(0, at)).Seconds()
	})
	var errs []error
	for _, c := range []prometheus.Collector{
		m.keys, m.builds, m.buildSeconds, m.faults, m.passed[0].total, m.passed[1].total, age,
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

// passed makes a counter of ours from one of Asterisk's, which begins anew when Asterisk does.
type passed struct {
	total prometheus.Counter
	last  uint64
	known bool
}

// seen takes in what Asterisk's counter stands at. The first time it is no news.
func (c *passed) seen(now uint64) {
	switch {
	case !c.known:
	case now >= c.last:
		c.total.Add(float64(now - c.last))
	default:
		c.total.Add(float64(now))
	}
	c.last, c.known = now, true
}
