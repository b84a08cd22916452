package prefilter_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/screening/ami"
)

// BenchmarkScreening compares what screening a clean call costs Asterisk, in microseconds of its processor time for each call: handed out by
// Stasis and by StasisBroadcast, and with the pre-filter. The calls are one call that is screened again and again, so that little else is
// measured, and the ways take turns; what the same loop costs without screening is taken away. Medians of the rounds.
func BenchmarkScreening(b *testing.B) {
	const calls = 1000
	bed := newBench(b)
	_, _, stop := bed.start(nil)
	bed.relied()
	stop() // its state holds for an hour
	bed.set("LINEWARDEN_APP", "linewarden-test")
	ways := []struct{ name, way, prefilter, mode string }{
		{"", "bare", "off", "stasis"},
		{"stasis", "outbound", "off", "stasis"},
		{"broadcast", "outbound", "off", "broadcast"},
		{"prefilter-outbound", "outbound", "on", "stasis"},
		{"prefilter-inbound", "inbound", "on", "stasis"},
	}
	took := map[string][]float64{}
	for b.Loop() {
		for _, w := range ways {
			bed.set("LINEWARDEN_PREFILTER", w.prefilter)
			bed.set("LINEWARDEN_MODE", w.mode)
			bed.prepare(slices.Repeat([]call{{w.way, "+12025550144", "+12025550143", "allowed", "default"}}, calls))
			bed.ruler.Close() // as long as anybody is connected to AMI, Asterisk has more to do for each call
			before := processorTime(b, bed.asterisk.PID())
			bed.place()
			took[w.name] = append(took[w.name], (processorTime(b, bed.asterisk.PID())-before)/calls)
			var err error
			if bed.ruler, err = ami.Dial(bed.ctx, bed.config()); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, all := range took {
		if name != "" {
			b.ReportMetric(median(all)-median(took[""]), name+"-µs/call")
		}
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// processorTime is the microseconds of processor time that a process has used, in steps of ten thousand.
func processorTime(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name, in parentheses, may hold anything; utime and stime are the 14th and 15th fields (proc(5)), in hundredths of a second.
	fields := strings.Fields(string(text[strings.LastIndex(string(text), ")")+2:]))
	sum := 0.0
	for _, f := range fields[11:13] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return sum * 1e4
}
