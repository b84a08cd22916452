package asterisk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/CyCoreSystems/ari/v5"
	"github.com/coder/websocket"
)

// hold hands each call to the test and keeps it until the call's events end or the client stops.
func hold(calls chan<- *Channel) Handler {
	return func(ctx context.Context, ch *Channel) {
		calls <- ch
		for {
			select {
			case _, open := <-ch.Events():
				if !open {
					return
				}
			case <-ctx.Done():
				ch.Continue(context.WithoutCancel(ctx), Place{})
				return
			}
		}
	}
}

func transports(t *testing.T, f func(*testing.T, Transport)) {
	for _, tr := range []Transport{TransportWebsocket, TransportHTTP} {
		t.Run(tr.String(), func(t *testing.T) { f(t, tr) })
	}
}

func TestCall(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		f := newFake(t)
		cfg := f.config()
		cfg.Transport = tr
		cfg.PatrolInterval = time.Hour // by HTTP, a listing may be read before the event
		result := make(chan error, 1)
		r := run(t, cfg, func(ctx context.Context, ch *Channel) {
			d := ch.Data()
			switch {
			case ch.ID() != "1.1" || d.ID != "1.1" || d.Name != "PJSIP/trunk-00000001" || d.State != "Ring" || d.Language != "fr":
				t.Errorf("channel: %+v", d)
			case d.ProtocolID != "call-1.1@sip" || d.Caller.Name != "Secret Name" || d.Caller.Number != "+12025550143":
				t.Errorf("channel: %+v", d)
			case d.Dialplan.Context != "in" || d.Dialplan.Exten != "+442079460123" || d.Dialplan.Priority != 7:
				t.Errorf("dialplan: %+v", d.Dialplan)
			case !slices.Equal(ch.Args(), []string{"v1", "a b"}) || ch.Adopted() || ch.Err() != nil:
				t.Errorf("args %q, adopted %v, err %v", ch.Args(), ch.Adopted(), ch.Err())
			}
			result <- errors.Join(
				ch.SetVariables(ctx, Variable{"CALLERID(name)", "a&b"}),
				ch.SetVariables(ctx, Variable{"A", "1"}, Variable{"B", "2"}),
				ch.Continue(ctx, Place{"linewarden-verdict", "allow_clean", 1}))
			for range ch.Events() {
			}
			if !errors.Is(ch.Err(), ErrLeft) {
				t.Errorf("events ended with %v", ch.Err())
			}
			if err := ch.Continue(ctx, Place{}); !errors.Is(err, ErrGone) {
				t.Errorf("a request after the end: %v", err)
			}
		})
		r.connected()
		f.arrive("test-a", "1.1", "v1", "a b")
		if err := receive(t, "result", result); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"POST channels/1.1/variable?variable=CALLERID%28name%29&value=a%26b", "POST channels/1.1/variables",
			"POST channels/1.1/continue?context=linewarden-verdict&extension=allow_clean&priority=1",
		} {
			f.awaitRequest(want)
		}
		if st := r.Status(); st.Transport != tr || tr == TransportHTTP && st.Version != "22.10.1" || st.LastError != nil {
			t.Errorf("status %+v", st)
		}
		r.eventually("no call left", func() bool { return r.Status().Calls == 0 })
		if err := r.stopped(); err != nil {
			t.Error(err)
		}
		if count(r.metrics.released[releaseAbandoned]) != 0 {
			t.Error("a call that was let go was released again")
		}
	})
}

