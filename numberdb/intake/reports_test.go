package intake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

func TestReportIsStored(t *testing.T) {
	b := newBench(t)
	w := b.report(t, `{"number": "(202) 555-0143", "roles": ["callback"], "brand": "amazon", "category": "refund", "arrived": "email",
		"red_flags": ["gift_cards", "remote_access"], "text": "He said \"refund\".", "loss": 120.5, "currency": "USD", "language": "en",
		"at": "2026-11-20T08:00:00+01:00"}`)
	if w.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var receipt ReceiptBody
	if err := json.Unmarshal(w.Body.Bytes(), &receipt); err != nil {
		t.Fatal(err)
	}
	want := ReceiptBody{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Number: "+12025550143", Standing: StandingByRole{Callback: "warn", CallerID: "none"}}
	if receipt != want {
		t.Errorf("receipt %+v, want %+v", receipt, want)
	}
	stored := b.store.stored()
	if len(stored) != 1 {
		t.Fatalf("%d reports stored", len(stored))
	}
	got := stored[0]
	wantStored := numberdb.Report{
		Number: 12025550143, Roles: numberdb.RolesOf(numberdb.RoleCallback), Brand: "amazon", Category: numberdb.CategoryRefund,
		Arrived: numberdb.ArrivalEmail, RedFlags: numberdb.RedFlagGiftCards | numberdb.RedFlagRemoteAccess, Text: `He said "refund".`,
		Loss: 120.5, Currency: "USD", Language: "en", Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"},
		Reporter: got.Reporter, At: got.At,
	}
	if got != wantStored {
		t.Errorf("stored %+v, want %+v", got, wantStored)
	}
	if !got.At.Equal(time.Date(2026, 11, 20, 7, 0, 0, 0, time.UTC)) {
		t.Errorf("stored as of %v", got.At)
	}
	if got.Reporter == "" || strings.Contains(got.Reporter, "ann") {
		t.Errorf("reporter %q is not a pseudonym", got.Reporter)
	}
}

func TestReportWithoutATimeIsOfNow(t *testing.T) {
	b := newBench(t)
	if w := b.report(t, `{"number": "+12025550143", "roles": ["caller_id", "callback"]}`); w.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if at := b.store.stored()[0].At; !at.Equal(noon) {
		t.Errorf("stored as of %v, want %v", at, noon)
	}
}

func TestWrongReports(t *testing.T) {
	const number, roles = `"number": "+12025550143"`, `"roles": ["callback"]`
	for name, tc := range map[string]struct {
		body   string
		status int
		fields []string
	}{
		"not JSON":            {`number=1`, 400, []string{"body"}},
		"cut off":             {`{"number": "+1202`, 400, []string{"body"}},
		"empty":               {``, 400, nil},
		"a list":              {`[]`, 422, []string{"body"}},
		"null":                {`null`, 422, []string{"body"}},
		"nothing in it":       {`{}`, 422, []string{"body.number", "body.roles"}},
		"no number":           {`{` + roles + `}`, 422, []string{"body.number"}},
		"number is empty":     {`{"number": "", ` + roles + `}`, 422, []string{"body.number"}},
		"number is null":      {`{"number": null, ` + roles + `}`, 422, []string{"body.number"}},
		"number is a number":  {`{"number": 12025550143, ` + roles + `}`, 422, []string{"body.number"}},
		"impossible number":   {`{"number": "+1202555", ` + roles + `}`, 422, []string{"body.number"}},
		"too long a number":   {`{"number": "+` + strings.Repeat("1", 300) + `", ` + roles + `}`, 422, []string{"body.number"}},
		"emergency number":    {`{"number": "911", ` + roles + `}`, 422, []string{"body.number"}},
		"emergency elsewhere": {`{"number": "112", "region": "FR", ` + roles + `}`, 422, []string{"body.number"}},
		"short number":        {`{"number": "3975", "region": "FR", ` + roles + `}`, 422, []string{"body.number"}},
		"withheld":            {`{"number": "anonymous", ` + roles + `}`, 422, []string{"body.number"}},
		"shell":               {`{"number": "${SHELL(id)}", ` + roles + `}`, 422, []string{"body.number"}},
		"control characters":  {`{"number": "\u0000\r\n", ` + roles + `}`, 422, []string{"body.number"}},
		"unknown role":        {`{` + number + `, "roles": ["caller"]}`, 422, []string{"body.roles[0]"}},
		"two unknown roles":   {`{` + number + `, "roles": ["caller", "callee"]}`, 422, []string{"body.roles[0]", "body.roles[1]"}},
		"no roles":            {`{` + number + `, "roles": []}`, 422, []string{"body.roles"}},
		"roles is null":       {`{` + number + `, "roles": null}`, 422, []string{"body.roles"}},
		"a role twice":        {`{` + number + `, "roles": ["callback", "callback"]}`, 422, []string{"body.roles"}},
		"unknown field":       {`{` + number + `, ` + roles + `, "colour": "red"}`, 422, []string{"body.colour"}},
		"bad region":          {`{` + number + `, ` + roles + `, "region": "usa"}`, 422, []string{"body.region"}},
		"unknown region":      {`{"number": "2025550143", ` + roles + `, "region": "QQ"}`, 422, []string{"body.number", "body.region"}},
		"bad brand":           {`{` + number + `, ` + roles + `, "brand": "Amazon Inc"}`, 422, []string{"body.brand"}},
		"unknown category":    {`{` + number + `, ` + roles + `, "category": "support"}`, 422, []string{"body.category"}},
		"unknown arrival":     {`{` + number + `, ` + roles + `, "arrived": "pigeon"}`, 422, []string{"body.arrived"}},
		"unknown red flag":    {`{` + number + `, ` + roles + `, "red_flags": ["fee", "rude"]}`, 422, []string{"body.red_flags[1]"}},
		"text too long":       {`{` + number + `, ` + roles + `, "text": "` + strings.Repeat("é", 4001) + `"}`, 422, []string{"body.text"}},
		"text with NUL":       {`{` + number + `, ` + roles + `, "text": "a\u0000b"}`, 422, []string{"body.text"}},
		"negative loss":       {`{` + number + `, ` + roles + `, "loss": -1, "currency": "USD"}`, 422, []string{"body.loss"}},
		"loss, no currency":   {`{` + number + `, ` + roles + `, "loss": 1}`, 422, []string{"body.currency"}},
		"bad language":        {`{` + number + `, ` + roles + `, "language": "=cmd()"}`, 422, []string{"body.language"}},
		"future":              {`{` + number + `, ` + roles + `, "at": "2027-01-01T00:00:00Z"}`, 422, []string{"body.at"}},
		"no time":             {`{` + number + `, ` + roles + `, "at": "yesterday"}`, 422, []string{"body.at"}},
		"all at once": {`{"number": "1", "roles": ["x"], "brand": "!", "loss": "much", "at": "2030-01-01T00:00:00Z", "z": 1}`, 422,
			[]string{"body.at", "body.brand", "body.loss", "body.number", "body.roles[0]", "body.z"}},
		"1 MB":      {`{` + number + `, ` + roles + `, "text": "` + strings.Repeat("a", 1<<20) + `"}`, 413, nil},
		"deep":      {strings.Repeat("[", 30_000), 400, []string{"body"}},
		"not UTF-8": {"{\"number\": \"\xff\xfe\", " + roles + "}", 422, []string{"body.number"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, fields := wantProblem(t, b.report(t, tc.body), tc.status)
			slices.Sort(fields)
			if !slices.Equal(fields, tc.fields) {
				t.Errorf("named %q, want %q", fields, tc.fields)
			}
			if n := len(b.store.stored()); n != 0 {
				t.Errorf("%d reports stored", n)
			}
		})
	}
}

