package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// BenchmarkReport takes in reports by distinct reporters about ten thousand numbers from 64 clients. Beside the time it gives the
// CPU time of ours and of the server, which other programs on the machine do not change.
func BenchmarkReport(b *testing.B) {
	for _, fsync := range []string{"always", "everysec"} {
		b.Run(fsync, func(b *testing.B) {
			client := clientOf(b, ownRedis(b, "--appendfsync", fsync).Addr())
			s := newStore(b, client, func(o *Options) { o.Partitions = 64 })
			var i atomic.Int64
			b.SetParallelism(32) // times GOMAXPROCS
			b.ResetTimer()
			measure := measureCPU(b, client)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := int(i.Add(1))
					r := aReport(fiction(n))
					r.Reporter = fmt.Sprint(n)
					if _, err := s.Report(context.Background(), r); err != nil {
						b.Error(err)
						return
					}
				}
			})
			measure(b.N, "report")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reports/s")
		})
	}
}

// BenchmarkLoad reads a whole list with as many numbers in each bucket as one of the given size has in 64 partitions.
func BenchmarkLoad(b *testing.B) {
	for _, millions := range []int{1, 10} {
		b.Run(fmt.Sprint(millions, "M"), func(b *testing.B) {
			client := clientOf(b, ownRedis(b, "--appendonly", "no").Addr())
			const partitions = 4
			s := newStore(b, client, func(o *Options) { o.Partitions = partitions })
			numbers := millions * 1_000_000 / 64 * partitions
			fill(b, s, numbers)
			b.ReportAllocs()
			b.ResetTimer()
			measure := measureCPU(b, client)
			for range b.N {
				found := 0
				for p := range partitions {
					if _, err := s.Load(context.Background(), p, func(c []numberdb.Change) { found += len(c) }); err != nil {
						b.Fatal(err)
					}
				}
				if found != numbers {
					b.Fatalf("%d loaded", found)
				}
			}
			measure(b.N*numbers, "number")
		})
	}
}

// measureCPU begins to measure, and the function that it returns reports the CPU time per thing done.
func measureCPU(b *testing.B, client redis.UniversalClient) func(things int, thing string) {
	ours, server := ownCPU(b), serverCPU(b, client)
	return func(things int, thing string) {
		b.ReportMetric((ownCPU(b)-ours)*1e6/float64(things), "µs-client/"+thing)
		b.ReportMetric((serverCPU(b, client)-server)*1e6/float64(things), "µs-server/"+thing)
	}
}

// ownCPU is the CPU time of this process in seconds.
func ownCPU(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// serverCPU is the CPU time of the server in seconds.
func serverCPU(b *testing.B, client redis.UniversalClient) (seconds float64) {
	for line := range strings.Lines(client.Info(b.Context(), "cpu").Val()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		var v float64
		if name != "used_cpu_user" && name != "used_cpu_sys" {
			continue
		}
		if _, err := fmt.Sscan(value, &v); err != nil {
			b.Fatal(err)
		}
		seconds += v
	}
	return seconds
}
