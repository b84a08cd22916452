package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/journal"
)

var _ journal.TrafficStore = (*Store)(nil)

func testTraffic(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	for range 2 { // twice stored is stored once
		for _, run := range []string{"one", "two"} {
			if err := s.KeepTraffic(ctx, today(), run, map[int][]byte{3: []byte("three " + run), 900: {0, 255}}, inAWeek()); err != nil {
				t.Fatal(err)
			}
			if err := s.KeepTrafficRun(ctx, today(), run, []byte("record "+run), inAWeek()); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := must[[]map[string][]byte](t)(s.Traffic(ctx, today(), []int{900, 4, 3}))
	if want := `[map["one":"\x00\xff" "two":"\x00\xff"] map[] map["one":"three one" "two":"three two"]]`; fmt.Sprintf("%q", got) != want {
		t.Errorf("found %q, want %s", got, want)
	}
	runs := must[map[string][]byte](t)(s.TrafficRuns(ctx, today()))
	if want := `map["one":"record one" "two":"record two"]`; fmt.Sprintf("%q", runs) != want {
		t.Errorf("found the runs %q", runs)
	}
	if got := must[map[string][]byte](t)(s.TrafficRuns(ctx, today()-1)); len(got) != 0 {
		t.Errorf("the day before has runs: %q", got)
	}
	if got := must[[]map[string][]byte](t)(s.Traffic(ctx, today(), nil)); len(got) != 0 {
		t.Errorf("no blocks are %q", got)
	}
	if err := s.KeepTraffic(ctx, today(), "one", nil, inAWeek()); err != nil {
		t.Errorf("no blocks to keep: %v", err)
	}
}

func TestTraffic(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	testTraffic(t, s)
	ctx := soon(t)
	if err := client.Set(ctx, s.keys.traffic(5, today()), "spoiled", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	got := must[[]map[string][]byte](t)(s.Traffic(ctx, today(), []int{5, 3}))
	if _, unknown := got[0][""]; !unknown || len(got[1]) != 2 {
		t.Errorf("beside a spoiled key: %q", got)
	}
}

func TestTrafficOnACluster(t *testing.T) {
	client, _ := startCluster(t, 2)
	testTraffic(t, newStore(t, client, func(o *Options) { o.Prefix = "lw" }))
}

// TestImpactThroughKilledRedis has Redis killed between two writes of a sketch: the impact is that of all calls.
func TestImpactThroughKilledRedis(t *testing.T) {
	server := ownRedis(t)
	s, err := New(clientOf(t, server.Addr()), Options{Timeout: time.Minute, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := journal.NewKey(strings.Repeat("k", journal.MinKeyLength))
	if err != nil {
		t.Fatal(err)
	}
	look := journal.NewLookBack(s, secret.Traffic(), nil)
	target := []numberdb.Target{exact(fiction(1))}
	roles := numberdb.RolesOf(numberdb.RoleCallback)
	ctx := soon(t)
	calls := func() uint64 {
		got, err := look.Impact(ctx, target, roles, journal.MaxImpactDays)
		if err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
		return got.Calls
	}
	for run := range 2 {
		traffic, err := journal.NewTraffic(journal.TrafficOptions{Store: s, Key: secret.Traffic(), Node: "node1", Every: time.Millisecond, Linger: patience})
		if err != nil {
			t.Fatal(err)
		}
		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- traffic.Run(running) }()
		before := calls()
		for i := range 100 {
			traffic.Note(screening.Outbound, fiction(1), fiction(i))
		}
		for calls() < before+100 {
		}
		if run == 0 {
			if err := server.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			traffic.Note(screening.Outbound, fiction(1), fiction(i))
		}
		if run == 0 {
			if err := server.Restart(ctx); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	got, err := look.Impact(ctx, target, roles, journal.MaxImpactDays)
	if err != nil || got.Calls != 400 || got.Subscribers < 100 || got.Subscribers > 400 || time.Since(got.Since) > time.Hour {
		t.Errorf("got %+v, %v", got, err)
	}
	server.Kill()
	if _, err := look.Impact(ctx, target, roles, 1); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("without Redis: %v", err)
	}
}
