package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// TestNodesTellHowTheyAre asks the API for a node that runs, and Redis for what is left of it when it has stopped.
func TestNodesTellHowTheyAre(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	n := startNode(t, server.Addr(), "a", "")
	var nodes []intake.NodeBody
	eventually(t, "the node tells that it has a list", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.intake+"/v1/nodes", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+serveToken)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(&nodes); err != nil {
			t.Fatal(err)
		}
		return len(nodes) == 1 && nodes[0].ListLoaded
	})
	got := nodes[0]
	if got.Instance != "a" || got.Version == "" || got.Started.IsZero() || !got.Screening || !got.Intake || got.Stale || got.Seen.Before(got.Started.Add(-patience)) ||
		len(got.Asterisks) != 1 || got.Asterisks[0] != (intake.AsteriskState{Name: "127.0.0.1:1"}) {
		t.Errorf("the node is %+v", got)
	}
	if status := n.stop(t); status != 0 {
		t.Errorf("exit status %d", status)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close() // the server ends with the test
	if left := client.Keys(t.Context(), "lw:{nodes}*").Val(); len(left) != 0 {
		t.Errorf("left in Redis: %q", left)
	}
}

func TestHalvesOfAnInstanceAreTwoNodes(t *testing.T) {
	for name, run := range map[string]parts{"a": partsOf(""), "a/screening": partsOf("screening"), "a/intake": partsOf("intake")} {
		h := heartbeat{fixed: intake.NodeState{Instance: "a", Screening: run.screening, Intake: run.intake}}
		if h.name() != name {
			t.Errorf("%+v has the name %s, want %s", run, h.name(), name)
		}
	}
}
