package redisstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// TestRecordIsTheReference plays random histories on the store and on numberdb.Dossier, and wants the same evidence of both.
func TestRecordIsTheReference(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	random := rand.New(rand.NewPCG(7, 8))
	today := numberdb.DayOf(noon)
	for i := range 40 {
		var d numberdb.Dossier
		n := fiction(i)
		rules := numberdb.DefaultRules()
		sources := [numberdb.SourceKindCount]int{}
		steps := 1 + random.IntN(15)
		for step := range steps {
			if step == 9 {
				decision := aDecision(exact(n), numberdb.StandingProtected)
				d.Decide(&rules, &decision, today)
				must[numberdb.Listing](t)(s.Decide(ctx, anActor, decision))
			}
			r := aReport(n)
			r.Roles = numberdb.Roles(1 + random.IntN(3))
			r.Source = numberdb.Source{Kind: numberdb.SourceKind(random.IntN(4)), Organisation: fmt.Sprint("o", random.IntN(4))}
			r.Reporter, r.At = fmt.Sprint("u", random.IntN(6)), noon.AddDate(0, 0, -random.IntN(200))
			sources[r.Source.Kind]++
			want := d.Report(&rules, &r, 0, today)
			if got := must[numberdb.Receipt](t)(s.Report(ctx, r)); got.Forging != want.Forging {
				t.Fatalf("forging is %v, want %v", got.Forging, want.Forging)
			}
		}
		got := must[numberdb.Record](t)(s.Record(ctx, n))
		if !reflect.DeepEqual(got.Evidence, d.Evidence) {
			t.Fatalf("the evidence is\n%+v, want\n%+v", got.Evidence, d.Evidence)
		}
		if got.Listing(today) != d.Listing || got.Reports.Total != steps || got.Reports.BySource != sources ||
			!got.Reports.Newest.Equal(noon) || !got.Reports.Oldest.Equal(noon) {
			t.Fatalf("the record is %+v", got)
		}
		page, next, err := s.ReportPage(ctx, n, "", 100)
		if err != nil || next != "" || len(page) != steps {
			t.Fatalf("the reports are %+v, %q, %v", page, next, err)
		}
		for j, f := range page { // the newest first
			if isLate := steps-1-j >= 9; f.Forging != (isLate && f.Report.Roles.Has(callback)) {
				t.Errorf("report %d of %d: forging is %v", steps-1-j, steps, f.Forging)
			}
		}
	}
}

func TestRecordOfARange(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	broad, narrow := ranged(331990), ranged(331990000)
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(broad, numberdb.StandingBlock)))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(narrow, numberdb.StandingProtected)))
	r := must[numberdb.Record](t)(s.Record(ctx, fiction(1)))
	if len(r.Listed) != 2 || r.Listed[0].Target != narrow || r.Listed[1].Target != broad || r.Reports != (numberdb.ReportTotals{}) {
		t.Errorf("the record is %+v", r)
	}
	if want := must[numberdb.Listing](t)(s.Listing(ctx, fiction(1))); r.Listing(numberdb.DayOf(noon)) != want {
		t.Errorf("the listing is %+v, want %+v", r.Listing(numberdb.DayOf(noon)), want)
	}
}

// TestReportPages turns pages while reports come in, across into those of an older version, and wants each report once.
func TestReportPages(t *testing.T) {
	s, ctx, n := newStore(t, sharedRedis(t)), soon(t), fiction(1)
	p := placeOf(exact(n), 4)
	var want []string
	for i := range 25 {
		old := fmt.Sprintf(`{"id":"OLD%d","report":{"number":"+33199000001","roles":["callback"]}}`, i)
		s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.oldReports(p), ID: fmt.Sprintf("%d-0", 1790000000000+i), Values: []string{"r", old}})
		want = append(want, fmt.Sprint("OLD", i))
	}
	for range 25 {
		want = append(want, must[numberdb.Receipt](t)(s.Report(ctx, aReport(n))).ID)
	}
	slices.Reverse(want)
	var got []string
	for cursor, pages := "", 0; ; pages++ {
		page, next, err := s.ReportPage(ctx, n, cursor, 7)
		if err != nil || len(page) > 7 || pages > 20 {
			t.Fatalf("page %d has %d reports: %v", pages, len(page), err)
		}
		for _, f := range page {
			got = append(got, f.ID)
		}
		must[numberdb.Receipt](t)(s.Report(ctx, aReport(n))) // behind the page's back
		if cursor = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	r := must[numberdb.Record](t)(s.Record(ctx, n))
	if r.Reports.Oldest.UnixMilli() != 1790000000000 || !r.Reports.Newest.Equal(noon) {
		t.Errorf("the totals are %+v", r.Reports)
	}
}

func TestReportPageOfOldOnesAlone(t *testing.T) {
	s, ctx, n := newStore(t, sharedRedis(t)), soon(t), fiction(1)
	old := `{"id":"OLD","report":{"number":"+33199000001","roles":["callback"]}}`
	s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.oldReports(placeOf(exact(n), 4)), ID: "1790000000000-0", Values: []string{"r", old}})
	page, next, err := s.ReportPage(ctx, n, "", 7)
	if err != nil || next != "" || len(page) != 1 || page[0].ID != "OLD" || !page[0].Received.Equal(time.UnixMilli(1790000000000)) {
		t.Errorf("read %+v, %q, %v", page, next, err)
	}
}

func TestHistoryPages(t *testing.T) {
	s, ctx, target := newStore(t, sharedRedis(t)), soon(t), ranged(331990000)
	for i := range 10 {
		d := aDecision(target, numberdb.StandingBlock)
		d.Reason = fmt.Sprint(i)
		must[numberdb.Listing](t)(s.Decide(ctx, anActor, d))
	}
	if err := s.Mark(ctx, target, numberdb.MarkAllowed, true, "ann", "ours", noon); err != nil {
		t.Fatal(err)
	}
	got := ""
	for cursor := ""; ; {
		page, next, err := s.HistoryPage(ctx, target, cursor, 4)
		if err != nil || len(page) > 4 {
			t.Fatalf("%d on a page: %v", len(page), err)
		}
		for _, a := range page {
			if a.Marking != nil {
				got += a.Marking.Reason
			} else {
				got += a.Decision.Reason
			}
			if a.Audit == 0 || !a.At().Equal(noon) {
				t.Errorf("got %+v", a)
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	if got != "ours9876543210" {
		t.Errorf("the history is %s", got)
	}
}

func TestBadCursors(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	for _, cursor := range []string{"x", "0", "-1", "1.5", "99999999999999999999", "s1", "s-", "s1-2-3", "s(1-1", "+", "-", "\x00", "s1-99999999999999999999"} {
		if _, _, err := s.ReportPage(ctx, fiction(1), cursor, 5); !errors.Is(err, numberdb.ErrBadCursor) {
			t.Errorf("reports from %q: %v", cursor, err)
		}
	}
	for _, cursor := range []string{"x", "1", "+", "-", "(1-1", "1-", "-1"} {
		if _, _, err := s.HistoryPage(ctx, exact(fiction(1)), cursor, 5); !errors.Is(err, numberdb.ErrBadCursor) {
			t.Errorf("history from %q: %v", cursor, err)
		}
	}
	// A place that there never was, far beyond, is the end.
	if page, next, err := s.ReportPage(ctx, fiction(1), "999999999999999999", 5); err != nil || next != "" || len(page) != 0 {
		t.Errorf("from far beyond: %+v, %q, %v", page, next, err)
	}
}
