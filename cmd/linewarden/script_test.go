package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program too: scripts and tests run it as "linewarden".
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"linewarden": main}) }

// nowhere is a Redis that is not there, whatever else runs on the machine.
const nowhere = "LINEWARDEN_REDIS_ADDRESSES=127.0.0.1:1"

// TestScripts runs testdata/script: each command with its exit status and what it says.
func TestScripts(t *testing.T) {
	self, err := exec.LookPath("linewarden")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, nowhere, "PROGRAM="+self)
			return nil
		},
	})
}

// outcome is how a run of the program ended.
type outcome struct {
	status   int
	out, err string
}

// linewarden runs the program with an environment of its own.
func linewarden(t testing.TB, environ []string, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "linewarden", args...)
	cmd.Env = environ
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// TestHostileNumbers wants one object and exit status 0 for every text, and that nothing in it is run, or printed as it stands.
func TestHostileNumbers(t *testing.T) {
	for name, tc := range map[string]struct{ text, number, kind string }{
		"sound":               {"+1 (202) 555-0143", "+12025550143", "e164"},
		"national":            {"2025550143", "+12025550143", "e164"},
		"tel URI":             {"tel:+1-202-555-0143", "+12025550143", "e164"},
		"SIP URI":             {"sip:+12025550143@pbx.example;user=phone", "+12025550143", "e164"},
		"SIP URI, no user":    {"sip:pbx.example", "", "withheld"},
		"emergency":           {"911", "", "emergency"},
		"empty":               {"", "", "withheld"},
		"anonymous":           {"anonymous", "", "withheld"},
		"200 digits":          {strings.Repeat("1", 200), "", "unparsable"},
		"200 letters":         {strings.Repeat("a", 200), "", "unparsable"},
		"100,000 characters":  {strings.Repeat("+", 100_000), "", "unparsable"},
		"shell":               {"${SHELL(id)}", "", "unparsable"},
		"backticks":           {"`id`; id | id", "", "unparsable"},
		"UTF-8":               {"número ☎ 电话", "", "unparsable"},
		"not UTF-8":           {"\xff\xfe\x80", "", "unparsable"},
		"line ends":           {"1\r\nlevel=ERROR msg=forged", "", "unparsable"},
		"terminal":            {"\x1b[2J\x07", "", "unparsable"},
		"hyphen and digits":   {"-5", "", "unparsable"},
		"hyphen and letters":  {"-rf", "", "unparsable"},
		"only a hyphen":       {"-", "", "withheld"},
		"placeholder of kong": {"${default_config}", "", "unparsable"},
	} {
		t.Run(name, func(t *testing.T) {
			got := linewarden(t, []string{nowhere, "LINEWARDEN_REGION=US"}, "lookup", "--json", tc.text)
			if got.status != 0 || got.err != "" {
				t.Fatalf("exit status %d: %s", got.status, got.err)
			}
			if strings.Count(got.out, "\n") != 1 || strings.ContainsAny(got.out, "\r\x1b\x07") || strings.Contains(got.out, "uid=") {
				t.Errorf("printed %q", got.out)
			}
			var answer lookupAnswer
			if err := json.Unmarshal([]byte(got.out), &answer); err != nil {
				t.Fatal(err)
			}
			if answer.Number != tc.number || answer.Kind != tc.kind || answer.List != listNone || answer.Standing.Callback != standingUnknown {
				t.Errorf("answer %+v", answer)
			}
		})
	}
}
