package asterisk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"github.com/linewarden/linewarden/dialplan/testbed"
)

// The tests of this file run against a real Asterisk, one for all of them. Calls are made of Local channels: their far end waits in
// Echo, their near end runs the dialplan under test.

const modulesConf = `[modules]
autoload=no
load=res_sorcery_config.so
load=res_sorcery_memory.so
load=res_sorcery_astdb.so
load=res_timing_timerfd.so
load=res_http_websocket.so
load=res_websocket_client.so
load=res_stasis.so
load=res_stasis_answer.so
load=res_stasis_device_state.so
load=res_stasis_recording.so
load=res_stasis_playback.so
load=res_stasis_snoop.so
load=res_stasis_broadcast.so
load=app_stasis.so
load=app_stasis_broadcast.so
load=res_ari.so
load=res_ari_model.so
load=res_ari_applications.so
load=res_ari_asterisk.so
load=res_ari_bridges.so
load=res_ari_channels.so
load=res_ari_events.so
load=res_ari_playbacks.so
load=pbx_config.so
load=app_echo.so
load=func_callerid.so
load=func_channel.so
load=func_global.so
load=codec_ulaw.so
load=format_pcm.so
`

const extensionsConf = `[test]
exten => _broadcast-.,1,StasisBroadcast(5000,^${EXTEN:10}-,v1:a b)
 same => n,Goto(after,s,1)
exten => _stasis-.,1,Stasis(${EXTEN:7},v1,a b)
 same => n,Goto(after,s,1)
exten => far,1,Echo()
[after]
exten => s,1,Set(GLOBAL(result_${CHANNEL(uniqueid)})=next ${STASISSTATUS})
 same => n,Echo()
exten => orphan,1,Set(GLOBAL(result_${CHANNEL(uniqueid)})=orphan)
 same => n,Echo()
`

var (
	realOnce sync.Once
	real     *testbed.Asterisk
	realErr  error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if real != nil {
		if err := real.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// pbx is the real Asterisk as a test sees it.
type pbx struct {
	t   testing.TB
	url string
}

func newPBX(t testing.TB) *pbx {
	t.Helper()
	realOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // it may have to be fetched
		defer cancel()
		real, realErr = testbed.StartAsterisk(ctx, testbed.AsteriskOptions{
			Files: func(p testbed.Ports) (map[string][]byte, error) {
				return map[string][]byte{
					"modules.conf":    []byte(modulesConf),
					"extensions.conf": []byte(extensionsConf),
					"ari.conf":        []byte("[general]\nenabled=yes\n[lw]\ntype=user\nread_only=no\npassword=secret\n"),
					"cdr.conf":        []byte("[general]\nenable=no\n"),
					"http.conf": fmt.Appendf(nil, "[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=%d\nsessionlimit=1000\n",
						p.HTTP),
				}, nil
			},
			Sounds: fstest.MapFS{"fr/test/long.ulaw": {Data: bytes.Repeat([]byte{0x7f}, 60*8000)}}, // a minute of silence
		})
	})
	if realErr != nil {
		t.Fatal(realErr)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Asterisk's log ends with:\n%s", real.Log(60))
		}
	})
	return &pbx{t: t, url: fmt.Sprintf("http://127.0.0.1:%d/ari", real.Ports().HTTP)}
}

// config is for an instance whose fellows are those of the same test.
func (p *pbx) config(instance string) Config {
	prefix := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(p.t.Name())) + "-"
	return Config{URL: p.url, App: prefix + instance, PeerPrefix: prefix, Username: "lw", Password: "secret",
		PatrolInterval: 100 * time.Millisecond, BackoffMin: 10 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
		RequestTimeout: 20 * time.Second, ConnectTimeout: 20 * time.Second, PingInterval: 20 * time.Second}
}

