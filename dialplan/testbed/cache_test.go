package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets this test binary play other processes: those that fetch at the same time, and one that is killed.
func TestMain(m *testing.M) {
	switch os.Getenv("TESTBED_PLAYS") {
	case "fetcher":
		fmt.Println(openFake(os.Getenv("TESTBED_FOLDER"), "one", "fetched"))
		os.Exit(0)
	case "killed fetcher":
		s := store{os.Getenv("TESTBED_FOLDER"), "one", func(_ context.Context, into string, _ Progress) error {
			if err := os.WriteFile(filepath.Join(into, "half"), nil, 0o600); err != nil {
				return err
			}
			fmt.Println("building")
			select {}
		}}
		_, _, err := s.open(context.Background(), nil)
		fmt.Println(err)
		os.Exit(1)
	case "owner of a redis":
		redis, err := StartRedis(context.Background(), RedisOptions{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(redis.PID(), redis.scratch.outside)
		select {}
	}
	os.Exit(m.Run())
}

// openFake opens a store whose recipe writes one file, and tells whether it was this process that built it.
func openFake(folder, recipe, content string) string {
	what := "found"
	s := store{folder, recipe, func(_ context.Context, into string, _ Progress) error {
		what = "built"
		return os.WriteFile(filepath.Join(into, "file"), []byte(content), 0o600)
	}}
	built, inUse, err := s.open(context.Background(), nil)
	if err != nil {
		return err.Error()
	}
	got, err := os.ReadFile(filepath.Join(built, "file"))
	return fmt.Sprintln(what, string(got), errors.Join(err, inUse.Close()))
}

// play starts this test binary in another role and gives the first line that it prints.
func play(t *testing.T, role, folder string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(soon(t), self)
	cmd.Env = append(os.Environ(), "TESTBED_PLAYS="+role, "TESTBED_FOLDER="+folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func firstLine(t *testing.T, out *bufio.Reader) string {
	t.Helper()
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return strings.TrimSpace(line)
}

func TestProcessesShareOneFetch(t *testing.T) {
	folder := t.TempDir()
	type running struct {
		cmd *exec.Cmd
		out *bufio.Reader
	}
	var fetchers []running
	for range 4 {
		cmd, out := play(t, "fetcher", folder)
		fetchers = append(fetchers, running{cmd, out})
	}
	built := 0
	for _, fetcher := range fetchers {
		line := firstLine(t, fetcher.out)
		if !strings.HasSuffix(line, " fetched <nil>") {
			t.Errorf("a process said %q", line)
		}
		if strings.HasPrefix(line, "built") {
			built++
		}
		if _, err := fetcher.out.ReadString(0); err == nil {
			t.Error("it said more")
		}
		if err := fetcher.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if built != 1 {
		t.Errorf("%d of 4 processes fetched, want 1", built)
	}
}

func TestKilledFetchIsNotMistakenForWhole(t *testing.T) {
	folder := t.TempDir()
	cmd, out := play(t, "killed fetcher", folder)
	if line := firstLine(t, out); line != "building" {
		t.Fatal(line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
	if got := openFake(folder, "one", "whole"); got != "built whole <nil>\n" {
		t.Errorf("after a killed fetch: %s", got)
	}
	if left, err := filepath.Glob(filepath.Join(folder, buildingPrefix+"*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

func TestOtherRecipeFetchesAnewAndSparesWhatIsUsed(t *testing.T) {
	folder := t.TempDir()
	if got := openFake(folder, "unused", "old"); got != "built old <nil>\n" {
		t.Fatal(got)
	}
	s := store{folder, "used", func(context.Context, string, Progress) error { return nil }}
	used, inUse, err := s.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer inUse.Close()
	if got := openFake(folder, "new", "fresh"); got != "built fresh <nil>\n" {
		t.Error(got)
	}
	if got := openFake(folder, "new", "never"); got != "found fresh <nil>\n" {
		t.Error(got)
	}
	if _, err := os.Stat(used); err != nil {
		t.Errorf("a folder in use was removed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, builtPrefix+"unused")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unused folder was kept (%v)", err)
	}
}

func TestFailedFetchLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	s := store{folder, "one", func(context.Context, string, Progress) error { return errors.New("no network") }}
	if _, _, err := s.open(t.Context(), nil); err == nil || err.Error() != "no network" {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(folder, "*-*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

func TestWaitingForAnotherFetchEndsWithTheContext(t *testing.T) {
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	s := store{folder, "one", func(context.Context, string, Progress) error {
		cancel()
		other := store{folder, "one", nil}
		_, _, err := other.open(ctx, nil)
		return err
	}}
	if _, _, err := s.open(t.Context(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestServersDieWithTheirProcess(t *testing.T) {
	cmd, out := play(t, "owner of a redis", "")
	var pid int
	var folder string
	line := firstLine(t, out)
	if _, err := fmt.Sscan(line, &pid, &folder); err != nil {
		t.Fatal(line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
	waitUntilGone(t, pid)
	// Its files are swept by whoever comes next.
	startRedis(t)
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", folder, err)
	}
}

// waitUntilGone waits until a process that is not our child has ended.
func waitUntilGone(t *testing.T, pid int) {
	t.Helper()
	file, err := pidfdOpen(pid)
	if errors.Is(err, syscall.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// A pidfd can be read from, as poll sees it, when its process has ended.
	if err := pollReadable(int(file.Fd()), patience); err != nil {
		t.Fatalf("process %d still runs: %v", pid, err)
	}
}

func TestCacheFolder(t *testing.T) {
	wanted := filepath.Join(t.TempDir(), "a", "b")
	t.Setenv("LINEWARDEN_CACHE", wanted)
	if got, err := CacheFolder(); got != wanted || err != nil {
		t.Errorf("got %s (%v), want %s", got, err, wanted)
	}
	t.Setenv("LINEWARDEN_CACHE", "")
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	if got, err := CacheFolder(); !strings.HasPrefix(got, temporary) || err != nil {
		t.Errorf("without HOME: got %s (%v), want a folder in %s", got, err, temporary)
	}
	if os.Geteuid() == 0 {
		foreign := t.TempDir()
		if err := os.Chown(foreign, 65534, -1); err != nil {
			t.Fatal(err)
		}
		t.Setenv("LINEWARDEN_CACHE", foreign)
		if got, err := CacheFolder(); err == nil {
			t.Errorf("took %s, which belongs to somebody else", got)
		}
	}
}
