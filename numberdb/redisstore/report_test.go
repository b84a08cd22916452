package redisstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// TestScriptsFollowTheReference plays random histories of reports, decisions and imports on the store and on numberdb.Dossier, with several
// sets of rules, and wants the same listing and receipt after every step, and the same evidence in the end.
func TestScriptsFollowTheReference(t *testing.T) {
	client := sharedRedis(t)
	const rulesets, workers, histories, steps = 4, 4, 130, 12
	for ruleset := range rulesets {
		t.Run(fmt.Sprint("rules ", ruleset), func(t *testing.T) {
			rules := numberdb.DefaultRules()
			if ruleset > 0 {
				rules = randomRules(rand.New(rand.NewPCG(uint64(ruleset), 0)))
			}
			if faults := rules.Check(); faults != nil {
				t.Fatal(faults)
			}
			newStore(t, client)
			seen := make([]map[numberdb.Standing]int, workers)
			var wg sync.WaitGroup
			for w := range workers {
				seen[w] = map[numberdb.Standing]int{}
				wg.Go(func() {
					h := &history{t: t, imports: map[numberdb.Source]*Importer{}, random: rand.New(rand.NewPCG(uint64(ruleset), uint64(w+1))), rules: &rules, seen: seen[w]}
					h.store = newStore(t, client, func(o *Options) { o.Rules, o.Now = &rules, h.clock.Now })
					for i := range histories {
						if !h.play(fiction(w*histories+i), steps) {
							return
						}
					}
				})
			}
			wg.Wait()
			for s := numberdb.StandingNone; s <= numberdb.StandingProtected; s++ {
				total := 0
				for w := range workers {
					total += seen[w][s]
				}
				if total < 20 {
					t.Errorf("only %d steps ended in %v: the histories test too little", total, s)
				}
			}
		})
	}
}

// randomRules are sound rules with low thresholds, so that histories reach them.
func randomRules(random *rand.Rand) numberdb.Rules {
	r := numberdb.DefaultRules()
	r.ShortHalfLife, r.LongHalfLife, r.Together = 1+random.IntN(30), 1+random.IntN(300), random.IntN(400)
	for i := range r.Levels {
		l := &r.Levels[i]
		l.Keeps = 1 + random.IntN(400)
		if l.Standing == numberdb.StandingBlock {
			l.Trusted = 2
		}
		if l.Trusted == 0 {
			l.Short, l.Long, l.Days, l.Sources = random.Float64()*2, random.Float64()*3, 1+random.IntN(3), random.IntN(3)
		}
	}
	return r
}

type history struct {
	t      *testing.T
	random *rand.Rand
	rules  *numberdb.Rules
	store  *Store
	clock  clock
	seen   map[numberdb.Standing]int

	imports map[numberdb.Source]*Importer
	rows    int
}

// play plays one history and says whether it agreed.
func (h *history) play(n numberdb.Number, steps int) bool {
	var d numberdb.Dossier
	now := noon
	var past []string
	for i := range steps {
		now = now.AddDate(0, 0, h.random.IntN(4)*h.random.IntN(40))
		h.clock.set(now)
		var ok bool
		var step string
		switch kind := h.random.IntN(10); {
		case kind < 2:
			step, ok = h.decide(n, &d, now)
		case kind < 3, i == 0 && kind < 7:
			step, ok = h.takeIn(n, &d, now)
		default:
			step, ok = h.report(n, &d, now)
		}
		past = append(past, fmt.Sprintf("day %d: %s", int(now.Sub(noon).Hours())/24, step))
		if !ok {
			h.t.Errorf("after\n%s", strings.Join(past, "\n"))
			return false
		}
		h.seen[d.Listing.Roles[callback].At(numberdb.DayOf(now))]++
	}
	got, err := h.store.Record(h.t.Context(), n)
	if err != nil || !reflect.DeepEqual(got.Evidence, d.Evidence) {
		h.t.Errorf("the evidence is\n%+v, want\n%+v (%v) after\n%s", got.Evidence, d.Evidence, err, strings.Join(past, "\n"))
		return false
	}
	return true
}

