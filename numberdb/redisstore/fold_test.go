package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// aRow is a report of a list about the i-th number.
func aRow(i int, reporter string) numberdb.Report {
	r := aReport(fiction(i))
	r.Source, r.Reporter = complaints, reporter
	return r
}

// imported has an import take in rows.
func imported(t *testing.T, s *Store, rows ...numberdb.Report) {
	t.Helper()
	if got := must[Imported](t)(s.Importer(complaints).Take(soon(t), rows)); got.Reports != len(rows) {
		t.Fatalf("took in %+v", got)
	}
}

// TestFoldedReportIsRead wants the report in a folded record to be found wherever reports are shown, behind older ones that outlived their evidence.
func TestFoldedReportIsRead(t *testing.T) {
	for _, older := range []int{0, 1, 5} {
		s, ctx := newStore(t, sharedRedis(t), func(o *Options) { o.Prefix = fmt.Sprint("folded", older) }), soon(t)
		p, n := placeOf(exact(fiction(1)), 4), fiction(1)
		var want []string
		for i := range older {
			r := aReport(n)
			r.Text = fmt.Sprint("older ", i)
			must[numberdb.Receipt](t)(s.Report(ctx, r))
			want = append(want, r.Text)
		}
		s.client.Del(ctx, s.keys.evidence(p), s.keys.reporters(p))
		s.client.HDel(ctx, s.keys.listing(p), p.field) // as Sweep does when it has ended
		imported(t, s, aRow(1, "row"))
		want = append(want, aRow(1, "row").Text)
		slices.Reverse(want)
		if kind := s.client.Type(ctx, s.keys.evidence(p)).Val(); kind != "string" {
			t.Fatalf("the evidence is a %s, not folded", kind)
		}
		read := func() (texts []string) {
			for f, err := range s.Reports(ctx, n) {
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, f.Report.Text)
			}
			return texts
		}
		pages := func(between func()) (texts []string) {
			for cursor, more := "", true; more; more = cursor != "" {
				page, next, err := s.ReportPage(ctx, n, cursor, 2)
				if err != nil || len(page) > 2 {
					t.Fatalf("a page of %d: %v", len(page), err)
				}
				for _, f := range page {
					texts = append(texts, f.Report.Text)
				}
				cursor = next
				between()
			}
			return texts
		}
		check := func(when string) {
			t.Helper()
			r := must[numberdb.Record](t)(s.Record(ctx, n))
			if r.Reports.Total != older+1 || !r.Reports.Oldest.Equal(noon) || !r.Reports.Newest.Equal(noon) || r.Evidence[callback].Sources["complaints"] == 0 {
				t.Errorf("%s: the record is %+v", when, r)
			}
			sums := must[[]numberdb.Summary](t)(s.Summaries(ctx, []numberdb.Number{n}, complaints, "row"))
			others := must[[]numberdb.Summary](t)(s.Summaries(ctx, []numberdb.Number{n}, complaints, "another"))
			if sums[0].Reports != older+1 || !sums[0].Own || others[0].Own {
				t.Errorf("%s: the summaries are %+v and %+v", when, sums, others)
			}
			if got := read(); !slices.Equal(got, want) {
				t.Errorf("%s: read %q, want %q", when, got, want)
			}
		}
		check("folded")
		if got := pages(func() {}); !slices.Equal(got, want) {
			t.Errorf("the pages have %q, want %q", got, want)
		}
		// Between two pages a decision unfolds it.
		got := pages(func() { must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(n), numberdb.StandingWarn))) })
		if !slices.Equal(got, want) {
			t.Errorf("the pages have %q while it is unfolded, want %q", got, want)
		}
		if kind := s.client.Type(ctx, s.keys.evidence(p)).Val(); kind != "hash" {
			t.Errorf("after a decision the evidence is a %s", kind)
		}
		check("unfolded")
	}
}

// TestFoldedEvidenceEnds: the key lives as long as the report, the evidence in it does not.
func TestFoldedEvidenceEnds(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	p := placeOf(exact(fiction(1)), 4)
	imported(t, s, aRow(1, "row"))
	live := s.client.PTTL(ctx, s.keys.evidence(p)).Val()
	if want := s.options.Retention; live > want || live < want-patience {
		t.Errorf("the record lives for %v, want %v", live, want)
	}
	late := s.options.Retention - evidenceTTL(s.options.Rules) - time.Hour
	s.client.PExpire(ctx, s.keys.evidence(p), late)
	r := must[numberdb.Record](t)(s.Record(ctx, fiction(1)))
	if r.Reports.Total != 1 || r.Evidence[callback].Last != 0 {
		t.Errorf("the record is %+v, want a report without evidence", r)
	}
	if n := unfoldAll(t, s); n != 1 {
		t.Errorf("%d were unfolded", n)
	}
	if n := s.client.Exists(ctx, s.keys.evidence(p), s.keys.reporters(p)).Val(); n != 0 {
		t.Errorf("%d keys of evidence are left", n)
	}
	if live := s.client.PTTL(ctx, s.keys.reports(p)).Val(); live > late || live < late-patience {
		t.Errorf("the report lives for %v, want %v", live, late)
	}
}

