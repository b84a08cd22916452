package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// patience is for what a busy machine may delay; nothing is measured against it.
const patience = 2 * time.Minute

const serveToken = "token-of-the-serve-tests"

// node is a whole linewarden serve, in a process of its own.
type node struct {
	name   string
	config string // file
	cmd    *exec.Cmd
	intake string // URL
	ops    string // URL
	done   chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// listening is the log line by which a node says where it listens.
var listening = regexp.MustCompile(`msg=listening .*server=(ops|intake) address=(\S+)`)

// startNode starts a node and waits until it listens. Its Asterisk is not there, unless the config says otherwise.
func startNode(t testing.TB, redis, name, more string) *node {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	config := put("linewarden.yaml", fmt.Sprintf(`
instance: %s
region: US
redis: {addresses: [%q]}
list: {snapshot: %q, stale_after: 3s}
asterisk: [{url: "http://127.0.0.1:1", username: linewarden, password: "of a test"}]
intake:
  listen: 127.0.0.1:0
  ship_genuine_lines: false
  tokens: [{name: desk, organisation: helpline, source: staff, token_file: %q}]
ops: {listen: "127.0.0.1:0"}
%s`, name, redis, filepath.Join(dir, "snapshot"), put("token", serveToken), more))
	n := &node{name: name, config: config}
	n.start(t)
	return n
}

// start starts the node's process, for the first time or again, and waits until it listens.
func (n *node) start(t testing.TB) {
	t.Helper()
	n.cmd, n.done = exec.Command("linewarden", "serve", "--config", n.config), make(chan struct{})
	stderr, err := n.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addresses := make(chan [2]string, 2)
	cmd, done := n.cmd, n.done
	go n.follow(cmd, done, stderr, addresses)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended already in most tests
		<-done
		if t.Failed() {
			t.Logf("log of node %s:\n%s", n.name, n.logged())
		}
	})
	for range 2 {
		select {
		case a := <-addresses:
			if a[0] == "ops" {
				n.ops = "http://" + a[1]
			} else {
				n.intake = "http://" + a[1]
			}
		case <-n.done:
			t.Fatalf("ended at once: %s", n.logged())
		case <-time.After(patience):
			t.Fatalf("does not listen: %s", n.logged())
		}
	}
}

// follow keeps the log until the process closes it.
func (n *node) follow(cmd *exec.Cmd, done chan<- struct{}, stderr io.Reader, addresses chan<- [2]string) {
	defer close(done)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		n.mu.Lock()
		n.log.WriteString(lines.Text() + "\n")
		n.mu.Unlock()
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			addresses <- [2]string{m[1], m[2]}
		}
	}
	_ = cmd.Wait() // its exit status is read by stop
}

func (n *node) logged() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.String()
}

// stop tells the node to stop, and gives its exit status.
func (n *node) stop(t testing.TB) int {
	t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.done:
	case <-time.After(patience):
		t.Fatalf("does not stop: %s", n.logged())
	}
	return n.cmd.ProcessState.ExitCode()
}

// missing is what the node says is not ready.
func (n *node) missing(t testing.TB) []string {
	t.Helper()
	var answer struct{ Missing []notReady }
	get(t, n.ops+"/readyz", &answer)
	var what []string
	for _, m := range answer.Missing {
		what = append(what, m.What)
	}
	return what
}

// metric is a value that the node counts.
func (n *node) metric(t testing.TB, name string) float64 {
	t.Helper()
	for line := range strings.Lines(get(t, n.ops+"/metrics", nil)) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// get asks for a page, and reads it into v if that is not nil.
func get(t testing.TB, url string, v any) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
	}
	return string(body)
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); !so(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// startRedis is a Redis of the test's own.
func startRedis(t testing.TB) *testbed.Redis {
	t.Helper()
	redis, err := testbed.StartRedis(t.Context(), testbed.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.Close(); err != nil {
			t.Error(err)
		}
	})
	return redis
}

