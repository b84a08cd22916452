package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

var complaints = numberdb.Source{Kind: numberdb.SourceFeed, Organisation: "complaints"}

// rows are reports of a list, about as many numbers as half of them, all roles, brands and days mixed, some of them twice.
func rows(source numberdb.Source, count int) []numberdb.Report {
	random := rand.New(rand.NewPCG(3, 9))
	reports := make([]numberdb.Report, count)
	for i := range reports {
		r := aReport(fiction(random.IntN(count/2 + 1)))
		r.Source, r.Reporter = source, fmt.Sprint("row-", i)
		r.Roles = numberdb.Roles(1 + random.IntN(3))
		r.Brand = []numberdb.Brand{"", "amazon", "dhl", "best-buy"}[random.IntN(4)]
		r.At = noon.AddDate(0, 0, -random.IntN(3)*random.IntN(150))
		reports[i] = r
		if i > 0 && random.IntN(20) == 0 {
			reports[i] = reports[random.IntN(i)]
		}
	}
	return reports
}

// contents is all that a list holds, without what differs from run to run: the ids of reports and of the list.
func contents(t *testing.T, s *Store) map[string]string {
	t.Helper()
	ctx := soon(t)
	held := map[string]string{}
	all, _ := loadAll(t, s)
	for target, l := range all {
		held[target.String()] = fmt.Sprint(l)
		p := placeOf(target, 4)
		held[p.text+" evidence"] = fmt.Sprint(must[numberdb.Record](t)(s.Record(ctx, target.Number)).Evidence)
		held[p.text+" reporters"] = fmt.Sprint(reportersOf(t, s, p))
		reports := ""
		for r, err := range s.Reports(ctx, target.Number) {
			if err != nil {
				t.Fatal(err)
			}
			reports += fmt.Sprintln(r.Report)
		}
		held[p.text+" reports"] = reports
	}
	return held
}

// reportersOf are the reporters who count for a number, in whatever form they are kept.
func reportersOf(t *testing.T, s *Store, p place) map[string]string {
	t.Helper()
	text, err := s.client.Get(soon(t), s.keys.evidence(p)).Result()
	if err != nil { // of another type, or none
		return s.client.HGetAll(soon(t), s.keys.reporters(p)).Val()
	}
	f := must[folded](t)(parseFolded(text))
	report, _ := s.readReport(soon(t), p, f.report)
	names := map[string]string{}
	for _, name := range f.reporters(&report.Report) {
		names[name] = fmt.Sprint(uint16(f.day))
	}
	return names
}

// unfoldAll has the scripts unfold all folded records, and says how many there were.
func unfoldAll(t *testing.T, s *Store) (count int) {
	t.Helper()
	ctx := soon(t)
	script := redis.NewScript(rulesLua(s.options.Rules) + listingLua + evidenceLua + takeLua + foldLua + "unfold(unpack(KEYS))")
	all, _ := loadAll(t, s)
	for target := range all {
		p := placeOf(target, 4)
		if s.client.Type(ctx, s.keys.evidence(p)).Val() != "string" {
			continue
		}
		count++
		if err := script.Run(ctx, s.client, []string{s.keys.evidence(p), s.keys.reporters(p), s.keys.reports(p)}).Err(); err != nil && err != redis.Nil {
			t.Fatal(err)
		}
	}
	return count
}

