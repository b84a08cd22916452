package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// both is what serve runs without --only.
var both = parts{screening: true, intake: true}

// sound loads and checks a config as serve does.
func sound(file string, environ ...string) (*loaded, error) {
	return (&program{configFile: file, environ: environ}).loadSound(both)
}

// write puts a config into a file.
func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "linewarden.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMistakes loads each file of testdata/config, which begins with the lines that it wants to be told.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			for line := range strings.Lines(string(text)) {
				if line, ok := strings.CutPrefix(line, "# want: "); ok {
					want += "linewarden: testdata/config/" + line
				}
			}
			_, err = sound(file)
			var told strings.Builder
			if status := fail(&told, err); status != exitUsage {
				t.Errorf("exit status %d, want %d", status, exitUsage)
			}
			if told.String() != want {
				t.Errorf("told\n%swant\n%s", told.String(), want)
			}
		})
	}
}

const minimal = `region: US
asterisk: [{url: "http://127.0.0.1:8088", username: linewarden, password: "of a test"}]
intake: {tokens: [{name: desk, organisation: helpline, source: staff, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}]}
`

func TestMinimalConfig(t *testing.T) {
	l, err := sound(write(t, minimal))
	if err != nil {
		t.Fatal(err)
	}
	p := l.Policies["default"]
	if p.Region != "US" || !p.Helpline || p.KeyWait != 3*time.Second || p.BareDigits != "national" {
		t.Errorf("default policy %+v", p)
	}
	if l.Asterisk[0].Transport != "auto" || l.Intake.Tokens[0].Role != "reporter" || l.Redis.Addresses[0] != "127.0.0.1:6379" {
		t.Errorf("defaults are missing: %+v", l.config)
	}
	if got := l.Asterisk[0].ariURL(); got != "http://127.0.0.1:8088/ari" {
		t.Errorf("ARI is looked for at %q", got)
	}
	if !reflect.DeepEqual(l.Rules, numberdb.DefaultRules()) {
		t.Errorf("rules %+v", l.Rules)
	}
}

func TestPolicyKeepsDefaultsOfKeysThatAreNotWritten(t *testing.T) {
	l, err := sound(write(t, minimal+"policies: {mobile: {region: CA, report_only: true}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p := l.Policies["mobile"]; p.Region != "CA" || !p.ReportOnly || !p.Helpline || p.KeyWait != 3*time.Second {
		t.Errorf("policy %+v", p)
	}
	if _, ok := l.Policies["default"]; !ok {
		t.Error("no default policy")
	}
}

func TestSampleIsSound(t *testing.T) {
	l, err := sound(write(t, sampleConfig))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(l.Rules, numberdb.DefaultRules()) || l.Policies["default"].KeyWait != defaultPolicy().KeyWait {
		t.Error("the sample differs from the defaults")
	}
}

// TestSampleExplainsEveryKey uncomments the sample and wants every key that there is to be in it.
func TestSampleExplainsEveryKey(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Slice, reflect.Map:
			walk(typ.Elem())
		case reflect.Struct:
			for _, key := range keysOf(typ) {
				field, _ := fieldByKey(typ, key)
				if field.Type == reflect.TypeFor[secret]() {
					continue // its file is the better way
				}
				if !strings.Contains(sampleConfig, key+":") {
					t.Errorf("the sample does not have %s", key)
				}
				walk(field.Type)
			}
		}
	}
	walk(reflect.TypeFor[config]())
}