// TestServe is the whole program: two nodes, one Redis, which dies and comes back.
func TestServe(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	a, b := startNode(t, redis.Addr(), "a", ""), startNode(t, redis.Addr(), "b", "")
	withRedis := []string{"LINEWARDEN_REDIS_ADDRESSES=" + redis.Addr(), "LINEWARDEN_REGION=US"}
	withServer := append(slices.Clone(withRedis), "LINEWARDEN_TOKEN="+serveToken, "LINEWARDEN_SERVER="+a.intake)
	onlyAsterisk := func(n *node) func() bool {
		return func() bool { return slices.Equal(n.missing(t), []string{"asterisk[0]"}) }
	}
	eventually(t, "both nodes follow the list", func() bool { return onlyAsterisk(a)() && onlyAsterisk(b)() })

	// A report that one node takes is on the other's list.
	got := linewarden(t, withServer, "report", "(202) 555-0143", "--role", "callback", "--brand", "amazon")
	if got.status != 0 || !strings.HasPrefix(got.out, "+12025550143 reported as ") || !strings.Contains(got.out, "now warn to dial and none as a caller.") {
		t.Fatalf("report: %+v", got)
	}
	eventually(t, "the report is on the other node's list", func() bool { return b.metric(t, "linewarden_list_numbers") == 1 })
	const verdict = `"standing":{"callback":"warn","caller_id":"none"},"verdict":{"inbound":{"action":"allow","reason":"clean"},"outbound":{"action":"warn","reason":"listed_warn"}}`
	for list, environ := range map[string][]string{listRedis: withRedis, listServer: withServer} {
		got := linewarden(t, environ, "lookup", "--json", "+12025550143")
		if got.status != 0 || !strings.Contains(got.out, verdict) || !strings.Contains(got.out, `"because":"reports"`) || !strings.HasSuffix(got.out, `,"list":"`+list+`"}`+"\n") {
			t.Errorf("lookup: %+v", got)
		}
	}
	if got := linewarden(t, withServer, "lookup", "--json", ""); got.status != 0 || !strings.Contains(got.out, `"kind":"withheld"`) {
		t.Errorf("lookup of nothing: %+v", got)
	}
	if got := linewarden(t, withServer, "report", "911", "--role", "callback", "--brand", "A B"); got.status != exitFailure ||
		!strings.Contains(got.err, "brand") || !strings.Contains(got.err, "number is an emergency number") {
		t.Errorf("report of an emergency number: %+v", got)
	}

	// Redis dies: the nodes say so, keep their list, and acknowledge nothing.
	if err := redis.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a node says that the list is stale", func() bool {
		return slices.Equal(b.missing(t), []string{"asterisk[0]", "list", "redis"})
	})
	if age, numbers := b.metric(t, "linewarden_list_age_seconds"), b.metric(t, "linewarden_list_numbers"); age < 3 || numbers != 1 {
		t.Errorf("age %v s, %v numbers", age, numbers)
	}
	if got := linewarden(t, withServer, "report", "+12025550144", "--role", "callback"); got.status != exitFailure || !strings.Contains(got.err, "could not be stored safely") {
		t.Errorf("report without Redis: %+v", got)
	}

	// Redis comes back: the nodes follow again, and reports are taken.
	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the nodes follow the list again", func() bool { return onlyAsterisk(a)() && onlyAsterisk(b)() })
	eventually(t, "reports are taken again", func() bool {
		return linewarden(t, withServer, "report", "+12025550144", "--role", "caller_id").status == 0
	})
	eventually(t, "the new report is on the other node's list", func() bool { return b.metric(t, "linewarden_list_numbers") == 2 })

	for _, n := range []*node{a, b} {
		if status := n.stop(t); status != 0 {
			t.Errorf("exit status %d after SIGTERM: %s", status, n.logged())
		}
		if log := n.logged(); strings.Contains(log, "5550143") || strings.Contains(log, serveToken) {
			t.Errorf("the log names a number or a token: %s", log)
		}
	}
}

// TestListsKeptByHand goes through what operators do at the command line, and what it does to verdicts.
func TestListsKeptByHand(t *testing.T) {
	t.Parallel()
	redis := startRedis(t).Addr()
	environ := []string{"LINEWARDEN_REDIS_ADDRESSES=" + redis, "LINEWARDEN_REGION=US"}
	store, err := redisstore.Open(redisstore.Connection{Addrs: []string{redis}}, redisstore.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() // the server ends with the test
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = store.Decide(t.Context(), numberdb.Actor{Name: "bob", Role: "reviewer"}, numberdb.Decision{
		Target: numberdb.Target{Number: 12025550143}, Roles: numberdb.RolesOf(numberdb.RoleCallback), Standing: numberdb.StandingBlock,
		Reason: "fake", Author: "ann", Approver: "bob", At: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args   string
		status int
		out    string
	}{
		{"allow list", 0, ``},
		{"lookup --json +12025550143", 0, `"outbound":\{"action":"block","reason":"listed_block"\}.*"list":"redis"`},
		{"allow add 2025550143 --by ann --reason ours", 0, `^\+12025550143 is on the list of numbers whose calls always pass\n$`},
		{"allow list", 0, `^\+12025550143\n$`},
		{"lookup --json +12025550143", 0, `"outbound":\{"action":"allow","reason":"allow_list"\}`},
		{"allow remove +12025550143 --by ann --reason mistake", 0, `no longer on the list`},
		{"allow list", 0, `^$`},
		{"optout add +12025550111 --by ann --reason asked", 0, `^\+12025550111 is on the list of subscribers who are not screened\n$`},
		{"optout list", 0, `^\+12025550111\n$`},
	} {
		got := linewarden(t, environ, strings.Fields(step.args)...)
		if got.status != step.status || !regexp.MustCompile(step.out).MatchString(got.out) || (got.status == 0) != (got.err == "") {
			t.Errorf("%s: %+v, want %d and %s", step.args, got, step.status, step.out)
		}
	}
}

// TestPortThatIsTaken is a failure that names the key, before anything is served.
func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	first := startNode(t, redis.Addr(), "first", "")
	taken := strings.TrimPrefix(first.ops, "http://")
	config := filepath.Join(t.TempDir(), "linewarden.yaml")
	if err := os.WriteFile(config, []byte(minimal+fmt.Sprintf("ops: {listen: %q}\n", taken)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := linewarden(t, nil, "serve", "--config", config)
	last := got.err[strings.LastIndex(strings.TrimSpace(got.err), "\n")+1:]
	if got.status != exitFailure || !strings.HasPrefix(last, "linewarden: ops.listen: cannot listen: ") || !strings.Contains(last, "choose another address") {
		t.Errorf("exit status %d: %s", got.status, got.err)
	}
	if status := first.stop(t); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
