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
	only   = flag.String("only", "", "measure only what this `pattern` matches, such as completed/stasis, and the bare call")
	rates  = flag.Bool("rates", true, "look for the highest rates too")
)

// BenchmarkCall is described in the package comment. Its parts have no times of their own: their figures are metrics.
func BenchmarkCall(b *testing.B) {
	pattern, err := regexp.Compile(*only)
	if err != nil {
		b.Fatalf("-only: %v", err)
	}
	e := effort{rounds: *rounds, calls: *calls, delays: 200, lasting: 2 * time.Second, mostSteps: 25}
	if testing.Short() {
		e = effort{rounds: 1, calls: 4, delays: 1, lasting: 50 * time.Millisecond, mostSteps: 1}
	}
	if !*rates {
		e.mostSteps = 0
	}
	x := openExchange(b)
	x.check(b)
	var tables []table
	for k := range kinds {
		t := table{kind: k, results: make([]measured, len(ways))}
		for i, w := range ways {
			if pattern.MatchString(kinds[k].name + "/" + w.name) {
				t.chosen = append(t.chosen, i)
			}
		}
		if len(t.chosen) == 0 {
			continue
		}
		if t.chosen[0] != 0 {
			t.chosen = append([]int{0}, t.chosen...) // all are compared with the bare call
		}
		x.processorTimes(b, t, e)
		x.delays(b, t, e)
		tables = append(tables, t)
	}
	x.wantDecided(b)
	for _, t := range tables {
		x.highestRates(b, t, e)
	}
	x.printHead(b, os.Stdout, e)
	for _, t := range tables {
		t.print(b, os.Stdout)
	}
	for _, t := range tables {
		for _, w := range t.chosen {
			b.Run(kinds[t.kind].name+"/"+ways[w].name, func(b *testing.B) { report(b, t.results[w], t.results[0]) })
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

// print prints the results for people.
func (t table) print(b *testing.B, w io.Writer) {
	b.Helper()
	fmt.Fprintf(w, "\nCall %s\n", kinds[t.kind].what)
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(columns, "CPU ms/call:\tAsterisk\thelper\tRedis\tsum\tof bare\t(middle half)\tset-up p50\tp99 ms\tcalls/s\t\n")
	bare := t.results[0]
	for _, i := range t.chosen {
		m := t.results[i]
		u, ratios := m.usual(), m.ratios(bare)
		sign, p50, p99 := "", percentile(m.setUps, 50), percentile(m.setUps, 99)
		if i > 0 {
			sign, p50, p99 = "+", p50-percentile(bare.setUps, 50), p99-percentile(bare.setUps, 99)
		}
		fmt.Fprintf(columns, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.2f\t%.2f..%.2f\t%"+sign+".2f\t%"+sign+".2f\t%.0f\t\n", ways[i].what,
			milliseconds(u.asterisk), milliseconds(u.helper), milliseconds(u.redis), milliseconds(u.sum()),
			percentile(ratios, 50), percentile(ratios, 25), percentile(ratios, 75), milliseconds(p50), milliseconds(p99), m.rate)
	}
	if err := columns.Flush(); err != nil {
		b.Error(err)
	}
}