// TestCommentedDefaultsOfTheSample takes the comment signs away from the rules, which are the defaults by their own word.
func TestCommentedDefaultsOfTheSample(t *testing.T) {
	_, after, _ := strings.Cut(sampleConfig, "# rules:")
	rules, _, _ := strings.Cut(after, "\n\n")
	l, err := load(write(t, "rules:"+strings.ReplaceAll(rules, "\n# ", "\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(l.Rules, numberdb.DefaultRules()) {
		t.Errorf("the sample's rules are %+v", l.Rules)
	}
}

func TestEnvironmentWins(t *testing.T) {
	l, err := sound(write(t, minimal), "LINEWARDEN_REGION=CA", "LINEWARDEN_REDIS_ADDRESSES=one:6379,two:6379", "LINEWARDEN_REDIS_CLUSTER=true",
		"LINEWARDEN_ASTERISK_0_PASSWORD=other", "LINEWARDEN_ASTERISK_1_URL=https://pbx/asterisk/ari", "LINEWARDEN_ASTERISK_1_USERNAME=u",
		"LINEWARDEN_ASTERISK_1_PASSWORD=p", "LINEWARDEN_CALLS_DEADLINE=2s", "LINEWARDEN_LOG_LEVEL=", "LINEWARDEN_SERVICE_HOST=10.0.0.1",
		"LINEWARDEN_PORT_8080_TCP_ADDR=10.0.0.1", "LINEWARDEN_CACHE=/tmp", "HOME=/root")
	if err != nil {
		t.Fatal(err)
	}
	if l.Region != "CA" || l.Policies["default"].Region != "CA" || len(l.Redis.Addresses) != 2 || !l.Redis.Cluster ||
		l.Asterisk[0].Password.Reveal() != "other" || l.Calls.Deadline != 2*time.Second || l.Log.Level != "info" {
		t.Errorf("got %+v", l.config)
	}
	if len(l.Asterisk) != 2 || l.Asterisk[1].ariURL() != "https://pbx/asterisk/ari" || l.Asterisk[1].Transport != "auto" {
		t.Errorf("asterisks %+v", l.Asterisk)
	}
}

func TestEnvironmentMistakes(t *testing.T) {
	for name, tc := range map[string]struct{ variable, want string }{
		"unknown":       {"LINEWARDEN_REDIS_ADRESSES=x:1", "environment: LINEWARDEN_REDIS_ADRESSES: unknown variable; did you mean LINEWARDEN_REDIS_ADDRESSES?"},
		"wrong type":    {"LINEWARDEN_REDIS_CLUSTER=often", "environment: LINEWARDEN_REDIS_CLUSTER: has a value of the wrong type; write it as in the config file, a list with commas"},
		"not in a list": {"LINEWARDEN_ASTERISK_9_URL=http://x", "environment: LINEWARDEN_ASTERISK_9_URL: unknown variable; did you mean LINEWARDEN_ASTERISK_0_URL?"},
		"wrong value":   {"LINEWARDEN_REGION=usa", `environment: region: "usa" is not a region; write the two capital letters of the country (ISO 3166-1), such as US`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := sound(write(t, minimal), tc.variable); err == nil || err.Error() != tc.want {
				t.Errorf("told %v\nwant %v", err, tc.want)
			}
		})
	}
}

// TestEveryKeyHasItsVariable wants the tags of file and environment to agree, so that the rule that we tell people holds.
func TestEveryKeyHasItsVariable(t *testing.T) {
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for _, key := range keysOf(typ) {
			field, _ := fieldByKey(typ, key)
			want := strings.ToUpper(key)
			switch {
			case field.Tag.Get("env") == "-":
			case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
				if field.Tag.Get("envPrefix") != want+"_" {
					t.Errorf("%s%s has the prefix %q", path, key, field.Tag.Get("envPrefix"))
				}
				walk(field.Type.Elem(), path+key+"[].")
			case field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[secret]():
				if field.Tag.Get("envPrefix") != want+"_" {
					t.Errorf("%s%s has the prefix %q", path, key, field.Tag.Get("envPrefix"))
				}
				walk(field.Type, path+key+".")
			case field.Tag.Get("env") != want:
				t.Errorf("%s%s has the variable %q", path, key, field.Tag.Get("env"))
			}
		}
	}
	walk(reflect.TypeFor[config](), "")
}

