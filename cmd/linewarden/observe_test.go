package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
	"github.com/linewarden/linewarden/numberdb/replica"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/callflow"
	"github.com/linewarden/linewarden/screening/journal"
)

const subscriber, listed = numberdb.Number(12025550111), numberdb.Number(12025550143)

// cleanRecord is a call that just passed, warnedRecord one whose caller pressed 1.
var (
	cleanRecord = callflow.Record{
		At: time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC),
		Call: screening.Call{
			Direction: screening.Outbound, Calling: numberdb.Parsed{Kind: numberdb.KindE164, Number: subscriber},
			Called: numberdb.Parsed{Kind: numberdb.KindE164, Number: 12025550150},
		},
		Verdict: screening.Verdict{Reason: screening.ReasonClean},
	}
	warnedRecord = callflow.Record{
		At: time.Now(),
		Call: screening.Call{
			Direction: screening.Outbound, Calling: numberdb.Parsed{Kind: numberdb.KindE164, Number: subscriber},
			Called: numberdb.Parsed{Kind: numberdb.KindE164, Number: listed},
		},
		Verdict: screening.Verdict{
			Action: screening.Warn, Would: screening.Warn, Reason: screening.ReasonListedWarn, Standing: numberdb.StandingWarn, Brand: "amazon",
		},
		Outcome: screening.Skipped, Prompt: dialplan.PromptWarn, Language: "en",
	}
)

// newObserver is an observer as serve has it, on a store that may be away.
func newObserver(t testing.TB, l *loaded) (observer, *redisstore.Store) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	store, err := l.openStore(roleNode, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	record, err := l.newJournal(store, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := l.Journal.key(log)
	if err != nil {
		t.Fatal(err)
	}
	traffic, err := l.newTraffic(store, key, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	return observer{record, traffic, key, l.Instance, func() replica.State { return replica.State{Version: 7, Age: time.Second / 2} }}, store
}

// TestCallsAreAnsweredFor tells the journal of calls as serve does, and asks for them at the command line.
func TestCallsAreAnsweredFor(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	key := strings.Repeat("k", journal.MinKeyLength)
	l, err := load(write(t, minimal), []string{"LINEWARDEN_INSTANCE=node1", "LINEWARDEN_REDIS_ADDRESSES=" + redis.Addr(), "LINEWARDEN_JOURNAL_PSEUDONYM_KEY=" + key})
	if err != nil {
		t.Fatal(err)
	}
	o, store := newObserver(t, l)
	o.observe(warnedRecord)
	o.observe(cleanRecord)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.journal.Run(ctx); err != nil { // writes what there is, and ends
		t.Fatal(err)
	}
	if err := o.traffic.Run(ctx); err != nil {
		t.Fatal(err)
	}
	impact, err := journal.NewLookBack(store, o.key.Traffic(), nil).Impact(t.Context(),
		[]numberdb.Target{{Number: 120255501, Prefix: true}}, numberdb.RolesOf(numberdb.RoleCallback), journal.MaxImpactDays)
	if err != nil || impact.Calls != 2 || impact.Subscribers != 2 {
		t.Errorf("both calls would have been touched, not %+v, %v", impact, err)
	}

	environ := []string{"LINEWARDEN_REDIS_ADDRESSES=" + redis.Addr(), "LINEWARDEN_REGION=US"}
	const pseudonym = "cc1581718f82fc07680e06df4454be4c" // worked out with another implementation
	id, at := warnedRecord.ID(), warnedRecord.At.UTC().Truncate(time.Millisecond)
	want := fmt.Sprintf(`{"id":%q,"at":%q,"node":"node1","direction":"outbound","number":"+12025550143","subscriber":%q,`+
		`"action":"warn","reason":"listed_warn","would":"warn","standing":"warn","class":"analytics","brand":"amazon","prompt":"warn","language":"en",`+
		`"outcome":"skipped","list":{"version":7,"age_seconds":0.5}}`+"\n", id, at.Format(time.RFC3339Nano), pseudonym)
	if got := linewarden(t, environ, "journal", "--json", id); got.status != 0 || got.out != want {
		t.Errorf("told %+v\nwant %s", got, want)
	}
	want = fmt.Sprintf(`%s  %s  outbound call to +12025550143
  done:       warn (listed_warn)
  why:        The number is listed: people are warned about it.
  listing:    warn, class analytics, said to be amazon
  played:     warn in en
  outcome:    The caller pressed 1 and went on.
  subscriber: cc1581718f82fc07680e06df4454be4c (pseudonym)
  list:       version 7 on node node1, confirmed 500ms before
`, id, at.Format(time.RFC3339))
	if got := linewarden(t, environ, "journal", strings.ToUpper(id)); got.status != 0 || got.out != want {
		t.Errorf("told %+v\nwant %s", got, want)
	}
	if got := linewarden(t, environ, "journal", "000000000000"); got.status != exitFailure || !strings.HasPrefix(got.err, "linewarden: no call with this id is recorded") {
		t.Errorf("told %+v", got)
	}

	total := map[journal.CallKind]uint64{}
	for h, err := range journal.Hours(t.Context(), store, time.Now().Add(-time.Hour), 2) { // the hour may just have turned
		if err != nil {
			t.Fatal(err)
		}
		for kind, n := range h.Calls {
			total[kind] += n
		}
	}
	if len(total) != 2 || total[journal.CallKind{Direction: screening.Outbound}] != 1 {
		t.Errorf("counted %v", total)
	}
}

// TestCleanCallsCostTheJournalNothing holds what is on the goroutine of every call.
func TestCleanCallsCostTheJournalNothing(t *testing.T) {
	l, err := load(write(t, minimal), []string{nowhere})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := newObserver(t, l)
	if n := testing.AllocsPerRun(1000, func() { o.observe(cleanRecord) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkObserve is what serve adds to the goroutine of a call once it is let go of.
func BenchmarkObserve(b *testing.B) {
	l, err := load("", []string{"LINEWARDEN_REGION=US", nowhere})
	if err != nil {
		b.Fatal(err)
	}
	o, _ := newObserver(b, l)
	for name, r := range map[string]callflow.Record{"clean": cleanRecord, "warned": warnedRecord} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o.observe(r)
			}
		})
	}
}
