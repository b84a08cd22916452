package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/intake"
)

// colleague is somebody with a browser on a node's intake, or with a token. Cookies are kept by hand: those of sign-ins are for TLS, and the tests have none.
type colleague struct {
	n       *node
	token   string // may be empty
	cookies map[string]string
}

func (n *node) colleague() *colleague { return &colleague{n: n, cookies: map[string]string{}} }

// do sends a request and reads the answer, which must have the status, into out if that is not nil.
func (d *colleague) do(t testing.TB, method, path string, body any, status int, out any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, d.n.intake+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	for name, value := range d.cookies {
		req.Header.Add("Cookie", name+"="+value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s %s: %v, status %d, want %d: %s", method, path, err, resp.StatusCode, status, answer)
	}
	for _, c := range resp.Cookies() {
		d.cookies[c.Name] = c.Value
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%v in %s", err, answer)
		}
	}
}

// settleIn signs in with a one-time password, sets another one, and makes a token for the command line.
func (d *colleague) settleIn(t testing.TB, name, setup string) (token string) {
	t.Helper()
	const password = "four walruses sing"
	d.do(t, http.MethodPost, "/v1/session", intake.SignInBody{User: name, Password: setup}, http.StatusOK, nil)
	d.do(t, http.MethodPost, "/v1/me/password", intake.PasswordBody{Old: setup, New: password}, http.StatusOK, nil)
	var made intake.MadeTokenBody
	d.do(t, http.MethodPost, "/v1/me/tokens", map[string]string{"name": "laptop"}, http.StatusCreated, &made)
	return made.Text
}

// staff makes people on a node, the first administrator anna among them, as an installation does, and gives each one's token.
func staff(t testing.TB, n *node, people map[string]access.Role) (tokens map[string]string) {
	t.Helper()
	first := linewarden(t, nil, "user", "first", "anna", "--config", n.config)
	setup := regexp.MustCompile(`is: ([A-Z2-7]{26})\n$`).FindStringSubmatch(first.out)
	if first.status != 0 || setup == nil {
		t.Fatalf("make the first administrator: %+v", first)
	}
	anna := n.colleague()
	tokens = map[string]string{"anna": anna.settleIn(t, "anna", setup[1])}
	for name, role := range people {
		var made intake.SetupBody
		anna.do(t, http.MethodPost, "/v1/users", map[string]string{"name": name, "role": string(role)}, http.StatusCreated, &made)
		tokens[name] = n.colleague().settleIn(t, name, made.Setup)
	}
	return tokens
}

// as runs a command against the node with somebody's token.
func (n *node) as(t testing.TB, token string, args ...string) outcome {
	t.Helper()
	return linewarden(t, []string{"LINEWARDEN_TOKEN=" + token, "LINEWARDEN_SERVER=" + n.intake}, args...)
}

// typed splits a command line at blanks; a tilde stands for a blank inside of a word.
func typed(line string) []string {
	split := strings.Fields(line)
	for i := range split {
		split[i] = strings.ReplaceAll(split[i], "~", " ")
	}
	return split
}
