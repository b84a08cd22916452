package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/journal"
)

// aCall is the record of a call to a number that was warned about.
func aCall(at time.Time, number numberdb.Number) journal.Entry {
	return journal.Entry{
		ID: "3fa85f645717", At: at.UTC().Truncate(time.Millisecond), Node: "node1", Direction: screening.Outbound, Number: number,
		Verdict: screening.Verdict{Action: screening.Warn, Would: screening.Warn, Reason: screening.ReasonListedWarn, Standing: numberdb.StandingWarn, Brand: "amazon"},
		Prompt:  "warn", Language: "en", Outcome: screening.Skipped, ListVersion: 7, ListAge: time.Second / 2,
	}
}

// happened has a node's journal take calls in, at the house's time.
func (h *house) happened(t *testing.T, calls func(*journal.Journal)) {
	t.Helper()
	j, err := journal.New(journal.Options{Store: h.kept, Now: h.clock.Now, Linger: patience})
	if err != nil {
		t.Fatal(err)
	}
	calls(j)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := j.Run(stopped); err != nil {
		t.Fatal(err)
	}
}

// stats are what the API counts.
func (h *house) counted(t *testing.T, hours int) StatsBody {
	t.Helper()
	w := h.bearer(t, http.MethodGet, fmt.Sprint("/v1/stats?hours=", hours), reporterToken, "")
	want(t, w, http.StatusOK)
	return read[StatsBody](t, w)
}

func TestStats(t *testing.T) {
	h := newHouse(t)
	hour := h.clock.Now().UTC().Truncate(time.Hour)
	h.happened(t, func(j *journal.Journal) {
		for i := range 3 {
			j.Record(aCall(h.clock.Now(), 12025550140+numberdb.Number(min(i, 1))))
		}
		blocked := aCall(h.clock.Now(), 33199000001)
		blocked.Direction, blocked.Verdict.Action, blocked.Verdict.Brand, blocked.Outcome = screening.Inbound, screening.Block, "", screening.Refused
		j.Record(blocked)
		j.Count(screening.Inbound, screening.Verdict{}, screening.Passed)
	})
	h.clock.move(-3 * time.Hour)
	h.happened(t, func(j *journal.Journal) { j.Record(aCall(h.clock.Now(), 12025550140)) })
	h.clock.move(3 * time.Hour)

	now := CallsByWay{Inbound: CallsByAction{Allow: 1, Block: 1}, Outbound: CallsByAction{Warn: 3}}
	s := h.counted(t, 3)
	if len(s.Hours) != 3 || !s.Hours[2].Hour.Equal(hour) || !s.Hours[0].Hour.Equal(hour.Add(-2*time.Hour)) || s.Hours[2].Calls != now || !s.Complete {
		t.Errorf("three hours are %+v", s)
	}
	if got := fmt.Sprint(s.Hours[1].Calls, s.Hours[1].Outcomes, s.Hours[2].Outcomes); got != "{{0 0 0 0} {0 0 0 0}} map[] map[passed:1 refused:1 skipped:3]" {
		t.Errorf("an hour without calls and the outcomes: %s", got)
	}
	s = h.counted(t, 4)
	if got := fmt.Sprint(s.Brands, s.Numbers); got != "[{amazon 4}] [{+12025550140 2 outbound} {+12025550141 2 outbound} {+33199000001 1 inbound}]" || s.Hours[0].Calls.Outbound.Warn != 1 {
		t.Errorf("four hours have %s", got)
	}
	if s = h.counted(t, 720); len(s.Hours) != 720 || !s.Complete || s.Brands[0].Calls != 4 {
		t.Errorf("of thirty days there are %d hours, complete %v, with %v", len(s.Hours), s.Complete, s.Brands)
	}
	for _, hours := range []string{"0", "721", "-1", "many", "1e9"} {
		wantProblem(t, h.bearer(t, http.MethodGet, "/v1/stats?hours="+hours, reporterToken, ""), http.StatusUnprocessableEntity)
	}
}

