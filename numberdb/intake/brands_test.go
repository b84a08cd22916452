package intake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

// aBrand is a company as it is sent, with these numbers.
func aBrand(numbers ...string) string {
	lines := []LineChange{}
	for _, n := range numbers {
		lines = append(lines, LineChange{Number: n, Note: "support", Source: "https://example.com/contact", Checked: "2026-11-20"})
	}
	text, _ := json.Marshal(BrandChange{Name: "Acme Bank", Kind: "brand", Numbers: lines, NeverAsks: []string{"gift_cards"}, Reason: "they told us"})
	return string(text)
}

const acme = "/v1/brands/acme-bank"

// standingOfNumber is how the list sees a number as one to dial.
func (h *board) standingOfNumber(t *testing.T, n numberdb.Number) string {
	t.Helper()
	l, err := h.store.Listing(soon(t), n)
	if err != nil {
		t.Fatal(err)
	}
	return l.Roles[numberdb.RoleCallback].At(numberdb.DayOf(h.time.Now())).String()
}

// TestBrandTakesTwo goes through the life of a company: proposed, approved, changed, one line dropped; its lines are protected as long as they
// are its.
func TestBrandTakesTwo(t *testing.T) {
	h := newBoard(t)
	wantProblem(t, h.as(t, "ann", http.MethodGet, acme, ""), http.StatusNotFound)
	wantProblem(t, h.as(t, "ann", http.MethodPut, acme, aBrand("+12025550143"), "If-Match", `"1"`), http.StatusPreconditionFailed)
	p := answer[ProposalBody](t, h.as(t, "ann", http.MethodPut, acme, aBrand("202 555 0143", "+1202555019*")), http.StatusAccepted)
	if p.Kind != "brand" || p.State != "pending" || !strings.Contains(string(p.Brand), "+12025550143") {
		t.Fatalf("proposed as %+v", p)
	}
	wantProblem(t, h.as(t, "ann", http.MethodGet, acme, ""), http.StatusNotFound)
	wantProblem(t, h.settle(t, "ann", p.ID, "approve"), http.StatusForbidden)
	if p = answer[ProposalBody](t, h.settle(t, "bob", p.ID, "approve"), http.StatusOK); !p.Applied {
		t.Fatalf("approved as %+v", p)
	}
	w := h.as(t, "rita", http.MethodGet, acme, "")
	b := answer[BrandBody](t, w, http.StatusOK)
	if b.Name != "Acme Bank" || b.Shipped || b.UpdatedBy != "ann" || len(b.Numbers) != 2 || b.Numbers[1].Covers != 10 || !slices.Equal(b.NeverAsks, []string{"gift_cards"}) {
		t.Errorf("it became %+v", b)
	}
	for _, n := range []numberdb.Number{12025550143, 12025550199} {
		if got := h.standingOfNumber(t, n); got != "protected" {
			t.Errorf("%v is %s", n, got)
		}
	}

	// A report about it is a sign of forging.
	receipt := answer[ReceiptBody](t, h.as(t, "rita", http.MethodPost, "/v1/reports", `{"number":"+12025550143","roles":["callback"]}`), http.StatusCreated)
	if !receipt.Forging || receipt.Standing.Callback != "protected" {
		t.Errorf("reported as %+v", receipt)
	}
	forged := answer[ForgingsBody](t, h.as(t, "rita", http.MethodGet, acme+"/forgings", ""), http.StatusOK)
	if len(forged.Items) != 1 || forged.Items[0] != (ForgingBody{"+12025550143", 1}) {
		t.Errorf("forged: %+v", forged)
	}

	// A change names the version that was read; of two, the second to be approved is moot.
	tag := w.Header().Get("ETag")
	wantProblem(t, h.as(t, "ann", http.MethodPut, acme, aBrand()), http.StatusPreconditionRequired)
	wantProblem(t, h.as(t, "ann", http.MethodPut, acme, aBrand(), "If-Match", `"7"`), http.StatusPreconditionFailed)
	drop := answer[ProposalBody](t, h.as(t, "ann", http.MethodPut, acme, aBrand("+1202555019*"), "If-Match", tag), http.StatusAccepted)
	late := answer[ProposalBody](t, h.as(t, "cleo", http.MethodPut, acme, aBrand(), "If-Match", tag), http.StatusAccepted)
	answer[ProposalBody](t, h.settle(t, "bob", drop.ID, "approve"), http.StatusOK)
	if got := h.standingOfNumber(t, 12025550143); got == "protected" {
		t.Errorf("a line that was dropped is %s", got)
	}
	if late = answer[ProposalBody](t, h.settle(t, "bob", late.ID, "approve"), http.StatusOK); late.Applied || late.State != "rejected" {
		t.Errorf("the change of an older version ended as %+v", late)
	}
	if got := h.standingOfNumber(t, 12025550199); got != "protected" {
		t.Errorf("a line that was kept is %s", got)
	}
}

func TestBrandFaults(t *testing.T) {
	h := newBoard(t)
	body := `{"name":"Acme\nBank","kind":"brand","reason":"r","prompt":"acme","never_asks":["gift_cards"],"numbers":[
		{"number":"12","source":"javascript:alert(1)","checked":"2026-13-01"},
		{"number":"+1202*","source":"https://example.com","checked":"2027-01-01"}]}`
	_, fields := wantProblem(t, h.as(t, "ann", http.MethodPut, acme, body), http.StatusUnprocessableEntity)
	for _, want := range []string{
		"body.name", "body.numbers[0].number", "body.numbers[0].source", "body.numbers[0].checked", "body.numbers[1].number", "body.numbers[1].checked",
	} {
		if !slices.Contains(fields, want) {
			t.Errorf("%s is not named: %q", want, fields)
		}
	}
	page := answer[ProposalPage](t, h.as(t, "ann", http.MethodGet, "/v1/decisions", ""), http.StatusOK)
	if len(page.Items) != 0 {
		t.Errorf("%d proposals were stored", len(page.Items))
	}
}

// TestShippedOnce has two nodes ship the registry; what people changed or decided stays.
func TestShippedOnce(t *testing.T) {
	h := newBoard(t)
	h.time.move(48 * 60 * 60 * 1e9) // the shipped lines were looked at on the day of the tests
	amazon := numberdb.ShippedCompanies()[0]
	blocked := numberdb.Decision{
		Target: amazon.Targets()[0], Roles: numberdb.RolesOf(numberdb.RoleCallback), Standing: numberdb.StandingBlock,
		Reason: "seen", Author: "ann", Approver: "bob", At: h.time.Now(),
	}
	if _, err := h.store.Decide(soon(t), numberdb.Actor{Name: "bob", Role: "reviewer"}, blocked); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{len(numberdb.ShippedCompanies()), 0} {
		if n, err := h.ShipCompanies(soon(t)); n != want || err != nil {
			t.Errorf("time %d: %d companies, %v", i+1, n, err)
		}
	}
	if got := h.standingOfNumber(t, amazon.Targets()[0].Number); got != "block" {
		t.Errorf("what two people decided became %s", got)
	}
	for _, c := range numberdb.ShippedCompanies()[1:] {
		if got := h.standingOfNumber(t, c.Targets()[0].Number); got != "protected" {
			t.Errorf("the line of %s is %s", c.Slug, got)
		}
	}
	list := answer[BrandsBody](t, h.as(t, "rita", http.MethodGet, "/v1/brands?kind=authority&q=trade", ""), http.StatusOK)
	if len(list.Items) != 1 || list.Items[0].Slug != "ftc" || !list.Items[0].Shipped {
		t.Errorf("found %+v", list)
	}
}
