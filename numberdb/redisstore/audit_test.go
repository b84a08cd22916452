package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

func anEntry(object string) numberdb.AuditEntry {
	return numberdb.AuditEntry{At: noon, Who: "ann", Role: "reviewer", Action: numberdb.AuditRefused, Object: object, Reason: "a test"}
}

// chain reads the audit chain, and wants it good.
func chain(t testing.TB, s *Store) (entries []numberdb.AuditEntry) {
	t.Helper()
	if r := must[numberdb.AuditResult](t)(s.VerifyAudit(soon(t))); len(r.Findings) > 0 {
		t.Fatalf("the chain is not good: %v", r.Findings)
	}
	for r, err := range s.AuditRecords(soon(t), 0) {
		var e numberdb.AuditEntry
		if err = errors.Join(err, e.UnmarshalBinary(r.Encoded)); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// TestChangesAreAudited makes each kind of change and refused attempt, and wants each told of, in order, and named by the change.
func TestChangesAreAudited(t *testing.T) {
	s := newStore(t, sharedRedis(t), func(o *Options) { o.Actor, o.Role = "node1", "command line" })
	ctx := soon(t)
	n := exact(fiction(1))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(n, numberdb.StandingBlock)))
	if err := s.Mark(ctx, n, numberdb.MarkOptOut, true, "cleo", "asked", noon); err != nil {
		t.Fatal(err)
	}
	alone := aDecision(n, numberdb.StandingNone)
	alone.Approver = ""
	if _, err := s.Decide(ctx, anActor, alone); !errors.Is(err, numberdb.ErrNeedsApprover) {
		t.Errorf("withdrawn alone: %v", err)
	}
	self := aDecision(n, numberdb.StandingCleared)
	self.Approver = " ANN "
	var faults numberdb.Faults
	if _, err := s.Decide(ctx, anActor, self); !errors.As(err, &faults) || errors.Is(err, ErrAudit) {
		t.Errorf("approved by the author: %v", err)
	}
	typo := aDecision(n, numberdb.StandingWarn)
	typo.Reason = ""
	if _, err := s.Decide(ctx, anActor, typo); !errors.As(err, &faults) {
		t.Errorf("without reason: %v", err)
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(n.Number)))
	var got []string
	for _, e := range chain(t, s) {
		got = append(got, fmt.Sprint(e.Seq, " ", e.Who, " ", e.Role, " ", e.Action, " ", e.Object, " ", e.Before, " ", e.Reason))
	}
	want := []string{
		`1 node1 command line list_created list  `,
		`2 bob reviewer decided +33199000001 {"callback":"none","caller_id":"none","marks":""} seen`,
		`3 cleo command line marked +33199000001 {"callback":"block","caller_id":"none","marks":""} asked`,
		`4 bob reviewer refused +33199000001 {"callback":"block","caller_id":"none","marks":"opt_out"} number list, decide: a second, different person has to approve this`,
		`5 bob reviewer refused +33199000001  number list, decide: approver is the author: have a second, different person approve`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the chain is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var named []uint64
	for e, err := range s.History(ctx, n) {
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, e.Audit)
	}
	if !slices.Equal(named, []uint64{3, 2}) {
		t.Errorf("the changes name the entries %v", named)
	}
}

// TestRefusedByTheScriptIsAudited lets somebody else protect a number between the look at it and the decision.
func TestRefusedByTheScriptIsAudited(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	n := exact(fiction(1))
	faster := &duringAudit{do: func() {
		must[numberdb.Listing](t)(newSibling(t, s, client).Decide(ctx, anActor, aDecision(n, numberdb.StandingProtected)))
	}, key: s.keys.audit()}
	hooked := clientOf(t, client.(*redis.Client).Options().Addr)
	hooked.AddHook(faster)
	alone := aDecision(n, numberdb.StandingWarn)
	alone.Approver = ""
	if _, err := newSibling(t, s, hooked).Decide(ctx, anActor, alone); !errors.Is(err, numberdb.ErrNeedsApprover) {
		t.Fatalf("got %v", err)
	}
	last := chain(t, s)
	if e := last[len(last)-1]; e.Action != numberdb.AuditRefused || !strings.Contains(e.Reason, "entry 3 was not made") {
		t.Errorf("the last entry is %+v", e)
	}
}

// duringAudit does something once, right before the first entry is appended.
type duringAudit struct {
	key  string
	do   func()
	once sync.Once
}

func (d *duringAudit) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *duringAudit) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (d *duringAudit) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if slices.Contains(cmd.Args(), any(d.key)) {
			d.once.Do(d.do)
		}
		return next(ctx, cmd)
	}
}

// newSibling is another store of the same list.
func newSibling(t testing.TB, s *Store, client redis.UniversalClient) *Store {
	t.Helper()
	return must[*Store](t)(New(client, s.options))
}