// TestImportIsManyReports takes the same rows in one by one and all together, and wants the same lists, evidence and reports; and then
// that taking them in again changes nothing.
func TestImportIsManyReports(t *testing.T) {
	for name, source := range map[string]numberdb.Source{
		"feed": complaints, "partner": {Kind: numberdb.SourcePartner, Organisation: "bank"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := soon(t)
			client := sharedRedis(t)
			one := newStore(t, client, func(o *Options) { o.Prefix = "one:" + name })
			many := newStore(t, client, func(o *Options) { o.Prefix = "many:" + name })
			for _, s := range []*Store{one, many} { // genuine lines, ranges among them, and what others have reported before
				must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(fiction(3)), numberdb.StandingProtected)))
				must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(331990000), numberdb.StandingCleared)))
				must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(fiction(20)), numberdb.StandingBlock)))
				must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(200))))
			}
			reports := rows(source, 3000)
			want := Imported{Reports: len(reports)}
			stored := map[string]bool{}
			for _, r := range reports {
				if stored[r.Reporter] { // each row counts once
					want.Repeats++
					continue
				}
				stored[r.Reporter] = true
				if must[numberdb.Receipt](t)(one.Report(ctx, r)).Forging {
					want.Forgeries++
				}
			}
			follower := newMirror(t, many)
			if got := must[Imported](t)(many.Importer(source).Take(ctx, reports)); got != want {
				t.Errorf("took in %+v, want %+v", got, want)
			}
			listings, _ := loadAll(t, many)
			if follower.follow(t, many, time.Millisecond); !maps.Equal(follower.listings, listings) {
				t.Errorf("a follower knows %d numbers, or others than the %d in the list", len(follower.listings), len(listings))
			}
			before := follower.changes
			first := contents(t, many)
			if len(first) < 1000 || want.Forgeries == 0 || want.Repeats == 0 {
				t.Fatalf("only %d things to compare, %+v", len(first), want)
			}
			compare(t, first, contents(t, one))
			again := must[Imported](t)(many.Importer(source).Take(ctx, reports))
			if again != (Imported{Reports: len(reports), Repeats: len(reports)}) {
				t.Errorf("the second time %+v", again)
			}
			compare(t, contents(t, many), first)
			if follower.follow(t, many, time.Millisecond); follower.changes != before {
				t.Errorf("taking it in again told followers of %d changes", follower.changes-before)
			}
			if n := unfoldAll(t, many); n < 300 {
				t.Errorf("only %d records were folded: there is too little to unfold", n)
			}
			compare(t, contents(t, many), first)
			sameKeys(t, many, one)
		})
	}
}

// sameKeys wants the same fields in the hashes of both, and that they live equally long.
func sameKeys(t *testing.T, a, b *Store) {
	t.Helper()
	ctx := soon(t)
	all, _ := loadAll(t, b)
	for target := range all {
		p := placeOf(target, 4)
		for _, key := range []func(keys, place) string{keys.evidence, keys.reporters} {
			got, want := a.client.HGetAll(ctx, key(a.keys, p)).Val(), b.client.HGetAll(ctx, key(b.keys, p)).Val()
			if !maps.Equal(got, want) {
				t.Errorf("%s holds\n%v, want\n%v", key(a.keys, p), got, want)
			}
		}
		for _, key := range []func(keys, place) string{keys.evidence, keys.reporters, keys.reports} {
			got, want := a.client.PTTL(ctx, key(a.keys, p)).Val(), b.client.PTTL(ctx, key(b.keys, p)).Val()
			if got-want > patience || want-got > patience {
				t.Errorf("%s lives for %v, want %v", key(a.keys, p), got, want)
			}
		}
	}
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("%s is\n%s, want\n%s", key, got[key], want[key])
			return
		}
	}
	t.Errorf("%d things, want %d", len(got), len(want))
}

