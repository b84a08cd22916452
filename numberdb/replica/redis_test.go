package replica_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
	"github.com/linewarden/linewarden/numberdb/replica"
)

var _ replica.Source = (*redisstore.Store)(nil)

// patience bounds every wait of these tests; reaching it is a failure. The machine may first have to fetch a Redis.
const patience = 5 * time.Minute

const (
	heartbeat  = 50 * time.Millisecond
	partitions = 4

	someDay numberdb.Day = 20_000 // marks hold on any
)

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// world is a Redis of a test's own, and somebody who writes into it.
type world struct {
	t      *testing.T
	server *testbed.Redis
	client redis.UniversalClient
	writer *redisstore.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := testbed.StartRedis(soon(t), testbed.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, server: server}
	w.client = redisstore.Connection{Addrs: []string{server.Addr()}}.Client()
	t.Cleanup(func() { w.client.Close() })
	w.writer = w.store()
	if err := w.writer.Init(soon(t)); err != nil {
		t.Fatal(err)
	}
	return w
}

// store is another user of the same Redis.
func (w *world) store() *redisstore.Store {
	w.t.Helper()
	s, err := redisstore.Open(redisstore.Connection{Addrs: []string{w.server.Addr()}},
		redisstore.Options{Partitions: partitions, Timeout: time.Second})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

// node runs a replica until stop is called or the test ends.
func (w *world) node(snapshot string) (r *replica.Replica, stop func()) {
	w.t.Helper()
	r, err := replica.New(w.store(), replica.Options{SnapshotPath: snapshot, HeartbeatEvery: heartbeat, Timeout: time.Second, Logger: slog.New(slog.NewTextHandler(w.t.Output(), nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(stop)
	return r, stop
}

func number(i int) numberdb.Number { return numberdb.Number(442079460000 + i%1000) }

// mark puts numbers on the allow list, or takes them off. A Redis that just came back may refuse the first tries.
func (w *world) mark(on bool, numbers ...int) {
	w.t.Helper()
	ctx := soon(w.t)
	for _, i := range numbers {
		for {
			err := w.writer.Mark(ctx, numberdb.Target{Number: number(i)}, numberdb.MarkAllowed, on, "a test", "it needs this", time.Now())
			if err == nil {
				break
			}
			if !errors.Is(err, redisstore.ErrUnavailable) {
				w.t.Fatal(err)
			}
		}
	}
}

func (w *world) until(r *replica.Replica, what string, wanted func(replica.State) bool) {
	w.t.Helper()
	if err := r.Wait(soon(w.t), wanted); err != nil {
		w.t.Fatalf("waiting until %s: %v; the state is %+v", what, err, r.State())
	}
}

func (w *world) untilHealthy(r *replica.Replica) {
	w.t.Helper()
	w.until(r, "all is well", func(s replica.State) bool { return s.Loaded && !s.FromSnapshot && s.Err == nil })
}

func (w *world) untilMarked(r *replica.Replica, on bool, i int) {
	w.t.Helper()
	w.until(r, fmt.Sprintf("number %d is marked: %v", i, on), func(replica.State) bool { return marked(r, i) == on })
}

func marked(r *replica.Replica, i int) bool {
	return r.Lookup(number(i), someDay).Marks == numberdb.MarkAllowed
}

// wantOnly fails the test unless exactly these of the first hundred numbers are marked.
func (w *world) wantOnly(r *replica.Replica, numbers ...int) {
	w.t.Helper()
	want := map[int]bool{}
	for _, i := range numbers {
		want[i] = true
	}
	for i := range 100 {
		if marked(r, i) != want[i] {
			w.t.Errorf("number %d is marked: %v, want %v", i, !want[i], want[i])
		}
	}
	if s := r.State(); s.Numbers != len(numbers) {
		w.t.Errorf("%d numbers are listed, want %d", s.Numbers, len(numbers))
	}
}

// trim leaves of each partition's changes only the last one, which the store always keeps.
func (w *world) trim() {
	w.t.Helper()
	for p := range partitions {
		if err := w.client.XTrimMaxLen(soon(w.t), changes(p), 1).Err(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// forgetLast takes the last change out of each partition's stream, so that nobody who was there can follow it from there.
func (w *world) forgetLast() {
	w.t.Helper()
	for p := range partitions {
		last, err := w.client.XRevRangeN(soon(w.t), changes(p), "+", "-", 1).Result()
		if err != nil || len(last) == 0 {
			w.t.Fatalf("the last change of partition %d: %v, %v", p, last, err)
		}
		if err := w.client.XDel(soon(w.t), changes(p), last[0].ID).Err(); err != nil {
			w.t.Fatal(err)
		}
	}
}

func changes(partition int) string { return fmt.Sprintf("lw:{%d}:c", partition) }

func TestRedisKilled(t *testing.T) {
	w := newWorld(t)
	w.mark(true, 1, 2, 3)
	r, _ := w.node("")
	w.untilHealthy(r)
	version := r.State().Version
	for round := range 2 {
		if err := w.server.Kill(); err != nil {
			t.Fatal(err)
		}
		w.until(r, "the loss is noticed", func(s replica.State) bool { return s.Err != nil })
		before := r.State().Age
		w.wantOnly(r, 1, 2, 3)
		w.until(r, "the age has grown", func(s replica.State) bool { return s.Age > before })
		if err := w.server.Restart(soon(t)); err != nil {
			t.Fatal(err)
		}
		w.mark(round != 0, 2)
		w.untilMarked(r, round != 0, 2)
		w.mark(true, 2)
		w.untilMarked(r, true, 2)
		w.untilHealthy(r)
	}
	w.wantOnly(r, 1, 2, 3)
	// Three changes in two rounds, as marking what is marked changes nothing: a list loaded anew would count too.
	if got := r.State().Version - version; got != 2 {
		t.Errorf("the version grew by %d, want 2 for changes alone", got)
	}
}

func TestRedisPaused(t *testing.T) {
	w := newWorld(t)
	w.mark(true, 1, 2, 3)
	r, _ := w.node("")
	w.untilHealthy(r)
	if err := w.server.Pause(); err != nil {
		t.Fatal(err)
	}
	w.until(r, "the hang is noticed", func(s replica.State) bool { return s.Err != nil })
	w.wantOnly(r, 1, 2, 3)
	if err := w.server.Resume(); err != nil {
		t.Fatal(err)
	}
	w.untilHealthy(r)
	w.mark(false, 2)
	w.untilMarked(r, false, 2)
	w.wantOnly(r, 1, 3)
}

func TestRedisWiped(t *testing.T) {
	w := newWorld(t)
	w.mark(true, 1, 2, 3)
	r, _ := w.node("")
	w.untilHealthy(r)
	if err := w.client.FlushAll(soon(t)).Err(); err != nil {
		t.Fatal(err)
	}
	w.until(r, "the loss is noticed", func(s replica.State) bool { return errors.Is(s.Err, numberdb.ErrNoList) })
	w.wantOnly(r, 1, 2, 3)
	if err := w.writer.Init(soon(t)); err != nil {
		t.Fatal(err)
	}
	w.until(r, "the new list is seen", func(s replica.State) bool { return errors.Is(s.Err, replica.ErrReplaced) })
	w.wantOnly(r, 1, 2, 3)
	w.mark(true, 5)
	fresh, _ := w.node("") // has nothing to lose
	w.untilHealthy(fresh)
	w.wantOnly(fresh, 5)
	w.wantOnly(r, 1, 2, 3)
	id, err := w.writer.AcceptList(soon(t), numberdb.Actor{Name: "ann", Role: "command_line"}, "nothing is left to restore")
	if err != nil {
		t.Fatal(err)
	}
	w.until(r, "the new list is in use", func(s replica.State) bool { return s.Err == nil && s.Numbers == 1 && s.ListID == id })
	w.wantOnly(r, 5)
}

func TestRedisAwayAtTheStart(t *testing.T) {
	w := newWorld(t)
	w.mark(true, 1, 2, 3)
	snapshot := filepath.Join(t.TempDir(), "list")
	r, stop := w.node(snapshot)
	w.untilHealthy(r)
	stop()
	w.mark(false, 2) // follows from the snapshot's position
	if err := w.server.Kill(); err != nil {
		t.Fatal(err)
	}
	r, _ = w.node(snapshot)
	w.until(r, "the snapshot is in use", func(s replica.State) bool { return s.Loaded && s.Err != nil })
	if !r.State().FromSnapshot {
		t.Errorf("the state is %+v", r.State())
	}
	w.wantOnly(r, 1, 2, 3)
	if err := w.server.Restart(soon(t)); err != nil {
		t.Fatal(err)
	}
	w.untilHealthy(r)
	w.wantOnly(r, 1, 3)
	if v := r.State().Version; v != 2 {
		t.Errorf("the version is %d, want 2: the snapshot and one change", v)
	}
}

func TestRedisTrimmedPastTheSnapshot(t *testing.T) {
	w := newWorld(t)
	w.mark(true, 1, 2, 3)
	snapshot := filepath.Join(t.TempDir(), "list")
	r, stop := w.node(snapshot)
	w.untilHealthy(r)
	stop()
	if _, err := os.Stat(snapshot); err != nil {
		t.Fatal(err)
	}
	w.mark(false, 2)
	w.mark(true, 7)
	w.trim()
	r, _ = w.node(snapshot)
	w.untilHealthy(r)
	w.wantOnly(r, 1, 3, 7)
	w.mark(true, 8)
	w.untilMarked(r, true, 8)
	w.wantOnly(r, 1, 3, 7, 8)
}

// TestRedisReadersDuringReloads breaks the streams again and again, so that the list is loaded anew each time.
func TestRedisReadersDuringReloads(t *testing.T) {
	w := newWorld(t)
	var all []int
	for i := range 100 { // more changes in each partition than are forgotten below
		all = append(all, i)
	}
	w.mark(true, all...)
	r, _ := w.node("")
	w.untilHealthy(r)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if !marked(r, i%100) {
					t.Errorf("number %d was missing", i%100)
					return
				}
			}
		})
	}
	for range 5 {
		version := r.State().Version
		w.forgetLast()
		w.until(r, "the list is loaded anew", func(s replica.State) bool { return s.Version > version })
	}
	close(done)
	readers.Wait()
	w.untilHealthy(r)
	w.wantOnly(r, all...)
}

// TestRedisTwoNodes has several writers change the same numbers at once; two nodes, one of which comes in the middle, end up with
// what the store holds.
func TestRedisTwoNodes(t *testing.T) {
	w := newWorld(t)
	first, _ := w.node("")
	w.untilHealthy(first)
	var writers sync.WaitGroup
	halfway := make(chan struct{})
	for n := range 4 {
		s := w.store()
		writers.Go(func() {
			for i := range 100 {
				if n == 0 && i == 50 {
					close(halfway)
				}
				err := s.Mark(soon(t), numberdb.Target{Number: number((i*7 + n) % 30)}, numberdb.MarkAllowed, (i+n)%3 != 0,
					"a test", "it needs this", time.Now())
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	<-halfway
	second, _ := w.node("")
	writers.Wait()
	want := map[numberdb.Number]numberdb.Listing{}
	for p := range partitions {
		if _, err := w.writer.Load(soon(t), p, func(changes []numberdb.Change) {
			for _, c := range changes {
				want[c.Target.Number] = c.Listing
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing is listed in the end")
	}
	for name, r := range map[string]*replica.Replica{"first": first, "second": second} {
		w.until(r, "the "+name+" node holds what the store holds", func(s replica.State) bool {
			got := map[numberdb.Number]numberdb.Listing{}
			for i := range 30 {
				if l := r.Lookup(number(i), someDay); l != (numberdb.Listing{}) {
					got[number(i)] = l
				}
			}
			return s.Loaded && s.Numbers == len(want) && maps.Equal(got, want)
		})
	}
}
