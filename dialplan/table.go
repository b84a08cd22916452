package dialplan

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// WriteTable prints clips for people, one a line: length, peak, level, and the silence at both ends.
func WriteTable(w io.Writer, clips []Clip) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LANGUAGE\tCLIP\tSOURCE\tLENGTH\tPEAK dBFS\tLEVEL dBFS\tLEAD ms\tTAIL ms\tTEXT")
	for _, c := range clips {
		if c.Length == 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t-\t-\t-\t-\t-\t%s\n", c.Language, c.Name, c.Source, c.Text)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2f s\t%.1f\t%.1f\t%d\t%d\t%s\n", c.Language, c.Name, c.Source, c.Length.Seconds(), c.Peak, c.Level,
			c.LeadingSilence.Milliseconds(), c.TrailingSilence.Milliseconds(), c.Text)
	}
	return t.Flush()
}

// WriteSummary prints what a table of all clips comes to, one language a line.
func WriteSummary(w io.Writer, clips []Clip) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LANGUAGE\tCLIPS\tBUILT\tRECORDED\tTOTAL\tLONGEST\tPEAK dBFS\tLEVEL dBFS\tLEAD ms\tTAIL ms")
	for _, l := range languages {
		var n, built, recorded int
		var total, longest time.Duration
		peak, low, high := -120.0, 0.0, -120.0
		lead, tail := [2]time.Duration{time.Hour, 0}, [2]time.Duration{time.Hour, 0}
		for _, c := range clips {
			if c.Language != l.Code {
				continue
			}
			n++
			switch c.Source {
			case SourceBuilt:
				built++
			case SourceRecorded:
				recorded++
			}
			if c.Length == 0 {
				continue
			}
			total, longest = total+c.Length, max(longest, c.Length)
			peak, low, high = max(peak, c.Peak), min(low, c.Level), max(high, c.Level)
			lead = [2]time.Duration{min(lead[0], c.LeadingSilence), max(lead[1], c.LeadingSilence)}
			tail = [2]time.Duration{min(tail[0], c.TrailingSilence), max(tail[1], c.TrailingSilence)}
		}
		if n == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.0f s\t%.1f s\t%.1f\t%.1f to %.1f\t%d to %d\t%d to %d\n", l.Code, n, built, recorded,
			total.Seconds(), longest.Seconds(), peak, low, high,
			lead[0].Milliseconds(), lead[1].Milliseconds(), tail[0].Milliseconds(), tail[1].Milliseconds())
	}
	return t.Flush()
}
