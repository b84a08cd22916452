package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/journal"
)

var _ journal.Store = (*Store)(nil)

// today is the real one: Redis ends what lies in the past by its own clock.
func today() numberdb.Day { return numberdb.DayOf(time.Now()) }

// inAWeek is when the journals of these tests end, to the second, as Redis has it.
func inAWeek() time.Time { return time.Now().Add(7 * 24 * time.Hour).Truncate(time.Second) }

func TestCallsAreFoundByTheirID(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	testCalls(t, s)
	// Searching among many that somebody gave the same beginning.
	ctx := soon(t)
	crowd := map[string][]byte{}
	for i := range 3 * recordsAtOnce {
		crowd[fmt.Sprintf("3fa%09d+%d", i%(3*recordsAtOnce/2), i)] = []byte(fmt.Sprint(i))
	}
	if err := s.KeepCalls(ctx, today(), crowd, inAWeek()); err != nil {
		t.Fatal(err)
	}
	if got := must[[][]byte](t)(s.Calls(ctx, "3fa000000007", today()-2, today())); len(got) != 2 {
		t.Errorf("found %q among many", got)
	}
	flood := map[string][]byte{}
	for i := range mostRecords + 500 {
		flood[fmt.Sprintf("bbbbbbbbbbbb%d", i)] = []byte("x")
	}
	if err := s.KeepCalls(ctx, today(), flood, inAWeek()); err != nil {
		t.Fatal(err)
	}
	if got := must[[][]byte](t)(s.Calls(ctx, "bbbbbbbbbbbb", today(), today())); len(got) != mostRecords {
		t.Errorf("found %d of a flood with one id", len(got))
	}
}

