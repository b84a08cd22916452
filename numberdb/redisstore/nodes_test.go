package redisstore

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func testNodes(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	for _, name := range []string{"one", "two", "one", "gone"} {
		if err := s.KeepNode(ctx, name, []byte("record of "+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ForgetNode(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	told, ago, err := s.Nodes(ctx)
	if err != nil || len(told) != 2 || len(ago) != 2 || string(told["one"]) != "record of one" || ago["two"] > patience {
		t.Errorf("the nodes told %q, %v ago: %v", told, ago, err)
	}
}

// TestNodesThatAreSilent wants a node to be remembered with the time of its last word, for a day.
func TestNodesThatAreSilent(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	testNodes(t, s)
	ctx := soon(t)
	now := client.Time(ctx).Val()
	silent := func(name string, since time.Duration) {
		if err := client.ZAdd(ctx, s.keys.nodes(), redis.Z{Member: name, Score: float64(now.Add(-since).Unix())}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	silent("one", time.Hour)
	silent("never there", time.Hour)
	silent("long gone", nodeTTL+time.Hour)
	if err := s.KeepNode(ctx, "two", nil); err != nil {
		t.Fatal(err)
	}
	told, ago, err := s.Nodes(ctx)
	if err != nil || len(told) != 2 || len(ago) != 2 || ago["one"] < time.Hour || ago["one"] > time.Hour+patience || ago["two"] > patience {
		t.Errorf("the nodes told %q, %v ago: %v", told, ago, err)
	}
	if names := client.ZRange(ctx, s.keys.nodes(), 0, -1).Val(); len(names) != 3 {
		t.Errorf("the index holds %q", names)
	}
	if err := client.Set(ctx, s.keys.nodes(), "spoiled", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Nodes(ctx); err == nil {
		t.Error("a spoiled index is read")
	}
}

// TestNodesOnACluster keeps all that belongs to nodes on one slot.
func TestNodesOnACluster(t *testing.T) {
	client, _ := startCluster(t, 2)
	testNodes(t, newStore(t, client, func(o *Options) { o.Prefix = "lw" }))
}
