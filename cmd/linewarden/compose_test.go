package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// composeFile is what we look at in docker-compose.yml.
type composeFile struct {
	Services map[string]composeService
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	User        string
	Restart     string
	ReadOnly    bool     `yaml:"read_only"`
	Privileged  bool     `yaml:"privileged"`
	CapDrop     []string `yaml:"cap_drop"`
	CapAdd      []string `yaml:"cap_add"`
	SecurityOpt []string `yaml:"security_opt"`
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Networks    []string
	MemLimit    string                                `yaml:"mem_limit"`
	PidsLimit   int                                   `yaml:"pids_limit"`
	StopGrace   string                                `yaml:"stop_grace_period"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	for _, name := range []string{"setup", "redis", "asterisk", "linewarden"} {
		if _, ok := c.Services[name]; !ok {
			t.Fatalf("docker-compose.yml has no service %q", name)
		}
	}
	return c
}

// oneShot says whether others wait for the service's end: it has no health.
func (c composeFile) oneShot(name string) bool {
	for _, s := range c.Services {
		if s.DependsOn[name].Condition == "service_completed_successfully" {
			return true
		}
	}
	return false
}

var composeVariable = regexp.MustCompile(`\$\{([A-Z_]+):-([^}]*)\}`)

// withDefaults is a text of the compose file as it is where no variable is set.
func withDefaults(s string) string {
	return strings.ReplaceAll(composeVariable.ReplaceAllString(s, "$2"), "$$", "$")
}

func TestComposeGivesNoServiceMoreThanItNeeds(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		wrong := func(format string, args ...any) { t.Helper(); t.Errorf(name+": "+format, args...) }
		if !s.ReadOnly {
			wrong("its root file system can be written")
		}
		if s.Privileged || len(s.CapAdd) > 0 || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			wrong("it has capabilities: want cap_drop: [ALL] and nothing added")
		}
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			wrong("it may gain privileges")
		}
		if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(s.User) {
			wrong("user is %q: want numbers, and not root", s.User)
		}
		if s.MemLimit == "" || s.PidsLimit == 0 {
			wrong("memory and processes are not limited")
		}
		if !strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest") {
			wrong("image %q has no tag that pins it", s.Image)
		}
		if c.oneShot(name) {
			if s.Restart != "no" {
				wrong("it runs once, but restart is %q", s.Restart)
			}
			continue
		}
		if len(s.Healthcheck.Test) < 2 {
			wrong("it has no health check")
		}
		if s.Restart != "unless-stopped" || s.StopGrace == "" {
			wrong("restart is %q, stop_grace_period is %q", s.Restart, s.StopGrace)
		}
		for _, p := range s.Ports {
			if p := withDefaults(p); !strings.HasPrefix(p, "127.0.0.1:") {
				wrong("port %s is open to others without anybody having asked for it", p)
			}
		}
		for _, v := range s.Volumes {
			if volume, _, _ := strings.Cut(v, ":"); c.Volumes[volume] == nil {
				wrong("%s is not on a volume of the file", v)
			}
		}
	}
	for _, network := range c.Services["redis"].Networks {
		if !c.Networks[network].Internal {
			t.Errorf("redis: network %s leads out", network)
		}
	}
	if p := c.Services["redis"].Ports; len(p) > 0 {
		t.Errorf("redis: publishes %q", p)
	}
}

// TestComposeSharesOneWay wants that only setup writes what it makes for others, and that their images leave it alone.
func TestComposeSharesOneWay(t *testing.T) {
	c := readCompose(t)
	made := map[string]bool{}
	for _, v := range c.Services["setup"].Volumes {
		volume, _, _ := strings.Cut(v, ":")
		made[volume] = true
	}
	if len(made) != 3 {
		t.Errorf("setup makes %v, want three volumes", made)
	}
	for name, s := range c.Services {
		for _, v := range s.Volumes {
			volume, at, _ := strings.Cut(v, ":")
			if name == "setup" || !made[volume] {
				continue
			}
			want := ":ro,nocopy"
			if s.Image == c.Services["setup"].Image {
				want = ":ro"
			}
			if !strings.HasSuffix(at, want) {
				t.Errorf("%s: %s does not end with %s", name, v, want)
			}
		}
	}
}

func TestComposeKeepsWhatRedisAcknowledges(t *testing.T) {
	redis := readCompose(t).Services["redis"]
	for _, want := range []string{"--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--dir /data"} {
		if !slices.Contains(redis.Command, want) {
			t.Errorf("redis runs with %q, without %q", redis.Command, want)
		}
	}
	if !slices.Contains(redis.Volumes, "redis:/data") {
		t.Errorf("redis: /data is not on a volume: %q", redis.Volumes)
	}
}

func TestComposeHoldsNoSecret(t *testing.T) {
	for name, s := range readCompose(t).Services {
		for key, value := range s.Environment {
			if regexp.MustCompile(`PASSWORD|TOKEN_|SECRET|SHA256`).MatchString(key) && !regexp.MustCompile(`(_NAME|_ORGANISATION|_SOURCE|_FILE)$`).MatchString(key) {
				t.Errorf("%s: %s may hold a secret", name, key)
			}
			if strings.HasSuffix(key, "_FILE") && !strings.HasPrefix(value, "/run/linewarden/") {
				t.Errorf("%s: %s is %q, which setup does not make", name, key, value)
			}
		}
		for _, arg := range append(s.Command, s.Healthcheck.Test...) {
			if regexp.MustCompile(`(?i)requirepass|masterauth|-a \S|--pass '?[^' ]|password=|token=`).MatchString(arg) {
				t.Errorf("%s: %q may hold a secret", name, arg)
			}
		}
	}
}

// TestComposeConfigIsSound runs setup with the arguments of the file, and then reads serve's config with the environment of the file.
func TestComposeConfigIsSound(t *testing.T) {
	c := readCompose(t)
	setup, _ := setUp(t, c)
	serve := c.Services["linewarden"]
	if !slices.Equal(serve.Command, []string{"serve"}) {
		t.Fatalf("linewarden runs %q", serve.Command)
	}
	var environ []string
	for key, value := range serve.Environment {
		value = strings.Replace(withDefaults(value), "/run/linewarden/", setup.Secrets+"/", 1)
		environ = append(environ, key+"="+value)
	}
	p := &program{ctx: t.Context(), environ: environ}
	l, err := p.loadSound(parts{screening: true, intake: true})
	if err != nil {
		t.Fatal(err)
	}
	if l.Redis.Username != redisUser || l.Asterisk[0].Username != ariUser {
		t.Errorf("the users are %q and %q, setup makes %q and %q", l.Redis.Username, l.Asterisk[0].Username, redisUser, ariUser)
	}
	if !slices.Contains(serve.Volumes, "linewarden:"+filepath.Dir(l.List.Snapshot)) {
		t.Errorf("the snapshot %s is on none of the volumes %q", l.List.Snapshot, serve.Volumes)
	}
}

// setUp runs setup as the compose file does, but in folders of the test and for a group of its own.
func setUp(t *testing.T, c composeFile) (setup setupCommand, said string) {
	t.Helper()
	args := c.Services["setup"].Command
	if len(args) == 0 || args[0] != "setup" {
		t.Fatalf("setup runs %q", args)
	}
	for i := range args {
		args[i] = withDefaults(args[i])
	}
	parser, err := kong.New(&setup)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args[1:]); err != nil {
		t.Fatalf("setup does not understand its arguments: %v", err)
	}
	groups := []int{setup.RedisGroup, setup.AsteriskGroup}
	if want := []int{999, 5060}; !slices.Equal(groups, want) {
		t.Errorf("setup writes for groups %v, the services' are %v", groups, want)
	}
	setup.RedisGroup, setup.AsteriskGroup = os.Getgid(), os.Getgid()
	setup.Secrets, setup.Redis, setup.Asterisk = t.TempDir(), t.TempDir(), t.TempDir()
	var out bytes.Buffer
	if err := setup.Run(&program{ctx: t.Context(), out: &out}); err != nil {
		t.Fatal(err)
	}
	return setup, out.String()
}

var dockerfiles = []string{"cmd/linewarden/Dockerfile", "dialplan/Dockerfile"}

func TestDockerfilesCopyWhatExists(t *testing.T) {
	root := moduleRoot(t)
	ignore, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dockerfiles {
		copied := 0
		for _, line := range dockerfileLines(t, name) {
			fields := strings.Fields(line)
			if fields[0] != "COPY" || strings.HasPrefix(fields[1], "--from=") {
				continue
			}
			for _, source := range fields[1 : len(fields)-1] {
				copied++
				if _, err := os.Stat(filepath.Join(root, source)); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
				if top, _, _ := strings.Cut(source, "/"); !strings.Contains(string(ignore), "\n!"+top+"\n") {
					t.Errorf("%s: %s: .dockerignore keeps %s out of the build", name, line, source)
				}
			}
		}
		if copied < 5 {
			t.Errorf("%s: found only %d files that it copies", name, copied)
		}
	}
	services := readCompose(t).Services
	if services["setup"].Image != services["linewarden"].Image {
		t.Errorf("setup runs %s, which nothing builds", services["setup"].Image)
	}
	for service, name := range map[string]string{"linewarden": dockerfiles[0], "asterisk": dockerfiles[1]} {
		if b := services[service].Build; b.Context != "." || b.Dockerfile != name {
			t.Errorf("%s is built from %+v, want %s", service, b, name)
		}
	}
}

// TestDockerfilesShareTheirBuild compares the stages that compile: as long as they are alike, they are done once.
func TestDockerfilesShareTheirBuild(t *testing.T) {
	var stages [2][]string
	for i, name := range dockerfiles {
		for _, line := range dockerfileLines(t, name) {
			if strings.HasPrefix(line, "FROM") && !strings.HasSuffix(line, "AS build") {
				break
			}
			if len(stages[i]) > 0 || strings.HasPrefix(line, "FROM") {
				stages[i] = append(stages[i], line)
			}
			if strings.Contains(line, "go build") {
				break
			}
		}
	}
	if len(stages[0]) < 5 || !slices.Equal(stages[0], stages[1]) {
		t.Errorf("the stages differ:\n%s\n\n%s", strings.Join(stages[0], "\n"), strings.Join(stages[1], "\n"))
	}
}

// dockerfileLines is the instructions of a Dockerfile, each on one line, without comments.
func dockerfileLines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), name))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(text, []byte("\\\n"), nil))); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}
