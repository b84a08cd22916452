package asterisk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// fake is an ARI server in this process, for what a real Asterisk cannot be made to do. By default it behaves like one.
type fake struct {
	t      testing.TB
	srv    *httptest.Server
	closed chan struct{} // when the test is over

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever something changes
	version  string
	apps     map[string]*fakeApp
	requests []string // method and path with query, in order
	dials    int
	// rule answers a request in place of the default; nil, or no answer, leaves it to the default.
	rule func(method, uri string) *answer
	// accept decides about a websocket; it may block. Zero accepts, else it is the HTTP status.
	accept func(dial int) int
	// deaf, unless nil, makes websockets not read until it is closed: no requests, no pongs.
	deaf chan struct{}
}

type fakeApp struct {
	conn     *websocket.Conn
	live     bool // is listed with its second name
	signs    bool // and the third
	channels []string
}

// answer to a request; never sends none, late sends it when the channel is closed.
type answer struct {
	code  int
	body  string
	never bool
	late  <-chan struct{}
}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, version: "22.10.1", apps: make(map[string]*fakeApp), changed: make(chan struct{}), closed: make(chan struct{})}
	f.srv = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		close(f.closed)
		f.cut()
		f.srv.Close()
	})
	return f
}

// do changes the server's state.
func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// await waits until the server's state satisfies the condition.
func (f *fake) await(what string, condition func() bool) {
	f.t.Helper()
	deadline := time.After(time.Minute)
	for {
		f.mu.Lock()
		ok, changed := condition(), f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.t.Fatalf("never happened: %s; the last requests: %q", what, f.requests[max(0, len(f.requests)-8):])
		}
	}
}

// saw says whether a request beginning so was made.
func (f *fake) saw(prefix string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made(prefix) > 0
}

// awaitRequest waits until a request beginning so was made.
func (f *fake) awaitRequest(prefix string) {
	f.t.Helper()
	f.await(prefix, func() bool { return f.made(prefix) > 0 })
}

