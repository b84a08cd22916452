package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
)

// program is the linewarden program, built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "linewarden-program-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "linewarden")
	out, err := exec.Command("go", "build", "-o", file, "..").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build linewarden: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if file, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(status)
}

// open starts a stage that a test may treat badly.
func open(t *testing.T) (context.Context, *stage) {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // it may have to fetch Asterisk
	t.Cleanup(cancel)
	s, err := openStage(ctx, Options{Program: file, Err: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.loadList(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

// await waits for a condition of another process.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s did not come within %v", what, patience)
		}
	}
}

func TestDemo(t *testing.T) {
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Program: file, Once: true, JSON: true, Out: &out, Err: t.Output()}); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("%d lines for %d cases:\n%s", len(lines), len(cases), &out)
	}
	for i, line := range lines {
		var r Result
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Case != cases[i].Name || r.Heard == nil {
			t.Errorf("line %d is %s (%v)", i+1, line, err)
		}
		if clean := r.Reason == reasonClean; clean != (r.ID == "") || !clean && len(r.ID) != 12 {
			t.Errorf("line %d: reason %s, id %q", i+1, r.Reason, r.ID)
		}
	}
}

// sample call cases by name, for the tests below.
func caseNamed(t *testing.T, name string) aCase {
	t.Helper()
	for _, c := range cases {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no sample call %q", name)
	return aCase{}
}

// must plays a sample call that has to get what its case promises.
func must(ctx context.Context, t *testing.T, s *stage, c aCase) Result {
	t.Helper()
	r, err := s.play(ctx, c)
	if err == nil {
		err = r.differs(c.Want)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", c.Name, err, s.node.log.tail())
	}
	return r
}

// A call whose Linewarden is killed in the middle of a warning is let go of: by a second instance while that one runs, or by the killed
// one's successor. So is that of one that hangs, by a second instance. Nothing is left in Stasis.
func TestGoneDuringAWarning(t *testing.T) {
	ctx, s := open(t)
	intoTheWarning := func() *testbed.Call {
		t.Helper()
		call, err := s.place(ctx, caseNamed(t, "outbound_warned"))
		if err == nil {
			_, err = call.WaitHeard(ctx, s.sounds, "warn-before")
		}
		if err != nil {
			t.Fatal(err)
		}
		return call
	}
	letGo := func(call *testbed.Call, gone time.Time) {
		t.Helper()
		at, err := s.arrival(ctx, caseNamed(t, "outbound_warned").Calling, call)
		t.Logf("the called phone rings %v after it", time.Since(gone)) // not asserted: the machine may have stalled
		if err == nil && at.call != nil {
			err = s.talk(ctx, call, at)
		}
		if err != nil || at.phone != carrierPhone {
			t.Fatalf("the call reached %q: %v", at.phone, err)
		}
		if reason := at.call.Invite().Header("X-Linewarden-Reason"); reason != "orphan" {
			t.Errorf("the call was let go of with the reason %q", reason)
		}
		channels, err := s.asterisk.CLI(ctx, "core show channels concise")
		if err != nil || strings.Contains(channels, "Stasis") {
			t.Errorf("a channel is left in Stasis: %v\n%s", err, channels)
		}
	}

	call, killed := intoTheWarning(), time.Now()
	if err := s.node.kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.node.start(ctx); err != nil {
		t.Fatal(err)
	}
	letGo(call, killed)

	first := s.node
	second, err := s.addNode(ctx, "second")
	if err != nil {
		t.Fatal(err)
	}
	ownerAndOther := func() (owner, other *node) {
		if owns(ctx, t, second) {
			return second, first
		}
		return first, second
	}
	released := func(n *node) float64 {
		return n.metric(ctx, t, "linewarden_asterisk_released_total", `reason="fellow"`)
	}
	call = intoTheWarning()
	victim, survivor := ownerAndOther()
	killed = time.Now()
	if err := victim.kill(); err != nil {
		t.Fatal(err)
	}
	letGo(call, killed)
	if n := released(survivor); n != 1 {
		t.Errorf("the survivor counts %v releases", n)
	}

	if err := victim.start(ctx); err != nil {
		t.Fatal(err)
	}
	call = intoTheWarning()
	victim, survivor = ownerAndOther()
	before, hung := released(survivor), time.Now()
	if err := victim.hang(); err != nil {
		t.Fatal(err)
	}
	letGo(call, hung)
	if n := released(survivor); n != before+1 {
		t.Errorf("the survivor counts %v releases after %v", n, before)
	}
	if err := victim.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(t, "the word that what became of the call is not known", func() bool {
		return victim.metric(ctx, t, "linewarden_call_outcomes_total", `outcome="lost"`) == 1
	})
	if err := victim.await(ctx); err != nil {
		t.Errorf("it does not become ready again: %v", err)
	}
	must(ctx, t, s, caseNamed(t, "outbound_warned"))
}

// hang stops the process without ending it, and waits until all of its threads have stopped: on a busy machine one may still take a call
// otherwise, which then hangs with it.
func (n *node) hang() error {
	if err := n.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		if err := unix.Waitid(unix.P_PID, n.cmd.Process.Pid, nil, unix.WSTOPPED, nil); err != unix.EINTR {
			return err
		}
	}
}