// takeIn imports one row. Rows are reporters of their own.
func (h *history) takeIn(n numberdb.Number, d *numberdb.Dossier, now time.Time) (string, bool) {
	r := aReport(n)
	r.Roles = numberdb.Roles(1 + h.random.IntN(3))
	r.Brand = []numberdb.Brand{"", "amazon", "dhl"}[h.random.IntN(3)]
	r.Source = numberdb.Source{Kind: numberdb.SourceFeed + numberdb.SourceKind(h.random.IntN(2)), Organisation: fmt.Sprint("o", h.random.IntN(4))}
	h.rows++
	r.Reporter = fmt.Sprint("row-", h.rows)
	r.At = now.AddDate(0, 0, -h.random.IntN(3)*h.random.IntN(150))
	if h.imports[r.Source] == nil {
		h.imports[r.Source] = h.store.Importer(r.Source)
	}
	want := d.Report(h.rules, &r, 0, numberdb.DayOf(now))
	step := fmt.Sprintf("import a row of %v in %v, %v, %v days ago", r.Source, r.Roles, r.Brand, now.Sub(r.At).Hours()/24)
	for _, in := range []Imported{{Reports: 1}, {Reports: 1, Repeats: 1}} { // once, and once more
		if want.Forging && in.Repeats == 0 {
			in.Forgeries = 1
		}
		got, err := h.imports[r.Source].Take(h.t.Context(), []numberdb.Report{r})
		listing, err2 := h.store.Listing(h.t.Context(), n)
		if err := errors.Join(err, err2); err != nil || got != in || listing != want.Listing {
			h.t.Errorf("%s: %+v, %+v, %v; want %+v and the listing\n%+v", step, got, listing, err, in, want.Listing)
			return step, false
		}
	}
	return step, true
}

func (h *history) report(n numberdb.Number, d *numberdb.Dossier, now time.Time) (string, bool) {
	r := aReport(n)
	r.Roles = numberdb.Roles(1 + h.random.IntN(3))
	r.Brand = []numberdb.Brand{"", "amazon", "dhl", "best-buy"}[h.random.IntN(4)]
	r.Source = numberdb.Source{Kind: numberdb.SourceKind(h.random.IntN(4)), Organisation: fmt.Sprint("o", h.random.IntN(4))}
	if h.random.IntN(20) == 0 {
		r.Source.Organisation = fmt.Sprint("rare", h.random.IntN(1000))
	}
	r.Reporter = fmt.Sprint("r:", h.random.IntN(5))
	r.At = now.AddDate(0, 0, -h.random.IntN(3)*h.random.IntN(150))
	want := d.Report(h.rules, &r, 0, numberdb.DayOf(now))
	got, err := h.store.Report(h.t.Context(), r)
	step := fmt.Sprintf("report %v by %v of %v in %v, %v, %v days ago", r.Reporter, r.Source.Kind, r.Source.Organisation, r.Roles, r.Brand, now.Sub(r.At).Hours()/24)
	if err != nil {
		h.t.Errorf("%s: %v", step, err)
		return step, false
	}
	want.ID = got.ID
	if got != want {
		h.t.Errorf("the store gives\n%+v, the reference\n%+v", got, want)
	}
	return step, got == want
}

func (h *history) decide(n numberdb.Number, d *numberdb.Dossier, now time.Time) (string, bool) {
	v := aDecision(exact(n), numberdb.Standing(h.random.IntN(6)))
	v.Roles = numberdb.Roles(1 + h.random.IntN(3))
	v.At = now
	v.Class = numberdb.Class(h.random.IntN(3))
	v.Brand = []numberdb.Brand{"", "", "ups"}[h.random.IntN(3)]
	if h.random.IntN(2) == 0 {
		v.Until = now.AddDate(0, 0, 1+h.random.IntN(300))
	}
	if h.random.IntN(3) == 0 && !numberdb.NeedsApprover(numberdb.StandingNone, v.Standing) {
		v.Approver = ""
	}
	wantOK := d.Decide(h.rules, &v, numberdb.DayOf(now))
	got, err := h.store.Decide(h.t.Context(), anActor, v)
	step := fmt.Sprintf("decide %v in %v until %v, approved %v", v.Standing, v.Roles, v.Until, v.Approved())
	switch {
	case wantOK && err != nil, !wantOK && !errors.Is(err, numberdb.ErrNeedsApprover):
		h.t.Errorf("%s: %v; the reference allows it: %v", step, err, wantOK)
		return step, false
	case wantOK && got != d.Listing:
		h.t.Errorf("the store gives\n%+v, the reference\n%+v", got, d.Listing)
		return step, false
	}
	return step, true
}