// made counts the requests beginning so; for conditions of await.
func (f *fake) made(prefix string) (n int) {
	for _, r := range f.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func (f *fake) app(name string) *fakeApp {
	if f.apps[name] == nil {
		f.apps[name] = &fakeApp{}
	}
	return f.apps[name]
}

// cut ends all websockets without a word, as when a process or a network dies.
func (f *fake) cut() {
	f.do(func() {
		for _, a := range f.apps {
			if a.conn != nil {
				a.conn.CloseNow()
				a.conn, a.live = nil, false
			}
		}
	})
}

// send sends a message to the application.
func (f *fake) send(app, message string) {
	f.mu.Lock()
	var conn *websocket.Conn
	if f.apps[app] != nil {
		conn = f.apps[app].conn
	}
	f.mu.Unlock()
	if conn != nil {
		conn.Write(context.Background(), websocket.MessageText, []byte(message)) // the connection may be gone
	}
}

func channelJSON(id string) string {
	return fmt.Sprintf(`{"id":%q,"name":"PJSIP/trunk-00000001","state":"Ring","protocol_id":"call-%s@sip",`+
		`"caller":{"name":"Secret Name","number":"+12025550143"},"connected":{"name":"","number":""},"accountcode":"",`+
		`"dialplan":{"context":"in","exten":"+442079460123","priority":7,"app_name":"Stasis","app_data":"x"},`+
		`"creationtime":"2026-11-21T20:38:54.890+0000","language":"fr"}`, id, id)
}

// arrive puts a channel into the application. No listing has it before StasisStart was sent.
func (f *fake) arrive(app, id string, args ...string) {
	f.do(func() {
		a := f.app(app)
		a.channels = append(a.channels, id)
		if a.conn != nil {
			a.conn.Write(context.Background(), websocket.MessageText, f.startOf(app, id, args)) // the connection may be gone
		}
	})
}

// start sends StasisStart.
func (f *fake) start(app, id string, args ...string) { f.send(app, string(f.startOf(app, id, args))) }

func (f *fake) startOf(app, id string, args []string) []byte {
	list, err := json.Marshal(append([]string{}, args...))
	if err != nil {
		f.t.Error(err)
	}
	return fmt.Appendf(nil, `{"type":"StasisStart","timestamp":"2026-11-21T20:38:54.890+0000","args":%s,"channel":%s,`+
		`"asterisk_id":"02:fc:00:00:00:01","application":%q}`, list, channelJSON(id), app)
}

// depart takes a channel out of whatever application it is in.
func (f *fake) depart(id string) (was bool) {
	f.do(func() {
		for _, a := range f.apps {
			if i := slices.Index(a.channels, id); i >= 0 {
				a.channels, was = slices.Delete(a.channels, i, i+1), true
			}
		}
	})
	return was
}

func (f *fake) event(app, typ, member string) {
	f.send(app, fmt.Sprintf(`{"type":%q,"timestamp":"2026-11-21T20:38:54.890+0000",%s,"application":%q}`, typ, member, app))
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "lw" || password != "secret" {
		http.Error(w, `{"message":"Authentication required"}`, http.StatusUnauthorized)
		return
	}
	uri := strings.TrimPrefix(r.URL.RequestURI(), "/ari/")
	if r.Header.Get("Upgrade") == "websocket" {
		names := strings.Split(r.URL.Query().Get("app"), ",")
		name := names[0]
		if !slices.Equal(names, namesOf(name)) {
			f.t.Errorf("connected as %q", names)
		}
		f.websocket(w, r, name)
		return
	}
	a := f.handle(r.Method, uri, "http")
	if a.never {
		<-r.Context().Done()
		return
	}
	if a.late != nil {
		select {
		case <-a.late:
		case <-r.Context().Done():
		case <-f.closed: // the test failed before it let the answer go
		}
	}
	w.WriteHeader(a.code)
	io.WriteString(w, a.body)
}

func (f *fake) websocket(w http.ResponseWriter, r *http.Request, name string) {
	var accept func(int) int
	var dial int
	var deaf chan struct{}
	f.do(func() {
		f.dials++
		accept, dial, deaf = f.accept, f.dials, f.deaf
	})
	if accept != nil {
		if code := accept(dial); code != 0 {
			w.WriteHeader(code)
			return
		}
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	f.do(func() {
		old := f.app(name).conn
		f.app(name).conn, f.app(name).live, f.app(name).signs = conn, true, true
		if old != nil {
			go old.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, `{"type":"ApplicationReplaced","application":%q}`, name))
		}
	})
	if deaf != nil {
		<-deaf
	}
	for {
		_, raw, err := conn.Read(context.Background())
		if err != nil {
			f.do(func() {
				if a := f.apps[name]; a.conn == conn {
					a.conn, a.live = nil, false
				}
			})
			return
		}
		var rq struct {
			Type        string `json:"type"`
			ID          string `json:"request_id"`
			Method      string `json:"method"`
			URI         string `json:"uri"`
			ContentType string `json:"content_type"`
			Body        string `json:"message_body"`
		}
		if err := json.Unmarshal(raw, &rq); err != nil || rq.Type != "RESTRequest" {
			f.t.Errorf("not a request: %q", raw)
			continue
		}
		if rq.Body != "" && !json.Valid([]byte(rq.Body)) {
			f.t.Errorf("not a JSON body: %q", rq.Body)
		}
		a := f.handle(rq.Method, rq.URI, "websocket")
		if a.never {
			continue
		}
		reply := func() {
			b, err := json.Marshal(map[string]any{"type": "RESTResponse", "transaction_id": "", "request_id": rq.ID,
				"status_code": a.code, "reason_phrase": "", "uri": rq.URI, "message_body": a.body, "application": name})
			if err != nil {
				f.t.Error(err)
			}
			conn.Write(context.Background(), websocket.MessageText, b)
		}
		if a.late != nil {
			go func() {
				select {
				case <-a.late:
					reply()
				case <-f.closed:
				}
			}()
		} else {
			reply()
		}
	}
}