// ask makes a request of its own, besides the clients under test.
func (p *pbx) ask(method, path string, query url.Values) (int, []byte) {
	p.t.Helper()
	rq, err := http.NewRequestWithContext(soon(p.t), method, p.url+"/"+path+"?"+query.Encode(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	rq.SetBasicAuth("lw", "secret")
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, body
}

// call places a call to an extension of [test] and ends it with the test.
func (p *pbx) call(extension string) {
	p.t.Helper()
	code, body := p.ask("POST", "channels", url.Values{"endpoint": {"Local/" + extension + "@test/n"}, "extension": {"far"},
		"context": {"test"}, "priority": {"1"}, "formats": {"ulaw"}, "callerId": {`"Secret Name" <+12025550143>`}, "timeout": {"-1"}})
	if code != 200 {
		p.t.Fatalf("call %s: %d %s", extension, code, body)
	}
	p.t.Cleanup(func() { p.ask("DELETE", "channels/"+idOf(string(body)), nil) })
}

// eventually waits for what Asterisk does not tell of.
func (p *pbx) eventually(what string, condition func() bool) {
	p.t.Helper()
	(&running{t: p.t}).eventually(what, condition)
}

// went waits until a channel went where it should.
func (p *pbx) went(channel, want string) {
	p.t.Helper()
	var got string
	p.eventually("channel goes to "+want, func() bool {
		_, body := p.ask("GET", "asterisk/variable", url.Values{"variable": {"result_" + channel}})
		var v struct{ Value string }
		if err := json.Unmarshal(body, &v); err != nil {
			p.t.Fatal(err)
		}
		got = v.Value
		return got != ""
	})
	if got != want {
		p.t.Errorf("channel %s went to %q, not to %q", channel, got, want)
	}
}

// lists says whether Asterisk lists an application.
func (p *pbx) lists(app string) bool {
	code, _ := p.ask("GET", "applications/"+app, nil)
	return code == 200
}

func TestRealCall(t *testing.T) {
	for _, tr := range []Transport{TransportAuto, TransportHTTP} {
		t.Run(tr.String(), func(t *testing.T) {
			p := newPBX(t)
			cfg := p.config("a")
			cfg.Transport = tr
			values := []Variable{{"A", `a b+c&d=e%41"\'${SHELL(id)};` + "\r\n\té\U0001F600"}, {"B", ""}, {"CALLERID(name)", "Scam? +1"}}
			calls := make(chan *Channel, 1)
			r := run(t, cfg, hold(calls))
			r.connected()
			if st := r.Status(); tr == TransportAuto && st.Transport != TransportWebsocket || !strings.Contains(st.Version, ".") {
				t.Errorf("status %+v", st)
			}
			p.call("stasis-" + cfg.App)
			ch := receive(t, "call", calls)
			if d := ch.Data(); !slices.Equal(ch.Args(), []string{"v1", "a b"}) || d.ID != ch.ID() || d.Dialplan.Context != "test" || d.Language != "en" {
				t.Errorf("args %q, %+v", ch.Args(), d)
			}
			for _, vars := range [][]Variable{values, values[:1], values[2:]} {
				if err := ch.SetVariables(soon(t), vars...); err != nil {
					t.Fatal(err)
				}
				for _, v := range vars {
					code, body := p.ask("GET", "channels/"+ch.ID()+"/variable", url.Values{"variable": {v.Name}})
					var got struct{ Value string }
					if err := json.Unmarshal(body, &got); err != nil || got.Value != v.Value {
						t.Errorf("%s is %d %q, want %q", v.Name, code, got.Value, v.Value)
					}
				}
			}
			if err := ch.Continue(soon(t), Place{}); err != nil {
				t.Fatal(err)
			}
			p.went(ch.ID(), "next SUCCESS")
			p.eventually("the call is over", func() bool { return errors.Is(ch.Err(), ErrLeft) })
			if n := count(r.metrics.events[kindUnknown]) + count(r.metrics.events[kindUnused]) + count(r.metrics.events[kindMalformed]); n != 0 {
				t.Errorf("%d messages that nobody needs; the event filter should keep them away", n)
			}

			p.call("stasis-" + cfg.App)
			ch = receive(t, "call", calls)
			if err := ch.Continue(soon(t), Place{"after", "orphan", 1}); err != nil {
				t.Fatal(err)
			}
			p.went(ch.ID(), "orphan")

			p.call("stasis-" + cfg.App)
			ch = receive(t, "call", calls)
			if err := ch.Hangup(soon(t), "rejected"); err != nil {
				t.Fatal(err)
			}
			p.eventually("the call is over", func() bool { return errors.Is(ch.Err(), ErrLeft) })
			ch.mu.Lock()
			ch.left = false // so that it is asked, and Asterisk says it
			ch.mu.Unlock()
			if err := ch.Continue(soon(t), Place{}); !errors.Is(err, ErrGone) {
				t.Errorf("continue after hangup: %v", err)
			}
			if err := ch.SetVariables(soon(t), values...); !errors.Is(err, ErrGone) {
				t.Errorf("variables after hangup: %v", err)
			}
		})
	}
}

func TestRealPlayback(t *testing.T) {
	p := newPBX(t)
	events := make(chan ari.Event, 10)
	calls := make(chan *Channel, 1)
	r := run(t, p.config("a"), func(ctx context.Context, ch *Channel) {
		calls <- ch
		for e := range ch.Events() {
			events <- e
		}
	})
	r.connected()
	p.call("stasis-" + r.cfg.App)
	ch := receive(t, "call", calls)
	if err := ch.Play(soon(t), "warning", "fr", "sound:test/long", "sound:test/long"); err != nil {
		t.Fatal(err)
	}
	started, ok := receive(t, "PlaybackStarted", events).(*ari.PlaybackStarted)
	if !ok || started.Playback.ID != "warning" || started.Playback.Language != "fr" {
		t.Fatalf("%+v", started)
	}
	if err := ch.SetVariables(soon(t), Variable{"A", "b"}); !errors.Is(err, ErrPlaying) {
		t.Errorf("variables during a playback: %v", err)
	}
	if err := ch.StopPlayback(soon(t), "warning"); err != nil {
		t.Fatal(err)
	}
	if err := ch.StopPlayback(soon(t), "warning"); !errors.Is(err, ErrGone) {
		t.Errorf("stopped twice: %v", err)
	}
	if err := ch.SetVariables(soon(t), Variable{"A", "b"}); err != nil {
		t.Error(err)
	}
	// A continue does not wait for the minute that plays.
	if err := ch.Play(soon(t), "again", "fr", "sound:test/long"); err != nil {
		t.Fatal(err)
	}
	if err := ch.Continue(soon(t), Place{}); err != nil {
		t.Fatal(err)
	}
	p.went(ch.ID(), "next SUCCESS")
}

func TestRealClaim(t *testing.T) {
	p := newPBX(t)
	const calls = 20
	got := make(chan *Channel, calls)
	var instances []*running
	for _, name := range []string{"a", "b", "c"} {
		cfg := p.config(name)
		if name == "b" {
			cfg.Transport = TransportHTTP
		}
		r := run(t, cfg, func(ctx context.Context, ch *Channel) {
			got <- ch
			if err := ch.Continue(context.WithoutCancel(ctx), Place{}); err != nil {
				t.Error(err)
			}
		})
		r.connected()
		instances = append(instances, r)
	}
	for range calls {
		p.call("broadcast-" + strings.TrimSuffix(p.config("").PeerPrefix, "-"))
	}
	seen := make(map[string]bool)
	for range calls {
		ch := receive(t, "call", got)
		if seen[ch.ID()] || !slices.Equal(ch.Args(), []string{"v1", "a b"}) {
			t.Errorf("call %s twice, or args %q", ch.ID(), ch.Args())
		}
		seen[ch.ID()] = true
		p.went(ch.ID(), "next SUCCESS")
	}
	total := func(outcomes ...int) (n int) {
		for _, r := range instances {
			for _, o := range outcomes {
				n += count(r.metrics.claims[o])
			}
		}
		return n
	}
	p.eventually("every instance has heard about each claim", func() bool { return total(claimWon, claimTaken, claimLate) == 3*calls })
	if total(claimWon) != calls {
		t.Errorf("%d claims won for %d calls", total(claimWon), calls)
	}
}

// wire is a TCP proxy that a test can cut: to Asterisk it looks as if the process behind it was killed.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	down     bool
}

func newWire(t testing.TB, target string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, conns: make(map[net.Conn]struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil || !w.add(near, far) {
				near.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				wg.Go(func() {
					io.Copy(pair[0], pair[1])
					near.Close()
					far.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.set(true)
		wg.Wait()
	})
	return w
}

func (w *wire) add(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return false
	}
	for _, c := range conns {
		w.conns[c] = struct{}{}
	}
	return true
}

// set cuts everything and lets nothing through, or lets new connections through.
func (w *wire) set(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	if down {
		for c := range w.conns {
			c.Close()
		}
		clear(w.conns)
	}
}

func (p *pbx) through(w *wire, cfg Config) Config {
	cfg.URL = "http://" + w.listener.Addr().String() + "/ari"
	return cfg
}

func (p *pbx) host() string {
	u, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Host
}

func TestRealReconnect(t *testing.T) {
	for _, tr := range []Transport{TransportWebsocket, TransportHTTP} {
		t.Run(tr.String(), func(t *testing.T) {
			p := newPBX(t)
			w := newWire(t, p.host())
			cfg := p.through(w, p.config("a"))
			cfg.Transport = tr
			calls := make(chan *Channel, 3)
			r := run(t, cfg, hold(calls))
			r.connected()
			for range 3 {
				p.call("stasis-" + cfg.App)
			}
			old := make(map[string]*Channel)
			for range 3 {
				ch := receive(t, "call", calls)
				old[ch.ID()] = ch
				// The process dies while it plays a warning.
				if err := ch.Play(soon(t), "warning", "fr", "sound:test/long"); err != nil {
					t.Fatal(err)
				}
			}
			w.set(true)
			for _, ch := range old {
				p.eventually("the handler is told", func() bool { return errors.Is(ch.Err(), ErrConnectionLost) })
				if err := ch.Continue(soon(t), Place{}); !errors.Is(err, ErrConnectionLost) {
					t.Errorf("continue without a connection: %v", err)
				}
			}
			w.set(false)
			for range 3 {
				ch := receive(t, "adopted call", calls)
				if old[ch.ID()] == nil || !ch.Adopted() || ch.Data().Dialplan.Context != "test" {
					t.Errorf("call %s, adopted %v, %+v", ch.ID(), ch.Adopted(), ch.Data())
				}
				delete(old, ch.ID())
				if err := ch.Continue(soon(t), Place{}); err != nil {
					t.Error(err)
				}
				p.went(ch.ID(), "next SUCCESS")
			}
			r.eventually("no call left", func() bool { return r.Status().Calls == 0 })
		})
	}
}

func TestRealStop(t *testing.T) {
	p := newPBX(t)
	calls := make(chan *Channel, 1)
	r := run(t, p.config("a"), hold(calls))
	r.connected()
	p.call("stasis-" + r.cfg.App)
	ch := receive(t, "call", calls)
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	p.went(ch.ID(), "next SUCCESS")
	if p.lists(r.cfg.App) {
		t.Error("still registered")
	}
}

func TestRealDeadFellow(t *testing.T) {
	p := newPBX(t)
	w := newWire(t, p.host())
	calls := make(chan *Channel, 2)
	config := func(instance string, tr Transport) Config {
		cfg := p.config(instance)
		cfg.OrphanPlace = Place{"after", "orphan", 1}
		cfg.Transport = tr
		cfg.PatrolInterval = 20 * time.Millisecond
		return cfg
	}
	b, c := config("b", TransportAuto), config("c", TransportHTTP)
	dying := run(t, p.through(w, config("a", TransportAuto)), hold(calls))
	bystanders := []*running{run(t, b, hold(calls)), run(t, c, hold(calls))}
	for _, r := range append(bystanders, dying) {
		r.connected()
	}
	p.call("stasis-" + dying.cfg.App)
	p.call("stasis-" + dying.cfg.App)
	first, second := receive(t, "call", calls), receive(t, "call", calls)
	for _, ch := range []*Channel{first, second} {
		if err := ch.Play(soon(t), "warning", "fr", "sound:test/long"); err != nil {
			t.Fatal(err)
		}
	}
	rounds := func(r *running) int { return count(r.metrics.requests[opApplications][outcomeOK]) }
	for _, r := range bystanders {
		enough := rounds(r) + 20*strikes
		r.eventually("many rounds of the patrol", func() bool { return rounds(r) >= enough })
	}
	released := func() (n int) {
		for _, r := range bystanders {
			n += count(r.metrics.released[releaseFellow])
		}
		return n
	}
	if n := released(); n != 0 || first.Err() != nil || second.Err() != nil {
		t.Fatalf("%d calls of a live fellow were released; %v, %v", n, first.Err(), second.Err())
	}
	w.set(true)
	p.went(first.ID(), "orphan")
	p.went(second.ID(), "orphan")
	p.eventually("both are counted", func() bool { return released() == 2 })
	// Asterisk forgets the application with its last channel.
	p.eventually("the application is gone", func() bool { return !p.lists(dying.cfg.App) })
	w.set(false)
	p.eventually("the fellow is back", func() bool { return p.lists(liveName(dying.cfg.App)) })
	dying.connected()
	p.call("stasis-" + dying.cfg.App)
	if ch := receive(t, "a call for it", calls); ch.Adopted() {
		t.Error("adopted")
	}
}

func TestRealReplaced(t *testing.T) {
	p := newPBX(t)
	calls := make(chan *Channel, 1)
	cfg := p.config("a")
	cfg.ReplacedWait = 100 * time.Millisecond
	first := run(t, cfg, hold(calls))
	first.connected()
	second := run(t, cfg, hold(calls))
	second.connected()
	first.eventually("the first notices", func() bool { return errors.Is(first.Status().LastError, ErrReplaced) })
	// They do not fight: one has the name while the other looks again and again whether it is free. When Asterisk closes the first's
	// websocket late, that may cost the second its name once more, so either may be the one.
	looks := func(r *running) int { return count(r.metrics.requests[opApplications][outcomeOK]) }
	owner, other := second, first
	since := looks(other)
	first.eventually("they settle", func() bool {
		if owner.Status().Connected && !other.Status().Connected {
			return looks(other) >= since+5
		}
		owner, other = other, owner
		since = looks(other)
		return false
	})
	if err := owner.stopped(); err != nil {
		t.Error(err)
	}
	other.connected()
}
