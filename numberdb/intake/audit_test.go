package intake

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// written puts n entries into the house's chain, a minute apart, the first at a time: by "ann" about one number, and every tenth by "Bob" about another.
func (h *house) written(t *testing.T, n int, first time.Time) {
	t.Helper()
	ctx := t.Context()
	if err := h.redis.Del(ctx, "lw:{audit}:a", "lw:{audit}:h").Err(); err != nil {
		t.Fatal(err)
	}
	pipe, head := h.redis.Pipeline(), numberdb.AuditHead{}
	for i := range n {
		e := numberdb.AuditEntry{Seq: uint64(i + 1), Previous: head.Hash, At: first.Add(time.Duration(i) * time.Minute), Who: "ann", Role: "reviewer",
			Action: numberdb.AuditDecided, Object: "+12025550143", After: fmt.Sprint(i), Reason: "seen"}
		if i%10 == 0 {
			e.Who, e.Action, e.Object = "Bob", numberdb.AuditRefused, "user +12025550144"
		}
		b, err := e.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		head = numberdb.AuditHead{Seq: e.Seq, Hash: numberdb.HashAudit(b)}
		pipe.Do(ctx, "XADD", "lw:{audit}:a", fmt.Sprint(e.Seq, "-0"), "e", b, "h", head.Hash.String())
	}
	pipe.HSet(ctx, "lw:{audit}:h", "seq", head.Seq, "hash", head.Hash.String())
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

// auditPages asks for pages until there are no more, and gives the places of all items and how many pages there were.
func (h *house) auditPages(t *testing.T, query string) (items []AuditItem, pages int) {
	t.Helper()
	for cursor := ""; ; pages++ {
		w := h.bearer(t, http.MethodGet, "/v1/audit?"+query+"&cursor="+cursor, auditorToken, "")
		want(t, w, http.StatusOK)
		p := read[AuditPage](t, w)
		items = append(items, p.Items...)
		if cursor = p.Next; cursor == "" {
			return items, pages + 1
		}
	}
}

// places are those of items, in short.
func places(items []AuditItem) string {
	seqs := make([]string, len(items))
	for i := range items {
		seqs[i] = strconv.FormatUint(items[i].Seq, 10)
	}
	return strings.Join(seqs, " ")
}

func TestAudit(t *testing.T) {
	h := newHouse(t)
	first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	h.written(t, 600, first)
	at := func(minutes int) string {
		return url.QueryEscape(first.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339))
	}
	for query, want := range map[string]struct {
		places string
		pages  int
	}{
		"limit=2&from=" + at(597):                                    {"600 599 598", 2},
		"limit=2&order=oldest&until=" + at(4):                        {"1 2 3 4", 3},
		"from=" + at(100) + "&until=" + at(103):                      {"103 102 101", 1},
		"order=oldest&from=" + at(100) + "&until=" + at(103):         {"101 102 103", 1},
		"who=BOB&until=" + at(30):                                    {"21 11 1", 1},
		"action=refused&from=" + at(570):                             {"591 581 571", 1},
		"object=550144&order=oldest&until=" + at(25):                 {"1 11 21", 1},
		"object=USER&who=bob&action=refused&limit=1&from=" + at(580): {"591 581", 3},
		"who=mallory":                       {"", 1},
		"until=" + at(-1):                   {"", 1},
		"from=" + at(601):                   {"", 1},
		"order=oldest&from=" + at(601):      {"", 1},
		"from=" + at(5) + "&until=" + at(5): {"", 1},
		"until=" + url.QueryEscape("2026-03-01T01:01:00+01:00") + "&who=": {"1", 1},
	} {
		items, pages := h.auditPages(t, query)
		if got := places(items); got != want.places || pages != want.pages {
			t.Errorf("%s: %q in %d pages", query, got, pages)
		}
	}
	all, pages := h.auditPages(t, "")
	if len(all) != 600 || pages != 12 || all[0].Seq != 600 || all[599].Seq != 1 {
		t.Errorf("%d entries in %d pages", len(all), pages)
	}
	if e := all[599]; e.At == nil || !e.At.Equal(first) || e.Who != "Bob" || e.Role != "reviewer" || e.Action != "refused" || e.Object != "user +12025550144" || e.After != "0" ||
		e.Reason != "seen" || e.Hash != all[598].Previous || e.Fault != "" {
		t.Errorf("the first entry is %+v", e)
	}
	for _, query := range []string{"action=none", "from=yesterday", "until=1", "order=random", "cursor=-1", "cursor=x", "limit=0", "limit=201", "who=" + strings.Repeat("a", 201), "page=2"} {
		wantProblem(t, h.bearer(t, http.MethodGet, "/v1/audit?"+query, auditorToken, ""), http.StatusUnprocessableEntity)
	}
	for _, beyond := range []string{"cursor=99999999999999999999&order=oldest", "cursor=601&order=oldest", "cursor=0"} {
		if items, _ := h.auditPages(t, beyond); len(items) > 0 && beyond != "cursor=99999999999999999999" {
			t.Errorf("%s: %s", beyond, places(items))
		}
	}
}