// TestShortRetentionFoldsNothing: reports that end before their evidence cannot share a key with it.
func TestShortRetentionFoldsNothing(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t), func(o *Options) { o.Retention = 24 * time.Hour }), soon(t)
	whole := newStore(t, sharedRedis(t), func(o *Options) { o.Prefix = "whole" })
	reports := rows(complaints, 500)
	for _, s := range []*Store{s, whole} {
		must[Imported](t)(s.Importer(complaints).Take(ctx, reports))
	}
	if n := unfoldAll(t, s); n != 0 {
		t.Errorf("%d records are folded", n)
	}
	compare(t, contents(t, s), contents(t, whole))
}

// TestDamagedFoldedRecord: what cannot be read is told of, kept among the reports, and in nobody's way.
func TestDamagedFoldedRecord(t *testing.T) {
	log := &logLines{}
	s := newStore(t, sharedRedis(t), func(o *Options) { o.Logger = log.logger() })
	ctx := soon(t)
	imported(t, s, aRow(0, "row"))
	sound := s.client.Get(ctx, s.keys.evidence(placeOf(exact(fiction(0)), 4))).Val()
	head, body, _ := strings.Cut(sound, "\n")
	words := strings.Split(head, " ")
	worded := func(i int, word string) string {
		other := slices.Clone(words)
		other[i] = word
		return strings.Join(other, " ") + "\n" + body
	}
	for i, text := range []string{
		"", "\n", "nonsense", sound[:len(sound)-1], sound[1:], "x" + sound, "1 source 2 3\n{}", "-" + sound, sound[:20] + "\n{\"report\":7}",
		worded(3, "0"), worded(3, "3"), worded(3, "4"), worded(4, "4"), worded(7, "65536"), worded(7, "1 1"), // roles, genuine, ends
		strings.Replace(sound, `"brand":"amazon"`, `"brand":{}`, 1), strings.Replace(sound, `"brand":"amazon"`, `"brand":null`, 1),
		strings.Replace(sound, `"organisation":"complaints"`, `"organisation":null`, 1),
	} {
		if i > 0 && text == sound {
			t.Fatal("a record is not damaged")
		}
		n := fiction(1 + i)
		p := placeOf(exact(n), 4)
		s.client.Set(ctx, s.keys.evidence(p), text, time.Hour)
		must[numberdb.Record](t)(s.Record(ctx, n))
		must[[]numberdb.Summary](t)(s.Summaries(ctx, []numberdb.Number{n}, complaints, "row"))
		for _, err := range s.Reports(ctx, n) {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		first := must[numberdb.Receipt](t)(s.Report(ctx, aReport(n)))
		if kept := s.client.LRange(ctx, s.keys.reports(p), 0, -1).Val(); first.Repeat || len(kept) != 2 {
			t.Errorf("%q: %+v, and %q is kept", text, first, kept)
		}
		if l := must[numberdb.Listing](t)(s.Listing(ctx, n)); standing(l, callback) != numberdb.StandingWarn || l.Roles[callback].WatchUntil > numberdb.DayOf(noon)+400 {
			t.Errorf("%q: the listing is %+v", text, l)
		}
	}
	if log.has("3319900") || !log.has("cannot be read") {
		t.Errorf("the log is %s", log)
	}
}

// TestEvidenceOfAnotherType: a key that is neither evidence nor a folded record is an error at once, not a question that is asked again and again until
// the time for a call is over, as if Redis were away.
func TestEvidenceOfAnotherType(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t), func(o *Options) { o.Timeout = 2 * time.Second }), soon(t)
	s.client.RPush(ctx, s.keys.evidence(placeOf(exact(fiction(1)), 4)), "x")
	if _, err := s.Record(ctx, fiction(1)); !redis.HasErrorPrefix(err, "WRONGTYPE") {
		t.Errorf("the record ends with %v", err)
	}
}

