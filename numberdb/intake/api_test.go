package intake

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

func (b *bench) askAs(t testing.TB, contentType, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/reports", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+reporterToken)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// description is the part of an OpenAPI document that the tests read.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		Security []map[string][]string `json:"security"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Enum  []string `json:"enum"`
				Items struct {
					Enum []string `json:"enum"`
				} `json:"items"`
			} `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func describe(t testing.TB, b *bench) (d description, text string) {
	t.Helper()
	w := b.ask(t, http.MethodGet, "/openapi.json", "", "")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d, w.Body.String()
}

// describedWords are the closed sets of words in a report, by field.
func describedWords(t testing.TB, b *bench) map[string][]string {
	t.Helper()
	d, _ := describe(t, b)
	words := map[string][]string{}
	for field, p := range d.Components.Schemas["ReportBody"].Properties {
		if set := slices.Concat(p.Enum, p.Items.Enum); len(set) > 0 {
			words[field] = set
		}
	}
	if len(words) != 4 {
		t.Fatalf("the description has closed sets for %v", words)
	}
	return words
}

func TestDescription(t *testing.T) {
	d, text := describe(t, newBench(t))
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %q", d.OpenAPI)
	}
	for _, path := range []string{"/v1/reports", "/v1/numbers/{number}"} {
		if len(d.Paths[path]) == 0 {
			t.Errorf("%s is not described", path)
		}
		for method, op := range d.Paths[path] {
			if len(op.Security) == 0 {
				t.Errorf("%s %s is described without its token", method, path)
			}
		}
	}
	for _, outside := range []string{"unpkg", "cdn", "jsdelivr"} {
		if strings.Contains(text, outside) {
			t.Errorf("the description names %s", outside)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/", "/docs", "/schemas/ReportBody.json", "/openapi", "/v1", "/v1/reports/", "/..%2f..%2fetc%2fpasswd"} {
		if w := b.ask(t, http.MethodGet, path, reporterToken, ""); w.Code != http.StatusNotFound && w.Code != http.StatusMovedPermanently {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	wantProblem(t, b.ask(t, http.MethodGet, "/nowhere", "", ""), http.StatusNotFound)
	w := b.ask(t, http.MethodDelete, "/v1/reports", reporterToken, "")
	wantProblem(t, w, http.StatusMethodNotAllowed)
	if w.Header().Get("Allow") != "POST" {
		t.Errorf("allows %q", w.Header().Get("Allow"))
	}
}

func TestTokens(t *testing.T) {
	const sound = `{"number": "+12025550143", "roles": ["callback"]}`
	for name, tc := range map[string]struct {
		authorization string
		status        int
	}{
		"none":              {"", 401},
		"empty":             {"Bearer ", 401},
		"wrong":             {"Bearer nobody-has-this-token-here", 401},
		"another scheme":    {"Basic " + reporterToken, 401},
		"without scheme":    {reporterToken, 401},
		"cut off":           {"Bearer " + reporterToken[:10], 401},
		"may only look":     {"Bearer " + auditorToken, 403},
		"may report":        {"Bearer " + reporterToken, 201},
		"scheme in capital": {"BEARER " + reporterToken, 201},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			r := httptest.NewRequest(http.MethodPost, "/v1/reports", strings.NewReader(sound))
			r.Header.Set("Authorization", tc.authorization)
			w := httptest.NewRecorder()
			b.ServeHTTP(w, r)
			if w.Code != tc.status {
				t.Errorf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("status %d with WWW-Authenticate %q", w.Code, w.Header().Get("WWW-Authenticate"))
			}
			if stored := len(b.store.stored()); (stored == 1) != (tc.status == 201) {
				t.Errorf("%d reports stored", stored)
			}
			if strings.Contains(b.log.String(), reporterToken) {
				t.Errorf("the log holds a token: %s", b.log)
			}
		})
	}
}

func TestTokensThatWouldMislead(t *testing.T) {
	sound := Token{
		Principal: Principal{Name: "ann", Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"}, Role: RoleReporter},
		Hash:      HashToken(reporterToken),
	}
	change := func(f func(*Token)) []Token {
		other := sound
		other.Name, other.Hash = "bob", HashToken(auditorToken)
		f(&other)
		return []Token{sound, other}
	}
	for want, tokens := range map[string][]Token{
		"has no name":         change(func(o *Token) { o.Name = "" }),
		"the name is taken":   change(func(o *Token) { o.Name = "ann" }),
		"text of another":     change(func(o *Token) { o.Hash = sound.Hash }),
		"not a role of mach":  change(func(o *Token) { o.Role = "king" }),
		"is a person, and si": change(func(o *Token) { o.Role = RoleReviewer }),
		"not an organisation": change(func(o *Token) { o.Source.Organisation = "The Bank" }),
	} {
		if _, err := New(Options{Store: &fakeStore{}, Access: nobody(t), Tokens: tokens}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := New(Options{Store: &fakeStore{}, Access: nobody(t), Tokens: change(func(*Token) {})}); err != nil {
		t.Error(err)
	}
}

func TestNumber(t *testing.T) {
	b := newBench(t)
	var listed numberdb.Listing
	listed.Roles[numberdb.RoleCallback].Override = numberdb.StandingBlock
	listed.Roles[numberdb.RoleCallerID].Override = numberdb.StandingWarn
	b.store.listing[12025550143] = listed
	known := NumberSketch{Number: "+12025550143", Kind: "e164", Region: "US", Standing: StandingByRole{"block", "warn"},
		Verdict: VerdictByWay{Inbound: VerdictBody{"label", "listed_warn"}, Outbound: VerdictBody{"block", "listed_block"}}}
	unknown := func(number, kind, region, inbound, outbound string) NumberSketch {
		return NumberSketch{Number: number, Kind: kind, Region: region, Standing: StandingByRole{"none", "none"},
			Verdict: VerdictByWay{Inbound: VerdictBody{"allow", inbound}, Outbound: VerdictBody{"allow", outbound}}}
	}
	for name, tc := range map[string]struct {
		text, query string
		want        NumberSketch
	}{
		"listed":                  {"+12025550143", "", known},
		"written otherwise":       {"(202) 555-0143", "", known},
		"of another region":       {"020 7946 0123", "?region=GB", unknown("+442079460123", "e164", "GB", "clean", "clean")},
		"emergency":               {"911", "", unknown("", "emergency", "US", "short", "emergency")},
		"short":                   {"3975", "?region=FR", unknown("", "short", "FR", "short", "short")},
		"withheld":                {"anonymous", "", unknown("", "withheld", "", "withheld", "withheld")},
		"blank":                   {" ", "", unknown("", "withheld", "", "withheld", "withheld")},
		"shell":                   {"${SHELL(id)}", "", unknown("", "unparsable", "", "unparsable", "unparsable")},
		"line ends and a slash":   {"\r\n/../x", "", unknown("", "unparsable", "", "unparsable", "unparsable")},
		"letters that are no one": {"☎ ring ж", "", unknown("", "unparsable", "", "unparsable", "unparsable")},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.ask(t, http.MethodGet, "/v1/numbers/"+url.PathEscape(tc.text)+tc.query, auditorToken, "")
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			var got NumberBody
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if tc.want.Country, tc.want.Type = countryName(tc.want.Region), got.Type; got.NumberSketch != tc.want {
				t.Errorf("got %+v\nwant %+v", got.NumberSketch, tc.want)
			}
			if isNumber := tc.want.Kind == "e164"; (got.Explain != nil) != isNumber || (got.Reports != nil) != isNumber {
				t.Errorf("explained as %+v with %+v", got.Explain, got.Reports)
			}
		})
	}
}

func TestNumberFaults(t *testing.T) {
	b := newBench(t)
	_, fields := wantProblem(t, b.ask(t, http.MethodGet, "/v1/numbers/"+strings.Repeat("1", 300)+"?region=us", auditorToken, ""), http.StatusUnprocessableEntity)
	if slices.Sort(fields); !slices.Equal(fields, []string{"path.number", "query.region"}) {
		t.Errorf("named %q", fields)
	}
	wantProblem(t, b.ask(t, http.MethodGet, "/v1/numbers/+12025550143?colour=red", auditorToken, ""), http.StatusUnprocessableEntity)
	b.store.fail = errAway
	wantProblem(t, b.ask(t, http.MethodGet, "/v1/numbers/+12025550143", auditorToken, ""), http.StatusServiceUnavailable)
}

// TestLogNamesNobody looks for numbers and for line ends that a client chose.
func TestLogNamesNobody(t *testing.T) {
	b := newBench(t)
	b.report(t, `{"number": "+12025550143", "roles": ["callback"], "text": "line\none"}`)
	b.ask(t, http.MethodGet, "/v1/numbers/"+url.PathEscape("+12025550143\nlevel=ERROR"), auditorToken, "")
	b.ask(t, http.MethodGet, "/2025550143", "", "")
	if n := strings.Count(b.log.String(), "\n"); n != 3 {
		t.Errorf("%d lines for 3 requests: %s", n, b.log)
	}
	if strings.Contains(b.log.String(), "5550143") {
		t.Errorf("the log names a number: %s", b.log)
	}
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.Contains(f.String(), "5550143") {
			t.Errorf("a metric names a number: %s", f)
		}
	}
}

// TestPanicIsAProblem is the last net: a fault of ours must not look like an acknowledgement or a cut connection.
func TestPanicIsAProblem(t *testing.T) {
	b := newBench(t)
	b.API.store = nil
	wantProblem(t, b.report(t, `{"number": "+12025550143", "roles": ["callback"]}`), http.StatusInternalServerError)
	if !strings.Contains(b.log.String(), "panic") || strings.Count(b.log.String(), "\n") != 1 {
		t.Errorf("log: %s", b.log)
	}
}

// TestOverTheWire is the same handler behind a real server, where the library sets deadlines on the connection.
func TestOverTheWire(t *testing.T) {
	b := newBench(t)
	server := httptest.NewServer(b)
	defer server.Close()
	for body, status := range map[string]int{
		`{"number": "+12025550143", "roles": ["callback"]}`:                                        http.StatusCreated,
		`{"number": "+12025550143", "roles": ["callback"], "text": "` + strings.Repeat("a", 1<<20): http.StatusRequestEntityTooLarge,
	} {
		r, err := http.NewRequest(http.MethodPost, server.URL+"/v1/reports", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+reporterToken)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != status {
			t.Errorf("status %d, want %d: %s %v", resp.StatusCode, status, text, err)
		}
	}
}