// TestScriptListingForm has the scripts read and write listings of every kind, and refuse what Go refuses.
func TestScriptListingForm(t *testing.T) {
	client := sharedRedis(t)
	script := redis.NewScript(listingLua + `
		local out = {}
		for i, raw in ipairs(ARGV) do
		  local l = decode(raw)
		  out[i] = l and encode(l) or ''
		end
		return out`)
	random := rand.New(rand.NewPCG(5, 6))
	var forms []any
	for range 3000 {
		b := randomForm(random)
		forms = append(forms, b)
	}
	echoed, err := script.Run(soon(t), client, nil, forms...).StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	good := 0
	for i, got := range echoed {
		raw := forms[i].(string)
		want := raw
		var l numberdb.Listing
		if err := l.UnmarshalBinary([]byte(raw)); err != nil {
			want = ""
		} else {
			good++
		}
		if got != want {
			t.Errorf("%x is read by the script and written as %x", raw, got)
		}
	}
	if good < 500 || good > 2500 {
		t.Errorf("%d of 3000 forms were good: the test is lopsided", good)
	}
}

// randomForm is the binary form of a random listing, often damaged.
func randomForm(random *rand.Rand) string {
	day := func() numberdb.Day { return numberdb.Day(random.IntN(2) * random.IntN(1<<16)) }
	l := numberdb.Listing{Marks: numberdb.Marks(random.IntN(4))}
	for i := range l.Roles {
		if random.IntN(3) > 0 {
			l.Roles[i] = numberdb.RoleListing{
				Override: numberdb.Standing(random.IntN(6)), OverrideUntil: day(), BlockUntil: day(), WarnUntil: day(), WatchUntil: day(),
				Class: numberdb.Class(random.IntN(3)), Brand: []numberdb.Brand{"", "amazon", "a-1", "0123456789abcdefghijklmnopqrstuv"}[random.IntN(4)],
			}
		}
	}
	b, err := l.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	switch random.IntN(4) {
	case 0:
		b[random.IntN(len(b))] = byte(random.Uint32())
	case 1:
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
	case 2:
		b = b[:random.IntN(len(b)+1)]
	}
	return string(b)
}

func TestReportCountsAReporterOnce(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	r := aReport(fiction(1))
	first := must[numberdb.Receipt](t)(s.Report(ctx, r))
	if first.Repeat || first.Forging || len(first.ID) != 26 || standing(first.Listing, callback) != numberdb.StandingWarn {
		t.Errorf("got %+v", first)
	}
	r.Text = "Again."
	second := must[numberdb.Receipt](t)(s.Report(ctx, r))
	if !second.Repeat || second.ID == first.ID {
		t.Errorf("got %+v", second)
	}
	r.Roles = numberdb.RolesOf(callback, callerID)
	if third := must[numberdb.Receipt](t)(s.Report(ctx, r)); third.Repeat || standing(third.Listing, callerID) != numberdb.StandingWarn {
		t.Errorf("got %+v", third)
	}
	var texts []string
	for f, err := range s.Reports(ctx, r.Number) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Received.IsZero() || f.Report.Number != r.Number || f.Report.RedFlags != r.RedFlags || !f.Report.At.Equal(r.At) {
			t.Errorf("got %+v", f)
		}
		texts = append(texts, f.ID+f.Report.Text)
	}
	if len(texts) != 3 || texts[2] != first.ID+"They wanted gift cards." || texts[1] != second.ID+"Again." {
		t.Errorf("the reports are %q", texts)
	}
}

