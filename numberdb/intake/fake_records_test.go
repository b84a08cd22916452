package intake

import (
	"context"

	"github.com/linewarden/linewarden/numberdb"
)

func (s *fakeStore) Record(_ context.Context, n numberdb.Number) (numberdb.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := numberdb.Record{Number: n, Listed: []numberdb.Change{{Target: numberdb.Target{Number: n}, Listing: s.listing[n]}}}
	for _, report := range s.reports {
		if report.Number == n {
			r.Reports.Total++
		}
	}
	return r, s.fail
}

func (s *fakeStore) ReportPage(context.Context, numberdb.Number, string, int) ([]numberdb.Filed, string, error) {
	return nil, "", s.fail
}

func (s *fakeStore) HistoryPage(context.Context, numberdb.Target, string, int) ([]numberdb.Act, string, error) {
	return nil, "", s.fail
}

// Summaries counts the stored reports.
func (s *fakeStore) Summaries(_ context.Context, numbers []numberdb.Number, source numberdb.Source, reporter string) ([]numberdb.Summary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := make([]numberdb.Summary, len(numbers))
	for i, n := range numbers {
		sums[i].Listing = s.listing[n]
		for _, r := range s.reports {
			if r.Number == n {
				sums[i].Reports++
				sums[i].Own = sums[i].Own || r.Source == source && r.Reporter == reporter
			}
		}
	}
	return sums, s.fail
}
