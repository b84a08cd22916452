package main

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

func TestSetupKeepsSecretsFromOthers(t *testing.T) {
	setup, said := setUp(t, readCompose(t))
	for folder, modes := range map[string][2]fs.FileMode{
		setup.Secrets: {0o700, 0o600}, setup.Redis: {0o750, 0o640}, setup.Asterisk: {0o750, 0o640},
	} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			want := modes[1]
			if entry.IsDir() {
				want = modes[0]
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{redisPasswordFile, ariPasswordFile, intakeTokenFile, journalKeyFile, sealingKeyFile} {
		text := readFile(t, setup.Secrets, name)
		if len(strings.TrimSpace(text)) < max(access.MinTokenLength, 40) {
			t.Errorf("%s is short: %d characters", name, len(text))
		}
		if strings.Contains(said, strings.TrimSpace(text)) {
			t.Errorf("%s is in the log", name)
		}
	}
	if !strings.Contains(said, intakeTokenFile) {
		t.Errorf("setup does not say where the token is: %q", said)
	}
	if acl := readFile(t, setup.Redis, redisUsersFile); strings.Contains(acl, strings.TrimSpace(readFile(t, setup.Secrets, redisPasswordFile))) {
		t.Error("Redis's list of users holds the password itself")
	}
	if ari := readFile(t, setup.Asterisk, "ari.conf"); !strings.Contains(ari, "password="+strings.TrimSpace(readFile(t, setup.Secrets, ariPasswordFile))) {
		t.Error("ari.conf does not hold the password that serve reads")
	}
}

// The second start finds the secrets of the first; other settings take effect.
func TestSetupAgain(t *testing.T) {
	setup, _ := setUp(t, readCompose(t))
	before := map[string]string{}
	for _, name := range []string{redisPasswordFile, ariPasswordFile, intakeTokenFile, journalKeyFile, sealingKeyFile} {
		before[name] = readFile(t, setup.Secrets, name)
	}
	setup.Carrier = "192.0.2.1:5060"
	if err := setup.Run(&program{ctx: t.Context(), out: new(bytes.Buffer)}); err != nil {
		t.Fatal(err)
	}
	for name, text := range before {
		if again := readFile(t, setup.Secrets, name); again != text {
			t.Errorf("%s was made anew", name)
		}
	}
	if pjsip := readFile(t, setup.Asterisk, "pjsip.conf"); !strings.Contains(pjsip, "192.0.2.1:5060") {
		t.Error("pjsip.conf does not know the new carrier")
	}
}

func TestSetupRefuses(t *testing.T) {
	setup, _ := setUp(t, readCompose(t))
	token := filepath.Join(setup.Secrets, intakeTokenFile)
	for _, test := range []struct {
		name    string
		spoil   func(*setupCommand) error
		because string
	}{
		{"an address with a line break", func(s *setupCommand) error { s.Carrier = "a:1\ncontact=x"; return nil }, "Carrier"},
		{"a public name", func(s *setupCommand) error { s.PublicAddress = "pbx.example"; return nil }, "External"},
		{"RTP ports the wrong way round", func(s *setupCommand) error { s.RTPFirst, s.RTPLast = 20079, 20000; return nil }, "RTPLast"},
		{"an empty secret", func(*setupCommand) error { return os.Truncate(token, 0) }, intakeTokenFile},
		{"no folder", func(s *setupCommand) error { s.Redis = filepath.Join(s.Redis, "none"); return nil }, "none"},
	} {
		spoilt := setup
		kept := readFile(t, setup.Secrets, intakeTokenFile)
		if err := test.spoil(&spoilt); err != nil {
			t.Fatal(err)
		}
		err := spoilt.Run(&program{ctx: t.Context(), out: new(bytes.Buffer)})
		if err == nil || !strings.Contains(err.Error(), test.because) {
			t.Errorf("%s: error %v, want one about %s", test.name, err, test.because)
		}
		if err := os.WriteFile(token, []byte(kept), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSetupRedisUsers uses a real Redis with the users that setup makes: Linewarden can do its work and no harm, others nothing.
func TestSetupRedisUsers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the programs may have to be fetched
	defer cancel()
	const password = "correct horse battery staple"
	var users []string
	for line := range strings.Lines(redisUsers(password)) {
		words := strings.Fields(line)
		users = append(append(users, "--"+words[0]), words[1:]...)
	}
	server, err := testbed.StartRedis(ctx, testbed.RedisOptions{Args: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})

	l := &loaded{config: defaultConfig()}
	l.Redis.Addresses, l.Redis.Username, l.Redis.Password = []string{server.Addr()}, redisUser, newSecret(password)
	store, err := l.openStore(roleNode, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	exerciseStore(ctx, t, store)

	// Redis reads its append-only file in the name of a user too.
	before, err := store.Listing(ctx, exercised)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if after, err := store.Listing(ctx, exercised); err != nil || after != before {
		t.Errorf("after a restart of Redis the listing is %+v, %v; it was %+v", after, err, before)
	}

	as := func(user, password string) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: user, Password: password})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	for _, test := range []struct {
		name   string
		client *redis.Client
		do     []any
		refuse string // empty if it is allowed
	}{
		{"no password", as("", ""), []any{"PING"}, "NOAUTH"},
		{"wrong password", as(redisUser, "wrong"), []any{"PING"}, "WRONGPASS"},
		{"health check", as("health", "any"), []any{"PING"}, ""},
		{"curious health check", as("health", "any"), []any{"INFO"}, "NOPERM"},
		{"empty the database", as(redisUser, password), []any{"FLUSHALL"}, "NOPERM"},
		{"less durable", as(redisUser, password), []any{"CONFIG", "SET", "appendfsync", "no"}, "NOPERM"},
		{"more rights", as(redisUser, password), []any{"ACL", "SETUSER", redisUser, "+@all"}, "NOPERM"},
		{"foreign keys", as(redisUser, password), []any{"SET", "other", "1"}, "NOPERM"},
	} {
		err := test.client.Do(ctx, test.do...).Err()
		if test.refuse == "" && err != nil || test.refuse != "" && (err == nil || !strings.HasPrefix(err.Error(), test.refuse)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.refuse)
		}
	}
}

const exercised = numberdb.Number(12025550143)

// exerciseStore does once what Linewarden does with the store.
func exerciseStore(ctx context.Context, t *testing.T, store *redisstore.Store) {
	t.Helper()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	const number = exercised
	target := numberdb.Target{Number: number}
	must("init", store.Init(ctx))
	_, err := store.Report(ctx, numberdb.Report{Number: number, Roles: numberdb.RolesOf(numberdb.RoleCallback), Reporter: "r1", At: time.Now(),
		Source: numberdb.Source{Kind: numberdb.SourceStaff, Organisation: "helpline"}})
	must("report", err)
	_, err = store.Decide(ctx, numberdb.Actor{Name: "bob", Role: "reviewer"}, numberdb.Decision{Target: target, Roles: numberdb.RolesOf(numberdb.RoleCallback), Standing: numberdb.StandingBlock,
		Reason: "test", Author: "ann", Approver: "bob", At: time.Now()})
	must("decide", err)
	must("mark", store.Mark(ctx, target, numberdb.MarkAllowed, true, "ann", "test", time.Now()))
	l, err := store.Listing(ctx, number)
	must("listing", err)
	if l == (numberdb.Listing{}) {
		t.Error("the report left no listing")
	}
	for _, err := range store.History(ctx, target) {
		must("history", err)
	}
	for _, err := range store.Reports(ctx, number) {
		must("reports", err)
	}
	for _, err := range store.Marked(ctx, numberdb.MarkAllowed) {
		must("marked", err)
	}
	_, partitions, err := store.Identity(ctx)
	must("identity", err)
	positions := make([]string, partitions)
	for p := range partitions {
		positions[p], err = store.Load(ctx, p, func([]numberdb.Change) {})
		must("load", err)
		_, err = store.Sweep(ctx, p)
		must("sweep", err)
	}
	_, err = store.VerifyAudit(ctx)
	must("verify the audit chain", err)
	_, err = store.Follow(ctx, positions, time.Millisecond, func(int, string, []numberdb.Change) {})
	must("follow", err)
}

func TestHealthcheck(t *testing.T) {
	ready := newReadiness(time.Now)
	ready.complete()
	wrong := ""
	ready.add("redis", func(time.Time) string { return wrong })
	server := httptest.NewServer(opsHandler(ready, prometheus.NewRegistry(), false))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":")+1:]
	ask := func(listen string) (string, error) {
		var out bytes.Buffer
		err := healthcheckCommand{}.Run(&program{ctx: t.Context(), environ: []string{"LINEWARDEN_OPS_LISTEN=" + listen}, out: &out})
		return out.String(), err
	}
	for _, listen := range []string{"127.0.0.1:" + port, "0.0.0.0:" + port, ":" + port} {
		if out, err := ask(listen); err != nil || out != "ready\n" {
			t.Errorf("%s: %q, %v", listen, out, err)
		}
	}
	wrong = "connection refused"
	if _, err := ask("127.0.0.1:" + port); err == nil || err.Error() != "not ready: redis: connection refused" {
		t.Errorf("not ready: %v", err)
	}
	server.Config.Handler = http.NotFoundHandler()
	if _, err := ask("127.0.0.1:" + port); err == nil || !regexp.MustCompile("404").MatchString(err.Error()) {
		t.Errorf("something else listens there: %v", err)
	}
	server.Close()
	if _, err := ask("127.0.0.1:" + port); err == nil {
		t.Error("nobody listens, but it is healthy")
	}
}

func readFile(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
