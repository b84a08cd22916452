package intake

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// metrics are counted by route and status: both are closed sets, whatever is asked.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linewarden_intake_requests_total", Help: "Requests to the intake endpoint, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "linewarden_intake_request_seconds", Help: "Time to answer a request to the intake endpoint.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"route"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of the intake: %w", err)
		}
	}
	return m, nil
}

// note is what the layers of one request tell the log.
type note struct {
	begin     time.Time
	origin    numberdb.Origin // how numbers without a country code are read
	trunks    func(name string) (Trunk, error)
	visit     access.Visit
	principal string
	cause     error // what really went wrong where the answer says only that something did
}

type noteKey struct{}

// noteFrom is the note of a request; outside of one it is forgotten.
func noteFrom(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

// observed counts and logs each request, turns a panic into a problem, and what no route answers too. Neither the log nor a label
// holds anything that the client has chosen: a path may carry a number.
func (a *API) observed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := &note{begin: a.now(), origin: a.origin, trunks: a.trunk, visit: access.VisitOf(r)}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		rec := &recorder{ResponseWriter: w}
		var handler http.Handler = mux
		refusal, route := mux.Handler(r)
		if route == "" {
			route = "none"
			handler = unrouted(refusal)
		}
		defer func() {
			if p := recover(); p != nil {
				n.cause = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				if rec.status == 0 {
					writeProblem(rec.Header().Set, rec.WriteHeader, rec.Write,
						problem(http.StatusInternalServerError, "Something is wrong inside Linewarden; nothing was acknowledged."))
				}
			}
			a.tell(r, route, rec, n, a.now().Sub(n.begin))
		}()
		securityHeaders(rec.Header())
		if a.refuseCrossSite(rec, r) {
			return
		}
		handler.ServeHTTP(rec, r)
	})
}

// tell counts and logs one answered request.
func (a *API) tell(r *http.Request, route string, rec *recorder, n *note, took time.Duration) {
	a.metrics.requests.WithLabelValues(route, strconv.Itoa(rec.status)).Inc()
	a.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("route", route), slog.Int("status", rec.status), slog.Duration("took", took), slog.String("by", n.principal),
	}
	if n.cause != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("cause", n.cause.Error()))
	}
	a.log.LogAttrs(r.Context(), level, "intake request", attrs...)
}

// unrouted turns the plain text with which the mux refuses an unknown path or method into a problem.
func unrouted(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain := discarder{header: w.Header()}
		mux.ServeHTTP(&plain, r)
		p := problem(http.StatusNotFound, "There is nothing here; see /openapi.json.")
		if plain.status == http.StatusMethodNotAllowed {
			p = problem(plain.status, "The method is not allowed here; the header Allow names those that are.")
		}
		w.Header().Del("Content-Length")
		writeProblem(w.Header().Set, w.WriteHeader, w.Write, p)
	})
}

// securityHeaders keeps browsers from doing anything with an answer but show it.
func securityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection, for the deadline on reading a body.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// discarder keeps headers and status of an answer and drops its body.
type discarder struct {
	header http.Header
	status int
}

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarder) WriteHeader(status int)      { d.status = status }
