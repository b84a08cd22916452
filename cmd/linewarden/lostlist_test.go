package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestLostList has Redis lose its data, and the node start again: it screens with its snapshot and begins no new list, nor does any command,
// until somebody says so.
func TestLostList(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	n := startNode(t, server.Addr(), "a", "")
	run := func(args ...string) outcome {
		t.Helper()
		return linewarden(t, []string{"LINEWARDEN_CONFIG=" + n.config, "LINEWARDEN_TOKEN=" + serveToken, "LINEWARDEN_SERVER=" + n.intake}, args...)
	}
	ready := func() bool { return slices.Equal(n.missing(t), []string{"asterisk[0]"}) }
	eventually(t, "the node follows the list", ready)
	for _, number := range []string{"+12025550143", "+12025550144", "+12025550145"} {
		if got := run("report", number, "--role", "callback"); got.status != 0 {
			t.Fatalf("report: %+v", got)
		}
	}
	eventually(t, "the reports are on the list", func() bool { return n.metric(t, "linewarden_list_numbers") == 3 })
	if status := n.stop(t); status != 0 { // which leaves a snapshot
		t.Fatalf("exit status %d: %s", status, n.logged())
	}

	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close() // the server ends with the test
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	n.start(t)
	eventually(t, "the node says that the list is lost", func() bool { return slices.Contains(n.missing(t), "redis") })
	for _, command := range []string{"report +12025550146 --role callback", "optout add +12025550147 --by ann --reason asked", "user first anna"} {
		if got := run(strings.Fields(command)...); got.status == 0 {
			t.Errorf("%s: %+v", command, got)
		} else if command[0] != 'r' && !strings.Contains(got.err, "this machine has the snapshot of one: restore the data of Redis if they were lost, else begin a new list with 'linewarden list accept'") {
			t.Errorf("%s does not tell the way out: %+v", command, got)
		}
	}
	if keys := client.Keys(t.Context(), "lw:meta").Val(); len(keys) != 0 || n.metric(t, "linewarden_list_numbers") != 3 {
		t.Errorf("keys %q, and a list of %v numbers", keys, n.metric(t, "linewarden_list_numbers"))
	}

	// Another machine without a snapshot, or an older Linewarden, begins one all the same.
	other := startNode(t, server.Addr(), "b", "")
	eventually(t, "the other node follows the new list", func() bool { return slices.Equal(other.missing(t), []string{"asterisk[0]"}) })
	eventually(t, "the node says that its list was replaced", func() bool { return n.metric(t, "linewarden_list_replaced") == 1 })
	if missing := n.missing(t); !slices.Contains(missing, "list") || n.metric(t, "linewarden_list_numbers") != 3 {
		t.Errorf("missing %q, and a list of %v numbers", missing, n.metric(t, "linewarden_list_numbers"))
	}
	if got := run("list", "accept", "--reason", " "); got.status != exitUsage {
		t.Errorf("without a reason: %+v", got)
	}
	if got := run("list", "accept", "--reason", "there was no backup"); got.status != 0 || !strings.Contains(got.out, " is confirmed: every node uses it") {
		t.Errorf("list accept: %+v", got)
	}
	eventually(t, "the node follows the new list", ready)
	if numbers, replaced := n.metric(t, "linewarden_list_numbers"), n.metric(t, "linewarden_list_replaced"); numbers != 0 || replaced != 0 {
		t.Errorf("it has %v numbers; replaced: %v", numbers, replaced)
	}
	if got := run("report", "+12025550146", "--role", "callback"); got.status != 0 {
		t.Errorf("report: %+v", got)
	}
	if got := run("audit", "export"); !strings.Contains(got.out, `"action":"list_accepted","object":"list"`) || !strings.Contains(got.out, "there was no backup") {
		t.Errorf("the chain: %+v", got)
	}
}

// TestNewListByConfirming begins a list where there is none, and the snapshot of one that is given up.
func TestNewListByConfirming(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	n := startNode(t, server.Addr(), "a", "")
	eventually(t, "the node follows the list", func() bool { return slices.Equal(n.missing(t), []string{"asterisk[0]"}) })
	n.stop(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close() // the server ends with the test
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	n.start(t)
	if got := linewarden(t, nil, "list", "accept", "--reason", "a test", "--config", n.config); got.status != 0 {
		t.Fatalf("list accept: %+v", got)
	}
	eventually(t, "the node follows the new list", func() bool { return slices.Equal(n.missing(t), []string{"asterisk[0]"}) })
}
