package main

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb/replica"
	"github.com/linewarden/linewarden/screening/asterisk"
	"github.com/linewarden/linewarden/screening/journal"
)

// readRepository is a file of the repository.
func readRepository(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readmeBlocks are the code blocks of README.md in a language.
func readmeBlocks(t *testing.T, language string) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readRepository(t, "README.md"), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("README.md has no block of %s", language)
	}
	return blocks
}

// TestREADMEConfigIsSound takes the config that operators are told to write, with secrets where it says.
func TestREADMEConfigIsSound(t *testing.T) {
	for _, block := range readmeBlocks(t, "yaml") {
		folder := t.TempDir()
		for _, name := range regexp.MustCompile(`/etc/linewarden/\S+`).FindAllString(block, -1) {
			if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte("a-secret-that-only-this-test-knows\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		block = strings.ReplaceAll(block, "/etc/linewarden", folder)
		l, err := sound(write(t, block))
		if err != nil {
			t.Fatalf("%v\n%s", err, block)
		}
		if !l.Policies["default"].ReportOnly {
			t.Error("operators begin with a config that changes calls at once")
		}
	}
}

// TestREADMECommandsAreKnown parses each of our commands that README.md shows, without running it.
func TestREADMECommandsAreKnown(t *testing.T) {
	known := 0
	for _, block := range readmeBlocks(t, "sh") {
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
			words := shellWords(strings.TrimSpace(line))
			switch {
			case len(words) > 2 && words[0] == "go" && words[2] == "./cmd/linewarden":
				words = words[3:]
			case len(words) > 0 && words[0] == "linewarden":
				words = words[1:]
			default:
				continue
			}
			known++
			var grammar commandLine
			parser, err := kong.New(&grammar, kong.Vars{"default_config": standardConfig})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(words); err != nil {
				t.Errorf("%s: %v", strings.TrimSpace(line), err)
			}
		}
	}
	if known < 10 {
		t.Errorf("only %d commands of ours were found", known)
	}
}

// shellWords splits a command of README.md into words, as far as those need it: quotes of both kinds, no expansion.
func shellWords(line string) []string {
	words := regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`).FindAllString(line, -1)
	for i, w := range words {
		words[i] = strings.NewReplacer(`"`, "", `'`, "").Replace(w)
	}
	return words
}

// TestREADMEShowsTheSamples wants each line for Asterisk in README.md in the files that we give to operators.
func TestREADMEShowsTheSamples(t *testing.T) {
	given := map[string]bool{}
	err := fs.WalkDir(dialplan.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dialplan.Files(), name)
		for line := range strings.Lines(string(text)) {
			given[strings.TrimSpace(line)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := readmeBlocks(t, "ini")
	if m := regexp.MustCompile(`(?s)<<END\n(.*?)\nEND\n`).FindAllStringSubmatch(strings.Join(readmeBlocks(t, "sh"), ""), -1); len(m) == 2 {
		shown = append(shown, m[0][1], m[1][1])
	} else {
		t.Errorf("%d files are written by README.md's commands, want http.conf and ari.conf", len(m))
	}
	for _, block := range shown {
		if strings.Contains(block, "[Service]") {
			continue // for systemd
		}
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(strings.TrimSpace(line), "(+)")
			if line != "" && !given[line] && !strings.HasPrefix(line, "password=") {
				t.Errorf("README.md shows %q, which is in no file of dialplan/conf", line)
			}
		}
	}
	modules := regexp.MustCompile(`(?s)Modules needed: (.*?)\.`).FindStringSubmatch(readRepository(t, "dialplan/conf/linewarden.conf"))
	if modules == nil {
		t.Fatal("linewarden.conf does not say which modules it needs")
	}
	for _, m := range regexp.MustCompile(`\w+_\w+`).FindAllString(modules[1], -1) {
		if !strings.Contains(readRepository(t, "README.md"), m) {
			t.Errorf("README.md does not look for the module %s", m)
		}
	}
}

// TestREADMENamesExist wants each variable, setting and file that README.md names.
func TestREADMENamesExist(t *testing.T) {
	readme := readRepository(t, "README.md")
	settings := readRepository(t, "dialplan/conf/linewarden-settings.conf") + readRepository(t, "dialplan/conf/linewarden.conf")
	for _, name := range regexp.MustCompile(`LINEWARDEN_[A-Z0-9_]+`).FindAllString(readme, -1) {
		if strings.Contains(settings, name) || foreignVariables.MatchString(name) || slices.Contains(commandVariables, name) {
			continue
		}
		if _, err := load("", []string{name + "=x"}); err != nil {
			t.Errorf("README.md names %s: %v", name, err)
		}
	}
	for _, m := range regexp.MustCompile("`((?:cmd|dialplan|numberdb|screening)[/\\w.-]*)`|\\]\\(([\\w./-]+)\\)").FindAllStringSubmatch(readme, -1) {
		if name := m[1] + m[2]; !exists(filepath.Join(moduleRoot(t), name)) {
			t.Errorf("README.md names %s, which is not there", name)
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// descriptions collects what would be registered.
type descriptions struct{ text strings.Builder }

func (d *descriptions) Register(c prometheus.Collector) error {
	described := make(chan *prometheus.Desc)
	go func() {
		c.Describe(described)
		close(described)
	}()
	for desc := range described {
		d.text.WriteString(desc.String() + "\n")
	}
	return nil
}

func (d *descriptions) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		_ = d.Register(c) // never fails
	}
}

func (*descriptions) Unregister(prometheus.Collector) bool { return true }

// TestREADMEMetricsExist wants each metric that README.md names among those of a node.
func TestREADMEMetricsExist(t *testing.T) {
	l, err := sound(write(t, minimal))
	if err != nil {
		t.Fatal(err)
	}
	var all descriptions
	log := slog.New(slog.DiscardHandler)
	all.MustRegister(buildInfo())
	store, err := l.openStore(roleNode, log, &all)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() // it was never used
	l.Audit.Syslog = "udp://127.0.0.1:514"
	if _, err := l.newHeadSender(store.AuditHead, log, &all); err != nil {
		t.Fatal(err)
	}
	list, err := replica.New(store, replica.Options{Metrics: &all})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.newJournal(store, log, &all); err != nil {
		t.Fatal(err)
	}
	if _, err := l.newTraffic(store, journal.RandomKey(), log, &all); err != nil {
		t.Fatal(err)
	}
	flow, err := l.newFlow(list, nil, log, &all)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := asterisk.New(l.Asterisk[0].client(0, "readme", log, &all), flow.Handle); err != nil {
		t.Fatal(err)
	}
	l.Asterisk[0].Prefilter.Manager = "127.0.0.1:5038"
	if _, err := l.newPrefilter(0, list, log, &all); err != nil {
		t.Fatal(err)
	}
	if _, err := l.newIntake(store, list, journal.RandomKey(), log, &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`linewarden_[a-z_]+`).FindAllString(readRepository(t, "README.md"), -1) {
		if !strings.Contains(all.text.String(), `"`+name+`"`) {
			t.Errorf("README.md names the metric %s, which no node has", name)
		}
	}
}
