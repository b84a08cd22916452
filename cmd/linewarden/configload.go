package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/linewarden/linewarden/screening/prefilter"
)

// standardConfig is the file that is read where none is named and it exists.
const standardConfig = "/etc/linewarden/linewarden.yaml"

// maxConfigSize is in bytes, far above any sensible file.
const maxConfigSize = 1 << 20

// envPrefix begins the names of all environment variables that we read.
const envPrefix = "LINEWARDEN_"

// commandVariables are read by the command line, not by the config.
var commandVariables = []string{"LINEWARDEN_CONFIG", "LINEWARDEN_SERVER", "LINEWARDEN_TOKEN", "LINEWARDEN_TOKEN_FILE"}

// foreignVariables begin like ours and are not for the config: those of dialplan/testbed, and those that Kubernetes sets for a service
// named linewarden.
var foreignVariables = regexp.MustCompile(`^LINEWARDEN_(TESTBED|CACHE|DEBIAN_MIRROR|SERVICE_(HOST|PORT)(_.*)?|PORT(_[0-9]+_.*)?)$`)

// configFault is one mistake in the config.
type configFault struct {
	Where string // file and line, or the environment variable; empty if it is nowhere
	Key   string // path of the key, such as asterisk[0].url
	What  string // what is wrong
	Hint  string // the way out
}

// String is the fault on one line, whatever the file holds.
func (f configFault) String() string {
	var b strings.Builder
	for _, part := range []string{f.Where, f.Key} {
		if part != "" {
			b.WriteString(printable(part) + ": ")
		}
	}
	b.WriteString(printable(f.What))
	if f.Hint != "" {
		b.WriteString("; " + printable(f.Hint))
	}
	return b.String()
}

// configFaults are all mistakes of a config, in the order of the file.
type configFaults []configFault

// Error has one line for each fault.
func (f configFaults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// printable is s with everything that could break a line or hide in it escaped, cut to a length that can be read.
func printable(s string) string {
	if len(s) > 1000 {
		s = s[:1000] + "..."
	}
	quoted := strconv.Quote(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

// loaded is a config and where it came from.
type loaded struct {
	config
	File string // empty where there was none
	// Hash is the SHA-256 of what holds, defaults included: nodes with the same hash run with the same config. The instance's name and
	// the secrets are not part of it: a hash that is logged must not help to guess them.
	Hash string

	lines map[string]int
	env   map[string]bool // our variables that were used
}

// load reads the config from a file and the environment, strictly: everything that is not understood is a fault. file may be
// empty for the standard file, if there is one. It does not ask whether the config is complete; that depends on the command, see
// [loaded.validate] and [loaded.resolveSecrets]. The error is a [configFaults], or says why the file cannot be read.
func load(file string, environ []string) (*loaded, error) {
	l := &loaded{config: defaultConfig(), File: file, lines: map[string]int{}}
	text, err := l.read()
	if err != nil {
		return nil, err
	}
	if err := l.decode(text); err != nil {
		return nil, err
	}
	ours := ourVariables(environ)
	if err := l.overlay(ours); err != nil {
		return nil, err
	}
	l.fill()
	return l, l.hash()
}

// hash works out the Hash.
func (l *loaded) hash() error {
	c := l.config
	c.Instance = ""
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write the config down: %w", err)
	}
	sum := sha256.Sum256(text)
	l.Hash = hex.EncodeToString(sum[:])
	return nil
}

// fill gives what stands in lists and maps its defaults, and makes sure that there is a default policy.
func (l *loaded) fill() {
	for i := range l.Asterisk {
		a := &l.Asterisk[i]
		a.Transport = cmp.Or(a.Transport, "auto")
		a.Prefilter.StaleAfter = cmp.Or(a.Prefilter.StaleAfter, prefilter.DefaultStaleAfter)
	}
	for i := range l.Intake.Tokens {
		t := &l.Intake.Tokens[i]
		t.Role = cmp.Or(t.Role, "reporter")
	}
	if l.Policies == nil {
		l.Policies = policies{}
	}
	if _, ok := l.Policies["default"]; !ok {
		l.Policies["default"] = defaultPolicy()
	}
	for name, p := range l.Policies {
		p.Region = cmp.Or(p.Region, l.Region)
		l.Policies[name] = p
	}
}

// read is the text of the file, or nothing where no file was named and the standard one does not exist.
func (l *loaded) read() ([]byte, error) {
	name := l.File
	if name == "" {
		name = standardConfig
	}
	text, err := readLimited(name, maxConfigSize)
	switch {
	case errors.Is(err, fs.ErrNotExist) && l.File == "":
		return nil, nil
	case err != nil:
		return nil, configFaults{{What: "config: " + err.Error(), Hint: "name it with --config, and make it readable for this user"}}
	}
	l.File = name
	return text, nil
}

// readLimited is the content of a file; longer ones than limit are refused, so that a wrong path such as /dev/zero cannot fill the
// memory.
func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from: nothing can be lost
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return text, nil
}

// decode lays a YAML text over the config.
func (l *loaded) decode(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return configFaults{l.syntaxFault(err)}
	}
	if len(file.Docs) > 1 {
		return configFaults{{Where: l.File, What: "has several documents", Hint: "keep one, and remove the lines of three hyphens"}}
	}
	s := shape{file: l.File, lines: l.lines}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			s.check(doc.Body, reflect.TypeFor[config](), "")
		}
	}
	if len(s.faults) > 0 {
		return s.faults
	}
	if err := yaml.UnmarshalWithOptions(text, &l.config, yaml.Strict()); err != nil {
		return configFaults{l.syntaxFault(err)}
	}
	return nil
}