// TestAuditOfADamagedChain shows what lies there, and that it is damaged.
func TestAuditOfADamagedChain(t *testing.T) {
	h := newHouse(t)
	h.written(t, 39, noon)
	ctx := t.Context()
	h.redis.XDel(ctx, "lw:{audit}:a", "5-0", "20-0", "21-0")
	h.redis.Do(ctx, "XADD", "lw:{audit}:a", "40-0", "e", "spoiled", "h", "none")
	items, _ := h.auditPages(t, "order=oldest")
	if len(items) != 37 || items[36].Seq != 40 || items[36].Fault == "" || items[36].At != nil || items[35].Fault != "" {
		t.Errorf("%d entries, the last %+v", len(items), items[len(items)-1])
	}
	until := url.QueryEscape(noon.Add(-time.Hour + 21*time.Minute).Format(time.RFC3339)) // less the skew: the bisection meets the gap
	if items, _ := h.auditPages(t, "until="+until+"&who=ann"); len(items) != 0 {
		t.Errorf("before all: %s", places(items))
	}
	from := url.QueryEscape(noon.Add(time.Hour + 19*time.Minute).Format(time.RFC3339))
	if items, _ := h.auditPages(t, "order=oldest&from="+from); places(items) != "40" {
		t.Errorf("after all: %s", places(items))
	}
}

// countedChain counts what is read of a chain.
type countedChain struct {
	AuditChain
	entries int
	reads   int
}

func (c *countedChain) AuditPart(ctx context.Context, from uint64, most int, newestFirst bool) ([]numberdb.AuditRecord, error) {
	part, err := c.AuditChain.AuditPart(ctx, from, most, newestFirst)
	c.entries += len(part)
	c.reads++
	return part, err
}

// TestAuditPagesAreBounded wants no request to read all of a long chain, and times to be found without.
func TestAuditPagesAreBounded(t *testing.T) {
	h := newHouse(t)
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h.written(t, auditScan+10, first)
	chain := &countedChain{AuditChain: h.kept}
	h.bench.API.chain = chain
	w := h.bearer(t, http.MethodGet, "/v1/audit?who=mallory", auditorToken, "")
	if p := read[AuditPage](t, w); len(p.Items) != 0 || p.Next != "10" || chain.entries != auditScan {
		t.Errorf("looked at %d entries, and gave %+v", chain.entries, p)
	}
	if items, pages := h.auditPages(t, "who=mallory"); len(items) != 0 || pages != 2 {
		t.Errorf("%d items on %d pages", len(items), pages)
	}
	for _, order := range []string{"newest", "oldest"} {
		*chain = countedChain{AuditChain: h.kept}
		day := url.Values{"from": {first.AddDate(0, 0, 5).Format(time.RFC3339)}, "until": {first.AddDate(0, 0, 5).Add(20 * time.Minute).Format(time.RFC3339)}, "order": {order}}
		if items, pages := h.auditPages(t, day.Encode()); len(items) != 20 || pages != 1 || chain.reads > 20 || chain.entries > 1000 {
			t.Errorf("%s first: %d entries of twenty minutes, for %d reads of %d entries", order, len(items), chain.reads, chain.entries)
		}
	}
	// Entries may be large.
	h.written(t, 1, first)
	for range 10 {
		_, err := h.kept.Audit(t.Context(), numberdb.AuditEntry{At: first, Who: "ann", Role: "reviewer", Action: numberdb.AuditProposed, Object: "many", After: strings.Repeat("x", numberdb.MaxAuditText)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if items, pages := h.auditPages(t, ""); len(items) != 11 || pages < 3 {
		t.Errorf("%d large entries on %d pages", len(items), pages)
	}
}

// endless is a chain that is too long to be verified.
type endless struct{ AuditChain }

func (endless) VerifyAudit(ctx context.Context, _ ...numberdb.AuditHead) (numberdb.AuditResult, error) {
	<-ctx.Done()
	return numberdb.AuditResult{}, context.Cause(ctx)
}

func TestVerifyAuditOverHTTP(t *testing.T) {
	h := newHouse(t)
	ask := func(query string) VerifyBody {
		t.Helper()
		w := h.bearer(t, http.MethodGet, "/v1/audit/verify?"+query, auditorToken, "")
		want(t, w, http.StatusOK)
		return read[VerifyBody](t, w)
	}
	for range 5 {
		if _, err := h.kept.Audit(t.Context(), numberdb.AuditEntry{At: noon, Who: "ann", Role: "reviewer", Action: numberdb.AuditDecided, Object: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	good := ask("")
	if !good.Good || !good.Complete || good.Entries != 6 || !strings.HasPrefix(good.Head, "6:") || good.Findings == nil || len(good.Findings) != 0 {
		t.Errorf("a good chain: %+v", good)
	}
	if got := ask("head=" + good.Head); !got.Good {
		t.Errorf("with its own head: %+v", got)
	}
	if got := ask("head=" + good.Head + "&head=9:" + good.Head[2:]); got.Good || len(got.Findings) != 1 || got.Findings[0] != (AuditFindingBody{7, 9, "missing", got.Findings[0].Detail}) {
		t.Errorf("with a head that it should have reached: %+v", got)
	}
	for _, head := range []string{"6", "x", "6:00", "=cmd"} {
		_, fields := wantProblem(t, h.bearer(t, http.MethodGet, "/v1/audit/verify?head="+url.QueryEscape(head), auditorToken, ""), http.StatusUnprocessableEntity)
		if len(fields) != 1 || fields[0] != "query.head" {
			t.Errorf("%s: %v", head, fields)
		}
	}
	h.redis.XDel(t.Context(), "lw:{audit}:a", "3-0")
	if got := ask(""); got.Good || !got.Complete || got.Entries != 5 || len(got.Findings) != 1 || got.Findings[0].First != 3 || got.Findings[0].Fault != "missing" {
		t.Errorf("without an entry: %+v", got)
	}
	h.bench.API.chain, h.bench.API.verifyTimeout = endless{h.kept}, time.Millisecond
	if got := ask(""); got.Good || got.Complete || got.Entries != 6 || got.Head != good.Head {
		t.Errorf("one that is too long: %+v", got)
	}
}
