package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// ErrUnavailable says that a call was not even tried, since Redis has not answered the last ones.
var ErrUnavailable = errors.New("no answer from Redis: check that it runs and can be reached")

// call makes one call to Redis: within the deadline, unless the breaker is open, and counted. The error names the call.
func (s *Store) call(ctx context.Context, name string, do func(context.Context) error) error {
	if !s.breaker.allow(time.Now()) {
		s.metrics.calls.WithLabelValues(name, "refused").Observe(0)
		return fmt.Errorf("number list, %s: %w", name, ErrUnavailable)
	}
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err := do(bounded)
	if ctx.Err() == nil { // a caller who gave up says nothing about Redis
		s.breaker.done(time.Now(), isAway(err))
	}
	return s.observe(name, began, err)
}

// observe counts a call and names it in its error.
func (s *Store) observe(name string, began time.Time, err error) error {
	outcome := "ok"
	if err != nil {
		outcome = "error"
		err = fmt.Errorf("number list, %s: %w", name, err)
	}
	s.metrics.calls.WithLabelValues(name, outcome).Observe(time.Since(began).Seconds())
	return err
}

// isAway says whether an error means that Redis cannot serve, as opposed to having answered something that we do not like.
func isAway(err error) bool {
	var answer redis.Error
	if errors.As(err, &answer) {
		for _, prefix := range []string{"LOADING ", "READONLY ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ", "MISCONF "} {
			if strings.HasPrefix(answer.Error(), prefix) {
				return true
			}
		}
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, redis.ErrPoolTimeout)
}

// breaker keeps callers from waiting for a Redis that is away. After some failures in a row it lets one call through every
// probeEvery, and all again after the first success. The zero value is closed.
type breaker struct {
	mu       sync.Mutex
	failures int
	probeAt  time.Time
}

const (
	mostFailures = 5
	probeEvery   = 200 * time.Millisecond
)

func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < mostFailures {
		return true
	}
	if now.Before(b.probeAt) {
		return false
	}
	b.probeAt = now.Add(probeEvery)
	return true
}

func (b *breaker) done(now time.Time, away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !away {
		b.failures = 0
		return
	}
	b.failures++
	b.probeAt = now.Add(probeEvery)
}

// metrics are what the store counts.
type metrics struct {
	calls   *prometheus.HistogramVec // by call and outcome: ok, error, refused by the breaker
	corrupt *prometheus.CounterVec   // by what
}

func (m *metrics) register(registerer prometheus.Registerer) error {
	m.calls = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "linewarden_redis_call_seconds",
		Help:    "How long calls to Redis took. Loading counts each partition; following is not timed, for it waits.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
	}, []string{"call", "outcome"})
	m.corrupt = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linewarden_redis_unreadable_total",
		Help: "Things in Redis that could not be read and were skipped.",
	}, []string{"what"})
	if registerer == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.calls, m.corrupt} {
		if err := registerer.Register(c); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// unreadable counts and logs something in Redis that is skipped. The reason names no key, for keys hold numbers.
func (s *Store) unreadable(ctx context.Context, what string, partition int, reason error) {
	s.metrics.corrupt.WithLabelValues(what).Inc()
	s.options.Logger.WarnContext(ctx, "something in Redis cannot be read and is skipped", "what", what, "partition", partition, "reason", reason)
}

// libraryLog takes what the Redis library has to say: details of faults of which whoever made the call is told anyway.
type libraryLog struct{ log *slog.Logger }

// Printf implements the library's logger.
func (l libraryLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "the Redis library says", "message", fmt.Sprintf(format, v...))
	}
}
