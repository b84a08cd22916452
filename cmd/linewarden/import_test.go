package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImport takes a list in twice, and then another's of the same numbers: rows count once, and what a partner says has people warned.
func TestImport(t *testing.T) {
	redis := startRedis(t)
	environ := []string{"LINEWARDEN_REDIS_ADDRESSES=" + redis.Addr(), "LINEWARDEN_REGION=US"}
	list := filepath.Join(t.TempDir(), "list.csv")
	var rows strings.Builder
	rows.WriteString("number,text\n")
	for i := range 20_000 {
		fmt.Fprintf(&rows, "+1202555%04d,row %d\n", 100+i%100, i)
	}
	rows.WriteString("+12025550143,row 43\n911,emergency\n")
	if err := os.WriteFile(list, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(source, organisation string) []string {
		return []string{"import", list, "--role", "callback", "--source", source, "--organisation", organisation}
	}
	want := func(got outcome, out string) {
		t.Helper()
		if got.status != exitFailure || got.out != out || !strings.Contains(got.err, "linewarden: 1 of 20002 rows were refused\n") {
			t.Errorf("exit status %d\n%s%s, want %s", got.status, got.out, got.err, out)
		}
	}
	watched := func() outcome { return linewarden(t, environ, "lookup", "--json", "(202) 555-0143") }
	want(linewarden(t, environ, args("feed", "ftc")...), "20000 rows taken in; 1 had been before\n")
	if got := watched(); !strings.Contains(got.out, `"callback":"watch"`) {
		t.Errorf("a public list alone gives %s%s", got.out, got.err)
	}
	want(linewarden(t, environ, args("feed", "ftc")...), "0 rows taken in; 20001 had been before\n")
	want(linewarden(t, environ, args("partner", "bank")...), "20000 rows taken in; 1 had been before\n")
	if got := watched(); !strings.Contains(got.out, `"callback":"warn"`) {
		t.Errorf("a partner's list gives %s%s", got.out, got.err)
	}
}