// TestWithoutAuditNoChange makes the chain impossible to write, and wants every change refused and none made.
func TestWithoutAuditNoChange(t *testing.T) {
	for name, spoil := range map[string]func(*Store) error{
		"not a stream": func(s *Store) error {
			return errors.Join(s.client.Del(t.Context(), s.keys.audit()).Err(), s.client.Set(t.Context(), s.keys.audit(), "x", 0).Err())
		},
		"head lost": func(s *Store) error { return s.client.Del(t.Context(), s.keys.auditHead()).Err() },
		"head damaged": func(s *Store) error {
			return s.client.HSet(t.Context(), s.keys.auditHead(), "hash", "x").Err()
		},
		"entries behind the head": func(s *Store) error {
			return s.client.XAdd(t.Context(), &redis.XAddArgs{Stream: s.keys.audit(), ID: "99-0", Values: []string{"e", "x"}}).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, sharedRedis(t))
			ctx := soon(t)
			n := exact(fiction(1))
			if err := spoil(s); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Decide(ctx, anActor, aDecision(n, numberdb.StandingBlock)); !errors.Is(err, ErrAudit) {
				t.Errorf("decided: %v", err)
			}
			if err := s.Mark(ctx, n, numberdb.MarkOptOut, true, "ann", "asked", noon); !errors.Is(err, ErrAudit) {
				t.Errorf("marked: %v", err)
			}
			if all, _ := loadAll(t, s); len(all) != 0 {
				t.Errorf("the list is %v", all)
			}
			for e, err := range s.History(ctx, n) {
				t.Errorf("the history has %+v, %v", e, err)
			}
			if must[numberdb.Receipt](t)(s.Report(ctx, aReport(n.Number))).ID == "" {
				t.Error("reports are evidence themselves, and have no receipt")
			}
		})
	}
	t.Run("no list without its entry", func(t *testing.T) {
		s := newStore(t, sharedRedis(t))
		ctx := soon(t)
		s.client.Del(ctx, s.keys.meta(), s.keys.auditHead())
		if err := s.Init(ctx); !errors.Is(err, ErrAudit) || s.client.Exists(ctx, s.keys.meta()).Val() != 0 {
			t.Errorf("created: %v", err)
		}
	})
}

// TestVerifyAuditFindsWhatWasDoneInRedis does to a chain in Redis what somebody with its password could, and wants the place named.
func TestVerifyAuditFindsWhatWasDoneInRedis(t *testing.T) {
	client := sharedRedis(t)
	ctx := soon(t)
	for name, tc := range map[string]struct {
		spoil func(s *Store, entries []redis.XMessage)
		want  []string
	}{
		"good": {func(*Store, []redis.XMessage) {}, nil},
		"altered": {func(s *Store, m []redis.XMessage) {
			m[4].Values["e"] = strings.Replace(m[4].Values["e"].(string), "ann", "bob", 1)
			s.put(t, m)
		}, []string{"5-5 altered"}},
		"altered with its hash": {func(s *Store, m []redis.XMessage) {
			encoded := strings.Replace(m[4].Values["e"].(string), "ann", "bob", 1)
			m[4].Values["e"], m[4].Values["h"] = encoded, numberdb.HashAudit([]byte(encoded)).String()
			s.put(t, m)
		}, []string{"5-5 altered"}},
		"removed": {func(s *Store, m []redis.XMessage) { client.XDel(ctx, s.keys.audit(), m[6].ID) }, []string{"7-7 missing"}},
		"the oldest trimmed": {func(s *Store, _ []redis.XMessage) { client.XTrimMaxLen(ctx, s.keys.audit(), 8) },
			[]string{"1-2 missing", "1-1 missing"}},
		"reordered": {func(s *Store, m []redis.XMessage) {
			m[3].Values, m[5].Values = m[5].Values, m[3].Values
			s.put(t, m)
		}, []string{"4-4 reordered", "6-6 reordered"}},
		"truncated": {func(s *Store, m []redis.XMessage) { s.put(t, m[:8]) }, []string{"9-10 missing"}},
		"one behind": {func(s *Store, m []redis.XMessage) {
			s.put(t, append(m, redis.XMessage{ID: "12-0", Values: m[0].Values}))
		}, []string{"11-11 missing", "12-12 reordered", "11-12 foreign"}},
		"other fields":   {func(s *Store, m []redis.XMessage) { m[9].Values = map[string]any{"x": "y"}; s.put(t, m) }, []string{"10-10 altered"}},
		"all of it lost": {func(s *Store, _ []redis.XMessage) { client.Del(ctx, s.keys.audit(), s.keys.auditHead()) }, []string{"1-1 missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, client)
			for i := range 9 {
				must[uint64](t)(s.Audit(ctx, anEntry(fmt.Sprint("entry", i))))
			}
			kept := must[numberdb.AuditHead](t)(s.AuditHead(ctx))
			tc.spoil(s, client.XRange(ctx, s.keys.audit(), "-", "+").Val())
			r := must[numberdb.AuditResult](t)(s.VerifyAudit(ctx))
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%d-%d %s", f.First, f.Last, f.Fault))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
			if r := must[numberdb.AuditResult](t)(s.VerifyAudit(ctx, kept)); (len(r.Findings) > 0) != (len(tc.want) > 0) {
				t.Errorf("with the head that was kept: %v", r.Findings)
			}
		})
	}
}

