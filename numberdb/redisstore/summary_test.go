package redisstore

import (
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

func TestSummaries(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	bank := numberdb.Source{Kind: numberdb.SourcePartner, Organisation: "bank"}
	for i, reporter := range []string{"ann", "ann", "bob"} {
		r := aReport(fiction(1))
		r.Source, r.Reporter = bank, reporter
		if receipt := must[numberdb.Receipt](t)(s.Report(ctx, r)); receipt.Repeat != (i == 1) {
			t.Errorf("report %d: %+v", i, receipt)
		}
	}
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(fiction(0)/100), numberdb.StandingProtected)))
	forged := aReport(fiction(3))
	forged.Source, forged.Reporter = bank, "ann"
	must[numberdb.Receipt](t)(s.Report(ctx, forged))

	numbers := []numberdb.Number{fiction(1), fiction(2), fiction(3)}
	for _, tc := range []struct {
		source   numberdb.Source
		reporter string
		own      [3]bool
	}{
		{bank, "ann", [3]bool{true, false, true}},
		{bank, "bob", [3]bool{true, false, false}},
		{bank, "eve", [3]bool{}},
		{numberdb.Source{Kind: numberdb.SourcePartner, Organisation: "other"}, "ann", [3]bool{}},
		{numberdb.Source{Kind: numberdb.SourceFeed, Organisation: "bank"}, "ann", [3]bool{}},
	} {
		got := must[[]numberdb.Summary](t)(s.Summaries(ctx, numbers, tc.source, tc.reporter))
		for i, want := range [3]int{3, 0, 1} {
			listing := must[numberdb.Listing](t)(s.Listing(ctx, numbers[i]))
			if got[i] != (numberdb.Summary{Listing: listing, Reports: want, Own: tc.own[i]}) {
				t.Errorf("%v %s: number %d is %+v", tc.source, tc.reporter, i, got[i])
			}
		}
	}
	if standing(must[[]numberdb.Summary](t)(s.Summaries(ctx, numbers, bank, "ann"))[1].Listing, callback) != numberdb.StandingProtected {
		t.Error("the range around a number is left out")
	}
	if got := must[[]numberdb.Summary](t)(s.Summaries(ctx, nil, bank, "ann")); len(got) != 0 {
		t.Errorf("of no numbers: %v", got)
	}
}
