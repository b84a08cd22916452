package intake

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// fakeList is a list in memory as a node has it.
type fakeList struct {
	*numberdb.Index
	version atomic.Uint64
}

func newFakeList() *fakeList {
	l := &fakeList{Index: numberdb.NewIndex()}
	l.version.Store(1)
	return l
}

func (l *fakeList) Version() uint64 { return l.version.Load() }

// put lists a target with a standing of one role, which ends after some days.
func (l *fakeList) put(target string, role numberdb.Role, standing numberdb.Standing, brand numberdb.Brand, days int) {
	t, err := numberdb.ParseTarget(target)
	if err != nil {
		panic(err)
	}
	c := numberdb.Change{Target: t}
	c.Listing.Roles[role] = numberdb.RoleListing{Override: standing, OverrideUntil: numberdb.DayOf(noon) + numberdb.Day(days), Brand: brand}
	l.Apply(c)
	l.version.Add(1)
}

func anyTarget(random *rand.Rand) numberdb.Target {
	digits := 7 + random.IntN(9)
	n := 1 + random.Uint64N(9)
	for range digits - 1 {
		n = n*10 + random.Uint64N(10)*random.Uint64N(2) // many zeros
	}
	return numberdb.Target{Number: numberdb.Number(n), Prefix: random.IntN(4) == 0}
}

func TestPlacesAreInTheOrderOfDigits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(t numberdb.Target) string { return strings.Replace(t.String(), "*", "", 1) }
	for range 20_000 {
		a, b := anyTarget(random), anyTarget(random)
		if random.IntN(3) == 0 {
			b = numberdb.Target{Number: a.Number, Prefix: !a.Prefix}
		}
		want := cmp.Compare(word(a), word(b))
		if want == 0 && a.Prefix != b.Prefix {
			want = map[bool]int{true: -1, false: 1}[a.Prefix]
		}
		if got := compare(placeOf(a), placeOf(b)); got != want {
			t.Fatalf("%v is compared to %v as %d, want %d", a.String(), b.String(), got, want)
		}
		if got := placeOf(a).target(); got != a {
			t.Fatalf("%v became %v", a.String(), got.String())
		}
		beginning := word(b)[1 : 2+random.IntN(len(word(b))-1)]
		s := beginningWith(beginning)
		if in, p := strings.HasPrefix(word(a)[1:], beginning), placeOf(a); in != (p >= s.first && p < s.end) {
			t.Fatalf("%s begins with %s: %v", word(a), beginning, in)
		}
	}
}

func TestMergedSpans(t *testing.T) {
	got := merged([]span{{50, 60}, {10, 20}, {15, 30}, {12, 14}, {30, 40}})
	if want := []span{{10, 30}, {30, 40}, {50, 60}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzCursor(f *testing.F) {
	for _, cursor := range []string{"", "0", "1", "zzzzzzzzzzzz", "-1", "+1", "00", "A", placeOf(numberdb.Target{Number: 12025550143}).cursor()} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		if p, err := placeAt(cursor); err == nil && cursor != "" && p.cursor() != cursor {
			t.Errorf("%q became %q", cursor, p.cursor())
		}
	})
}

// listBench is an API on a list.
func listBench(t testing.TB) (*bench, *fakeList) {
	b := newBench(t)
	return b, b.catalogue.list.(*fakeList)
}

// search gives the targets that all pages of a search hold, and the items.
func search(t testing.TB, b *bench, query string, limit int) (targets []string, items []ListedBody) {
	t.Helper()
	for cursor, pages := "", 0; ; pages++ {
		page := answer[Page[ListedBody]](t, b.ask(t, http.MethodGet, fmt.Sprintf("/v1/numbers?limit=%d&cursor=%s&%s", limit, cursor, query), auditorToken, ""), http.StatusOK)
		if len(page.Items) > limit || pages > 1000 {
			t.Fatalf("page %d has %d items", pages, len(page.Items))
		}
		for _, i := range page.Items {
			targets, items = append(targets, i.Target), append(items, i)
		}
		if cursor = page.Next; cursor == "" {
			return targets, items
		}
	}
}

func TestSearch(t *testing.T) {
	b, l := listBench(t)
	l.put("+12025550143", numberdb.RoleCallback, numberdb.StandingBlock, "amazon", 10)
	l.put("+12025550144", numberdb.RoleCallerID, numberdb.StandingWarn, "geek-squad", 10)
	l.put("+1202555*", numberdb.RoleCallerID, numberdb.StandingProtected, "", 10)
	l.put("+12025550199", numberdb.RoleCallback, numberdb.StandingWarn, "amazon", 0) // has ended; the range answers
	l.put("+442079460123", numberdb.RoleCallback, numberdb.StandingWarn, "amazon", 10)
	l.put("+33199000001", numberdb.RoleCallback, numberdb.StandingWatch, "", 0) // has ended
	l.Apply(numberdb.Change{Target: numberdb.Target{Number: 33199000002}, Listing: numberdb.Listing{Marks: numberdb.MarkOptOut}})
	all := []string{"+1202555*", "+12025550143", "+12025550144", "+12025550199", "+442079460123"}
	for query, want := range map[string][]string{
		"":                            all,
		"standing=block":              {"+12025550143"},
		"standing=warn":               {"+12025550144", "+442079460123"},
		"standing=warn&role=callback": {"+442079460123"},
		"role=callback":               {"+12025550143", "+442079460123"},
		"brand=amazon":                {"+12025550143", "+442079460123"},
		"brand=amaz":                  nil,
		"brand=amazon&standing=warn":  {"+442079460123"},
		"q=geek+SQ":                   {"+12025550144"},
		"q=zon":                       {"+12025550143", "+442079460123"},
		"q=%28202%29+555-014":         {"+12025550143", "+12025550144"},
		"q=%2B1-202-555-0143":         {"+12025550143"},
		"q=0012025550143":             {"+12025550143"},
		"q=44":                        {"+442079460123"},
		"q=020+7946&region=GB":        {"+442079460123"},
		"q=2079&region=GB":            {"+442079460123"},
		"q=%2B2079":                   nil,
		"q=%2B12025550100":            {"+12025550100"}, // not listed, but in a range that is
		"q=%2B33199000002":            nil,
		"q=%2B1202555*":               {"+1202555*", "+12025550143", "+12025550144", "+12025550199"},
	} {
		for _, limit := range []int{1, 2, 200} {
			if got, _ := search(t, b, query, limit); !slices.Equal(got, want) {
				t.Errorf("%s by %d: got %q, want %q", query, limit, got, want)
			}
		}
	}
	_, items := search(t, b, "standing=block", 50)
	if i := items[0]; i.Standing != (StandingByRole{"block", "protected"}) || i.Brand != "amazon" || i.Class != "analytics" || i.Until.CallerID == nil ||
		!i.Until.Callback.Equal(numberdb.DayOf(noon.AddDate(0, 0, 10)).Time()) || i.Marks == nil {
		t.Errorf("the item is %+v", i)
	}
}

