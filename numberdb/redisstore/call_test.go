package redisstore

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/linewarden/linewarden/numberdb"
)

// logLines keeps what is logged.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logLines) has(s string) bool    { return strings.Contains(l.String(), s) }
func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// counted is the value of a counter.
func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func TestBreaker(t *testing.T) {
	var b breaker
	now := time.Unix(0, 0)
	for range mostFailures - 1 {
		b.done(now, true)
	}
	b.done(now, false)
	for range mostFailures {
		if !b.allow(now) {
			t.Fatal("open before there were enough failures in a row")
		}
		b.done(now, true)
	}
	if b.allow(now) || b.allow(now.Add(probeEvery-1)) {
		t.Error("closed right after the failures")
	}
	now = now.Add(probeEvery)
	first, second := b.allow(now), b.allow(now)
	if !first || second {
		t.Error("not exactly one probe")
	}
	b.done(now, true)
	if b.allow(now) {
		t.Error("closed after a failed probe")
	}
	now = now.Add(probeEvery)
	if !b.allow(now) {
		t.Error("no second probe")
	}
	b.done(now, false)
	first, second = b.allow(now), b.allow(now)
	if !first || !second {
		t.Error("open after a good probe")
	}
}

// TestLibraryLog: the Redis library writes nothing past our logger.
func TestLibraryLog(t *testing.T) {
	server := ownRedis(t, "--appendonly", "no")
	log := &logLines{}
	debug := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := newStore(t, clientOf(t, server.Addr()), func(o *Options) { o.Logger = debug })
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first may fail on the connection that there was
		if err := s.Ping(soon(t)); err == nil {
			t.Fatal("a killed Redis answered")
		}
	}
	if !log.has("level=DEBUG") || !log.has("failed to dial") {
		t.Errorf("the log is %s", log)
	}
}

// TestRedisAway: calls fail at once while Redis is away, and work again soon after it is back, without a restart of ours.
func TestRedisAway(t *testing.T) {
	server := ownRedis(t)
	registry := prometheus.NewRegistry()
	s := newStore(t, clientOf(t, server.Addr()), func(o *Options) { o.Registerer = registry })
	ctx := soon(t)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	m := newMirror(t, s)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	var err error
	for !errors.Is(err, ErrUnavailable) {
		if err = s.Ping(ctx); err == nil {
			t.Fatal("a killed Redis answered")
		}
	}
	if _, err := s.Follow(ctx, m.positions, time.Millisecond, m.put); err == nil {
		t.Error("followed a killed Redis")
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	for err := s.Ping(ctx); err != nil; err = s.Ping(ctx) {
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(2)))) // the restarted Redis has none of our scripts
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || m.changes != 1 {
		t.Errorf("across the restart: lost %v, %d changes", lost, m.changes)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]uint64{}
	for _, f := range families {
		for _, metric := range f.Metric {
			for _, l := range metric.Label {
				if f.GetName() == "linewarden_redis_call_seconds" && l.GetName() == "outcome" {
					outcomes[l.GetValue()] += metric.Histogram.GetSampleCount()
				}
			}
		}
	}
	if outcomes["ok"] == 0 || outcomes["error"] == 0 || outcomes["refused"] == 0 {
		t.Errorf("counted %v", outcomes)
	}
}

// TestRedisHung: a Redis that has stopped answering holds a caller no longer than the deadline.
func TestRedisHung(t *testing.T) {
	server := ownRedis(t)
	s := newStore(t, clientOf(t, server.Addr()))
	s.options.Timeout = 50 * time.Millisecond
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(soon(t)); err == nil {
		t.Error("a hung Redis answered")
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
}
