package testbed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// apt runs Debian's apt-get with a state of its own, so that it neither reads nor changes what is installed here.
type apt struct {
	folder string
	config string
}

// newApt writes the private configuration into a folder that it makes. suite names the release whose packages are fetched.
func newApt(ctx context.Context, folder, mirror, suite string) (*apt, error) {
	keyring, err := firstExisting("/usr/share/keyrings/debian-archive-keyring.gpg",
		"/usr/share/keyrings/debian-archive-keyring.pgp")
	if err != nil {
		return nil, fmt.Errorf("the keys that sign Debian's archive: %w; install the package debian-archive-keyring", err)
	}
	architecture, err := output(exec.CommandContext(ctx, "dpkg", "--print-architecture"))
	if err != nil {
		return nil, err
	}
	machine, err := output(exec.CommandContext(ctx, "apt-config", "dump"))
	if err != nil {
		return nil, err
	}
	a := &apt{folder: folder, config: filepath.Join(folder, "apt.conf")}
	for _, sub := range []string{"state", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil {
			return nil, err
		}
	}
	source := fmt.Sprintf("deb [arch=%s signed-by=%s target=Packages] %s %s main\n",
		strings.TrimSpace(architecture), keyring, mirror, suite)
	for name, text := range map[string]string{
		"sources.list": source,
		"status":       "", // nothing is installed, so everything needed is fetched
		"apt.conf":     a.configuration(machine),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Of the machine's own settings only those that tell how to reach the network count here.
var networkSettings = regexp.MustCompile(`(?m)^Acquire::(?:http|https|ForceIPv4|ForceIPv6)\b.*;$`)

func (a *apt) configuration(machine string) string {
	var text strings.Builder
	for _, line := range networkSettings.FindAllString(machine, -1) {
		fmt.Fprintln(&text, line)
	}
	for _, setting := range [][2]string{
		{"Dir::Etc::main", "/dev/null"}, {"Dir::Etc::parts", "/dev/null"},
		{"Dir::Etc::preferences", "/dev/null"}, {"Dir::Etc::preferencesparts", "/dev/null"},
		{"Dir::Etc::sourceparts", "/dev/null"}, {"Dir::Etc::sourcelist", a.folder + "/sources.list"},
		{"Dir::State", a.folder + "/state"}, {"Dir::State::lists", a.folder + "/lists"},
		{"Dir::State::status", a.folder + "/status"},
		{"Dir::Cache", a.folder + "/cache"}, {"Dir::Log", a.folder + "/log"},
		{"Acquire::Check-Valid-Until", "false"}, // mirrors and snapshots of sid lag behind
		{"Acquire::Check-Date", "false"},        // so do clocks
		{"Acquire::Retries", "3"},
		{"Acquire::Languages", "none"},
		{"APT::Install-Recommends", "false"},
		{"APT::Sandbox::User", "root"}, // the usual one, _apt, may not enter a home folder
	} {
		fmt.Fprintf(&text, "%s %q;\n", setting[0], setting[1])
	}
	return text.String()
}

// run runs apt-get and turns its own account of its progress into ours.
func (a *apt) run(ctx context.Context, step step, args ...string) error {
	status, statusWriter, err := os.Pipe()
	if err != nil {
		return err
	}
	defer status.Close()
	var said bytes.Buffer
	const statusFD = 3 // the first of ExtraFiles
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "APT::Status-Fd=" + strconv.Itoa(statusFD)}, args...)...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+a.config, "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.ExtraFiles = []*os.File{statusWriter}
	p, err := launch(cmd)
	if closeErr := statusWriter.Close(); err != nil || closeErr != nil {
		return errors.Join(err, closeErr)
	}
	step.follow(status)
	<-p.ended
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.err != nil {
		return fmt.Errorf("apt-get %s: %w; it said:\n%s", args[0], p.err, lastLines(said.Bytes(), 8))
	}
	return nil
}

// follow reads lines such as "dlstatus:1:20.5:Retrieving file 3 of 200" until apt-get closes them.
func (s step) follow(status io.Reader) {
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), ":", 4)
		if len(fields) != 4 || fields[0] != "dlstatus" {
			continue
		}
		if percent, err := strconv.ParseFloat(fields[2], 64); err == nil {
			s.at(min(max(percent/100, 0), 1))
		}
	}
}

// unpack unpacks all downloaded packages but those named in without into root, and runs nothing of theirs.
func (a *apt) unpack(ctx context.Context, root string, without []string, step step) error {
	debs, err := filepath.Glob(filepath.Join(a.folder, "cache/archives/*.deb"))
	if err != nil {
		return err
	}
	debs = slices.DeleteFunc(debs, func(deb string) bool {
		name, _, _ := strings.Cut(filepath.Base(deb), "_")
		return slices.Contains(without, name)
	})
	if len(debs) == 0 {
		return errors.New("apt-get downloaded no packages")
	}
	// base-files goes first: it makes the links /bin, /lib and so on that the others unpack through.
	for i, deb := range debs {
		if strings.HasPrefix(filepath.Base(deb), "base-files_") {
			debs[0], debs[i] = debs[i], debs[0]
		}
	}
	if err := unpack(ctx, debs[0], root); err != nil {
		return err
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(runtime.NumCPU())
	var reporting sync.Mutex
	unpacked := 1
	for _, deb := range debs[1:] {
		workers.Go(func() error {
			if err := unpack(ctx, deb, root); err != nil {
				return err
			}
			reporting.Lock()
			defer reporting.Unlock()
			unpacked++
			step.at(float64(unpacked) / float64(len(debs)))
			return nil
		})
	}
	return workers.Wait()
}

func unpack(ctx context.Context, deb, root string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--extract", deb, root)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := run(cmd); err != nil {
		return fmt.Errorf("unpacking %s: %w: %s", filepath.Base(deb), err, lastLines(said.Bytes(), 5))
	}
	return nil
}

// output runs a command and gives what it writes; what it complains about is in the error.
func output(cmd *exec.Cmd) (string, error) {
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Args[0]), err, lastLines(complaints.Bytes(), 5))
	}
	return out.String(), nil
}
