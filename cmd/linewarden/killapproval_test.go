package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// TestKilledBetweenApprovalAndApplication kills the node with SIGKILL when a second person has approved twenty decisions and not all are made, for
// one of the listings cannot be written. Started again, it makes the rest: each is there, and none twice.
func TestKilledBetweenApprovalAndApplication(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	n := startNode(t, server.Addr(), "killed", "")
	tokens := staff(t, n, map[string]access.Role{"ann": access.RoleReviewer, "bob": access.RoleReviewer})
	ann, bob := &colleague{n: n, token: tokens["ann"]}, &colleague{n: n, token: tokens["bob"]}
	store, err := redisstore.Open(redisstore.Connection{Addrs: []string{server.Addr()}}, redisstore.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() // the server ends with the test
	number := func(i int) numberdb.Number { return 33199000000 + numberdb.Number(i) }

	_, err = store.Decide(t.Context(), numberdb.Actor{Name: "ann", Role: "reviewer"}, numberdb.Decision{
		Target: numberdb.Target{Number: number(7)}, Roles: numberdb.RolesOf(numberdb.RoleCallback), Standing: numberdb.StandingWarn,
		Reason: "calls", Author: "ann", At: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	mend := spoilListing(t, server.Addr())

	bulk := intake.BulkBody{Reason: "a list of the police"}
	for i := range 20 {
		bulk.Decisions = append(bulk.Decisions, intake.BulkRuling{
			Number: number(i).String(), RulingBody: intake.RulingBody{Standing: "block", Roles: []string{"callback"}},
		})
	}
	var p intake.ProposalBody
	ann.do(t, http.MethodPost, "/v1/decisions", bulk, http.StatusAccepted, &p)
	path := "/v1/decisions/" + p.ID
	bob.do(t, http.MethodPost, path+"/approve", map[string]string{}, http.StatusOK, &p)
	if p.State != "approved" || p.Applied {
		t.Fatalf("approved as %+v", p)
	}
	made := func() (count [20]int) {
		for i := range count {
			for e, err := range store.History(t.Context(), numberdb.Target{Number: number(i)}) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Decision.Proposal == p.ID {
					count[i]++
				}
			}
		}
		return count
	}
	if before := made(); before[7] != 0 || before[8] != 1 {
		t.Fatalf("made before it was killed: %v", before)
	}
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-n.done
	mend()
	n.start(t)
	eventually(t, "what was approved is applied", func() bool {
		stored, err := store.Proposal(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		return stored.Applied
	})
	for i, times := range made() {
		l, err := store.Listing(t.Context(), number(i))
		if err != nil {
			t.Fatal(err)
		}
		if standing := l.Roles[numberdb.RoleCallback].At(numberdb.DayOf(time.Now())); times != 1 || standing != numberdb.StandingBlock {
			t.Errorf("%v was decided %d times, and is %v", number(i), times, standing)
		}
	}
	bob.do(t, http.MethodPost, path+"/approve", map[string]string{}, http.StatusConflict, nil)
	if result, err := store.VerifyAudit(t.Context()); err != nil || len(result.Findings) > 0 {
		t.Errorf("the chain is not good: %v, %v", result.Findings, err)
	}
}

// spoilListing makes the one listing that there is look like one of a newer version, which no script overwrites, until it is mended.
func spoilListing(t *testing.T, address string) (mend func()) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address})
	t.Cleanup(func() { _ = client.Close() }) // the server ends with the test
	keys, err := client.Keys(t.Context(), "lw:{*}:l:*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("listings lie in %v, %v", keys, err)
	}
	listings, err := client.HGetAll(t.Context(), keys[0]).Result()
	if err != nil || len(listings) != 1 {
		t.Fatalf("listings %v, %v", listings, err)
	}
	set := func(ctx context.Context, field, value string) {
		if err := client.HSet(ctx, keys[0], field, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for field, value := range listings {
		set(t.Context(), field, "\x02"+value[1:])
		mend = func() { set(t.Context(), field, value) }
	}
	return mend
}