// syntaxFault is an error of the YAML library on one line, without the excerpt that it adds: that could hold a secret.
func (l *loaded) syntaxFault(err error) configFault {
	f := configFault{Where: l.File, What: "not YAML", Hint: "compare with 'linewarden check-config --sample'"}
	var ye yaml.Error
	if errors.As(err, &ye) {
		f.What += ": " + ye.GetMessage()
		if tk := ye.GetToken(); tk != nil && tk.Position != nil {
			f.Where = fmt.Sprintf("%s:%d", l.File, tk.Position.Line)
		}
	}
	return f
}

// overlay lays the environment over the config.
func (l *loaded) overlay(ours map[string]string) error {
	l.env = map[string]bool{}
	known := map[string]bool{}
	options := func(vars map[string]string) env.Options {
		return env.Options{Prefix: envPrefix, Environment: vars, OnSet: func(name string, _ any, _ bool) { known[name] = true }}
	}
	err := env.ParseWithOptions(&l.config, options(ours))
	var faults configFaults
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		switch {
		case known[name]:
			l.env[name] = true
			if err != nil && !parses(name, ours[name]) {
				faults = append(faults, configFault{Where: "environment", Key: name, What: "has a value of the wrong type",
					Hint: "write it as in the config file, a list with commas"})
			}
		case !slices.Contains(commandVariables, name) && !foreignVariables.MatchString(name):
			faults = append(faults, configFault{Where: "environment", Key: name, What: "unknown variable",
				Hint: nearest(name, append(slices.Sorted(maps.Keys(known)), commandVariables...))})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	if err != nil {
		return configFaults{{Where: "environment", What: err.Error(), Hint: "unset the variable"}}
	}
	return nil
}

var listIndex = regexp.MustCompile(`_[0-9]+_`)

// parses says whether one variable alone has a value of the right type.
func parses(name, value string) bool {
	var c config
	return env.ParseWithOptions(&c, env.Options{Prefix: envPrefix, Environment: map[string]string{
		listIndex.ReplaceAllString(name, "_0_"): value,
	}}) == nil
}

// ourVariables are the variables of the environment that begin with our prefix. One that is set to nothing counts as not set.
func ourVariables(environ []string) map[string]string {
	ours := map[string]string{}
	for _, kv := range environ {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, envPrefix) && value != "" {
			ours[name] = value
		}
	}
	return ours
}

// where says in which place a key was written, or the nearest block that it belongs to.
func (l *loaded) where(key string) string {
	if l.env[variableName(key)] {
		return "environment"
	}
	for at := key; at != ""; {
		if line, ok := l.lines[at]; ok {
			return fmt.Sprintf("%s:%d", l.File, line)
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	return l.File
}

// variableName is the environment variable for a key: asterisk[0].url is LINEWARDEN_ASTERISK_0_URL.
func variableName(key string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer("[", "_", "]", "", ".", "_").Replace(key))
}
