package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// firstToken makes the first administrator of a node, as an installation does, and a token with which the command line acts as her.
func firstToken(t *testing.T, n *node) string {
	t.Helper()
	const password = "five walruses sing"
	first := linewarden(t, nil, "user", "first", "anna", "--config", n.config)
	setup := regexp.MustCompile(`is: ([A-Z2-7]{26})\n$`).FindStringSubmatch(first.out)
	if first.status != 0 || setup == nil {
		t.Fatalf("make the first administrator: %+v", first)
	}
	cookies := map[string]string{} // those of sign-ins are for TLS, which the test has not
	post := func(path string, body any) (answer []byte) {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.intake+path, bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		for name, value := range cookies {
			r.Header.Add("Cookie", name+"="+value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if answer, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%s: %v, status %d: %s", path, err, resp.StatusCode, answer)
		}
		for _, c := range resp.Cookies() {
			cookies[c.Name] = c.Value
		}
		return answer
	}
	post("/v1/session", intake.SignInBody{User: "anna", Password: setup[1]})
	post("/v1/me/password", intake.PasswordBody{Old: setup[1], New: password})
	var made struct{ Text string }
	if err := json.Unmarshal(post("/v1/me/tokens", map[string]string{"name": "laptop"}), &made); err != nil || made.Text == "" {
		t.Fatalf("make a token: %v", err)
	}
	return made.Text
}

// TestAuditOverTheIntake lists and verifies the chain at a node, whose Redis the command line does not reach.
func TestAuditOverTheIntake(t *testing.T) {
	t.Parallel()
	n := startNode(t, startRedis(t).Addr(), "a", "")
	environ := []string{nowhere, "LINEWARDEN_SERVER=" + n.intake, "LINEWARDEN_TOKEN=" + firstToken(t, n)}
	audit := func(args ...string) outcome { return linewarden(t, environ, append([]string{"audit"}, args...)...) }

	if got := audit("list", "--action", "password_changed", "--until", "2999-01-31"); got.status != 0 ||
		!regexp.MustCompile(`(?m)^ENTRY .*\n\d+ +20\S+Z +anna +administrator +password_changed +user anna\s*\n$`).MatchString(got.out) {
		t.Errorf("a table: %+v", got)
	}
	got := audit("list", "--oldest", "--limit", "1", "--json")
	var page intake.AuditPage
	if err := json.Unmarshal([]byte(got.out), &page); err != nil || len(page.Items) != 1 || page.Items[0].Action != "list_created" || page.Next != "2" {
		t.Errorf("JSON: %v, %+v", err, got)
	}
	if got := audit("list", "--oldest", "--limit", "1", "--cursor", page.Next); got.status != 0 || strings.Count(got.out, "\n") != 3 || !strings.HasSuffix(got.out, "more: --cursor 3\n") {
		t.Errorf("the next page: %+v", got)
	}
	for _, wrong := range []struct {
		args   string
		status int
		says   string
	}{
		{"--from yesterday", exitUsage, `--from "yesterday" is not a time`},
		{"--action none", exitFailure, "action is unknown: write one of"},
		{"--limit 1000", exitFailure, "limit"},
	} {
		if got := audit(append([]string{"list"}, strings.Fields(wrong.args)...)...); got.status != wrong.status || !strings.Contains(got.err, wrong.says) {
			t.Errorf("%s: %+v", wrong.args, got)
		}
	}

	good := audit("verify")
	head := regexp.MustCompile(`^the audit chain is good: \d+ entries, head (\d+):([0-9a-f]{64})\n$`).FindStringSubmatch(good.out)
	if good.status != 0 || head == nil {
		t.Fatalf("verify: %+v", good)
	}
	if got := audit("verify", "--head", head[1]+":"+head[2], "--json"); got.status != 0 || !strings.HasPrefix(got.out, `{"good":true,`) {
		t.Errorf("with its own head: %+v", got)
	}
	if got := audit("verify", "--head", "1:"+head[2]); got.status != exitFailure || !strings.HasPrefix(got.out, "entry 1 is altered: ") {
		t.Errorf("with another head: %+v", got)
	}
}