func testCalls(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	const id = "3fa85f645717"
	for day, records := range map[numberdb.Day]map[string][]byte{
		today():     {id + "b": []byte("second"), "3fa85f645718a": []byte("other"), "000000000000a": {0, 255}},
		today() - 1: {id + "a": []byte("first")},
		today() - 3: {id + "z": []byte("too old")},
	} {
		for range 2 { // twice stored is stored once
			if err := s.KeepCalls(ctx, day, records, inAWeek()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for search, want := range map[string]string{id: `["first" "second"]`, "000000000000": `["\x00\xff"]`, "3fa85f645710": `[]`} {
		if got := fmt.Sprintf("%q", must[[][]byte](t)(s.Calls(ctx, search, today()-2, today()))); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	}
	for _, unsound := range []string{"", "3fa", "3fa85f6457178"} {
		if _, err := s.Calls(ctx, unsound, today(), today()); err == nil {
			t.Errorf("%q is looked for", unsound)
		}
	}
	if err := s.KeepCalls(ctx, today(), map[string][]byte{"3fa": nil}, inAWeek()); err == nil {
		t.Error("a record without an id is kept")
	}
	if err := s.KeepCalls(ctx, today(), nil, inAWeek()); err != nil {
		t.Errorf("nothing to keep: %v", err)
	}
}

func TestCountsOfAnHour(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	testCounts(t, s)
	ctx := soon(t)
	hour := time.Now().Truncate(time.Hour)
	if err := client.HSet(ctx, s.keys.counts(hour), "damaged", "many").Err(); err != nil {
		t.Fatal(err)
	}
	earlier := hour.Add(-time.Hour)
	if err := client.Set(ctx, s.keys.counts(earlier), "spoiled", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	counts := must[[]map[string]uint64](t)(s.Counts(ctx, []time.Time{earlier, hour}))
	for i, got := range counts {
		if n, spoiled := got[""]; !spoiled || n != 0 || got["damaged"] != 0 {
			t.Errorf("hour %d does not tell that something in it cannot be read", i)
		}
	}
	if len(counts) != 2 || len(counts[0]) != 1 || counts[1]["a"] != 3 {
		t.Errorf("beside a damaged one: %d counts", len(counts[1]))
	}
}

func testCounts(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	hour := time.Now().Truncate(time.Hour)
	many := map[string]uint64{"a": 1, "b": 1<<64 - 1}
	for i := range 3 * fieldsAtOnce {
		many[fmt.Sprint("many", i)] = uint64(i)
	}
	for _, counts := range []map[string]uint64{many, {"a": 3}, {"a": 3}} {
		if err := s.KeepCounts(ctx, hour, counts, inAWeek()); err != nil {
			t.Fatal(err)
		}
	}
	hours := must[[]map[string]uint64](t)(s.Counts(ctx, []time.Time{hour, hour.Add(-time.Hour)}))
	got := hours[0]
	if len(got) != 2+3*fieldsAtOnce || got["a"] != 3 || got["b"] != 1<<64-1 || got["many77"] != 77 {
		t.Errorf("%d counts, a is %d", len(got), got["a"])
	}
	if len(hours) != 2 || len(hours[1]) != 0 {
		t.Errorf("an hour without calls has %v", hours[1:])
	}
	if got := must[[]map[string]uint64](t)(s.Counts(ctx, nil)); len(got) != 0 {
		t.Errorf("no hours are %v", got)
	}
}

// TestJournalEnds wants every key of the journal to end at the moment that was given, and later records not to move it.
func TestJournalEnds(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client, func(o *Options) { o.Prefix = "ends" })
	ctx := soon(t)
	end := inAWeek()
	for i := range 3 {
		if err := s.KeepCalls(ctx, today(), map[string][]byte{fmt.Sprint("3fa85f645717", i): []byte("x")}, end); err != nil {
			t.Fatal(err)
		}
		if err := s.KeepCounts(ctx, time.Now(), map[string]uint64{fmt.Sprint(i): 1}, end); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{s.keys.calls("3fa85f645717", today()), s.keys.counts(time.Now())} {
		if at := client.ExpireTime(ctx, key).Val(); at != time.Duration(end.Unix())*time.Second {
			t.Errorf("%s ends at %v, want %d", key, at, end.Unix())
		}
	}
	// What has ended is gone at once.
	if err := s.KeepCalls(ctx, today()-30, map[string][]byte{"3fa85f645717x": []byte("x")}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := client.Exists(ctx, s.keys.calls("3fa85f645717", today()-30)).Val(); n != 0 {
		t.Error("a record outlives its end")
	}
}

// TestSpoiledKeyHoldsUpNoOther has something else under a key of the journal.
func TestSpoiledKeyHoldsUpNoOther(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	if err := client.Set(ctx, s.keys.calls("3fa85f645717", today()), "spoiled", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	err := s.KeepCalls(ctx, today(), map[string][]byte{"3fa85f645717x": []byte("lost"), "4fa85f645717x": []byte("kept")}, inAWeek())
	if err != nil {
		t.Errorf("it would be tried again for ever: %v", err)
	}
	if got := must[[][]byte](t)(s.Calls(ctx, "4fa85f645717", today(), today())); len(got) != 1 {
		t.Errorf("the other is lost: %q", got)
	}
}

// TestFullRedisRefusesTheJournal wants an error, so that what was not stored is tried again.
func TestFullRedisRefusesTheJournal(t *testing.T) {
	server := ownRedis(t, "--appendonly", "no", "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	s, err := New(clientOf(t, server.Addr()), Options{Timeout: time.Minute, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	var answer redis.Error
	if err := s.KeepCounts(soon(t), time.Now(), map[string]uint64{"a": 1}, inAWeek()); !errors.As(err, &answer) || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("a full Redis says %v", err)
	}
}

func TestJournalOnACluster(t *testing.T) {
	client, _ := startCluster(t, 2)
	s := newStore(t, client, func(o *Options) { o.Prefix = "lw" })
	testCalls(t, s)
	testCounts(t, s)
}

// TestJournalThroughKilledRedis kills Redis with SIGKILL between calls and starts it again: the journal has them all, each once.
func TestJournalThroughKilledRedis(t *testing.T) {
	server := ownRedis(t)
	s, err := New(clientOf(t, server.Addr()), Options{Timeout: time.Minute, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.New(journal.Options{Store: s, Every: time.Millisecond, Linger: patience})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(soon(t))
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	began := time.Now()
	verdict := screening.Verdict{Action: screening.Block, Would: screening.Block, Reason: screening.ReasonListedBlock, Standing: numberdb.StandingBlock}
	call := func(i int) journal.Entry {
		return journal.Entry{
			ID: fmt.Sprintf("%03x%09d", i%0x1000, i), At: began.Add(time.Duration(i) * time.Millisecond).UTC().Truncate(time.Millisecond),
			Direction: screening.Outbound, Number: fiction(i), Verdict: verdict, Outcome: screening.Refused,
		}
	}
	const calls = 900
	for i := range calls {
		if i == calls/3 {
			// Some are stored when it dies, some are on their way.
			for n := 0; n == 0; n = len(must[[][]byte](t)(s.Calls(ctx, call(0).ID, numberdb.DayOf(began)-1, numberdb.DayOf(began)+1))) {
			}
			if err := server.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if i == 2*calls/3 {
			if err := server.Restart(ctx); err != nil {
				t.Fatal(err)
			}
		}
		j.Record(call(i))
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx = soon(t)
	for i := range calls {
		got, err := journal.Find(ctx, s, call(i).ID, journal.MinRetention, time.Now())
		if err != nil || len(got) != 1 || got[0] != call(i) {
			t.Fatalf("call %d: %+v, %v", i, got, err)
		}
	}
	total := uint64(0)
	for h, err := range journal.Hours(ctx, s, began.Add(-time.Hour), 3+int(time.Since(began).Hours())) {
		if err != nil {
			t.Fatal(err)
		}
		total += h.Calls[journal.CallKind{Direction: screening.Outbound, Action: screening.Block, Reason: screening.ReasonListedBlock, Outcome: screening.Refused}]
	}
	if total != calls {
		t.Errorf("%d calls are counted, want %d", total, calls)
	}
}

// BenchmarkKeepCalls is one batch of the journal, 256 calls, on a Redis that writes each to the disk.
func BenchmarkKeepCalls(b *testing.B) {
	server, err := testbed.StartRedis(soon(b), testbed.RedisOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Close(); err != nil {
			b.Error(err)
		}
	})
	s, err := New(clientOf(b, server.Addr()), Options{Timeout: time.Minute, Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 80)
	before := usedMemory(b, s.client)
	n := 0
	for b.Loop() {
		batch := map[string][]byte{}
		for range 256 {
			n++
			batch[fmt.Sprintf("%03x%09dkz8w1q0a", n*2654435761>>8&0xfff, n)] = value
		}
		if err := s.KeepCalls(soon(b), today(), batch, inAWeek()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(usedMemory(b, s.client)-before)/float64(n), "bytes/call")
}
