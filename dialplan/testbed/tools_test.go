package testbed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrepareTellsItsProgress(t *testing.T) {
	last := -1
	tools, err := Prepare(soon(t), func(done, total int, what string) {
		if done < last || done > total || what == "" {
			t.Errorf("progress %d of %d (%q) after %d", done, total, what, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		said, err := tools.Version(soon(t), name)
		if err != nil || !versionPattern.MatchString(said) {
			t.Errorf("%s says %q (%v)", name, said, err)
		}
	}
	if err := tools.Command(t.Context(), "rm").Run(); err == nil || !strings.Contains(err.Error(), "rm") {
		t.Errorf("an unknown program: %v", err)
	}
}

// program writes a shell script that answers like a program of some version.
func program(t *testing.T, folder, name, says string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestProgramsOnPath(t *testing.T) {
	for name, test := range map[string]struct {
		asterisk, redis string
		without         string
		choice, wrong   string
	}{
		"recent":              {asterisk: "Asterisk 22.10.1~dfsg", redis: "Redis server v=8.0.6 sha=0"},
		"old asterisk":        {asterisk: "Asterisk 20.6.0", redis: "Redis server v=8.0.6", wrong: "Asterisk 20.6"},
		"old redis":           {asterisk: "Asterisk 22.10.1", redis: "Redis server v=6.2.1", wrong: "Redis 6.2"},
		"no version":          {asterisk: "good morning", redis: "Redis server v=8.0.6", wrong: "good morning"},
		"one missing":         {asterisk: "Asterisk 22.10.1", redis: "Redis server v=8.0.6", without: "sox", wrong: "not found: sox"},
		"old, path is forced": {asterisk: "Asterisk 16.28.0", redis: "Redis server v=6.0", choice: "path"},
		"missing, forced":     {asterisk: "Asterisk 22.10.1", redis: "Redis server v=8.0.6", without: "espeak-ng", choice: "path", wrong: "not found: espeak-ng"},
		"unknown choice":      {choice: "apt", wrong: `"apt"`},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for _, name := range programs {
				says := map[string]string{"asterisk": test.asterisk, "redis-server": test.redis}[name]
				if name != test.without {
					program(t, folder, name, says)
				}
			}
			t.Setenv("PATH", folder)
			t.Setenv("LINEWARDEN_TESTBED", test.choice)
			t.Setenv("LINEWARDEN_CACHE", t.TempDir())
			// With only these on PATH there is no apt-get: what cannot be taken from PATH is an error.
			tools, err := Prepare(t.Context(), nil)
			if test.wrong == "" {
				if err != nil || tools.paths["sox"] != filepath.Join(folder, "sox") {
					t.Errorf("got %+v (%v)", tools, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("got %v, want an error about %q", err, test.wrong)
			}
			if test.choice == "" && !strings.Contains(err.Error(), "install asterisk") {
				t.Errorf("the error gives no way out: %v", err)
			}
		})
	}
}

func TestHasStasisBroadcast(t *testing.T) {
	for line, want := range map[string]bool{
		"Asterisk 16.28.0~dfsg": false, "Asterisk 20.16.0": false, "Asterisk 20.17.0": true, "Asterisk 21.12.1": false,
		"Asterisk 22.6.0": false, "Asterisk 22.7.0": true, "Asterisk 23.0.0": false, "Asterisk 23.1.0": true, "Asterisk 24.0.0": true,
	} {
		if v, ok := parseVersion(line); !ok || v.hasStasisBroadcast() != want {
			t.Errorf("%s: %v %v, want %v", line, v, ok, want)
		}
	}
	for _, line := range []string{"", "Asterisk", "99999999999999999999.1"} {
		if v, ok := parseVersion(line); ok {
			t.Errorf("%q is version %v", line, v)
		}
	}
}

func TestChooseMirror(t *testing.T) {
	const debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_CODENAME=bookworm\n"
	for name, test := range map[string]struct{ release, targets, want, wrong string }{
		"own mirror": {debian, "Packages\thttp://extra.example/apt\tnodistro\tmain\n" +
			"Packages\thttp://security.example/debian-security\tbookworm-security\tmain\n" +
			"DEP-11\thttp://wrong.example/debian\tbookworm\tmain\n" +
			"Packages\thttp://mirror.example/debian\tbookworm\tmain\n", "http://mirror.example/debian", ""},
		"by suite":   {debian, "Packages\tmirror+file:/etc/apt/mirrors\tstable\tmain\n", "mirror+file:/etc/apt/mirrors", ""},
		"sid itself": {"ID=debian\n", "Packages\thttp://mirror.example/debian\tsid\tmain\n", "http://mirror.example/debian", ""},
		"cd only":    {debian, "Packages\tcdrom:[Debian]\tbookworm\tmain\n", "", "LINEWARDEN_DEBIAN_MIRROR"},
		"none":       {debian, "", "", "LINEWARDEN_DEBIAN_MIRROR"},
		"ubuntu":     {"ID=ubuntu\nPRETTY_NAME='Ubuntu 24.04'\n", "Packages\thttp://mirror.example/ubuntu\tnoble\tmain\n", "", "Ubuntu 24.04"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := chooseMirror(test.release, test.targets)
			if got != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("got %q (%v), want %q and an error about %q", got, err, test.want, test.wrong)
			}
		})
	}
}

func TestFetchSaysWhatAptSaid(t *testing.T) {
	// An archive that is not there: a folder of our own, so that no network is asked.
	t.Setenv("LINEWARDEN_DEBIAN_MIRROR", "file://"+t.TempDir())
	t.Setenv("LINEWARDEN_CACHE", t.TempDir())
	t.Setenv("LINEWARDEN_TESTBED", "fetch")
	_, err := Prepare(soon(t), nil)
	if err == nil {
		t.Fatal("fetched from an empty archive")
	}
	for _, want := range []string{"reading the list of packages", "apt-get update", "Release"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not speak of %q: %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Prepare(ctx, nil); err == nil {
		t.Error("fetched although the context had ended")
	}
}

func TestPortsAreReservedOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		block, err := reserveServicePorts()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := block.release(); err != nil {
				t.Error(err)
			}
		})
		if seen[block.first] || block.first < servicePorts || block.first+servicePortsBlock > rtpPorts {
			t.Errorf("got the ports from %d", block.first)
		}
		seen[block.first] = true
	}
	// All of a small range, and one more.
	first, err := reservePorts(32000, 32016, 16)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reservePorts(32000, 32016, 16); err == nil || !strings.Contains(err.Error(), "between 32000 and 32016") {
		t.Errorf("reserved ports that are taken (%v)", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := reservePorts(32000, 32016, 16)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.release(); err != nil {
		t.Error(err)
	}
}