// TestReportsOfAnOlderVersion reads those that lie in a stream, after the newer ones.
func TestReportsOfAnOlderVersion(t *testing.T) {
	s, ctx, n := newStore(t, sharedRedis(t)), soon(t), fiction(1)
	old := `{"id":"OLD","report":{"number":"+33199000001","roles":["callback"],"text":"from before"}}`
	s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.oldReports(placeOf(exact(n), 4)), ID: "1790000000000-0", Values: []string{"r", old}})
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(n)))
	var read []numberdb.Filed
	for f, err := range s.Reports(ctx, n) {
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, f)
	}
	if len(read) != 2 || !read[0].Received.Equal(noon) || read[1].ID != "OLD" || read[1].Report.Text != "from before" || read[1].Received.Unix() != 1790000000 {
		t.Errorf("read %+v", read)
	}
}

func TestDamagedReportIsSkipped(t *testing.T) {
	log := &logLines{}
	s := newStore(t, sharedRedis(t), func(o *Options) { o.Logger = log.logger() })
	ctx := soon(t)
	n := fiction(1)
	reports := s.keys.reports(placeOf(exact(n), 4))
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(n)))
	for _, body := range []string{`{"report":{"number":"+3319900000X"}}`, `{"report":{"roles":["nonsense"]}}`, "", "\x00"} {
		s.client.RPush(ctx, reports, body)
	}
	for range pageSize { // more than one page
		must[numberdb.Receipt](t)(s.Report(ctx, aReport(n)))
	}
	count := 0
	for _, err := range s.Reports(ctx, n) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if want := 1 + pageSize; count != want || counted(t, s.metrics.corrupt.WithLabelValues("report")) != 4 {
		t.Errorf("read %d reports, want %d", count, want)
	}
	if log.has("3319900000") || !log.has("cannot be read") {
		t.Errorf("the log is %s", log)
	}
}

// Whatever lies in a number's evidence, a report about it is taken in and counts, and Redis is not kept busy by it.
func TestReportDespiteHostileEvidence(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	values := []string{"", "x", "-1", "70000", "1e999", "-inf", "inf", "nan", "0.5", "99999999999999999999", "0x7fffffffffffffff", "1 x -3 99999999999999999999", strings.Repeat("a", 300)}
	fields := []string{"", "0", "0:", "0x:y", "0brand:y", "0days:y"}
	for _, role := range []string{"0", "1"} {
		for _, name := range []string{"short", "long", "last", "forged", "block", "warn", "watch", "days", "brand", "trusted:helpline", "trusted:", "source:x"} {
			fields = append(fields, role+name)
		}
	}
	i := 0
	for _, field := range fields {
		for _, value := range values {
			i++
			n := fiction(i)
			p := placeOf(exact(n), 4)
			r := aReport(n)
			r.Roles, r.Source.Kind = numberdb.RolesOf(callback, callerID), []numberdb.SourceKind{numberdb.SourceStaff, numberdb.SourcePublic}[i%2]
			must[int64](t)(s.client.HSet(ctx, s.keys.evidence(p), field, value).Result())
			for _, prefix := range []string{"0c", "1c", "0f"} {
				must[int64](t)(s.client.HSet(ctx, s.keys.reporters(p), prefix+sourceKind(r.Source)+":helpline:u1", value).Result())
			}
			if _, err := s.Report(ctx, r); err != nil {
				t.Fatalf("with %q in %q: %v", value, field, err)
			}
			r.Reporter, r.Source.Kind = "u2", numberdb.SourceStaff
			if _, err := s.Report(ctx, r); err != nil {
				t.Fatalf("with %q in %q, another report: %v", value, field, err)
			}
			record := must[numberdb.Record](t)(s.Record(ctx, n))
			if _, err := json.Marshal(record.Evidence); err != nil || record.Reports.Total != 2 {
				t.Errorf("with %q in %q: %d reports, %v", value, field, record.Reports.Total, err)
			}
			for role, e := range record.Evidence {
				if l := record.Listed[0].Listing.Roles[role]; e.Trusted["helpline"] == 0 || l.BlockUntil != 0 {
					t.Errorf("with %q in %q, role %d has the evidence %+v and the listing %+v", value, field, role, e, l)
				}
			}
		}
	}
}