func TestTransportByVersion(t *testing.T) {
	for _, test := range []struct {
		version string
		silent  bool // the server ignores requests on the websocket
		want    Transport
	}{
		{"22.10.1+dfsg+~cs6", false, TransportWebsocket},
		{"22.4.0", false, TransportWebsocket},
		{"20.13.0", false, TransportHTTP},
		{"16.28.0~dfsg", false, TransportHTTP},
		{"GIT-master-abc", false, TransportWebsocket},
		{"GIT-master-abc", true, TransportHTTP},
		{"", false, TransportWebsocket},
	} {
		t.Run(fmt.Sprint(test.version, test.silent), func(t *testing.T) {
			f := newFake(t)
			f.version = test.version
			infos := 0
			f.rule = func(method, uri string) *answer {
				if test.silent && uri == "asterisk/info?filter=system" {
					if infos++; infos > 1 { // the second comes on the websocket
						return &answer{never: true}
					}
				}
				return nil
			}
			cfg := f.config()
			cfg.RequestTimeout = 2 * time.Second // what a busy machine may need for an answer
			calls := make(chan *Channel, 1)
			r := run(t, cfg, hold(calls))
			r.connected()
			if got := r.Status().Transport; got != test.want {
				t.Errorf("transport %v", got)
			}
			f.arrive("test-a", "1.1")
			if err := receive(t, "call", calls).Continue(soon(t), Place{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHostileMessages(t *testing.T) {
	f := newFake(t)
	calls := make(chan *Channel, 1)
	r := run(t, f.config(), hold(calls))
	r.connected()
	malformed := []string{"", "{", "null", "[]", "{}", `{"type":1}`, `{"type":""}`, "\x00\xff", `{"type":"StasisStart"`, strings.Repeat("[", 20_000)}
	for _, m := range malformed {
		f.send("test-a", m)
	}
	unknown := []string{`{"type":"Frobnicated"}`, `{"type":"\u0000"}`, `{"type":"` + strings.Repeat("x", 10_000) + `"}`}
	for _, m := range unknown {
		f.send("test-a", m)
	}
	for _, m := range []string{
		`{"type":"StasisStart"}`, `{"type":"StasisStart","channel":[],"args":{}}`, `{"type":"StasisStart","channel":{"id":""}}`,
		`{"type":"StasisStart","channel":{"id":"` + strings.Repeat("1", 300) + `"}}`,
		`{"type":"StasisStart","channel":{"id":"1.9"},"application":"someone-else"}`,
		`{"type":"StasisEnd","channel":{"id":"nobody"}}`, `{"type":"CallBroadcast"}`, `{"type":"ChannelDtmfReceived","digit":"1"}`,
		`{"type":"PlaybackFinished","playback":{"id":"x","target_uri":"bridge:1"}}`,
	} {
		f.send("test-a", m)
	}
	for _, m := range []string{`{"type":"RESTResponse"}`, `{"type":"RESTResponse","request_id":"99999","status_code":200}`, `{"type":"RESTResponse","request_id":7}`} {
		f.send("test-a", m)
	}
	f.send("test-a", `{"type":"ChannelVarset"}`)
	f.arrive("test-a", "1.1")
	ch := receive(t, "the call after all that", calls)
	if ch.ID() != "1.1" {
		t.Errorf("call %q", ch.ID())
	}
	for _, c := range []struct {
		kind kind
		want int
	}{{kindMalformed, len(malformed)}, {kindUnknown, len(unknown)}, {kindUnused, 1}, {kindStart, 6}} {
		if got := count(r.metrics.events[c.kind]); got != c.want {
			t.Errorf("%v: %d, want %d", c.kind, got, c.want)
		}
	}
	if got := count(r.metrics.foreignEvents); got != 9 {
		t.Errorf("foreign events: %d", got)
	}
	if got := count(r.metrics.lateReplies); got != 3 {
		t.Errorf("replies to nothing: %d", got)
	}
	if count(r.metrics.connects.WithLabelValues("ok")) != 1 {
		t.Error("the connection was lost over it")
	}
}

func TestMessageTooLong(t *testing.T) {
	f := newFake(t)
	calls := make(chan *Channel, 1)
	cfg := f.config()
	cfg.MaxMessage = 10_000
	r := run(t, cfg, hold(calls))
	r.connected()
	f.send("test-a", `{"type":"x","y":"`+strings.Repeat("y", 20_000)+`"}`)
	f.await("a second connection", func() bool { return f.dials == 2 })
	r.eventually("the reason shows", func() bool {
		return r.Status().LastError != nil && errors.Is(r.Status().LastError, ErrConnectionLost)
	})
}

func TestHungRequest(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		f := newFake(t)
		let := make(chan struct{})
		f.rule = func(method, uri string) *answer {
			if strings.HasPrefix(uri, "channels/hung/continue") {
				return &answer{code: 204, late: let}
			}
			return nil
		}
		cfg := f.config()
		cfg.Transport = tr
		cfg.PatrolInterval = time.Hour
		cfg.RequestTimeout = 2 * time.Second // what a busy machine may need for an answer
		calls := make(chan *Channel, 2)
		r := run(t, cfg, hold(calls))
		r.connected()
		f.arrive("test-a", "hung")
		hung := receive(t, "call", calls)
		f.arrive("test-a", "other")
		other := receive(t, "call", calls)
		if err := hung.Continue(soon(t), Place{}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrGone) {
			t.Errorf("the hung request ended with %v", err)
		}
		canceled, cancel := context.WithCancel(context.Background())
		cancel()
		if err := hung.Continue(canceled, Place{}); !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled request ended with %v", err)
		}
		if err := other.SetVariables(soon(t), Variable{"A", "b"}); err != nil {
			t.Errorf("another call's request: %v", err)
		}
		close(let)
		if tr == TransportWebsocket {
			r.eventually("the late reply is counted", func() bool { return count(r.metrics.lateReplies) >= 1 })
			if n := len(hung.s.ws.inFlight); n != 0 {
				t.Errorf("%d requests are still in flight", n)
			}
		}
		if count(r.metrics.requests[opContinue][outcomeTimeout]) != 1 {
			t.Error("the time-out is not counted")
		}
		f.do(func() { f.rule = nil })
	})
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	f := newFake(t)
	let := make(chan struct{})
	f.rule = func(method, uri string) *answer {
		if strings.HasSuffix(uri, "value=slow") {
			return &answer{code: 204, late: let}
		}
		return nil
	}
	cfg := f.config()
	cfg.Transport = TransportWebsocket
	cfg.MaxInFlight = 2
	cfg.PatrolInterval = time.Hour
	calls := make(chan *Channel, 1)
	r := run(t, cfg, hold(calls))
	r.connected()
	r.eventually("the first round of the patrol is over", func() bool { return count(r.metrics.requests[opApplications][outcomeOK]) == 2 })
	f.arrive("test-a", "1.1")
	ch := receive(t, "call", calls)
	results := make(chan error, 3)
	for range 3 {
		go func() { results <- ch.SetVariables(soon(t), Variable{"A", "slow"}) }()
	}
	f.await("two requests", func() bool { return f.made("POST channels/1.1/variable?variable=A&value=slow") == 2 })
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := ch.SetVariables(short, Variable{"A", "fast"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request beyond the limit: %v", err)
	}
	if f.saw("POST channels/1.1/variable?variable=A&value=fast") {
		t.Error("it was sent")
	}
	close(let)
	for range 3 {
		if err := receive(t, "result", results); err != nil {
			t.Error(err)
		}
	}
}

func TestSlowHandler(t *testing.T) {
	f := newFake(t)
	calls := make(chan *Channel, 1)
	let := make(chan struct{})
	cfg := f.config()
	cfg.EventQueue = 3
	r := run(t, cfg, func(ctx context.Context, ch *Channel) {
		calls <- ch
		if ch.ID() == "1.2" {
			ch.Continue(ctx, Place{})
			return
		}
		<-let
		n := 0
		for e := range ch.Events() {
			if got := e.(*ari.ChannelDtmfReceived).Digit; got != fmt.Sprint(n) {
				t.Errorf("event %d is digit %q", n, got)
			}
			n++
		}
		if n != 3 || !errors.Is(ch.Err(), ErrQueueFull) {
			t.Errorf("%d events, then %v", n, ch.Err())
		}
		if err := ch.Continue(context.WithoutCancel(ctx), Place{}); err != nil {
			t.Error(err)
		}
	})
	r.connected()
	f.arrive("test-a", "1.1")
	receive(t, "call", calls)
	for i := range 6 {
		f.event("test-a", "ChannelDtmfReceived", fmt.Sprintf(`"channel":{"id":"1.1"},"digit":"%d","duration_ms":90`, i))
	}
	r.eventually("the overflow is counted", func() bool { return count(r.metrics.queueFull) == 1 })
	f.arrive("test-a", "1.2") // nobody else is held up
	receive(t, "another call", calls)
	close(let)
	f.await("both released", func() bool { return len(f.apps["test-a"].channels) == 0 })
}

func TestReconnectStorm(t *testing.T) {
	f := newFake(t)
	const refused = 20
	f.accept = func(dial int) int {
		if dial <= refused {
			return []int{500, 503, 404}[dial%3]
		}
		return 0
	}
	calls := make(chan *Channel, 1)
	r := run(t, f.config(), hold(calls))
	r.connected()
	if got := count(r.metrics.connects.WithLabelValues("failed")); got != refused {
		t.Errorf("%d failed attempts", got)
	}
	var status *StatusError
	if !errors.As(r.Status().LastError, &status) || status.Path != "/events" {
		t.Errorf("last error %v", r.Status().LastError)
	}
	// Now connections that break as soon as they are up, with calls waiting: each is adopted once per connection, never lost.
	f.arrive("test-a", "1.1")
	receive(t, "call", calls)
	for i := range 5 {
		f.cut()
		ch := receive(t, "the call again", calls)
		if !ch.Adopted() || ch.ID() != "1.1" || ch.Args() != nil || ch.Data().Caller.Number != "+12025550143" {
			t.Errorf("round %d: adopted %v, %+v", i, ch.Adopted(), ch.Data())
		}
	}
	f.depart("1.1")
	f.event("test-a", "StasisEnd", `"channel":{"id":"1.1"}`)
	r.eventually("no call left", func() bool { return r.Status().Calls == 0 })
}

func TestWrongPassword(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.Password = "wrong-and-secret"
	r := run(t, cfg, func(context.Context, *Channel) {})
	r.eventually("the refusal shows", func() bool { return r.Status().LastError != nil })
	if err := r.Status().LastError; !strings.Contains(err.Error(), "ari.conf") || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
	if strings.Contains(r.logs.String(), "wrong-and-secret") {
		t.Error("the password is in the log")
	}
}

func TestDeafServer(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.Transport = TransportHTTP // so that only the ping tells
	cfg.PingInterval = 30 * time.Millisecond
	f.deaf = make(chan struct{})
	r := run(t, cfg, func(context.Context, *Channel) {})
	r.connected()
	f.await("a second connection", func() bool { return f.dials >= 2 })
	r.eventually("the reason shows", func() bool {
		err := r.Status().LastError
		return err != nil && strings.Contains(err.Error(), "ping")
	})
	close(f.deaf)
}

func TestServerErrors(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		f := newFake(t)
		fails := 3
		f.rule = func(method, uri string) *answer {
			if strings.HasSuffix(uri, "/continue") && fails > 0 {
				fails--
				return &answer{code: 500, body: "{\"message\":\"Allocation\\r\\nfailed for +12025550143\"}"}
			}
			return nil
		}
		cfg := f.config()
		cfg.Transport = tr
		r := run(t, cfg, func(ctx context.Context, ch *Channel) {
			err := ch.Continue(ctx, Place{})
			var status *StatusError
			if !errors.As(err, &status) || status.Code != 500 || status.Method != "POST" || status.Path != "/channels/{channelId}/continue" {
				t.Errorf("error %v", err)
			}
			if errors.Is(err, ErrGone) || strings.ContainsAny(err.Error(), "\r\n") || strings.Contains(err.Error(), "55501") {
				t.Errorf("error %v", err)
			}
		})
		r.connected()
		f.arrive("test-a", "1.1")
		// The handler gave up. The client does not: it tries at once, and then again and again.
		f.await("the call is released", func() bool { return len(f.apps["test-a"].channels) == 0 })
		if count(r.metrics.released[releaseAbandoned]) != 1 {
			t.Error("not counted as abandoned")
		}
	})
}

func TestAbandonedAndPanicked(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.OrphanPlace = Place{"orphans", "s", 1}
	r := run(t, cfg, func(ctx context.Context, ch *Channel) {
		if ch.ID() == "1.2" {
			panic("caller +12025550143")
		}
	})
	r.connected()
	for _, id := range []string{"1.1", "1.2"} {
		f.arrive("test-a", id)
		f.awaitRequest("POST channels/" + id + "/continue?context=orphans&extension=s&priority=1")
	}
	if count(r.metrics.panics) != 1 || count(r.metrics.released[releaseAbandoned]) != 2 {
		t.Error("not counted")
	}
}

func TestMaxCalls(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.MaxCalls = 1
	calls := make(chan *Channel, 2)
	r := run(t, cfg, hold(calls))
	r.connected()
	f.arrive("test-a", "1.1")
	receive(t, "call", calls)
	f.event("test-a", "CallBroadcast", `"channel":{"id":"1.2"}`)
	f.arrive("test-a", "1.3")
	f.await("the third is released", func() bool { return slices.Equal(f.apps["test-a"].channels, []string{"1.1"}) })
	if count(r.metrics.claims[claimBusy]) != 1 || count(r.metrics.released[releaseBusy]) != 1 || f.saw("POST events/claim") {
		t.Error("not as it should be")
	}
}

func TestClaims(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		f := newFake(t)
		f.rule = func(method, uri string) *answer {
			for channel, code := range map[string]int{"taken": 409, "late": 404, "broken": 500} {
				if strings.HasPrefix(uri, "events/claim?channelId="+channel) {
					return &answer{code: code, body: `{"message":"x"}`}
				}
			}
			return nil
		}
		cfg := f.config()
		cfg.Transport = tr
		calls := make(chan *Channel, 1)
		r := run(t, cfg, hold(calls))
		r.connected()
		for _, id := range []string{"taken", "late", "broken", "mine"} {
			f.event("test-a", "CallBroadcast", `"channel":`+channelJSON(id)+`,"caller":"+12025550143","called":"x"`)
		}
		if ch := receive(t, "the call that was won", calls); ch.ID() != "mine" {
			t.Errorf("call %q", ch.ID())
		}
		for _, c := range []int{claimTaken, claimLate, claimFailed, claimWon} {
			r.eventually(claimLabels[c], func() bool { return count(r.metrics.claims[c]) == 1 })
		}
	})
}