func TestReportOfAnotherTypeIsRefused(t *testing.T) {
	b := newBench(t)
	w := b.askAs(t, "application/x-www-form-urlencoded", `number=%2B12025550143&roles=callback`)
	wantProblem(t, w, http.StatusUnsupportedMediaType)
}

func TestReportIsNotAcknowledgedWhileTheStoreIsAway(t *testing.T) {
	b := newBench(t)
	b.store.fail = errAway
	w := b.report(t, `{"number": "+12025550143", "roles": ["callback"]}`)
	p, _ := wantProblem(t, w, http.StatusServiceUnavailable)
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if strings.Contains(w.Body.String(), "6379") || !strings.Contains(p.Detail, "again") {
		t.Errorf("the cause is public, or the reporter is not told what to do: %s", w.Body)
	}
	if !strings.Contains(b.log.String(), "connection refused") {
		t.Errorf("the cause is not in the log: %s", b.log)
	}
}

// TestStoreHasTheLastWord is for faults that only the store can see.
func TestStoreHasTheLastWord(t *testing.T) {
	b := newBench(t)
	b.store.fail = fmt.Errorf("store: %w", numberdb.Faults{{Field: "at", Problem: "is older than the retention", Remedy: "report it elsewhere"}})
	_, fields := wantProblem(t, b.report(t, `{"number": "+12025550143", "roles": ["callback"]}`), http.StatusUnprocessableEntity)
	if !slices.Equal(fields, []string{"body.at"}) {
		t.Errorf("named %q", fields)
	}
}

// TestWordsAreThoseOfNumberdb wants each word that the description allows to be one that numberdb reads: no report may pass the
// description and then fail.
func TestWordsAreThoseOfNumberdb(t *testing.T) {
	b := newBench(t)
	for field, words := range describedWords(t, b) {
		for _, word := range words {
			body := fmt.Sprintf(`{"number": "+12025550143", "roles": ["callback"], %q: %q}`, field, word)
			if field == "roles" || field == "red_flags" {
				body = fmt.Sprintf(`{"number": "+12025550143", "roles": ["callback"], %q: [%q]}`, field, word)
			}
			if w := b.report(t, body); w.Code != http.StatusCreated {
				t.Errorf("%s %s: status %d: %s", field, word, w.Code, w.Body)
			}
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"number": "+12025550143", "roles": ["callback"]}`))
	f.Add([]byte(`{"number": "${SHELL(id)}", "roles": ["caller_id"], "text": "\u0000"}`))
	f.Add([]byte(`{"number": "911", "at": "2026-13-01T00:00:00Z", "loss": 1e400}`))
	f.Add([]byte(`{"Number": "+12025550143", "number": null, "roles": {"a": 1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b := newBench(t)
		w := b.report(t, string(body))
		stored := b.store.stored()
		switch w.Code {
		case http.StatusCreated:
			if len(stored) != 1 || stored[0].Number == 0 || stored[0].Check(noon) != nil {
				t.Errorf("acknowledged, but stored %+v", stored)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			wantProblem(t, w, w.Code)
			if len(stored) != 0 {
				t.Errorf("refused, but stored %+v", stored)
			}
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if lines := strings.Count(b.log.String(), "\n"); lines != 1 {
			t.Errorf("%d log lines: %q", lines, b.log)
		}
	})
}

func BenchmarkReport(b *testing.B) {
	api := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		api.store.reports = nil
		api.log.Reset()
		if w := api.report(b, `{"number": "+12025550143", "roles": ["callback"], "brand": "amazon"}`); w.Code != http.StatusCreated {
			b.Fatal(w.Code, w.Body)
		}
	}
}
