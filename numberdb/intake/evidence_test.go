package intake

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// tell stores a report about the scammers' number.
func (h *board) tell(t testing.TB, source numberdb.Source, reporter string) {
	t.Helper()
	_, err := h.store.Report(soon(t), numberdb.Report{
		Number: 12025550143, Roles: numberdb.RolesOf(numberdb.RoleCallback), Brand: "amazon", Text: "<b>=cmd</b>", RedFlags: numberdb.RedFlagGiftCards,
		Category: numberdb.CategoryRefund, Arrived: numberdb.ArrivalSMS, Loss: 12.5, Currency: "USD", Language: "en",
		Source: source, Reporter: reporter, At: h.time.Now().Add(-time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func numberAt(text string) string { return "/v1/numbers/" + url.PathEscape(text) }

var (
	bank = numberdb.Source{Kind: numberdb.SourcePartner, Organisation: "bank"}
	feed = numberdb.Source{Kind: numberdb.SourceFeed, Organisation: "complaints"}
)

func TestNumberIsExplained(t *testing.T) {
	h := newBoard(t)
	h.tell(t, feed, "row1")
	h.time.move(24 * time.Hour)
	h.tell(t, bank, "desk")
	n := answer[NumberBody](t, h.as(t, "rita", http.MethodGet, numberAt("(202) 555-0143"), ""), http.StatusOK)
	x := n.Explain.Callback
	if n.Standing.Callback != "warn" || x.Standing != "warn" || x.Because != "reports" || !strings.Contains(x.Rule, "1 trusted organisation has reported it") ||
		!x.Until.Equal(numberdb.DayOf(noon.AddDate(0, 0, 181)).Time()) || len(x.After) != 1 || x.After[0].Standing != "watch" {
		t.Errorf("explained as %+v", x)
	}
	if e := x.Evidence; e.Trusted != 1 || e.Unverified != 1 || e.Days != 1 || e.Short <= 0.9 || e.Short >= 1 || e.Last == nil || !e.Last.Equal(numberdb.DayOf(h.time.Now()).Time()) {
		t.Errorf("the evidence is %+v", e)
	}
	if other := n.Explain.CallerID; other.Because != "none" || other.Until != nil || other.Evidence.Last != nil {
		t.Errorf("the other role is explained as %+v", other)
	}
	if r := n.Reports; r.Total != 2 || r.BySource["feed"] != 1 || r.BySource["partner"] != 1 || r.BySource["staff"] != 0 || !r.Newest.Equal(h.time.Now()) || !r.Oldest.Equal(noon) {
		t.Errorf("the reports are %+v", r)
	}
	if n.Country != "United States" || n.Type != "fixed_line_or_mobile" || n.Brand != "amazon" || n.Range != "" || len(n.Decisions) != 0 {
		t.Errorf("the number is %+v", n)
	}
	if want := []string{"linewarden/warn", "linewarden/choices-no-helpline", "linewarden/advice"}; !slices.Equal(n.Heard.Outbound, want) || n.Heard.Language != "en" {
		t.Errorf("heard is %+v", n.Heard)
	}
	h.decided(t, "block")
	n = answer[NumberBody](t, h.as(t, "rita", http.MethodGet, numberAt(scam), ""), http.StatusOK)
	if x := n.Explain.Callback; x.Standing != "block" || x.Because != "decision" || len(x.After) != 2 {
		t.Errorf("explained as %+v", x)
	}
	if len(n.Decisions) != 1 {
		t.Fatalf("the decisions are %+v", n.Decisions)
	}
	if d := n.Decisions[0]; d.Target != scam || d.Standing != "block" || d.Author != "ann" || d.Approver != "bob" || d.Reason != "three victims" || d.ID == "" || d.Audit == 0 {
		t.Errorf("the decision is %+v", d)
	}
	if machine := answer[NumberBody](t, h.as(t, "machine-feed", http.MethodGet, numberAt(scam), ""), http.StatusOK); len(machine.Decisions) != 0 || machine.Standing.Callback != "block" {
		t.Errorf("a feed is told %+v", machine)
	}
}

func TestNumberInAListedRange(t *testing.T) {
	h := newBoard(t)
	around := numberdb.Decision{
		Target: numberdb.Target{Number: 1202555, Prefix: true}, Roles: numberdb.RolesOf(numberdb.RoleCallback), Standing: numberdb.StandingBlock,
		Reason: "all theirs", Author: "ann", Approver: "bob", At: noon,
	}
	if _, err := h.store.Decide(soon(t), numberdb.Actor{Name: "bob", Role: "reviewer"}, around); err != nil {
		t.Fatal(err)
	}
	n := answer[NumberBody](t, h.as(t, "otto", http.MethodGet, numberAt(scam), ""), http.StatusOK)
	if n.Range != "+1202555*" || n.Explain.Callback.Because != "range" || !strings.Contains(n.Explain.Callback.Rule, "+1202555*") ||
		len(n.Decisions) != 1 || n.Decisions[0].Target != "+1202555*" {
		t.Errorf("the number is %+v", n)
	}
	if want := []string{"linewarden/blocked"}; !slices.Equal(n.Heard.Outbound, want) {
		t.Errorf("heard is %q", n.Heard.Outbound)
	}
	listed := answer[Page[ActBody]](t, h.as(t, "otto", http.MethodGet, decisionsOf("+1202555*"), ""), http.StatusOK)
	if len(listed.Items) != 1 || listed.Items[0].Reason != "all theirs" || listed.Next != "" {
		t.Errorf("the range's decisions are %+v", listed)
	}
	if none := answer[Page[FiledBody]](t, h.as(t, "otto", http.MethodGet, numberAt("+1202555*")+"/reports", ""), http.StatusOK); none.Items == nil || len(none.Items) != 0 {
		t.Errorf("the range's reports are %+v", none)
	}
}

func TestReportsAndDecisionsOfANumber(t *testing.T) {
	h := newBoard(t)
	for _, reporter := range []string{"one", "two", "three"} {
		h.tell(t, bank, reporter)
	}
	h.decided(t, "protected")
	h.tell(t, bank, "four")
	if err := h.store.Mark(soon(t), numberdb.Target{Number: 12025550143}, numberdb.MarkAllowed, true, "ann", "ours", noon); err != nil {
		t.Fatal(err)
	}
	var seen []FiledBody
	for cursor := ""; ; {
		page := answer[Page[FiledBody]](t, h.as(t, "otto", http.MethodGet, numberAt(scam)+"/reports?limit=3&cursor="+url.QueryEscape(cursor), ""), http.StatusOK)
		seen = append(seen, page.Items...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var reporters []string
	for i, f := range seen {
		reporters = append(reporters, f.Reporter)
		if f.Forging != (i == 0) || f.Text != "<b>=cmd</b>" || f.Brand != "amazon" || f.Category != "refund" || f.Arrived != "sms" || f.Loss != 12.5 || f.Currency != "USD" ||
			!slices.Equal(f.RedFlags, []string{"gift_cards"}) || !slices.Equal(f.Roles, []string{"callback"}) || f.Source != (ReportSource{"partner", "bank"}) || !f.Received.Equal(noon) {
			t.Errorf("report %d is %+v", i, f)
		}
	}
	if !slices.Equal(reporters, []string{"four", "three", "two", "one"}) {
		t.Errorf("reported by %q", reporters)
	}
	acts := answer[Page[ActBody]](t, h.as(t, "otto", http.MethodGet, decisionsOf(scam)+"?limit=1", ""), http.StatusOK)
	if len(acts.Items) != 1 || acts.Items[0].Mark != "allowed" || !acts.Items[0].On || acts.Items[0].Standing != "" || acts.Next == "" {
		t.Errorf("the last is %+v", acts)
	}
	acts = answer[Page[ActBody]](t, h.as(t, "otto", http.MethodGet, decisionsOf(scam)+"?limit=1&cursor="+acts.Next, ""), http.StatusOK)
	if len(acts.Items) != 1 || acts.Items[0].Standing != "protected" || acts.Items[0].Approver != "bob" || acts.Next != "" {
		t.Errorf("the one before is %+v", acts)
	}
}

func TestEvidenceFaults(t *testing.T) {
	h := newBoard(t)
	for name, tc := range map[string]struct {
		path   string
		fields []string
	}{
		"everything": {"/v1/numbers/911/reports?region=XX&limit=0", []string{"path.number", "query.limit", "query.region"}},
		"cursor":     {numberAt(scam) + "/reports?cursor=%2B", []string{"query.cursor"}},
		"of another": {decisionsOf(scam) + "?cursor=17", []string{"query.cursor"}},
		"range":      {decisionsOf("+12*x*"), []string{"path.number"}},
		"too many":   {decisionsOf(scam) + "?limit=201", []string{"query.limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, fields := wantProblem(t, h.as(t, "otto", http.MethodGet, tc.path, ""), http.StatusUnprocessableEntity)
			if slices.Sort(fields); !slices.Equal(fields, tc.fields) {
				t.Errorf("named %q", fields)
			}
		})
	}
}

func TestEvidenceAway(t *testing.T) {
	b := newBench(t)
	b.store.fail = errAway
	for _, path := range []string{numberAt(scam), numberAt(scam) + "/reports", decisionsOf(scam)} {
		wantProblem(t, b.ask(t, http.MethodGet, path, auditorToken, ""), http.StatusServiceUnavailable)
	}
}