func TestStop(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		f := newFake(t)
		cfg := f.config()
		cfg.Transport = tr
		calls, let := make(chan *Channel, 2), make(chan struct{})
		r := run(t, cfg, func(ctx context.Context, ch *Channel) {
			calls <- ch
			<-ctx.Done()
			<-let
			if err := ch.Continue(context.WithoutCancel(ctx), Place{}); err != nil {
				t.Error(err)
			}
		})
		r.connected()
		f.arrive("test-a", "1.1")
		receive(t, "call", calls)
		r.stop()
		r.eventually("draining", r.draining.Load)
		f.event("test-a", "CallBroadcast", `"channel":{"id":"1.2"}`)
		r.eventually("not claimed", func() bool { return count(r.metrics.claims[claimDraining]) == 1 })
		f.arrive("test-a", "1.3") // plain Stasis does not ask
		receive(t, "a late call", calls)
		f.do(func() { f.app("test-a").channels = append(f.app("test-a").channels, "1.4") }) // its StasisStart never comes through
		close(let)
		if err := r.stopped(); err != nil {
			t.Error(err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if left := f.apps["test-a"].channels; len(left) != 0 {
			t.Errorf("left waiting: %q", left)
		}
		if f.made("POST events/claim") > 0 {
			t.Error("a call was claimed while stopping")
		}
	})
}

