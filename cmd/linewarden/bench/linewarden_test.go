package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// node is a Linewarden process, as an operator runs it.
type node struct {
	cmd   *exec.Cmd
	ops   string // address of its metrics, set before known is closed
	known chan struct{}
	ended chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// startLinewarden builds the program, lists the listed number, and starts the two nodes.
func (x *exchange) startLinewarden(ctx context.Context, b *testing.B) {
	b.Helper()
	folder := b.TempDir()
	program := filepath.Join(folder, "linewarden")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		b.Fatalf("build linewarden: %v\n%s", err, out)
	}
	prefilter := fmt.Sprintf(", prefilter: {manager: \"127.0.0.1:%d\", username: %s, password: %s, stale_after: 1h}",
		x.asterisk.Ports().Manager, ariUser, ariPassword)
	for _, n := range []struct{ name, transport, more string }{{websocketNode, "auto", prefilter}, {httpNode, "http", ""}} {
		config := filepath.Join(folder, n.name+".yaml")
		text := fmt.Sprintf("instance: %s\nregion: US\nredis: {addresses: [%q]}\n"+
			"asterisk: [{url: \"http://127.0.0.1:%d\", username: %s, password: %s, transport: %s%s}]\n"+
			"ops: {listen: \"127.0.0.1:0\", pprof: true}\nlog: {format: json}\n",
			n.name, x.redis.Addr(), x.asterisk.Ports().HTTP, ariUser, ariPassword, n.transport, n.more)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		if n.name == websocketNode {
			if err := x.block(ctx, listedCaller); err != nil {
				b.Fatalf("list a number: %v", err)
			}
		}
		node := startNode(ctx, b, program, config)
		x.nodes = append(x.nodes, node)
		x.pids[n.name] = node.cmd.Process.Pid
	}
	x.awaitPrefilter(ctx, b)
}

// awaitPrefilter waits until the dialplan may rely on what is kept in Asterisk's database.
func (x *exchange) awaitPrefilter(ctx context.Context, b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(x.globals(ctx, b), dialplan.VarPrefilterState+"=v1-") {
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("the pre-filter is not filled\n%s", x.nodes[0].text())
		}
	}
}

// globals is the dialplan's global variables as Asterisk lists them, one in a line.
func (x *exchange) globals(ctx context.Context, b *testing.B) string {
	b.Helper()
	text, err := x.asterisk.CLI(ctx, "dialplan show globals")
	if err != nil {
		b.Fatalf("read global variables: %v", err)
	}
	return text
}

// block has calls from a number refused, as two reviewers would.
func (x *exchange) block(ctx context.Context, number string) error {
	target, err := numberdb.ParseTarget(number)
	if err != nil {
		return err
	}
	store, err := redisstore.Open(redisstore.Connection{Addrs: []string{x.redis.Addr()}}, redisstore.Options{Timeout: patience})
	if err != nil {
		return err
	}
	defer store.Close() // all is written by then
	if err := store.Init(ctx); err != nil {
		return err
	}
	_, err = store.Decide(ctx, numberdb.Actor{Name: "bob", Role: "reviewer"}, numberdb.Decision{
		Target: target, Roles: numberdb.RolesOf(numberdb.RoleCallerID), Standing: numberdb.StandingBlock,
		Reason: "benchmark", Author: "ann", Approver: "bob", At: time.Now(),
	})
	return err
}

// startNode starts a Linewarden that lives as long as the benchmark, and waits until it is ready for calls.
func startNode(ctx context.Context, b *testing.B, program, config string) *node {
	b.Helper()
	n := &node{cmd: exec.Command(program, "serve", "--only", "screening", "--config", config), known: make(chan struct{}), ended: make(chan struct{})}
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := n.cmd.StderrPipe()
	if err == nil {
		err = n.cmd.Start()
	}
	if err != nil {
		b.Fatalf("start linewarden: %v", err)
	}
	go func() {
		defer close(n.ended)
		n.follow(stderr)
		_ = n.cmd.Wait() // its log says why it ended
	}()
	b.Cleanup(func() {
		if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Errorf("stop linewarden: %v\n%s", err, n.text())
		}
		<-n.ended
	})
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-n.known:
	case <-n.ended:
		b.Fatalf("linewarden ended:\n%s", n.text())
	case <-ctx.Done():
		b.Fatalf("linewarden does not listen:\n%s", n.text())
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := n.get(ctx, "/readyz")
		if err == nil {
			return n
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("linewarden does not become ready: %v %s\n%s", err, answer, n.text())
		}
	}
}

// follow reads the log until the process ends.
func (n *node) follow(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		n.mu.Lock()
		n.log.Write(append(lines.Bytes(), '\n'))
		n.mu.Unlock()
		var record struct{ Msg, Server, Address string }
		if json.Unmarshal(lines.Bytes(), &record) == nil && record.Msg == "listening" && record.Server == "ops" {
			n.ops = record.Address
			close(n.known)
		}
	}
}

func (n *node) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.String()
}

func (n *node) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.ops+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return string(text), err
}

var callCounter = regexp.MustCompile(`(?m)^linewarden_calls_total\{.*action="(\w+)".*reason="(\w+)".*\} ([1-9].*)$`)

// wantDecided wants no call to have gone on for want of a verdict, which the measurements would take for a clean one.
func (x *exchange) wantDecided(b *testing.B) {
	b.Helper()
	for _, n := range x.nodes {
		metrics, err := n.get(context.Background(), "/metrics")
		if err != nil {
			b.Fatalf("read the metrics of linewarden: %v", err)
		}
		for _, m := range callCounter.FindAllStringSubmatch(metrics, -1) {
			if what := strings.Join(m[1:3], " "); what != "allow clean" && what != "block listed_block" {
				b.Errorf("%s calls ended as %q\n%s", m[3], what, n.text())
			}
		}
	}
}