func TestFaultyReportStoresNothing(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	before := len(client.Keys(ctx, s.options.Prefix+"*").Val())
	r := aReport(0)
	r.Loss = -3
	_, err := s.Report(ctx, r)
	var faults numberdb.Faults
	if !errors.As(err, &faults) || len(faults) != 3 || faults[0].Field != "number" {
		t.Errorf("got %v", err)
	}
	if _, err := s.Decide(ctx, anActor, numberdb.Decision{}); !errors.As(err, &faults) {
		t.Errorf("got %v", err)
	}
	if err := s.Mark(ctx, exact(fiction(1)), 3, true, "ann", "x", noon); !errors.As(err, &faults) {
		t.Errorf("got %v", err)
	}
	if keys := client.Keys(ctx, s.options.Prefix+"*").Val(); len(keys) != before {
		t.Errorf("Redis holds %q", keys)
	}
}

// TestManyReportOneNumberAtOnce: what 64 clients send at once counts like what one sends after the other.
func TestManyReportOneNumberAtOnce(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	const clients, each = 64, 20
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				r := aReport(fiction(1))
				r.Source = numberdb.Source{Kind: numberdb.SourceFeed, Organisation: fmt.Sprint("feed", i%2)}
				r.Reporter = fmt.Sprint(c*each/2 + i/2) // 640 reporters in each feed
				if _, err := s.Report(ctx, r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	p := placeOf(exact(fiction(1)), 4)
	e := s.client.HGetAll(ctx, s.keys.evidence(p)).Val()
	if e["0short"] != "1280" || e["0long"] != "1280" || e["0days"] != "20619" {
		t.Errorf("the evidence is %v", e)
	}
	if n := s.client.LLen(ctx, s.keys.reports(p)).Val(); n != clients*each {
		t.Errorf("%d reports are stored, want %d", n, clients*each)
	}
}

// TestFloodOfUnverifiedReports: ten thousand on one number never block, and never change a genuine line.
func TestFloodOfUnverifiedReports(t *testing.T) {
	client := sharedRedis(t)
	var c clock
	c.set(noon)
	s := newStore(t, client, func(o *Options) { o.Now = c.Now })
	ctx := soon(t)
	victim, genuine := fiction(1), fiction(2)
	before := must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(genuine), numberdb.StandingProtected)))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < 20_000; i += 8 {
				r := aReport([]numberdb.Number{victim, genuine}[i/8%2])
				r.Source = numberdb.Source{Kind: numberdb.SourceFeed, Organisation: fmt.Sprint("feed", i%97)}
				r.Reporter, r.At = fmt.Sprint(i), noon.AddDate(0, 0, -i%40)
				receipt, err := s.Report(ctx, r)
				if err != nil {
					t.Error(err)
					return
				}
				if r.Number == genuine && (!receipt.Forging || receipt.Listing != before) {
					t.Errorf("a genuine line: %+v", receipt)
					return
				}
				if receipt.Listing.Roles[callback].BlockUntil != 0 {
					t.Error("hearsay has blocked a number")
					return
				}
			}
		})
	}
	wg.Wait()
	if l := must[numberdb.Listing](t)(s.Listing(ctx, victim)); standing(l, callback) != numberdb.StandingWarn {
		t.Errorf("the flooded number became %+v", l)
	}
	p := placeOf(exact(genuine), 4)
	if forged := client.HGet(ctx, s.keys.evidence(p), "0forged").Val(); forged != "10000" {
		t.Errorf("%s reporters of forging are counted", forged)
	}
	if n := client.LLen(ctx, s.keys.reports(p)).Val(); n != 10_000 {
		t.Errorf("%d reports about the genuine line are kept", n)
	}
}

func TestReportInAGenuineRange(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(331990), numberdb.StandingProtected)))
	receipt := must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(7))))
	if !receipt.Forging || standing(receipt.Listing, callback) != numberdb.StandingProtected {
		t.Errorf("got %+v", receipt)
	}
	// A decision on the number itself outdoes the range.
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(fiction(8)), numberdb.StandingWarn)))
	receipt = must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(8))))
	if receipt.Forging || standing(receipt.Listing, callback) != numberdb.StandingWarn {
		t.Errorf("got %+v", receipt)
	}
}
