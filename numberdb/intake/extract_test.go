package intake

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

func (b *bench) extract(t testing.TB, token string, body any) *httptest.ResponseRecorder {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b.ask(t, http.MethodPost, "/v1/reports/extract", token, string(text))
}

func TestExtract(t *testing.T) {
	b := newBench(t)
	var listed numberdb.Listing
	listed.Roles[numberdb.RoleCallback] = numberdb.RoleListing{Override: numberdb.StandingBlock, Brand: "amazon"}
	b.store.listing[12025550143] = listed
	if w := b.report(t, `{"number": "+442079460123", "roles": ["callback"]}`); w.Code != http.StatusCreated {
		t.Fatal(w.Body)
	}
	before := len(b.store.stored())
	w := b.extract(t, reporterToken, ExtractBody{Text: "Cher client, é: Amazon a été débité. Call 2O2-555-OI43, or +44 20 7946 0123, not 911. We refund by AnyDesk."})
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var got ExtractedBody
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := ExtractedBody{
		BrandGuess: "amazon", RedFlagsGuess: []string{"remote_access", "odd_purchases", "refund"}, CategoryGuess: "refund", ArrivedGuess: "email",
		Numbers: []FoundBody{
			{Written: "2O2-555-OI43", Start: 42, NumberSketch: NumberSketch{Number: "+12025550143", Kind: "e164", Region: "US", Country: "United States",
				Type: "fixed_line_or_mobile", Brand: "amazon", Standing: StandingByRole{"block", "none"},
				Verdict: VerdictByWay{Inbound: VerdictBody{"allow", "clean"}, Outbound: VerdictBody{"block", "listed_block"}}}},
			{Written: "+44 20 7946 0123", Start: 59, ReportsTotal: 1, ReportedByYou: true, NumberSketch: NumberSketch{Number: "+442079460123", Kind: "e164", Region: "GB",
				Country: "United Kingdom", Type: "fixed_line", Standing: StandingByRole{"none", "none"},
				Verdict: VerdictByWay{Inbound: VerdictBody{"allow", "clean"}, Outbound: VerdictBody{"allow", "clean"}}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(b.store.stored()) != before {
		t.Error("something was stored")
	}
}

func TestExtractReadsByTheRegion(t *testing.T) {
	b := newBench(t)
	for region, want := range map[string]string{"FR": "+33199001234", "": "", "GB": ""} {
		var got ExtractedBody
		w := b.extract(t, reporterToken, ExtractBody{Text: "Appelez le 01 99 00 12 34", Region: region})
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body, err)
		}
		if got.Numbers == nil || want == "" && len(got.Numbers) != 0 || want != "" && (len(got.Numbers) != 1 || got.Numbers[0].Number != want) {
			t.Errorf("as one of %q it is %+v", region, got.Numbers)
		}
	}
}

func TestExtractFaults(t *testing.T) {
	b := newBench(t)
	_, fields := wantProblem(t, b.extract(t, reporterToken, map[string]any{"text": 12, "region": "USA", "more": 1}), http.StatusUnprocessableEntity)
	if slices.Sort(fields); !slices.Equal(fields, []string{"body.more", "body.region", "body.text"}) {
		t.Errorf("named %q", fields)
	}
	_, fields = wantProblem(t, b.extract(t, reporterToken, ExtractBody{Text: strings.Repeat("é", maxExtract/2+1), Region: "ZZ"}), http.StatusUnprocessableEntity)
	if slices.Sort(fields); !slices.Equal(fields, []string{"body.region", "body.text"}) {
		t.Errorf("named %q", fields)
	}
	wantProblem(t, b.extract(t, reporterToken, map[string]any{}), http.StatusUnprocessableEntity)
	wantProblem(t, b.extract(t, reporterToken, ExtractBody{Text: strings.Repeat("a", maxExtractBody)}), http.StatusRequestEntityTooLarge)
	wantProblem(t, b.extract(t, auditorToken, ExtractBody{Text: "a"}), http.StatusForbidden)
	wantProblem(t, b.extract(t, "", ExtractBody{Text: "a"}), http.StatusUnauthorized)
	if w := b.extract(t, reporterToken, ExtractBody{Text: strings.Repeat("\x01", maxExtract)}); w.Code != http.StatusOK {
		t.Errorf("a text of the longest length, written as long as it can be: status %d: %s", w.Code, w.Body)
	}
	b.store.fail = errAway
	wantProblem(t, b.extract(t, reporterToken, ExtractBody{Text: "call 202-555-0143"}), http.StatusServiceUnavailable)
	if strings.Contains(b.log.String(), "5550143") || strings.Contains(b.log.String(), "202-555") {
		t.Errorf("the log holds a part of the text: %s", b.log)
	}
}
