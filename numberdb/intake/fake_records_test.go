package intake

import (
	"context"

	"github.com/linewarden/linewarden/numberdb"
)

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
