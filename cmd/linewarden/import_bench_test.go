package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// BenchmarkImportFile has the program import a file of a million rows about as many numbers, or 20,000 with -short, into a Redis that syncs each write
// to its disk. Beside the time it gives the CPU time of the program and of Redis's own thread and its children, which rewrite the append-only file, and
// the most memory that the program had and that Redis used for each row.
//
//	go test -run - -bench ImportFile -benchtime 1x ./cmd/linewarden
func BenchmarkImportFile(b *testing.B) {
	count := 1_000_000
	if testing.Short() {
		count = 20_000
	}
	list := filepath.Join(b.TempDir(), "list.csv")
	if err := writeComplaints(list, count); err != nil {
		b.Fatal(err)
	}
	for range b.N {
		b.StopTimer()
		server := startRedis(b)
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		before := redisInfo(b, client)
		cmd := exec.CommandContext(b.Context(), "linewarden", "import", list, "--role", "callback", "--source", "feed", "--organisation", "ftc")
		cmd.Env = []string{"LINEWARDEN_REDIS_ADDRESSES=" + server.Addr(), "LINEWARDEN_REGION=US"}
		b.StartTimer()
		out, err := cmd.CombinedOutput()
		b.StopTimer()
		if want := fmt.Sprintf("%d rows taken in\n", count); err != nil || !strings.HasSuffix(string(out), want) {
			b.Fatalf("%v\n%s", err, out)
		}
		after := redisInfo(b, client)
		used := func(field string) float64 { return after[field] - before[field] }
		b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "s-client-CPU")
		b.ReportMetric(used("used_cpu_user")+used("used_cpu_sys"), "s-Redis-CPU")
		b.ReportMetric(used("used_cpu_user_children")+used("used_cpu_sys_children"), "s-Redis-rewrites-CPU")
		b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB-client")
		b.ReportMetric(used("used_memory")/float64(count), "redis-bytes/row")
		if err := client.Close(); err != nil {
			b.Fatal(err)
		}
		if err := server.Kill(); err != nil { // its memory is for the next round
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*count)/b.Elapsed().Seconds(), "rows/s")
}

// writeComplaints writes a list of complaints.
func writeComplaints(path string, count int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close() // what matters is Flush
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "number,brand,category,text,at")
	brands := []string{"amazon", "microsoft", "", "paypal", "apple", ""}
	categories := []string{"tech_support", "refund", "fake_customer_care", "payment"}
	texts := []string{"They wanted gift cards.", "Said my account was locked and wanted remote access", "Caller claimed to be from support", ""}
	for i := range count {
		number := 12_012_000_000 + i%10*10_000_000 + i/10*77%7_990_000
		fmt.Fprintf(w, "+%d,%s,%s,%s,2026-%02d-%02d\n", number, brands[i%6], categories[i%4], texts[i%4], 1+i*9/count, 1+i%28)
	}
	return w.Flush()
}

// redisInfo is what Redis tells of itself in numbers.
func redisInfo(b *testing.B, client *redis.Client) map[string]float64 {
	told := map[string]float64{}
	for line := range strings.Lines(client.Info(b.Context(), "cpu", "memory").Val()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		var v float64
		if n, _ := fmt.Sscan(value, &v); n == 1 {
			told[name] = v
		}
	}
	return told
}
