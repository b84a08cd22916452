package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Progress is told how far a preparation is: done of total, and what is being done. It is called from one goroutine at a
// time and must return quickly. total never changes during one preparation, done never falls.
type Progress func(done, total int, what string)

// Tools are the programs of the testbed. The zero value is not usable: [Prepare] makes one. Safe for concurrent use.
type Tools struct {
	root  string            // the folder that holds the whole system; empty for programs on PATH
	paths map[string]string // where each program is, inside root
	inUse *os.File          // holds a shared lock on a fetched folder for as long as this process lives
}

// The programs that every Tools has.
var programs = []string{"asterisk", "redis-server", "redis-cli", "espeak-ng", "sox"}

// Prepare finds the programs, or fetches them: the package comment says from where. It takes milliseconds if they are
// there and about half a minute if they must be fetched. progress may be nil. Several processes and goroutines may
// prepare at the same time: one fetches, the others wait for it.
func Prepare(ctx context.Context, progress Progress) (*Tools, error) {
	if progress == nil {
		progress = func(int, int, string) {}
	}
	switch choice := os.Getenv("LINEWARDEN_TESTBED"); choice {
	case "":
		tools, why := fromPath(ctx, true)
		if why == nil {
			return tools, nil
		}
		tools, err := fetched(ctx, progress)
		if err != nil {
			return nil, fmt.Errorf("testbed: the programs on PATH do not do (%w), and fetching them failed: %w", why, err)
		}
		return tools, nil
	case "path":
		tools, err := fromPath(ctx, false)
		if err != nil {
			return nil, fmt.Errorf("testbed: LINEWARDEN_TESTBED=path: %w", err)
		}
		return tools, nil
	case "fetch":
		tools, err := fetched(ctx, progress)
		if err != nil {
			return nil, fmt.Errorf("testbed: %w", err)
		}
		return tools, nil
	default:
		return nil, fmt.Errorf("testbed: LINEWARDEN_TESTBED is %q; it may be path, fetch or empty", choice)
	}
}

// fromPath takes the programs from PATH. recent asks for versions that have all that Linewarden can use.
func fromPath(ctx context.Context, recent bool) (*Tools, error) {
	tools := &Tools{paths: map[string]string{}}
	var missing []string
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if errors.Is(err, exec.ErrNotFound) && name == "asterisk" {
			path, err = exec.LookPath("/usr/sbin/asterisk") // not on the PATH of ordinary users
		}
		if err != nil {
			missing = append(missing, name)
			continue
		}
		tools.paths[name] = path
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("not found: %s; install them (on Debian and its kin the packages asterisk, "+
			"redis-server, redis-tools, espeak-ng and sox)", strings.Join(missing, ", "))
	}
	if !recent {
		return tools, nil
	}
	if v, err := tools.version(ctx, "asterisk"); err != nil {
		return nil, err
	} else if !v.hasStasisBroadcast() {
		return nil, fmt.Errorf("%s is Asterisk %s; 20.17, 22.7, 23.1 or later is needed", tools.paths["asterisk"], v)
	}
	if v, err := tools.version(ctx, "redis-server"); err != nil {
		return nil, err
	} else if v.major < 7 {
		return nil, fmt.Errorf("%s is Redis %s; 7 or later is needed", tools.paths["redis-server"], v)
	}
	return tools, nil
}

// Command prepares a run of one of the programs asterisk, redis-server, redis-cli, espeak-ng and sox, for instance
// Command(ctx, "sox", "-", …). Talk to it by stdin and stdout only: it may see other files than this process does.
// The program is killed when ctx ends. An unknown name gives a command whose start fails.
func (t *Tools) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	path, known := t.paths[name]
	if !known {
		path = name
	}
	chroot := ""
	if t.root != "" && os.Geteuid() == 0 {
		chroot = t.root
	} else if t.root != "" {
		// chroot and devices are for root. In namespaces of its own the program is root over this user's files only, and
		// sees the machine's devices. All of this is one process, which becomes the program in the end.
		const enter = `mount --rbind /dev "$1/dev" && exec chroot "$@"`
		args = append([]string{"--map-root-user", "--mount", "--", "/bin/sh", "-c", enter, "sh", t.root, path}, args...)
		path = "unshare"
	}
	cmd := exec.CommandContext(ctx, path, args...)
	if !known {
		cmd.Err = fmt.Errorf("testbed: %q is not one of the programs %s", name, strings.Join(programs, ", "))
	}
	cmd.WaitDelay = waitDelay
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if t.root != "" {
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LC_ALL=C.UTF-8"}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: chroot}
	return cmd
}

// Version is what a program says of itself, for people: "Asterisk 22.10.1", for instance.
func (t *Tools) Version(ctx context.Context, name string) (string, error) {
	flag := "--version"
	if name == "asterisk" {
		flag = "-V"
	}
	out, err := t.Command(ctx, name, flag).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w: %s", name, err, lastLines(out, 5))
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(line), nil
}

func (t *Tools) version(ctx context.Context, name string) (version, error) {
	line, err := t.Version(ctx, name)
	if err != nil {
		return version{}, err
	}
	v, ok := parseVersion(line)
	if !ok {
		return version{}, fmt.Errorf("%s says %q, which holds no version", t.paths[name], line)
	}
	return v, nil
}

// outside is the path by which this process reaches what the programs know as inside.
func (t *Tools) outside(inside string) string {
	return filepath.Join(t.root, inside)
}