func TestStopWithStuckHandler(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.DrainTimeout = time.Second // in which Asterisk must also say what is left, on a machine that stalls
	calls, let := make(chan *Channel, 1), make(chan struct{})
	r := run(t, cfg, func(ctx context.Context, ch *Channel) { calls <- ch; <-let })
	t.Cleanup(func() { close(let) })
	r.connected()
	f.arrive("test-a", "1.1")
	receive(t, "call", calls)
	if err := r.stopped(); err == nil || !strings.Contains(err.Error(), "1 handlers") {
		t.Errorf("Run returned %v", err)
	}
	f.await("the caller does not wait for the handler", func() bool { return len(f.apps["test-a"].channels) == 0 })
}

func TestNotDoubledNotLost(t *testing.T) {
	f := newFake(t)
	calls := make(chan *Channel, 4)
	r := run(t, f.config(), hold(calls))
	r.connected()
	// Listed before its StasisStart comes through: taken over once, and the late StasisStart does not make a second handler.
	f.do(func() { f.app("test-a").channels = []string{"1.1"} })
	ch := receive(t, "the listed call", calls)
	f.start("test-a", "1.1", "v1")
	f.event("test-a", "ChannelDtmfReceived", `"channel":{"id":"1.1"},"digit":"1"`)
	r.eventually("both events are through", func() bool { return count(r.metrics.events[kindDTMF]) == 1 })
	if r.Status().Calls != 1 || !ch.Adopted() || ch.Err() != nil {
		t.Errorf("calls %d, adopted %v, err %v", r.Status().Calls, ch.Adopted(), ch.Err())
	}
	// Left and came again without StasisEnd: the old handler is told, a new one starts.
	f.arrive("test-a", "1.2")
	first := receive(t, "call", calls)
	f.start("test-a", "1.2")
	second := receive(t, "call again", calls)
	r.eventually("the first has ended", func() bool { return errors.Is(first.Err(), ErrLeft) })
	if err := first.Continue(soon(t), Place{}); !errors.Is(err, ErrGone) {
		t.Errorf("the old handler could still act on the call: %v", err)
	}
	// Left, and Asterisk did not say so.
	f.depart("1.2")
	r.eventually("the second has ended", func() bool { return errors.Is(second.Err(), ErrLeft) })
	if count(r.metrics.vanished) != 1 || count(r.metrics.adopted) != 1 {
		t.Errorf("vanished %d, adopted %d", count(r.metrics.vanished), count(r.metrics.adopted))
	}
}

