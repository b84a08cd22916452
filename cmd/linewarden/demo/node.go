package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// node is a Linewarden process, as an operator would run it.
type node struct {
	program, configFile string
	intakeURL, opsURL   string
	tokens              []string // one for each reporting organisation
	client              http.Client

	cmd  *exec.Cmd
	done chan struct{} // closed when the process and the reader of its log have ended
	log  *nodeLog
}

// organisations report in the demo; each has a token of its own.
var organisations = [...]string{"helpline-one", "helpline-two", "bank-association"}

// newNode writes the config of a Linewarden of that name; start runs it. tokens are those of the reporting organisations.
func newNode(o Options, name, folder string, tokens []string, redisAddr, ariURL, ariUser, ariPassword string) (*node, error) {
	n := &node{program: o.Program, configFile: filepath.Join(folder, name+".yaml"), tokens: tokens}
	var b bytes.Buffer
	fmt.Fprintf(&b, "instance: %s\nregion: US\nredis: {addresses: [%q]}\n", name, redisAddr)
	fmt.Fprintf(&b, "list: {snapshot: %q, stale_after: 3s}\n", filepath.Join(folder, name+".snapshot"))
	fmt.Fprintf(&b, "asterisk: [{url: %q, username: %q, password: %q}]\n", ariURL, ariUser, ariPassword)
	fmt.Fprintf(&b, "intake:\n  listen: 127.0.0.1:0\n  sealing_key_file: %q\n  tokens:\n", filepath.Join(folder, sealingKeyFile))
	for i, organisation := range organisations {
		file := filepath.Join(folder, organisation+".token")
		if err := os.WriteFile(file, []byte(tokens[i]), 0o600); err != nil {
			return nil, fmt.Errorf("write a token of the demo: %w", err)
		}
		fmt.Fprintf(&b, "    - {name: %s-desk, organisation: %s, source: partner, role: reporter, token_file: %q}\n",
			organisation, organisation, file)
	}
	fmt.Fprintf(&b, "ops: {listen: \"127.0.0.1:0\"}\nlog: {format: json}\n")
	if err := os.WriteFile(n.configFile, b.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("write the config of the demo: %w", err)
	}
	return n, nil
}

// start runs the process and waits until it is ready for calls.
func (n *node) start(ctx context.Context) error {
	n.log = newNodeLog()
	n.cmd = exec.Command(n.program, "serve", "--config", n.configFile)
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo, which then ends this process in its turn
	stderr, err := n.cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("start linewarden: %w", err)
	}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start linewarden: %w", err)
	}
	n.done = make(chan struct{})
	go func() {
		defer close(n.done)
		n.log.follow(stderr)
		_ = n.cmd.Wait() // it was killed, or said why in its log
	}()
	return n.await(ctx)
}

// await waits until the process says where it listens, and /readyz says yes.
func (n *node) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var missing []byte
		err := errors.New("it does not listen")
		if intake, ops := n.log.address("intake"), n.log.address("ops"); intake != "" && ops != "" {
			n.intakeURL, n.opsURL = "http://"+intake, "http://"+ops
			if missing, err = n.get(ctx, n.opsURL+"/readyz"); err == nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("linewarden did not become ready: %w %s\n%s", err, missing, n.log.tail())
		case <-n.done:
			return fmt.Errorf("linewarden ended by itself:\n%s", n.log.tail())
		case <-tick.C:
		}
	}
}

func (n *node) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return n.do(req, http.StatusOK)
}

func (n *node) do(req *http.Request, want int) ([]byte, error) {
	resp, err := n.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %s: %s", req.Method, req.URL.Path, resp.Status)
	}
	return body, err
}

// report tells the intake endpoint about a number, in the name of an organisation.
func (n *node) report(ctx context.Context, organisation int, report any) error {
	body, err := json.Marshal(report)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.intakeURL+"/v1/reports", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.tokens[organisation])
	if answer, err := n.do(req, http.StatusCreated); err != nil {
		return fmt.Errorf("%w: %s", err, answer)
	}
	return nil
}

// awaitList waits until the node's own list holds so many targets beside the genuine lines that come with the program.
func (n *node) awaitList(ctx context.Context, targets int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range numberdb.ShippedCompanies() {
		targets += len(c.Lines)
	}
	want := fmt.Sprintf("linewarden_list_numbers %d", targets)
	for {
		metrics, err := n.get(ctx, n.opsURL+"/metrics")
		if err == nil && slices.Contains(strings.Split(string(metrics), "\n"), want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the reports did not reach the list of calls: %w", errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends the process at once, as kill -9 does.
func (n *node) kill() error {
	if n.cmd == nil {
		return nil
	}
	err := n.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-n.done
	return err
}

// stop ends the process in good order.
func (n *node) stop() error {
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return n.kill()
	}
	select {
	case <-n.done:
		return nil
	case <-time.After(patience):
		return errors.Join(errors.New("linewarden did not stop when told to"), n.kill())
	}
}

// nodeLog keeps the end of a node's log, and what the demo reads in it.
type nodeLog struct {
	mu        sync.Mutex
	lines     []string
	addresses map[string]string  // of listeners, by the server's name
	verdicts  map[string]verdict // by call id
	news      chan struct{}      // closed and replaced whenever a verdict comes in
}

func newNodeLog() *nodeLog {
	return &nodeLog{addresses: map[string]string{}, verdicts: map[string]verdict{}, news: make(chan struct{})}
}

// verdict is what the log says about a call.
type verdict struct{ Action, Reason, Outcome string }

func (l *nodeLog) follow(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		l.add(lines.Bytes())
	}
}

func (l *nodeLog) add(line []byte) {
	const keep = 200
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines[max(0, len(l.lines)-keep+1):], string(line))
	var record struct{ Msg, Server, Address, ID, Action, Reason, Outcome string }
	if json.Unmarshal(line, &record) != nil {
		return
	}
	switch record.Msg {
	case "listening":
		l.addresses[record.Server] = record.Address
	case "call":
		l.verdicts[record.ID] = verdict{record.Action, record.Reason, record.Outcome}
		close(l.news)
		l.news = make(chan struct{})
	}
}

// address is where one of the node's servers listens; empty as long as it does not.
func (l *nodeLog) address(server string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addresses[server]
}

// verdict waits for the log line of a call.
func (l *nodeLog) verdict(ctx context.Context, id string) (verdict, error) {
	for {
		l.mu.Lock()
		v, ok := l.verdicts[id]
		news := l.news
		l.mu.Unlock()
		if ok {
			return v, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return v, fmt.Errorf("linewarden did not log call %s: %w", id, ctx.Err())
		}
	}
}

// tail is the end of the log.
func (l *nodeLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	for _, line := range l.lines[max(0, len(l.lines)-20):] {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
