package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
)

// patience bounds every wait of these tests; reaching it is a failure. The machine may first have to fetch a Redis.
const patience = 5 * time.Minute

// noon is the present of these tests.
var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// shared is one Redis for all tests that neither stop nor fill it; each has keys of its own.
var shared struct {
	once   sync.Once
	server *testbed.Redis
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// sharedRedis is a client of the Redis that all tests share.
func sharedRedis(t testing.TB) redis.UniversalClient {
	t.Helper()
	shared.once.Do(func() {
		// Whether writes survive is tested elsewhere: here a slow disk would only cost time.
		shared.server, shared.err = testbed.StartRedis(soon(t), testbed.RedisOptions{Args: []string{"--appendonly", "no"}})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return clientOf(t, shared.server.Addr())
}

// ownRedis is a Redis for one test.
func ownRedis(t testing.TB, args ...string) *testbed.Redis {
	t.Helper()
	server, err := testbed.StartRedis(soon(t), testbed.RedisOptions{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func clientOf(t testing.TB, addr string) redis.UniversalClient {
	client := Connection{Addrs: []string{addr}}.Client()
	t.Cleanup(func() { client.Close() })
	return client
}

// clock is a clock that stands until it is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// newStore is a store with an empty list of its own, on noon.
func newStore(t testing.TB, client redis.UniversalClient, change ...func(*Options)) *Store {
	t.Helper()
	o := Options{
		Prefix: "test:" + strings.ReplaceAll(t.Name(), "/", ":"), Partitions: 4, Timeout: time.Minute, LoadTimeout: time.Minute,
		Now: func() time.Time { return noon }, Logger: quiet(),
	}
	for _, c := range change {
		c(&o)
	}
	s, err := New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Init(soon(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	callback = numberdb.RoleCallback
	callerID = numberdb.RoleCallerID
)

// anActor is who decides.
var anActor = numberdb.Actor{Name: "bob", Role: "reviewer"}

// fiction is the i-th of ten thousand numbers that belong to nobody (ARCEP's range for fiction).
func fiction(i int) numberdb.Number { return 33199000000 + numberdb.Number(i%10_000) }

func aReport(n numberdb.Number) numberdb.Report {
	return numberdb.Report{
		Number: n, Roles: numberdb.RolesOf(callback), Brand: "amazon", Text: "They wanted gift cards.", RedFlags: numberdb.RedFlagGiftCards,
		Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"}, Reporter: "u1", At: noon.Add(-time.Hour),
	}
}

func aDecision(t numberdb.Target, standing numberdb.Standing) numberdb.Decision {
	return numberdb.Decision{Target: t, Roles: numberdb.RolesOf(callback), Standing: standing, Reason: "seen", Author: "ann", Approver: "bob", At: noon}
}

func exact(n numberdb.Number) numberdb.Target  { return numberdb.Target{Number: n} }
func ranged(n numberdb.Number) numberdb.Target { return numberdb.Target{Number: n, Prefix: true} }
func standing(l numberdb.Listing, r numberdb.Role) numberdb.Standing {
	return l.Roles[r].At(numberdb.DayOf(noon))
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// loadAll reads the whole list, with the position of each partition.
func loadAll(t testing.TB, s *Store) (map[numberdb.Target]numberdb.Listing, []string) {
	t.Helper()
	_, partitions, err := s.Identity(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	all, positions := map[numberdb.Target]numberdb.Listing{}, make([]string, partitions)
	for p := range partitions {
		positions[p], err = s.Load(soon(t), p, func(changes []numberdb.Change) {
			for _, c := range changes {
				all[c.Target] = c.Listing
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all, positions
}

func TestInitManyAtOnce(t *testing.T) {
	client := sharedRedis(t)
	ctx := soon(t)
	ids := make([]string, 32)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			s, err := New(client, Options{Prefix: "many", Partitions: 1 + i, Timeout: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Init(ctx); err != nil {
				t.Error(err)
			}
			id, partitions, err := s.Identity(ctx)
			if err != nil {
				t.Error(err)
			}
			ids[i] = fmt.Sprint(id, partitions)
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two stores see the lists %q and %q", id, ids[0])
		}
	}
}

func TestIdentity(t *testing.T) {
	client := sharedRedis(t)
	ctx := soon(t)
	s, err := New(client, Options{Prefix: "identity", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Identity(ctx); !errors.Is(err, numberdb.ErrNoList) {
		t.Errorf("an empty Redis gives %v", err)
	}
	if _, err := s.Report(ctx, aReport(fiction(1))); err == nil {
		t.Error("a report was taken in without a list")
	}
	if err := s.Init(ctx); err != nil {
		t.Fatal(err)
	}
	if id, partitions, err := s.Identity(ctx); id == "" || partitions != 64 || err != nil {
		t.Errorf("got %q, %d, %v", id, partitions, err)
	}
	for field, value := range map[string]string{"format": "1x", "partitions": "0", "buckets": "7", "id": ""} {
		before := client.HGet(ctx, "identity:meta", field).Val()
		client.HSet(ctx, "identity:meta", field, value)
		if _, _, err := s.Identity(ctx); err == nil || errors.Is(err, numberdb.ErrNoList) {
			t.Errorf("%s %q gives %v", field, value, err)
		}
		client.HSet(ctx, "identity:meta", field, before)
	}
	client.HSet(ctx, "identity:meta", "format", 2)
	if _, _, err := s.Identity(ctx); !errors.Is(err, numberdb.ErrNewerFormat) {
		t.Errorf("a newer format gives %v", err)
	}
	if err := s.Init(ctx); !errors.Is(err, numberdb.ErrNewerFormat) {
		t.Errorf("Init on a newer format gives %v", err)
	}
}

// empty deletes all keys of a list.
func empty(t testing.TB, s *Store) {
	t.Helper()
	for _, key := range s.client.Keys(soon(t), s.keys.prefix+":*").Val() {
		if err := s.client.Del(soon(t), key).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEmptiedRedisRefuses: a report must not be acknowledged where no node would ever see it, nor an empty list be loaded.
func TestEmptiedRedisRefuses(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	empty(t, s)
	if _, err := s.Report(ctx, aReport(fiction(1))); !errors.Is(err, numberdb.ErrNoList) {
		t.Errorf("Report: %v", err)
	}
	for name, call := range map[string]func() error{
		"Load": func() error { _, err := s.Load(ctx, 0, nil); return err },
		"Decide": func() error {
			_, err := s.Decide(ctx, anActor, aDecision(exact(fiction(1)), numberdb.StandingWarn))
			return err
		},
		"Mark": func() error { return s.Mark(ctx, exact(fiction(1)), numberdb.MarkOptOut, true, "ann", "asked", noon) },
	} {
		if err := call(); !errors.Is(err, numberdb.ErrNoList) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Init(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Report(ctx, aReport(fiction(1))); err != nil {
		t.Errorf("after Init: %v", err)
	}
}

func TestAnotherListIsNoticed(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	empty(t, s)
	newStore(t, client, func(o *Options) { o.Partitions = 7 })
	if _, err := s.Report(ctx, aReport(fiction(1))); err == nil {
		t.Error("a report went to the partition of another list")
	}
	if _, err := s.Report(ctx, aReport(fiction(1))); err != nil {
		t.Errorf("the next report: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"partitions": {Partitions: 2000},
		"changes":    {Changes: -1},
		"retention":  {Retention: time.Millisecond},
		"rules":      {Rules: &numberdb.Rules{}},
	} {
		if _, err := New(redis.NewClient(&redis.Options{}), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