func (f *fake) handle(method, uri, by string) answer {
	var rule func(method, uri string) *answer
	f.do(func() {
		f.requests = append(f.requests, method+" "+uri)
		rule = f.rule
	})
	if rule != nil {
		if a := rule(method, uri); a != nil {
			return *a
		}
	}
	u, err := url.Parse(uri)
	if err != nil {
		f.t.Errorf("%s: %v", uri, err)
		return answer{code: 400}
	}
	parts := strings.Split(u.Path, "/")
	last := parts[len(parts)-1]
	gone := answer{code: 404, body: `{"message":"Channel not found"}`}
	switch {
	case u.Path == "asterisk/info":
		return answer{code: 200, body: fmt.Sprintf(`{"system":{"version":%q,"entity_id":"x"}}`, f.version)}
	case u.Path == "applications":
		return answer{code: 200, body: f.list()}
	case last == "eventFilter":
		return answer{code: 200, body: `{}`}
	case u.Path == "events/claim":
		f.arrive(u.Query().Get("application"), u.Query().Get("channelId"), "v1")
		return answer{code: 204}
	case strings.HasPrefix(u.Path, "events/user/"):
		f.event(u.Query().Get("application"), "ChannelUserevent", fmt.Sprintf(`"eventname":%q,"userevent":{}`, last))
		return answer{code: 204}
	case parts[0] == "channels" && (last == "continue" || method == "DELETE"):
		if !f.depart(parts[1]) {
			return gone
		}
		for name := range f.names() {
			f.event(name, "StasisEnd", `"channel":`+channelJSON(parts[1]))
		}
		return answer{code: 204}
	case parts[0] == "channels" && method == "GET":
		return answer{code: 200, body: channelJSON(parts[1])}
	case parts[0] == "channels" && parts[2] == "play":
		return answer{code: 201, body: `{}`}
	case parts[0] == "channels":
		return answer{code: 204}
	case parts[0] == "playbacks":
		return answer{code: 404, body: `{"message":"Playback not found"}`}
	}
	return answer{code: 404, body: `{"message":"Resource not found"}`}
}

func (f *fake) names() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make(map[string]bool)
	for name, a := range f.apps {
		if a.conn != nil {
			names[name] = true
		}
	}
	return names
}

// list is GET /applications.
func (f *fake) list() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	type entry struct {
		Name     string   `json:"name"`
		Channels []string `json:"channel_ids"`
	}
	entries := []entry{}
	for name, a := range f.apps {
		if a.live || len(a.channels) > 0 {
			entries = append(entries, entry{name, append([]string{}, a.channels...)})
		}
		if a.live {
			entries = append(entries, entry{liveName(name), []string{}})
			if a.signs {
				entries = append(entries, entry{signsName(name), []string{}})
			}
		}
	}
	b, err := json.Marshal(entries)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

// config connects to the fake.
func (f *fake) config() Config {
	return Config{URL: f.srv.URL + "/ari", App: "test-a", Username: "lw", Password: "secret", PeerPrefix: "test-",
		PatrolInterval: 20 * time.Millisecond, BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond,
		ReplacedWait: 20 * time.Millisecond,
		// So long that a machine which stalls loses no connection by it.
		PingInterval: time.Minute, ConnectTimeout: time.Minute, RequestTimeout: time.Minute}
}

// running is a client that runs until the test ends.
type running struct {
	*Client
	t    testing.TB
	stop context.CancelFunc
	done chan error
	logs *lines
	reg  *prometheus.Registry
}

func run(t testing.TB, cfg Config, h Handler) *running {
	t.Helper()
	r := &running{t: t, done: make(chan error, 1), logs: new(lines), reg: prometheus.NewPedanticRegistry()}
	cfg.Logger = slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Metrics = r.reg
	c, err := New(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	r.Client = c
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.done <- c.Run(ctx) }()
	t.Cleanup(func() {
		r.stopped()
		for _, secret := range []string{"2025550143", "442079460123", "Secret Name"} {
			if strings.Contains(r.logs.String(), secret) {
				t.Errorf("the log names %s:\n%s", secret, r.logs)
			}
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", cfg.App, r.logs)
		}
	})
	return r
}

// stopped stops the client and waits for its end.
func (r *running) stopped() error {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(60 * time.Second):
		r.t.Fatal("Run does not return")
		return nil
	}
}

// eventually waits for what no channel tells of, such as a counter.
func (r *running) eventually(what string, condition func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("never happened: %s", what)
		}
	}
}

func (r *running) connected() {
	r.t.Helper()
	r.eventually("connected", func() bool { return r.Status().Connected })
}

// count is the value of a counter or gauge.
func count(m prometheus.Metric) int {
	var d dto.Metric
	if err := m.Write(&d); err != nil {
		panic(err)
	}
	return int(d.GetCounter().GetValue() + d.GetGauge().GetValue())
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// soon is a context for one step of a test.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// receive waits for a value.
func receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("never came: %s", what)
		var none T
		return none
	}
}