func TestReplaced(t *testing.T) {
	f := newFake(t)
	calls := make(chan *Channel, 1)
	r := run(t, f.config(), hold(calls))
	r.connected()
	f.arrive("test-a", "1.1")
	ch := receive(t, "call", calls)
	// Another process connects under our name.
	request, err := http.NewRequest("GET", f.srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("lw", "secret")
	other, _, err := websocket.Dial(soon(t), "ws"+strings.TrimPrefix(f.srv.URL, "http")+"/ari/events?app="+strings.Join(namesOf("test-a"), ","),
		&websocket.DialOptions{HTTPHeader: request.Header, Subprotocols: []string{"ari"}})
	if err != nil {
		t.Fatal(err)
	}
	r.eventually("noticed", func() bool { return errors.Is(r.Status().LastError, ErrReplaced) })
	for range ch.Events() {
	}
	if !errors.Is(ch.Err(), ErrConnectionLost) || r.Status().Connected {
		t.Errorf("err %v, status %+v", ch.Err(), r.Status())
	}
	// As long as it is there, it is not thrown out.
	f.do(func() { f.requests = nil })
	f.await("looked three times", func() bool { return f.made("GET applications") >= 3 })
	f.mu.Lock()
	dials := f.dials
	f.mu.Unlock()
	if dials != 2 {
		t.Errorf("%d websockets were opened", dials)
	}
	other.CloseNow()
	if again := receive(t, "the call, once the other is gone", calls); !again.Adopted() {
		t.Error("not adopted")
	}
}

func TestNoServer(t *testing.T) {
	cfg := newFake(t).config()
	cfg.URL = "http://127.0.0.1:1/ari"
	r := run(t, cfg, func(context.Context, *Channel) {})
	r.eventually("the reason shows", func() bool { return r.Status().LastError != nil })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if err := r.Run(context.Background()); err == nil {
		t.Error("a client ran twice")
	}
}
