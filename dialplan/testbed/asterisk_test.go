package testbed

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func startAsterisk(t *testing.T, options AsteriskOptions) *Asterisk {
	t.Helper()
	asterisk := AsteriskFor(t, options)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Asterisk's log ends with:\n%s", asterisk.Log(80))
		}
	})
	return asterisk
}

func TestAsterisksSideBySide(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	start := func(name string) *Asterisk {
		return startAsterisk(t, AsteriskOptions{Files: func(ports Ports) (map[string][]byte, error) {
			return map[string][]byte{
				"extensions.conf": fmt.Appendf(nil, "[globals]\nNAME=%s\n", name),
				"http.conf":       fmt.Appendf(nil, "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=%d\n", ports.HTTP),
			}, nil
		}})
	}
	one, two := start("one"), start("two")
	for asterisk, name := range map[*Asterisk]string{one: "one", two: "two"} {
		globals, err := asterisk.CLI(ctx, "dialplan show globals")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(globals, "NAME="+name) {
			t.Errorf("%s has the globals %s", name, globals)
		}
		status, err := asterisk.CLI(ctx, "http show status")
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("127.0.0.1:%d", asterisk.Ports().HTTP); !strings.Contains(status, want) {
			t.Errorf("%s does not listen on %s: %s", name, want, status)
		}
	}
}

func TestAsteriskKillAndRestart(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	asterisk := startAsterisk(t, AsteriskOptions{})
	if err := asterisk.Kill(); err != nil {
		t.Fatal(err)
	}
	if out, err := asterisk.CLI(ctx, "core show version"); err == nil {
		t.Fatalf("a killed Asterisk answers %q", out)
	}
	if err := asterisk.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	out, err := asterisk.CLI(ctx, "core show version")
	if err != nil || !strings.HasPrefix(out, "Asterisk ") {
		t.Errorf("after Restart it answers %q (%v)", out, err)
	}
}

func TestAsteriskErrors(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	for name, test := range map[string]struct {
		files func(Ports) (map[string][]byte, error)
		want  string
	}{
		"caller's error": {func(Ports) (map[string][]byte, error) { return nil, errors.New("no ports for me") }, "no ports for me"},
		"asterisk.conf":  {filesOf("asterisk.conf", ""), "asterisk.conf"},
		"path out":       {filesOf("../extensions.conf", ""), "../extensions.conf"},
		"does not start": {filesOf("modules.conf", "[modules]\nautoload=no\nrequire=res_parking.so\n"), "res_parking"},
	} {
		t.Run(name, func(t *testing.T) {
			asterisk, err := StartAsterisk(ctx, AsteriskOptions{Files: test.files})
			if err == nil {
				t.Fatal("it started", asterisk.Close())
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error does not tell of %s: %v", test.want, err)
			}
		})
	}
	asterisk := startAsterisk(t, AsteriskOptions{})
	if out, err := asterisk.CLI(ctx, "make coffee"); err == nil {
		t.Errorf("an unknown command answers %q", out)
	}
}

func filesOf(name, text string) func(Ports) (map[string][]byte, error) {
	return func(Ports) (map[string][]byte, error) { return map[string][]byte{name: []byte(text)}, nil }
}
