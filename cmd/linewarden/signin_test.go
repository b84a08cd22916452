package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb/intake"
)

// TestSigninWithSecondFactor wants a code to be asked for only where the server says that one is missing, the session to be used by its cookie
// and ended, and nothing but the token to be kept.
func TestSigninWithSecondFactor(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step := r.Method + " " + r.URL.Path
		var in intake.SignInBody
		if r.Method == http.MethodPost && r.URL.Path == "/v1/session" {
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				t.Error(err)
			}
			step += " " + in.User + " " + in.Password + " " + in.Code
		}
		if cookie, err := r.Cookie("__Host-linewarden"); err == nil {
			step += " in " + cookie.Value
		}
		asked = append(asked, step) // one request at a time: the command waits for each answer
		switch {
		case in.User != "" && in.Code == "":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":"A code is needed, too.","code_needed":true}`))
		case in.User != "":
			http.SetCookie(w, &http.Cookie{Name: "__Host-linewarden", Value: "session", Path: "/", Secure: true})
			_, _ = w.Write([]byte(`{"name":"ann","role":"reviewer"}`))
		case r.Method == http.MethodPost:
			_, _ = w.Write([]byte(`{"token":{"name":"cli-desk","expires":"2149-01-31T00:00:00Z"},"text":"text-of-the-token"}`))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "linewarden", "signin", "--server", server.URL+"/")
	cmd.Env = []string{"XDG_CONFIG_HOME=" + folder}
	cmd.Stdin = strings.NewReader("ann\r\nfour walruses sing\n 123456")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "signed in at "+server.URL+" as ann, reviewer, until 2149-01-31\n" {
		t.Fatalf("%v: %s", err, out)
	}
	want := "POST /v1/session ann four walruses sing |POST /v1/session ann four walruses sing 123456|POST /v1/me/tokens in session|DELETE /v1/session in session"
	if got := strings.Join(asked, "|"); got != want {
		t.Errorf("the server was asked\n%s, want\n%s", got, want)
	}
	kept, err := os.ReadFile(filepath.Join(folder, "linewarden", "signin.json"))
	if want := `{"server":"` + server.URL + `","user":"ann","token_name":"cli-desk","expires":"2149-01-31T00:00:00Z","token":"text-of-the-token"}`; err != nil || string(kept) != want {
		t.Errorf("%v: kept %s, want %s", err, kept, want)
	}
}

// TestClientFollowsNoRedirect wants neither a password nor a token to go where another server points.
func TestClientFollowsNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent on", r.Method) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "linewarden", "signin", "ann", "--server", server.URL)
	cmd.Env = []string{"XDG_CONFIG_HOME=" + t.TempDir()}
	cmd.Stdin = strings.NewReader("four walruses sing\n")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "answered 307 Temporary Redirect") {
		t.Errorf("%v: %s", err, out)
	}
}
