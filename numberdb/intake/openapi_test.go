package intake

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"
	_ "github.com/oapi-codegen/runtime" // of the generated client

	"github.com/linewarden/linewarden/numberdb"
)

// load reads the API's description as other programs do.
func load(t *testing.T, b *bench) *openapi3.T {
	t.Helper()
	_, text := describe(t, b)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDescriptionIsValid(t *testing.T) {
	if err := load(t, newBench(t)).Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

// useOfClient is a program that talks to the API through a client that was generated from its description.
const useOfClient = `package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
)

func main() {
	client, err := NewClientWithResponses(os.Args[1], WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Args[2])
		return nil
	}))
	if err != nil {
		panic(err)
	}
	brand := "amazon"
	reported, err := client.ReportNumberWithResponse(context.Background(), nil, ReportNumberJSONRequestBody{
		Number: "+1 202 555 0143", Roles: []ReportBodyRoles{"callback"}, Brand: &brand,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(reported.StatusCode(), reported.JSON201.Number, reported.JSON201.Standing.Callback)
	asked, err := client.GetNumberWithResponse(context.Background(), "2025550143", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(asked.StatusCode(), asked.JSON200.Number, asked.JSON200.Verdict.Outbound.Action)
	wrong, err := client.ReportNumberWithResponse(context.Background(), nil, ReportNumberJSONRequestBody{Number: "12", Roles: []ReportBodyRoles{"callback"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(wrong.StatusCode(), *(*wrong.ApplicationproblemJSON422.Errors)[0].Location)
}
`

// TestGeneratedClient generates a client from the description, builds it, and has it report and ask.
func TestGeneratedClient(t *testing.T) {
	b := newBench(t)
	client, err := codegen.Generate(load(t, b), codegen.Configuration{
		PackageName: "main", Generate: codegen.GenerateOptions{Client: true, Models: true},
		OutputOptions: codegen.OutputOptions{SkipPrune: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{"client.go": client, "main.go": useOfClient}
	args := []string{"run"}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	var listing numberdb.Listing
	listing.Roles[numberdb.RoleCallback].WarnUntil = numberdb.DayOf(noon) + 180
	b.store.listing[12025550143] = listing
	server := httptest.NewServer(b)
	defer server.Close()
	run := exec.Command("go", append(args, server.URL, reporterToken)...) // in this module, whose dependencies it uses
	out, err := run.CombinedOutput()
	if want := "201 +12025550143 warn\n200 +12025550143 warn\n422 body.number\n"; err != nil || string(out) != want {
		t.Errorf("got %s (%v), want %s", out, err, want)
	}
}

// TestDocsAskNobodyElse wants the browsable description to be complete, and all of it to come from here.
func TestDocsAskNobodyElse(t *testing.T) {
	server := httptest.NewServer(newBench(t))
	defer server.Close()
	get := func(path string) (*http.Response, string) {
		t.Helper()
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, %v", path, resp.StatusCode, err)
		}
		return resp, string(body)
	}
	resp, page := get("/docs")
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") || strings.Contains(csp, "http") {
		t.Errorf("the policy is %q", csp)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 4 {
		t.Errorf("%d links in %s", len(links), page)
	}
	for _, link := range links {
		if !strings.HasPrefix(link[1], "/") {
			t.Errorf("the page links to %s", link[1])
		}
		if _, body := get(link[1]); len(body) < 100 {
			t.Errorf("%s has only %d bytes", link[1], len(body))
		}
	}
}