// put replaces the chain's stream.
func (s *Store) put(t testing.TB, entries []redis.XMessage) {
	t.Helper()
	s.client.Del(soon(t), s.keys.audit())
	for _, m := range entries {
		if err := s.client.XAdd(soon(t), &redis.XAddArgs{Stream: s.keys.audit(), ID: m.ID, Values: m.Values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWritersNeverFork lets several stores, as nodes are, append at once with several callers each.
func TestWritersNeverFork(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	const stores, callers, each = 4, 8, 25
	ctx := soon(t)
	var mu sync.Mutex
	given := map[uint64]string{}
	var wg sync.WaitGroup
	for a := range stores {
		other := newSibling(t, s, clientOf(t, s.client.(*redis.Client).Options().Addr))
		for b := range callers {
			wg.Go(func() {
				for c := range each {
					object := fmt.Sprint(a, " ", b, " ", c)
					seq, err := other.Audit(ctx, anEntry(object))
					mu.Lock()
					if before, taken := given[seq]; err != nil || taken {
						t.Errorf("entry %d for %s and %s: %v", seq, before, object, err)
					}
					given[seq] = object
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	entries := chain(t, s)
	if len(entries) != 1+stores*callers*each {
		t.Fatalf("%d entries", len(entries))
	}
	for _, e := range entries[1:] {
		if given[e.Seq] != e.Object {
			t.Errorf("entry %d is of %q, but was given to %q", e.Seq, e.Object, given[e.Seq])
		}
	}
}

// TestKilledRedisKeepsTheChain kills Redis with SIGKILL while people mark numbers: the chain is good afterwards, and every change that was
// acknowledged names an entry that tells of it.
func TestKilledRedisKeepsTheChain(t *testing.T) {
	server := ownRedis(t)
	s := newStore(t, clientOf(t, server.Addr()))
	ctx := soon(t)
	var acknowledged atomic.Int64
	var mu sync.Mutex
	marked := map[numberdb.Number]bool{}
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < 10_000; i += 8 {
				n := fiction(i)
				if err := s.Mark(ctx, exact(n), numberdb.MarkOptOut, true, "ann", "asked", noon); err != nil {
					return
				}
				mu.Lock()
				marked[n] = true
				mu.Unlock()
				if acknowledged.Add(1) == 300 {
					close(enough)
				}
			}
		})
	}
	select {
	case <-enough:
	case <-ctx.Done():
		t.Fatal("300 marks were not made")
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	again := newSibling(t, s, clientOf(t, server.Addr()))
	told := map[uint64]string{}
	for _, e := range chain(t, again) {
		told[e.Seq] = e.Object
	}
	for n := range marked {
		found := false
		for e, err := range again.History(ctx, exact(n)) {
			if err != nil {
				t.Fatal(err)
			}
			found = found || told[e.Audit] == n.String()
		}
		if !found {
			t.Errorf("%v was marked, and no entry of the chain tells of it", n)
		}
	}
	must[uint64](t)(again.Audit(ctx, anEntry("after the restart")))
	chain(t, again)
}

// TestCancelledAuditLeavesTheQueue wants a caller who gave up to be gone, and the others' entries to be written.
func TestCancelledAuditLeavesTheQueue(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	s.audit.turn <- struct{}{} // somebody writes
	ctx, cancel := context.WithCancel(soon(t))
	failed := make(chan error)
	go func() {
		_, err := s.Audit(ctx, anEntry("given up"))
		failed <- err
	}()
	cancel()
	if err := <-failed; err == nil {
		t.Error("an entry was appended while somebody else had the turn")
	}
	<-s.audit.turn
	must[uint64](t)(s.Audit(soon(t), anEntry("goes on")))
	entries := chain(t, s)
	if len(entries) != 2 || entries[1].Object != "goes on" {
		t.Errorf("the chain is %+v", entries)
	}
}

// BenchmarkAudit appends from 64 callers in one and in four stores, as in nodes, to a Redis that syncs every write; and from one.
func BenchmarkAudit(b *testing.B) {
	for _, tc := range []struct{ stores, callers int }{{1, 1}, {1, 64}, {2, 64}, {4, 64}} {
		b.Run(strconv.Itoa(tc.stores)+"stores/"+strconv.Itoa(tc.callers)+"callers", func(b *testing.B) {
			server := ownRedis(b)
			s := newStore(b, clientOf(b, server.Addr()))
			stores := make([]*Store, tc.stores)
			for i := range stores {
				stores[i] = newSibling(b, s, clientOf(b, server.Addr()))
			}
			var left, wg = int64(b.N), sync.WaitGroup{}
			b.ResetTimer()
			for c := range tc.callers {
				wg.Go(func() {
					for atomic.AddInt64(&left, -1) >= 0 {
						if _, err := stores[c%tc.stores].Audit(b.Context(), anEntry("+33199000001")); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
