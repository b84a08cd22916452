package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linewarden/linewarden/numberdb"
)

// TestScriptsWithRedis runs testdata/redis: commands that change a list, each script with a Redis of its own under the prefix "test".
func TestScriptsWithRedis(t *testing.T) {
	self, err := exec.LookPath("linewarden")
	if err != nil {
		t.Fatal(err)
	}
	type scriptRedis struct{}
	type scriptSaid struct{} // scripts run side by side: each has its own last answer
	ask := func(ts *testscript.TestScript, args ...string) string {
		command := make([]any, len(args))
		for i, a := range args {
			command[i] = a
		}
		v, err := ts.Value(scriptRedis{}).(*redis.Client).Do(t.Context(), command...).Result()
		ts.Check(err)
		return fmt.Sprint(v)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/redis", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			server := startRedis(t)
			e.Values[scriptRedis{}] = redis.NewClient(&redis.Options{Addr: server.Addr()})
			e.Values[scriptSaid{}] = new(string)
			e.Defer(func() { _ = e.Values[scriptRedis{}].(*redis.Client).Close() }) // the server ends with the test
			e.Vars = append(e.Vars, "LINEWARDEN_REDIS_ADDRESSES="+server.Addr(), "LINEWARDEN_REDIS_PREFIX=test", "LINEWARDEN_REGION=US", "PROGRAM="+self)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// redis COMMAND... sends a command past Linewarden.
			"redis": func(ts *testscript.TestScript, _ bool, args []string) {
				*ts.Value(scriptSaid{}).(*string) = ask(ts, args...)
			},
			// redis-says TEXT wants that answer to the last command.
			"redis-says": func(ts *testscript.TestScript, _ bool, args []string) {
				if said := *ts.Value(scriptSaid{}).(*string); said != args[0] {
					ts.Fatalf("Redis says %q, want %q", said, args[0])
				}
			},
			// node starts a node on that Redis, and names its address and config to the commands.
			"node": func(ts *testscript.TestScript, _ bool, _ []string) {
				n := startNode(t, ts.Value(scriptRedis{}).(*redis.Client).Options().Addr, "desk", "")
				for name, value := range map[string]string{"LINEWARDEN_SERVER": n.intake, "LINEWARDEN_CONFIG": n.config, "LINEWARDEN_REDIS_PREFIX": ""} {
					ts.Setenv(name, value)
				}
			},
			// keep NAME PATTERN sets a variable to what the pattern's group found in the output of the last command.
			"keep": func(ts *testscript.TestScript, _ bool, args []string) {
				found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
				if found == nil {
					ts.Fatalf("no %s in the output", args[1])
				}
				ts.Setenv(args[0], found[1])
			},
			// type LINE... is what the next command reads, as lines.
			"type": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs("typed"), []byte(strings.Join(args, "\n")+"\n"), 0o600))
			},
			// keep-head sets HEAD to the head of the audit chain, as somebody far from Redis would keep it.
			"keep-head": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Setenv("HEAD", ask(ts, "HGET", "test:{audit}:h", "seq")+":"+ask(ts, "HGET", "test:{audit}:h", "hash"))
			},
		},
	})
}

// TestServeTellsTheAuditChain wants a node to write its start, config and policies to the chain, and to send the head on to syslog.
func TestServeTellsTheAuditChain(t *testing.T) {
	server := startRedis(t)
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	node := startNode(t, server.Addr(), "audited", fmt.Sprintf("audit: {syslog: \"udp://%s\", syslog_every: 1s}", listener.LocalAddr()))
	environ := []string{"LINEWARDEN_REDIS_ADDRESSES=" + server.Addr(), "LINEWARDEN_REGION=US"}
	var actions []string
	eventually(t, "the start is in the chain", func() bool {
		actions = nil
		for line := range strings.Lines(linewarden(t, environ, "audit", "export").out) {
			var e exportedEntry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			actions = append(actions, fmt.Sprintf("%s by %s as %s: %s", e.Action, e.Who, e.Role, e.After))
		}
		return len(actions) == 3
	})
	all := strings.Join(actions, "\n")
	for _, want := range []string{`list_created by audited as node: {"id":"`, `serve_started by audited as node: {"config":"/`, `"config_sha256":"`,
		`policy_loaded by audited as node: {"policies":{"default":{`, `"rules":{`} {
		if !strings.Contains(all, want) {
			t.Errorf("the chain does not hold %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, serveToken) || strings.Contains(all, "of a test") {
		t.Errorf("a secret is in the chain:\n%s", all)
	}
	if err := listener.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z audited linewarden \d+ audit-head - linewarden audit head (3:[0-9a-f]{64})$`)
	for packet := make([]byte, 2048); ; {
		n, _, err := listener.ReadFrom(packet)
		if err != nil {
			t.Fatal(err)
		}
		m := form.FindSubmatch(packet[:n])
		if m == nil {
			t.Logf("got %s", packet[:n])
			continue // of the chain as it was before the last of the entries
		}
		if got := linewarden(t, environ, "audit", "verify", "--head", string(m[1])); got.status != 0 {
			t.Errorf("the head that was sent on does not verify: %+v", got)
		}
		break
	}
	if status := node.stop(t); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestHeadsGoToEachKindOfSyslog sends a head over TCP and to both kinds of unix sockets.
func TestHeadsGoToEachKindOfSyslog(t *testing.T) {
	dir := t.TempDir()
	head := numberdb.AuditHead{Seq: 7}
	sender := func(address string) *headSender {
		l := &loaded{config: config{Instance: "node1", Audit: auditConfig{Syslog: address}}}
		s, err := l.newHeadSender(nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, network := range []string{"tcp", "unix"} {
		address := map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(dir, "stream")}[network]
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		got := make(chan string, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				got <- err.Error()
				return
			}
			var b bytes.Buffer
			_, _ = b.ReadFrom(conn) // a broken message is seen below
			got <- b.String()
		}()
		if err := sender(network+"://"+listener.Addr().String()).send(t.Context(), head); err != nil {
			t.Fatal(err)
		}
		text := <-got
		var length int
		if _, err := fmt.Sscan(text, &length); err != nil || !strings.HasPrefix(text, fmt.Sprintf("%d <109>1 ", length)) || len(text) != length+len(fmt.Sprint(length))+1 {
			t.Errorf("over %s came %q", network, text)
		}
		if !strings.HasSuffix(text, " linewarden audit head "+head.String()) {
			t.Errorf("over %s came %q", network, text)
		}
	}
	socket := filepath.Join(dir, "log")
	packets, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	if err := sender("unix://"+socket).send(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	if n, _, err := packets.ReadFrom(b); err != nil || !strings.HasPrefix(string(b[:n]), "<109>1 ") {
		t.Errorf("the socket got %q, %v", b[:n], err)
	}
	if err := sender("unix://"+filepath.Join(dir, "nobody")).send(t.Context(), head); err == nil {
		t.Error("nobody listens, but it was sent")
	}
}

func TestSyslogAddress(t *testing.T) {
	for _, good := range []string{"udp://127.0.0.1:514", "tcp://[::1]:601", "unix:///dev/log"} {
		if _, _, err := syslogAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:514", "udp://127.0.0.1", "http://127.0.0.1:80", "unix://dev/log", "tcp://:514", "udp://h:1/x", "%"} {
		if n, a, err := syslogAddress(bad); err == nil {
			t.Errorf("%q is read as %s %s", bad, n, a)
		}
	}
}