func TestHashTellsConfigsApart(t *testing.T) {
	hash := func(text string, environ ...string) string {
		l, err := load(write(t, text), environ)
		if err != nil {
			t.Fatal(err)
		}
		return l.Hash
	}
	first := hash(minimal)
	for name, other := range map[string]string{
		"said twice":      hash(minimal, "LINEWARDEN_REGION=US"),
		"a comment":       hash("# for node 1\n" + minimal),
		"another name":    hash(minimal, "LINEWARDEN_INSTANCE=node2", "HOME=/root"),
		"another secret":  hash(minimal, "LINEWARDEN_ASTERISK_0_PASSWORD=other"),
		"a default aloud": hash(minimal + "ops: {pprof: false}\n"),
	} {
		if other != first {
			t.Errorf("%s makes another config", name)
		}
	}
	for name, other := range map[string]string{
		"another region": hash(minimal, "LINEWARDEN_REGION=MX"),
		"a policy":       hash(minimal + "policies: {mobile: {report_only: true}}\n"),
		"other rules":    hash(minimal + "rules: {together: 10}\n"),
	} {
		if other == first {
			t.Errorf("%s makes no other config", name)
		}
	}
}

func TestSecretsAreReadFromFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	text := fmt.Sprintf("region: US\nredis: {password_file: %q}\nasterisk: [{url: 'http://pbx:8088', username: u, password_file: %q}]\nintake: {tokens: [{name: n, organisation: o, source: feed, token_file: %q}]}\n",
		put("redis", "of redis\n"), put("ari", "of ari\r\n"), put("token", strings.Repeat("t", 32)+"\n"))
	l, err := sound(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if l.Redis.Password.Reveal() != "of redis" || l.Asterisk[0].Password.Reveal() != "of ari" || l.Intake.Tokens[0].hash == [32]byte{} {
		t.Error("a secret was not read as it stands in its file")
	}
	for name, content := range map[string]string{"the file is empty": "\n", "the file has several lines": "a\nb\n", "larger than": strings.Repeat("x", 70_000)} {
		put("redis", content)
		if _, err := sound(write(t, text)); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("told %v, want %q", err, name)
		}
	}
	put("redis", "of redis")
	put("token", "short")
	if _, err := sound(write(t, text)); err == nil || !strings.Contains(err.Error(), "fewer than 20") || strings.Contains(err.Error(), "short\"") {
		t.Errorf("told %v", err)
	}
}

// TestSecretsAreNeverShown prints a config in every way that code might.
func TestSecretsAreNeverShown(t *testing.T) {
	l, err := sound(write(t, strings.ReplaceAll(minimal, "of a test", "hunter2")))
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+"\n", l.config)
		fmt.Fprintf(&shown, verb+"\n", l)
		fmt.Fprintf(&shown, verb+"\n", l.Asterisk[0].Password)
		fmt.Fprintf(&shown, verb+"\n", struct{ hidden asteriskConfig }{l.Asterisk[0]})
	}
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "config", l.config, "password", l.Asterisk[0].Password)
	for _, leak := range []string{"hunter2", "68756e74657232", "104 117 110"} {
		if strings.Contains(shown.String(), leak) {
			t.Errorf("shown: %s", shown.String())
		}
	}
	if !strings.Contains(shown.String(), "<secret>") {
		t.Error("nothing says that there is a secret")
	}
}

func TestConfigThatIsNoFile(t *testing.T) {
	for _, file := range []string{"/dev/zero", t.TempDir(), filepath.Join(t.TempDir(), "missing.yaml")} {
		_, err := sound(file)
		var faults configFaults
		if !errors.As(err, &faults) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: told %v", file, err)
		}
	}
}

// FuzzConfig wants every text to be loaded or refused in lines that name the file, and never to be taken for something else.
func FuzzConfig(f *testing.F) {
	f.Add(minimal)
	f.Add(sampleConfig)
	for _, mistake := range []string{"a: [", "region: &a [*a]", "? {a: b}\n: c", "\x00", "region: !!binary x", "redis: {<<: {db: 1}}", "policies: {a: null}"} {
		f.Add(mistake)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := write(t, text)
		l, err := load(file, nil)
		if err == nil {
			if again, err := load(file, nil); err != nil || again.Hash != l.Hash {
				t.Errorf("read twice, it differs: %v", err)
			}
			return
		}
		var faults configFaults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("not told as a fault of the config: %v", err)
		}
		for _, fault := range faults {
			if line := fault.String(); strings.ContainsAny(line, "\r\n\x00\x1b") || !strings.HasPrefix(line, file) {
				t.Errorf("told %q", line)
			}
		}
	})
}
