package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// inPartition is a number from the given ones on that lives in a partition.
func inPartition(partition, partitions, from int) numberdb.Number {
	for placeOf(exact(fiction(from)), partitions).partition != partition {
		from++
	}
	return fiction(from)
}

// TestLostPartition: one partition's data is gone, as when one server of a Cluster has lost its disk. It must not pass for one in which
// nothing is listed, also not after Init, and the others are followed as ever.
func TestLostPartition(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	for i := range 50 {
		must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(i))))
	}
	m := newMirror(t, s)
	const gone = 2
	for _, key := range client.Keys(ctx, s.keys.tag(gone)+":*").Val() {
		client.Del(ctx, key)
	}
	m.positions[gone] = start // even who was at the very start must notice
	if err := s.Init(ctx); err != nil {
		t.Fatal(err)
	}
	there, lost := inPartition(1, 4, 100), inPartition(gone, 4, 100)
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(there), numberdb.StandingWarn)))
	for name, call := range map[string]func() error{
		"Load":   func() error { _, err := s.Load(ctx, gone, nil); return err },
		"Follow": func() error { _, err := s.Follow(ctx, m.positions, time.Millisecond, m.put); return err },
		"Report": func() error { _, err := s.Report(ctx, aReport(lost)); return err },
		"Decide": func() error {
			_, err := s.Decide(ctx, anActor, aDecision(exact(lost), numberdb.StandingWarn))
			return err
		},
		"Mark":    func() error { return s.Mark(ctx, exact(lost), numberdb.MarkOptOut, true, "ann", "asked", noon) },
		"Listing": func() error { _, err := s.Listing(ctx, lost); return err },
		"Sweep":   func() error { _, err := s.Sweep(ctx, gone); return err },
	} {
		if err := call(); !errors.Is(err, numberdb.ErrNoList) || !strings.Contains(err.Error(), "partition 2") && !strings.Contains(err.Error(), "them 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if standing(m.listings[exact(there)], callback) != numberdb.StandingWarn {
		t.Error("the other partitions were not followed")
	}
	if keys := client.Keys(ctx, s.keys.tag(gone)+":*").Val(); len(keys) != 0 {
		t.Errorf("something was stored where nobody looks: %v", keys)
	}
	// The way out that the error names.
	id, _, err := s.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	client.Set(ctx, s.keys.marker(gone), id, 0)
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(lost), numberdb.StandingWarn)))
	m = newMirror(t, s)
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 {
		t.Errorf("after the loss was accepted: lost %v", lost)
	}
}