// owns says whether a node handles a call at the moment.
func owns(ctx context.Context, t *testing.T, n *node) bool {
	t.Helper()
	return n.metric(ctx, t, "linewarden_asterisk_calls", "") != 0
}

// metric is the value of a node's metric whose labels, if it has any, hold this one.
func (n *node) metric(ctx context.Context, t *testing.T, name, label string) float64 {
	t.Helper()
	body, err := n.get(ctx, n.opsURL+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if found, labels, _ := strings.Cut(series, "{"); found == name && strings.Contains(labels, label) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("the node has no metric %s with %q", name, label)
	return 0
}

// Redis is killed: calls go on with the last list, the node says that its list is stale, and how old it is. Redis is back: the list is
// followed again without a restart.
func TestRedisKilled(t *testing.T) {
	ctx, s := open(t)
	listAge := func() float64 { return s.node.metric(ctx, t, "linewarden_list_age_seconds", "") }
	if err := s.redis.Kill(); err != nil {
		t.Fatal(err)
	}
	must(ctx, t, s, caseNamed(t, "inbound_blocked"))
	must(ctx, t, s, caseNamed(t, "outbound_clean"))
	await(t, "the word that the list is stale", func() bool {
		missing, err := s.node.get(ctx, s.node.opsURL+"/readyz")
		return err != nil && strings.Contains(string(missing), "stale")
	})
	if age := listAge(); age < 3 {
		t.Errorf("the list is said to be %v s old", age)
	}
	if err := s.redis.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, "a list that is followed again", func() bool { return listAge() < 3 })
	if _, err := s.node.get(ctx, s.node.opsURL+"/readyz"); err != nil {
		t.Error(err)
	}
	newlyReported(ctx, t, s)
}

// newlyReported reports a clean number, and calls it.
func newlyReported(ctx context.Context, t *testing.T, s *stage) {
	t.Helper()
	c := caseNamed(t, "outbound_warned")
	c.Called, c.Press = cleanNumber, dialplan.KeyGoOn
	c.Want = caseNamed(t, "outbound_warned_skip").Want
	if err := s.node.report(ctx, 0, map[string]any{"number": c.Called, "roles": []string{"callback"}, "brand": "amazon"}); err != nil {
		t.Fatal(err)
	}
	if err := s.node.awaitList(ctx, len(sample)+1); err != nil {
		t.Fatal(err)
	}
	must(ctx, t, s, c)
}

// A report that one node has accepted changes the verdict of the next call, whichever of two nodes takes it. A node that hangs
// (SIGSTOP) takes no call, so each is asked in turn while the other hangs.
func TestReportReachesTwoNodes(t *testing.T) {
	ctx, s := open(t)
	first := s.node
	second, err := s.addNode(ctx, "second")
	if err != nil {
		t.Fatal(err)
	}
	must(ctx, t, s, caseNamed(t, "outbound_clean"))
	report := map[string]any{"number": cleanNumber, "roles": []string{"callback"}, "brand": "amazon"}
	if err := first.report(ctx, 0, report); err != nil {
		t.Fatal(err)
	}
	warned := caseNamed(t, "outbound_warned_skip")
	warned.Called = cleanNumber
	for name, nodes := range map[string][2]*node{"first": {first, second}, "second": {second, first}} {
		t.Run(name, func(t *testing.T) {
			asked, hung := nodes[0], nodes[1]
			if err := asked.awaitList(ctx, len(sample)+1); err != nil {
				t.Fatal(err)
			}
			if err := hung.hang(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				err := hung.cmd.Process.Signal(syscall.SIGCONT)
				if err == nil {
					err = hung.await(ctx)
				}
				if err != nil {
					t.Error(err)
				}
			}()
			r := must(ctx, t, s, warned)
			if _, err := asked.log.verdict(ctx, r.ID); err != nil {
				t.Errorf("another node than the one that does not hang took the call: %v", err)
			}
		})
	}
}