// TestImportAfterKill kills Redis with SIGKILL amid an import. Made again from the start, the import ends as one that nothing disturbed.
func TestImportAfterKill(t *testing.T) {
	server := ownRedis(t)
	client := clientOf(t, server.Addr())
	s := newStore(t, client)
	ctx := soon(t)
	reports := rows(complaints, 8000)
	half := len(reports) / 2
	must[Imported](t)(s.Importer(complaints).Take(ctx, reports[:half]))
	ended := make(chan error, 1)
	go func() {
		im := s.Importer(complaints)
		for {
			// Repeats of what is in, new numbers as long as there are any: Redis dies amid either.
			if _, err := im.Take(ctx, reports); err != nil {
				ended <- err
				return
			}
		}
	}()
	length := func() (n int64) {
		for p := range 4 {
			n += client.XLen(ctx, s.keys.changes(p)).Val()
		}
		return n
	}
	for before := length(); length() == before; {
		if ctx.Err() != nil {
			t.Fatal("the import does not begin")
		}
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || ctx.Err() != nil {
		t.Fatalf("Redis was killed, and the import ended with %v", err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	again, err := New(clientOf(t, server.Addr()), s.options)
	if err != nil {
		t.Fatal(err)
	}
	if got := must[Imported](t)(again.Importer(complaints).Take(ctx, reports)); got.Repeats < half {
		t.Errorf("%+v: what was acknowledged before is lost", got)
	}
	undisturbed := newStore(t, sharedRedis(t), func(o *Options) { o.Prefix = "undisturbed" })
	must[Imported](t)(undisturbed.Importer(complaints).Take(ctx, reports))
	compare(t, contents(t, again), contents(t, undisturbed))
}

// TestImportBesideReports takes lists in, each by two imports at once, while people report and decide about the same numbers, and wants every report to be
// kept and counted once, and the same list as when one does it after the other.
func TestImportBesideReports(t *testing.T) {
	const numbers, reporters = 300, 3
	client, ctx := sharedRedis(t), soon(t)
	var work []func(context.Context, *Store) error
	for _, organisation := range []string{"complaints", "more-complaints"} {
		var list []numberdb.Report
		for i := range numbers {
			r := aRow(i, "row")
			r.Source.Organisation = organisation
			list = append(list, r)
		}
		for range 2 {
			work = append(work, func(ctx context.Context, s *Store) error {
				im := s.Importer(list[0].Source)
				for portion := range slices.Chunk(list, 40) {
					if _, err := im.Take(ctx, portion); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	for i := range reporters {
		work = append(work, func(ctx context.Context, s *Store) error {
			for j := range numbers {
				r := aReport(fiction(j))
				r.Reporter = fmt.Sprint("u", i)
				r.Source.Organisation = fmt.Sprint("helpline-", i)
				if _, err := s.Report(ctx, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	work = append(work, func(ctx context.Context, s *Store) error {
		for i := 0; i < numbers; i += 10 {
			if _, err := s.Decide(ctx, anActor, aDecision(exact(fiction(i)), numberdb.StandingBlock)); err != nil {
				return err
			}
		}
		return nil
	})
	orderly := newStore(t, client, func(o *Options) { o.Prefix = "orderly" })
	for _, do := range work {
		if err := do(ctx, orderly); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		s := newStore(t, client, func(o *Options) { o.Prefix = fmt.Sprint("beside:", round) })
		var wg sync.WaitGroup
		for _, do := range work {
			wg.Go(func() {
				if err := do(ctx, s); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		unfoldAll(t, s)
		got, _ := loadAll(t, s)
		want, _ := loadAll(t, orderly)
		for target, l := range want {
			p := placeOf(target, 4)
			if got[target] != l {
				t.Errorf("%s is %+v, want %+v", p.text, got[target], l)
			}
			if a, b := s.client.HGetAll(ctx, s.keys.evidence(p)).Val(), client.HGetAll(ctx, orderly.keys.evidence(p)).Val(); fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("%s has the evidence\n%v, want\n%v", p.text, a, b)
			}
			if a, b := reportersOf(t, s, p), reportersOf(t, orderly, p); fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("%s has the reporters\n%v, want\n%v", p.text, a, b)
			}
			if n := s.client.LLen(ctx, s.keys.reports(p)).Val(); n != reporters+2 {
				t.Errorf("%s has %d reports, want %d", p.text, n, reporters+2)
			}
		}
	}
}

func TestImportRefuses(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	sound, wrong := rows(complaints, 2)[0], rows(complaints, 2)[0]
	wrong.Number = 911
	var faults numberdb.Faults
	if _, err := s.Importer(complaints).Take(ctx, []numberdb.Report{sound, wrong}); !errors.As(err, &faults) || faults[0].Field != "number" {
		t.Errorf("an emergency number: %v", err)
	}
	if _, err := s.Importer(numberdb.Source{Kind: numberdb.SourcePartner, Organisation: "bank"}).Take(ctx, []numberdb.Report{sound}); err == nil {
		t.Error("a report of another source was taken in")
	}
	if all, _ := loadAll(t, s); len(all) != 0 {
		t.Errorf("stored %v", all)
	}
	// A listing of a newer version refuses the whole batch.
	p := placeOf(exact(fiction(5)), 4)
	s.client.HSet(ctx, s.keys.listing(p), p.field, "\x02\x00")
	newer := sound
	newer.Number = fiction(5)
	if _, err := s.Importer(complaints).Take(ctx, []numberdb.Report{newer}); !errors.Is(err, numberdb.ErrNewerFormat) {
		t.Errorf("over a listing of a newer version: %v", err)
	}
}

// TestImportAmidDamage: damage to one number's keys keeps none of the others in its batch from being counted and listed.
func TestImportAmidDamage(t *testing.T) {
	bank := numberdb.Source{Kind: numberdb.SourcePartner, Organisation: "bank"}
	for name, damage := range map[string]func(*Store, place) error{
		"evidence of another type": func(s *Store, p place) error {
			return errors.Join(s.client.Del(soon(t), s.keys.evidence(p)).Err(), s.client.RPush(soon(t), s.keys.evidence(p), "x").Err())
		},
		"reporters of another type": func(s *Store, p place) error { return s.client.Set(soon(t), s.keys.reporters(p), "x", 0).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newStore(t, sharedRedis(t), func(o *Options) { o.Partitions = 1 }), soon(t)
			var known, reports []numberdb.Report
			for i := range 5 {
				known, reports = append(known, aRow(i, "row")), append(reports, aRow(i, "row"))
				reports[i].Source = bank
			}
			imported(t, s, known...)
			p := placeOf(exact(fiction(2)), 1)
			if err := damage(s, p); err != nil {
				t.Fatal(err)
			}
			check := func(but int) {
				t.Helper()
				for i := range reports {
					if i == but {
						continue
					}
					r := must[numberdb.Record](t)(s.Record(ctx, fiction(i)))
					if r.Evidence[callback].Trusted["bank"] == 0 || standing(r.Listed[0].Listing, callback) != numberdb.StandingWarn {
						t.Errorf("after a partner's report number %d has the evidence %+v and is %+v", i, r.Evidence[callback], r.Listed)
					}
				}
			}
			if _, err := s.Importer(bank).Take(ctx, reports); err == nil {
				t.Error("a report about the damaged number was taken in")
			}
			check(2)
			s.client.Del(ctx, s.keys.evidence(p), s.keys.reporters(p)) // somebody mends it
			must[Imported](t)(s.Importer(bank).Take(ctx, reports))
			check(-1)
		})
	}
}

// TestImportOnCluster has the reports of one portion on both servers of a Cluster.
func TestImportOnCluster(t *testing.T) {
	client, _ := startCluster(t, 2)
	s := newStore(t, client, func(o *Options) { o.Prefix = "lw" })
	reports := rows(complaints, 1000)
	must[Imported](t)(s.Importer(complaints).Take(soon(t), reports))
	alone := newStore(t, sharedRedis(t))
	must[Imported](t)(alone.Importer(complaints).Take(soon(t), reports))
	compare(t, contents(t, s), contents(t, alone))
}

// TestImportBoundsTheChanges: a long import leaves no more changes in a stream than Redis trims roughly.
func TestImportBoundsTheChanges(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t), func(o *Options) { o.Partitions, o.Changes = 1, 50 }), soon(t)
	var reports []numberdb.Report
	for i := range 3000 {
		reports = append(reports, aRow(i, "row"))
	}
	imported(t, s, reports...)
	if n := s.client.XLen(ctx, s.keys.changes(0)).Val(); n < 50 || n > 250 { // Redis trims by nodes of 100 entries
		t.Errorf("%d changes are kept of 3000, want little more than 50", n)
	}
}

// BenchmarkImport takes in portions of 16,384 reports about as many numbers, into a Redis that syncs each write to its disk.
func BenchmarkImport(b *testing.B) {
	const portion = 16384
	client := clientOf(b, ownRedis(b, "--appendfsync", "always").Addr())
	s := newStore(b, client, func(o *Options) { o.Partitions = 64 })
	im := s.Importer(complaints)
	reports := make([]numberdb.Report, portion)
	measure := measureCPU(b, client)
	for i := range b.N {
		for j := range reports {
			reports[j] = aReport(12_025_550_000 + numberdb.Number(i*portion+j))
			reports[j].Source, reports[j].Reporter = complaints, fmt.Sprintf("row-%022d", j)
		}
		if _, err := im.Take(context.Background(), reports); err != nil {
			b.Fatal(err)
		}
	}
	measure(b.N*portion, "report")
	b.ReportMetric(float64(b.N*portion)/b.Elapsed().Seconds(), "reports/s")
	b.ReportMetric(float64(usedMemory(b, client))/float64(b.N*portion), "redis-bytes/report")
}