// TestUnfoldLosesNoReport: where a report cannot be put among the others, it stays in the folded record.
func TestUnfoldLosesNoReport(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	p := placeOf(exact(fiction(1)), 4)
	imported(t, s, aRow(1, "row"))
	record := s.client.Get(ctx, s.keys.evidence(p)).Val()
	s.client.Set(ctx, s.keys.reports(p), "no list", 0)
	if _, err := s.Report(ctx, aReport(fiction(1))); err == nil {
		t.Error("a report was taken in that nobody can keep")
	}
	if got := s.client.Get(ctx, s.keys.evidence(p)).Val(); got != record {
		t.Errorf("the record is %q, was %q", got, record)
	}
	s.client.Del(ctx, s.keys.reports(p))
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	if n := s.client.LLen(ctx, s.keys.reports(p)).Val(); n != 2 {
		t.Errorf("%d reports are kept, want 2", n)
	}
}

// TestFoldedReportKeepsOlderOnes: reports are kept for a time after the last one about their number, and that may be a folded one.
func TestFoldedReportKeepsOlderOnes(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	p := placeOf(exact(fiction(1)), 4)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	s.client.Del(ctx, s.keys.evidence(p), s.keys.reporters(p)) // which have ended
	s.client.HDel(ctx, s.keys.listing(p), p.field)             // as Sweep does
	s.client.Expire(ctx, s.keys.reports(p), time.Hour)
	imported(t, s, aRow(1, "row"))
	if kind := s.client.Type(ctx, s.keys.evidence(p)).Val(); kind != "string" {
		t.Fatalf("the evidence is a %s, not folded", kind)
	}
	if live, want := s.client.PTTL(ctx, s.keys.reports(p)).Val(), s.options.Retention; live > want || live < want-patience {
		t.Errorf("the older report lives for %v, want %v", live, want)
	}
}

// TestUndatedRowStaysFolded: a list without times gets that of its import, so that the same row comes with another one each time. It is a repeat for as
// long as its evidence lives, as any reporter's, and then counts again.
func TestUndatedRowStaysFolded(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	p := placeOf(exact(fiction(1)), 4)
	imported(t, s, aRow(1, "row"))
	record := s.client.Get(ctx, s.keys.evidence(p)).Val()
	later := aRow(1, "row")
	later.At = noon
	again := func(r numberdb.Report, want Imported) {
		t.Helper()
		if got := must[Imported](t)(s.Importer(complaints).Take(ctx, []numberdb.Report{r})); got != want {
			t.Errorf("took in %+v, want %+v", got, want)
		}
	}
	again(later, Imported{Reports: 1, Repeats: 1})
	if got := s.client.Get(ctx, s.keys.evidence(p)).Val(); got != record {
		t.Errorf("the record is %q, was %q", got, record)
	}
	s.client.PExpire(ctx, s.keys.evidence(p), s.options.Retention-evidenceTTL(s.options.Rules)-time.Hour)
	again(later, Imported{Reports: 1})
	again(later, Imported{Reports: 1, Repeats: 1})
	if r := must[numberdb.Record](t)(s.Record(ctx, fiction(1))); r.Reports.Total != 2 || r.Evidence[callback].Last != numberdb.DayOf(noon) {
		t.Errorf("the record is %+v", r)
	}
	again(aRow(1, "another"), Imported{Reports: 1})
}

// TestImportIntoLostPartition: a partition that has lost its marker takes in nothing, even from an import that was under way.
func TestImportIntoLostPartition(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	im := s.Importer(complaints)
	must[Imported](t)(im.Take(ctx, []numberdb.Report{aRow(1, "row")}))
	lost := inPartition(2, 4, 100)
	s.client.Del(ctx, s.keys.marker(2))
	before := len(s.client.Keys(ctx, s.keys.tag(2)+":*").Val())
	r := aRow(1, "other")
	r.Number = lost
	if _, err := im.Take(ctx, []numberdb.Report{r}); !errors.Is(err, numberdb.ErrNoList) {
		t.Errorf("the import ended with %v", err)
	}
	if after := len(s.client.Keys(ctx, s.keys.tag(2)+":*").Val()); after != before {
		t.Errorf("%d keys, %d before", after, before)
	}
}

// FuzzParseFolded wants a record that was read to say what it said when it is written again.
func FuzzParseFolded(f *testing.F) {
	s := &Store{}
	if err := s.options.setDefaults(); err != nil {
		f.Fatal(err)
	}
	r := aRow(1, "row")
	var d numberdb.Dossier
	d.Report(s.options.Rules, &r, 0, numberdb.DayOf(noon))
	text, err := s.appendFolded(nil, &filed{ID: "ID", Report: r}, 0, &d.Evidence)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("1 source 2 3 0 4 5 6 7 8 9\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseFolded(text)
		if err == nil && (v.roles == 0 || v.roles > 3 || v.genuine > 3 || v.earlier < 0 || v.report == "") {
			t.Errorf("%q is read as %+v", text, v)
		}
	})
}
