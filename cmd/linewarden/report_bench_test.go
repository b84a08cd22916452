package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
	"github.com/linewarden/linewarden/numberdb/replica"
)

// BenchmarkReportHTTP sends single reports to a node in a process of its own, whose Redis runs with appendfsync always, from 64 clients that
// each wait for their receipt. Clients, node and Redis share the machine.
func BenchmarkReportHTTP(b *testing.B) {
	b.Setenv("LINEWARDEN_INTAKE_REPORTS_PER_DAY", "1000000000")
	n := startNode(b, startRedis(b).Addr(), "bench", "")
	for _, keyed := range []bool{false, true} {
		b.Run(fmt.Sprintf("idempotency-key=%v", keyed), func(b *testing.B) {
			const clients = 64
			transport := &http.Transport{MaxIdleConnsPerHost: clients}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var sending sync.WaitGroup
			b.ResetTimer()
			for range clients {
				sending.Go(func() {
					for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
						began := time.Now()
						body := fmt.Appendf(nil, `{"number":"+3319900%04d","roles":["callback"],"brand":"amazon","text":"report %d"}`, i%10_000, i)
						req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, n.intake+"/v1/reports", bytes.NewReader(body))
						if err != nil {
							b.Error(err)
							return
						}
						req.Header.Set("Authorization", "Bearer "+serveToken)
						req.Header.Set("Content-Type", "application/json")
						if keyed {
							req.Header.Set("Idempotency-Key", fmt.Sprint(b.N, "-", i))
						}
						resp, err := client.Do(req)
						if err != nil {
							b.Error(err)
							return
						}
						_, err = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						if err != nil || resp.StatusCode != http.StatusCreated {
							b.Errorf("status %d, %v", resp.StatusCode, err)
							return
						}
						took[i] = time.Since(began)
					}
				})
			}
			sending.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reports/s")
			percentiles(b, took)
		})
	}
}

// BenchmarkReportReachesNode takes the time from the acknowledgement of a report by one store to the answer that another node's list gives
// about the number, the two on connections of their own.
func BenchmarkReportReachesNode(b *testing.B) {
	redis := startRedis(b)
	open := func() *redisstore.Store {
		store, err := redisstore.Open(redisstore.Connection{Addrs: []string{redis.Addr()}}, redisstore.Options{Timeout: patience})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { store.Close() })
		return store
	}
	writer, reader := open(), open()
	if err := writer.Init(b.Context()); err != nil {
		b.Fatal(err)
	}
	list, err := replica.New(reader, replica.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- list.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	eventually(b, "the list is loaded", func() bool { return list.State().Loaded })
	took := make([]time.Duration, b.N)
	today := numberdb.DayOf(time.Now())
	b.ResetTimer()
	for i := range b.N {
		n := 33199000000 + numberdb.Number(i%10_000)
		r := numberdb.Report{
			Number: n, Roles: numberdb.RolesOf(numberdb.RoleCallback), Brand: numberdb.Brand(fmt.Sprint("brand-", i)),
			Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"}, Reporter: fmt.Sprint(i), At: time.Now(),
		}
		if _, err := writer.Report(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		acknowledged := time.Now()
		for l := list.Lookup(n, today); l.Roles[numberdb.RoleCallback].Brand != r.Brand; l = list.Lookup(n, today) {
			if time.Since(acknowledged) > patience {
				b.Fatal("the report does not reach the other list")
			}
		}
		took[i] = time.Since(acknowledged)
	}
	b.StopTimer()
	percentiles(b, took)
}

// percentiles reports the median and the 99th percentile.
func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