// TestInitAfterTheMetaKeyWasLost: a new list must not take over what is left of the last one.
func TestInitAfterTheMetaKeyWasLost(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	meta := client.HGetAll(ctx, s.keys.meta()).Val()
	client.Del(ctx, s.keys.meta())
	for range 2 {
		if err := s.Init(ctx); err == nil || !strings.Contains(err.Error(), meta["id"]) {
			t.Errorf("Init: %v", err)
		}
		if _, _, err := s.Identity(ctx); !errors.Is(err, numberdb.ErrNoList) {
			t.Errorf("Identity: %v", err)
		}
	}
	client.HSet(ctx, s.keys.meta(), meta)
	if err := s.Init(ctx); err != nil {
		t.Errorf("with the key restored: %v", err)
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
}

// TestInitCompletes: whoever creates a list may be killed in the middle of it.
func TestInitCompletes(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	id := client.HGet(ctx, s.keys.meta(), "id").Val()
	client.HDel(ctx, s.keys.meta(), "complete")
	client.Del(ctx, s.keys.marker(1), s.keys.marker(3))
	if _, _, err := s.Identity(ctx); !errors.Is(err, numberdb.ErrNoList) {
		t.Errorf("Identity of half a list: %v", err)
	}
	if err := s.Init(ctx); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Identity(ctx); got != id || err != nil {
		t.Errorf("Identity: %q, %v, want %q", got, err, id)
	}
	if _, positions := loadAll(t, s); !slices.Equal(positions, []string{start, start, start, start}) {
		t.Errorf("positions %v", positions)
	}
}

// TestClusterWithoutOneServer: while one server of a Cluster is away, the changes on the others still come, and the error says that
// not all is known.
func TestClusterWithoutOneServer(t *testing.T) {
	client, servers := startCluster(t, 2)
	s := newStore(t, client, func(o *Options) { o.Prefix, o.Partitions = "lw", 16 })
	ctx := soon(t)
	m := newMirror(t, s)
	var on [2][]int // partitions by server
	for p := range 16 {
		server := client.ClusterKeySlot(ctx, s.keys.changes(p)).Val() / 8192
		on[server] = append(on[server], p)
	}
	if err := servers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		for _, p := range on[0] {
			writeChange(t, s, client, p, inPartition(p, 16, 1000*round))
		}
		lost, err := s.Follow(ctx, m.positions, 50*time.Millisecond, m.put)
		if err == nil || len(lost) != 0 {
			t.Errorf("with half of the Cluster: lost %v, %v", lost, err)
		}
		if want := (round + 1) * len(on[0]); m.changes != want {
			t.Errorf("%d changes, want %d", m.changes, want)
		}
	}
	if err := servers[1].Restart(ctx); err != nil {
		t.Fatal(err)
	}
	for { // the servers have to find each other again
		lost, err := s.Follow(ctx, m.positions, time.Millisecond, m.put)
		if errors.Is(err, numberdb.ErrNoList) { // it runs without a file, and so has lost its data
			break
		}
		if err == nil || len(lost) > 0 {
			t.Fatalf("a server came back without its data: lost %v, %v", lost, err)
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// writeChange writes a change where only one partition's server is needed.
func writeChange(t *testing.T, s *Store, client redis.UniversalClient, partition int, n numberdb.Number) {
	t.Helper()
	listing, err := numberdb.Listing{Marks: numberdb.MarkAllowed}.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	add := redis.XAddArgs{Stream: s.keys.changes(partition), Values: []any{"t", appendField(exact(n)), "l", listing}}
	if err := client.XAdd(soon(t), &add).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestAcceptedList wants what people have confirmed to be known of that list alone, and to be in the audit chain.
func TestAcceptedList(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	id, _, err := s.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	accepted := func(id string, want bool) {
		t.Helper()
		if got, err := s.Accepted(ctx, id); got != want || err != nil {
			t.Errorf("%q was confirmed: %v, %v", id, got, err)
		}
	}
	accepted(id, false)
	if got, err := s.AcceptList(ctx, anActor, "nothing is left to restore"); got != id || err != nil {
		t.Fatalf("confirmed %q, %v", got, err)
	}
	accepted(id, true)
	accepted("another", false)
	accepted("", false)
	if _, err := s.AcceptList(ctx, anActor, strings.Repeat("x", numberdb.MaxAuditText+1)); err == nil {
		t.Error("confirmed without an entry in the audit chain")
	}
	client.HSet(ctx, s.keys.meta(), "id", "another")
	accepted(id, false)
	client.Del(ctx, s.keys.meta())
	accepted(id, false)
	if _, err := s.AcceptList(ctx, anActor, "there is none"); !errors.Is(err, numberdb.ErrNoList) {
		t.Errorf("without a list: %v", err)
	}
	entries := 0
	for r, err := range s.AuditRecords(ctx, 1) {
		var e numberdb.AuditEntry
		if err != nil || e.UnmarshalBinary(r.Encoded) != nil {
			t.Fatal(err)
		}
		if e.Action == numberdb.AuditListAccepted && e.After == fmt.Sprintf(`{"id":%q}`, id) && e.Reason == "nothing is left to restore" {
			entries++
		}
	}
	if entries != 1 {
		t.Errorf("the chain tells of it %d times", entries)
	}
}
