package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// TestKilledDuringReports sends 20,000 reports by 32 clients, each with an Idempotency-Key and again until it is acknowledged, while Redis
// and the node are killed with SIGKILL in turn. In the end every acknowledged report is there, and none twice.
func TestKilledDuringReports(t *testing.T) {
	t.Setenv("LINEWARDEN_INTAKE_REPORTS_PER_DAY", "1000000")
	const reports, clients, numbers = 20_000, 32, 1000
	number := func(i int) numberdb.Number { return 33199000000 + numberdb.Number(i%numbers) }
	redis := startRedis(t)
	n := startNode(t, redis.Addr(), "killed", "")

	var server atomic.Value // of string
	server.Store(n.intake)
	var acknowledged, resent atomic.Int64
	progressed := make(chan struct{}, 1)
	send := func(client *http.Client, i int) (status int) {
		body := fmt.Sprintf(`{"number":"%v","roles":["callback"],"text":"report %d"}`, number(i), i)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.Load().(string)+"/v1/reports", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", "Bearer "+serveToken)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", fmt.Sprint("report-", i))
		resp, err := client.Do(req)
		if err != nil {
			return 0 // killed
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return 0 // killed while it answered
		}
		return resp.StatusCode
	}
	var sending sync.WaitGroup
	for c := range clients {
		sending.Go(func() {
			client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := c; i < reports; i += clients {
				again := time.NewTicker(50 * time.Millisecond)
				for status := send(client, i); status != http.StatusCreated; status = send(client, i) {
					if status != 0 && status != http.StatusServiceUnavailable && status != http.StatusConflict {
						t.Errorf("report %d: status %d", i, status)
						break
					}
					resent.Add(1)
					select {
					case <-again.C:
					case <-t.Context().Done():
						return
					}
				}
				again.Stop()
				acknowledged.Add(1)
				select {
				case progressed <- struct{}{}:
				default:
				}
			}
		})
	}
	until := func(count int64) {
		for acknowledged.Load() < count {
			select {
			case <-progressed:
			case <-time.After(patience):
				t.Fatalf("no report has been acknowledged any more after %d: %s", acknowledged.Load(), n.logged())
			}
		}
	}
	for round := range int64(2) {
		until(3000 + 8000*round)
		if err := redis.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := redis.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(7000 + 8000*round)
		if err := n.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-n.done
		n.start(t)
		server.Store(n.intake)
	}
	sending.Wait()
	t.Logf("%d reports acknowledged, %d sent again", acknowledged.Load(), resent.Load())
	if resent.Load() == 0 {
		t.Error("nothing was under way when the servers were killed: the test shows nothing")
	}

	store, err := redisstore.Open(redisstore.Connection{Addrs: []string{redis.Addr()}}, redisstore.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	stored := map[string]int{}
	for i := range numbers {
		for filed, err := range store.Reports(t.Context(), number(i)) {
			if err != nil {
				t.Fatal(err)
			}
			stored[filed.Report.Text]++
		}
	}
	for i := range reports {
		if got := stored[fmt.Sprint("report ", i)]; got != 1 {
			t.Errorf("report %d is there %d times", i, got)
		}
	}
}
