package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	rounds = flag.Int("rounds", 15, "how many `rounds` processor time is measured for")
	calls  = flag.Int("calls", 150, "how many `calls` of each way are in a round")
	only   = flag.String("ways", "", "measure only the ways whose short names match this `pattern`, and the bare call")
	rates  = flag.Bool("rates", true, "look for the highest rates too")
)

// BenchmarkCall is described in the package comment. Its parts have no times of their own: their figures are metrics.
func BenchmarkCall(b *testing.B) {
	pattern, err := regexp.Compile(*only)
	if err != nil {
		b.Fatalf("-ways: %v", err)
	}
	e := effort{rounds: *rounds, calls: *calls, delays: 200, lasting: 2 * time.Second, mostSteps: 20}
	if testing.Short() {
		e = effort{rounds: 1, calls: 4, delays: 1, lasting: 50 * time.Millisecond, mostSteps: 1}
	}
	if !*rates {
		e.mostSteps = 0
	}
	var chosen []int
	for i, w := range ways {
		if w.name == bare.name || pattern.MatchString(w.name) {
			chosen = append(chosen, i)
		}
	}
	x := openExchange(b)
	x.check(b)
	results := make([][]measured, len(kinds))
	for k := range kinds {
		results[k] = make([]measured, len(ways))
		x.processorTimes(b, k, e, chosen, results[k])
		x.delays(b, k, e, chosen, results[k])
	}
	x.wantDecided(b)
	for k := range kinds {
		x.highestRates(b, k, e, chosen, results[k])
	}
	x.printHead(b, os.Stdout, e)
	for k := range kinds {
		printTable(b, os.Stdout, kinds[k], chosen, results[k])
	}
	for k := range kinds {
		for _, w := range chosen {
			b.Run(kinds[k].name+"/"+ways[w].name, func(b *testing.B) { report(b, results[k][w], results[k][0]) })
		}
	}
}

// report gives the figures of one way to the benchmark's own output.
func report(b *testing.B, m, bare measured) {
	u := m.usual()
	b.ReportMetric(0, "ns/op") // it would be that of this function
	b.ReportMetric(milliseconds(u.asterisk), "asterisk-ms/call")
	b.ReportMetric(milliseconds(u.helper), "helper-ms/call")
	b.ReportMetric(percentile(m.ratios(bare), 50), "of-bare")
	b.ReportMetric(milliseconds(percentile(m.setUps, 50)-percentile(bare.setUps, 50)), "added-p50-ms")
	b.ReportMetric(milliseconds(percentile(m.setUps, 99)-percentile(bare.setUps, 99)), "added-p99-ms")
	b.ReportMetric(m.rate, "calls/s")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (x *exchange) printHead(b *testing.B, w io.Writer, e effort) {
	b.Helper()
	version, err := x.asterisk.CLI(context.Background(), "core show version")
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(w, "\n%s\n%d x %s, %s\n", strings.Split(version, " built")[0], runtime.NumCPU(), processorName(), runtime.Version())
	fmt.Fprintf(w, "%d rounds of %d calls, %d at once; %d calls one at a time; rates for %v each\n",
		e.rounds, e.calls, atOnce, e.delays, e.lasting)
}

func processorName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processors of unknown make"
	}
	_, name, _ := strings.Cut(string(text), "model name\t: ")
	name, _, _ = strings.Cut(name, "\n")
	return name
}

// printTable prints the results of one kind for people.
func printTable(b *testing.B, w io.Writer, k kind, chosen []int, results []measured) {
	b.Helper()
	fmt.Fprintf(w, "\nCall %s\n", k.what)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "CPU ms/call:\tAsterisk\thelper\tRedis\tsum\tof bare\t(middle half)\tset-up p50\tp99 ms\tcalls/s\t\n")
	bare := results[0]
	for _, i := range chosen {
		m := results[i]
		u, ratios := m.usual(), m.ratios(bare)
		sign, p50, p99 := "", percentile(m.setUps, 50), percentile(m.setUps, 99)
		if i > 0 {
			sign, p50, p99 = "+", p50-percentile(bare.setUps, 50), p99-percentile(bare.setUps, 99)
		}
		fmt.Fprintf(t, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.2f\t%.2f..%.2f\t%"+sign+".2f\t%"+sign+".2f\t%.0f\t\n", ways[i].what,
			milliseconds(u.asterisk), milliseconds(u.helper), milliseconds(u.redis), milliseconds(u.sum()),
			percentile(ratios, 50), percentile(ratios, 25), percentile(ratios, 75), milliseconds(p50), milliseconds(p99), m.rate)
	}
	if err := t.Flush(); err != nil {
		b.Error(err)
	}
}