// TestStatsTellWhatIsMissing wants to be told wherever the counts are not all.
func TestStatsTellWhatIsMissing(t *testing.T) {
	h := newHouse(t)
	hour := h.clock.Now().UTC().Truncate(time.Hour)
	for name, field := range map[string]string{
		"numbers beyond a node's thousand": "n:outbound:", "brands beyond them": "b:outbound:", "of a newer version": "c:inbound:allow:clean:teleported",
	} {
		h.redis.FlushDB(t.Context())
		if err := h.kept.KeepCounts(t.Context(), hour, map[string]uint64{"x:" + field: 5}, h.clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		h.clock.move(statsKept)
		if s := h.counted(t, 2); s.Complete || len(s.Brands)+len(s.Numbers) != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	h.redis.FlushDB(t.Context())
	h.bench.API.callRetention = journal.MinRetention
	if !h.counted(t, 28*24).Complete || h.counted(t, 28*24+2).Complete {
		t.Error("what is said of hours that are no longer kept is wrong")
	}
	counts := map[string]uint64{}
	for i := range mostRankable + 1 {
		if tallyUp(counts, fmt.Sprint(i), 1, true) != (i < mostRankable) {
			t.Fatalf("number %d is counted wrongly", i)
		}
	}
}

// readerFunc is a journal that is asked for hours.
type readerFunc func([]time.Time) ([]map[string]uint64, error)

func (f readerFunc) Counts(_ context.Context, hours []time.Time) ([]map[string]uint64, error) {
	return f(hours)
}
func (f readerFunc) Calls(context.Context, string, numberdb.Day, numberdb.Day) ([][]byte, error) {
	return nil, errAway
}

// TestStatsAreSharedForSeconds wants the store to be asked once for what is asked often, and again after a failure.
func TestStatsAreSharedForSeconds(t *testing.T) {
	b := newBench(t)
	c := &clock{now: noon}
	b.API.now = c.Now
	asked, fail := 0, error(nil)
	b.API.calls = readerFunc(func(hours []time.Time) ([]map[string]uint64, error) {
		asked++
		return make([]map[string]uint64, len(hours)), fail
	})
	ask := func(hours, status int) {
		t.Helper()
		want(t, b.ask(t, http.MethodGet, fmt.Sprint("/v1/stats?hours=", hours), reporterToken, ""), status)
	}
	for range 5 {
		ask(2, http.StatusOK)
	}
	ask(3, http.StatusOK)
	if asked != 2 {
		t.Errorf("the store was asked %d times for two questions", asked)
	}
	c.move(statsKept)
	fail = errors.New("dial tcp: refused")
	ask(2, http.StatusServiceUnavailable)
	if fail = nil; len(b.API.stats.kept) != 2 {
		t.Errorf("a failure is kept: %v", b.API.stats.kept)
	}
	ask(2, http.StatusOK)
	if len(b.API.stats.kept) != 1 || asked != 4 {
		t.Errorf("%d answers are kept after %d questions", len(b.API.stats.kept), asked)
	}
}

func TestCallRecords(t *testing.T) {
	h := newHouse(t)
	key := journal.RandomKey()
	e := aCall(h.clock.Now(), 12025550143)
	e.Subscriber = key.Of(12025550111)
	h.happened(t, func(j *journal.Journal) { j.Record(e) })
	ask := func(id string) (status int, b CallRecordsBody) {
		w := h.bearer(t, http.MethodGet, "/v1/calls/"+id, reviewerToken, "")
		if w.Code == http.StatusOK {
			b = read[CallRecordsBody](t, w)
		}
		return w.Code, b
	}
	for _, id := range []string{e.ID, strings.ToUpper(e.ID)} {
		status, got := ask(id)
		if status != http.StatusOK || len(got.Items) != 1 || !got.Complete {
			t.Fatalf("%d: %+v", status, got)
		}
		c := got.Items[0]
		if c.ID != e.ID || !c.At.Equal(e.At) || c.Instance != "node1" || c.Direction != "outbound" || c.Number != "+12025550143" || c.Subscriber != e.Subscriber.String() ||
			c.Action != "warn" || c.Would != "warn" || c.Reason != "listed_warn" || c.Why == "" || c.Standing != "warn" || c.Class != "analytics" || c.Brand != "amazon" ||
			c.Prompt != "warn" || c.Language != "en" || c.Outcome != "skipped" || c.ListVersion != 7 || c.ListAge != 0.5 {
			t.Errorf("the call is %+v", c)
		}
	}
	for id, status := range map[string]int{"000000000000": http.StatusNotFound, "3fa85f64571": http.StatusUnprocessableEntity, "3fa85f64571%2A": http.StatusUnprocessableEntity} {
		if got, _ := ask(id); got != status {
			t.Errorf("%s: %d", id, got)
		}
	}
	if err := h.kept.KeepCalls(t.Context(), numberdb.DayOf(h.clock.Now()), map[string][]byte{e.ID + "x": []byte("spoiled")}, h.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if status, got := ask(e.ID); status != http.StatusOK || len(got.Items) != 1 || got.Complete {
		t.Errorf("beside one that cannot be read: %d, %+v", status, got)
	}
	h.bench.API.calls = readerFunc(nil)
	if status, _ := ask(e.ID); status != http.StatusServiceUnavailable {
		t.Errorf("a journal that is away: %d", status)
	}
}

func TestNodes(t *testing.T) {
	h := newHouse(t)
	ask := func() []NodeBody {
		t.Helper()
		w := h.bearer(t, http.MethodGet, "/v1/nodes", auditorToken, "")
		want(t, w, http.StatusOK)
		return read[[]NodeBody](t, w)
	}
	if got := ask(); got == nil || len(got) != 0 {
		t.Errorf("no nodes are %v", got)
	}
	state := NodeState{Instance: "b", Version: "v1", Started: noon, Screening: true, ListLoaded: true, ListAge: 0.5, ListNumbers: 12, Asterisks: []AsteriskState{{"127.0.0.1:8088", true}}}
	for name, record := range map[string]string{"b/screening": asJSON(state), "a": "spoiled", "c": `{"instance": "c"}`} {
		if err := h.kept.KeepNode(t.Context(), name, []byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	h.redis.ZIncrBy(t.Context(), "lw:{nodes}:i", -nodeStale.Seconds()-60, "c")
	got := ask()
	if len(got) != 3 || got[0].Instance != "a" || got[2].Instance != "c" || got[0].Stale || !got[2].Stale || got[2].Asterisks == nil {
		t.Fatalf("the nodes are %+v", got)
	}
	if now := h.clock.Now(); now.Sub(got[2].Seen) < nodeStale || now.Sub(got[1].Seen) > patience {
		t.Errorf("at %v they were seen at %v and %v", now, got[1].Seen, got[2].Seen)
	}
	if b := got[1]; asJSON(b.NodeState) != asJSON(state) {
		t.Errorf("the node is %+v", b)
	}
}

// TestReadingWithoutStores wants the routes to be there, and to answer 503, where there is nothing to read.
func TestReadingWithoutStores(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/v1/stats", "/v1/calls/3fa85f645717", "/v1/nodes", "/v1/audit", "/v1/audit/verify"} {
		wantProblem(t, b.ask(t, http.MethodGet, path, auditorToken, ""), http.StatusServiceUnavailable)
	}
}

// BenchmarkStats counts thirty days, in each hour of which four nodes had calls of a hundred listed numbers each.
func BenchmarkStats(b *testing.B) {
	h := newHouse(b)
	const hours, nodes, lines = 720, 4, 100
	for i := range hours {
		counts := map[string]uint64{}
		for n := range nodes {
			counts[fmt.Sprint(n, ":c:outbound:warn:listed_warn:skipped")] = 100
			for l := range lines {
				counts[fmt.Sprint(n, ":n:outbound:", 33199000000+(i*7+n*13+l)%10_000)] = uint64(l)
			}
		}
		if err := h.kept.KeepCounts(b.Context(), h.clock.Now().Add(-time.Duration(i)*time.Hour).Truncate(time.Hour), counts, h.clock.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if s, err := h.bench.API.countHours(b.Context(), hours); err != nil || len(s.Numbers) != mostRanked {
			b.Fatalf("%v, %d numbers", err, len(s.Numbers))
		}
	}
}