// TestSearchGoesOn looks for one among many: no page looks at more than its share.
func TestSearchGoesOn(t *testing.T) {
	b, l := listBench(t)
	for i := range mostLookedAt + 10 {
		c := numberdb.Change{Target: numberdb.Target{Number: numberdb.Number(33199000000 + i)}}
		c.Listing.Roles[0].Override = numberdb.StandingWatch
		l.Apply(c)
	}
	last := "+" + strconv.Itoa(33199000000+mostLookedAt+9)
	l.put(last, numberdb.RoleCallback, numberdb.StandingBlock, "", 10)
	first := answer[Page[ListedBody]](t, b.ask(t, http.MethodGet, "/v1/numbers?standing=block", auditorToken, ""), http.StatusOK)
	if len(first.Items) != 0 || first.Next == "" {
		t.Errorf("the first page is %+v", first)
	}
	if got, _ := search(t, b, "standing=block", 50); !slices.Equal(got, []string{last}) {
		t.Errorf("found %q", got)
	}
}

func TestSearchFollowsTheList(t *testing.T) {
	b, l := listBench(t)
	now := noon
	b.now = func() time.Time { return now }
	l.put("+12025550143", numberdb.RoleCallback, numberdb.StandingBlock, "", 10)
	search(t, b, "", 50)
	l.put("+12025550144", numberdb.RoleCallback, numberdb.StandingBlock, "", 10)
	if got, _ := search(t, b, "q=%2B12025550144", 50); len(got) != 1 {
		t.Errorf("a new number that is asked for whole is not found: %q", got)
	}
	l.put("+12025550143", numberdb.RoleCallback, numberdb.StandingWarn, "", 10)
	if got, _ := search(t, b, "standing=block&q=%2B12025550143", 50); len(got) != 0 {
		t.Errorf("what was changed is told as before: %q", got)
	}
	now = now.Add(time.Hour)
	if got, _ := search(t, b, "", 50); len(got) != 2 {
		t.Errorf("after a while there are %q", got)
	}
}

func TestSearchFaults(t *testing.T) {
	b, l := listBench(t)
	for query, want := range map[string][]string{
		"standing=none&role=both&brand=A&cursor=%2B&limit=0&region=XX": {"query.brand", "query.cursor", "query.limit", "query.region", "query.role", "query.standing"},
		"q=" + strings.Repeat("1", 18):                                 {"query.q"},
		"q=%2B-":                                                       {"query.q"},
		"q=" + strings.Repeat("a", 201):                                {"query.q"},
		"cursor=007":                                                   {"query.cursor"},
		"colour=red":                                                   {"query.colour"},
	} {
		_, fields := wantProblem(t, b.ask(t, http.MethodGet, "/v1/numbers?"+query, auditorToken, ""), http.StatusUnprocessableEntity)
		if slices.Sort(fields); !slices.Equal(fields, want) {
			t.Errorf("%s: named %q", query, fields)
		}
	}
	for _, q := range []string{"=cmd|x", "<script>", "\x00\xff", "☎", "%", "' OR 1=1", "0", "00"} {
		if w := b.ask(t, http.MethodGet, "/v1/numbers?q="+url.QueryEscape(q), auditorToken, ""); w.Code != http.StatusOK && w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%q: status %d", q, w.Code)
		}
	}
	l.version.Store(0)
	wantProblem(t, b.ask(t, http.MethodGet, "/v1/numbers", auditorToken, ""), http.StatusServiceUnavailable)
}

// BenchmarkSearch is pages of a list of a million numbers, and the making of the catalogue.
func BenchmarkSearch(b *testing.B) {
	bench, l := listBench(b)
	for i := range 1_000_000 {
		c := numberdb.Change{Target: numberdb.Target{Number: numberdb.Number(10_000_000_000 + uint64(i)*7919)}}
		c.Listing.Roles[i%2] = numberdb.RoleListing{Override: numberdb.StandingWatch, OverrideUntil: numberdb.DayOf(noon) + numberdb.Day(1+i%300)}
		l.Apply(c)
	}
	b.Run("order", func(b *testing.B) {
		for b.Loop() {
			if o := bench.catalogue.order(); len(o.places) != 1_000_000 {
				b.Fatal(len(o.places))
			}
		}
	})
	for name, query := range map[string]string{"first page": "", "beginning": "?q=%2B1234&limit=200", "nothing found": "?standing=block"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if w := bench.ask(b, http.MethodGet, "/v1/numbers"+query, auditorToken, ""); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
