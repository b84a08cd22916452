package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
)

func TestCleanUps(t *testing.T) {
	var c cleanUps
	var order []string
	add := func(name string, err error) {
		c.add(name, func(context.Context) error { order = append(order, name); return err })
	}
	add("first", nil)
	add("second", errors.New("stuck"))
	add("third", nil)
	cause := errors.New("why it stopped")
	err := c.run(time.Minute, cause)
	if !slices.Equal(order, []string{"third", "second", "first"}) {
		t.Errorf("done in the order %q", order)
	}
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "close second: stuck") {
		t.Errorf("got %v", err)
	}
	if err := c.run(time.Minute, nil); err != nil || len(order) != 3 {
		t.Errorf("a second run did %q: %v", order, err)
	}
}

// TestServiceThatHangs must not keep the others from being stopped, nor hold up the end.
func TestServiceThatHangs(t *testing.T) {
	s := newServices()
	release, stopped := make(chan struct{}), make(chan struct{})
	defer close(release)
	s.start("well", func(ctx context.Context) error { <-ctx.Done(); close(stopped); return nil })
	s.start("hung", func(context.Context) error { <-release; return nil })
	err := s.ends.run(10*time.Millisecond, nil)
	if err == nil || !strings.Contains(err.Error(), "close hung: it has not ended in time") {
		t.Errorf("got %v", err)
	}
	<-stopped
}

func TestServiceThatEndsByItselfEndsAll(t *testing.T) {
	s := newServices()
	s.start("list", func(context.Context) error { return errors.New("broken") })
	err := s.ends.run(time.Minute, s.wait(t.Context()))
	if err == nil || !strings.Contains(err.Error(), "list ended by itself") || !strings.Contains(err.Error(), "close list: broken") {
		t.Errorf("got %v", err)
	}
	var told strings.Builder
	if status := fail(&told, err); status != exitFailure || strings.Count(told.String(), "\n") != 1 {
		t.Errorf("exit status %d, told %q", status, told.String())
	}
}

func TestReadiness(t *testing.T) {
	clock := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	r := newReadiness(func() time.Time { return clock })
	why := map[string]string{"redis": "away", "list": ""}
	for name := range why {
		r.add(name, func(time.Time) string { return why[name] })
	}
	get := func() (int, string) {
		w := httptest.NewRecorder()
		opsHandler(r, prometheus.NewRegistry(), false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if status, body := get(); status != 503 || !strings.Contains(body, `{"what":"start","why":"the process is starting"`) {
		t.Errorf("before all checks are there: %d %s", status, body)
	}
	r.complete()
	if status, body := get(); status != 503 || body != `{"ready":false,"missing":[{"what":"redis","why":"away","since":"2026-11-21T12:00:00Z"}]}` {
		t.Errorf("%d %s", status, body)
	}
	clock = clock.Add(time.Minute)
	why["list"] = "stale"
	if _, body := get(); body != `{"ready":false,"missing":[{"what":"list","why":"stale","since":"2026-11-21T12:01:00Z"},{"what":"redis","why":"away","since":"2026-11-21T12:00:00Z"}]}` {
		t.Errorf("%s", body)
	}
	why["list"], why["redis"] = "", ""
	if status, body := get(); status != 200 || body != `{"ready":true,"missing":[]}` {
		t.Errorf("%d %s", status, body)
	}
	clock = clock.Add(time.Minute)
	why["redis"] = "away again"
	if _, body := get(); !strings.Contains(body, "12:02:00") {
		t.Errorf("since is that of the first time: %s", body)
	}
}

func TestPprofIsOffUnlessAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		w := httptest.NewRecorder()
		opsHandler(newReadiness(time.Now), prometheus.NewRegistry(), on).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", nil))
		if (w.Code == http.StatusOK) != on {
			t.Errorf("pprof %v: status %d", on, w.Code)
		}
	}
}

// TestLogLineStaysOneLine logs what callers may send as their number.
func TestLogLineStaysOneLine(t *testing.T) {
	origin := numberdb.Origin{Region: "US"}
	for _, format := range []string{"text", "json"} {
		for _, hostile := range []string{
			"\r\nlevel=ERROR msg=forged", "a\nb", "\x00", "\x1b[2J", "\u2028\u2029\u0085", "\xff\xfe", `"} {"msg":"forged"`, "${SHELL(id)}",
			strings.Repeat("9", 200), "+12025550143", "",
		} {
			var b strings.Builder
			log := logConfig{Level: "debug", Format: format}.newLogger(&b)
			parsed := origin.Parse(hostile)
			log.Info("call", "raw", hostile, hostile, "as a key", "number", parsed.Number, "kind", parsed.Kind, "error", errors.New(hostile))
			line, rest, _ := strings.Cut(b.String(), "\n")
			if rest != "" || strings.ContainsAny(line, "\r\x00\x1b") {
				t.Errorf("%s: logged %q", format, b.String())
			}
			if format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %q", line)
			}
		}
	}
}

func TestNumbersAreMaskedInLogs(t *testing.T) {
	var b strings.Builder
	logConfig{Level: "info", Format: "text"}.newLogger(&b).Info("call", "number", numberdb.Number(12025550143), "target", numberdb.Target{Number: 442079460123})
	if strings.Contains(b.String(), "5550") || strings.Contains(b.String(), "7946") || !strings.Contains(b.String(), "+1xxxxxxxx43") {
		t.Errorf("logged %q", b.String())
	}
	b.Reset()
	log := logConfig{Level: "warn", Format: "text"}.newLogger(&b)
	if log.Info("quiet"); b.Len() != 0 || !log.Enabled(t.Context(), slog.LevelWarn) {
		t.Errorf("the level is not kept: %q", b.String())
	}
}
