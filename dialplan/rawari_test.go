package dialplan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// A rawApp is the least that answers a call in Linewarden's place: it claims what is broadcast, and hands each call to the test.
type rawApp struct {
	t     *testing.T
	base  string
	claim atomic.Bool     // whether it takes what is broadcast
	calls chan *appCall   // calls that are now in the application
	steps chan dialStep   // what any channel does in the dialplan
	lost  chan string     // calls that left the application, by channel
	seen  chan *broadcast // every CallBroadcast
	plays chan string     // the end of each playback: its id and state
}

// An appCall is a call that waits in the application.
type appCall struct {
	app     *rawApp
	args    []string
	channel string
	callID  string // protocol_id
}

type broadcast struct{ channel string }

// A dialStep is one step of a channel in the dialplan.
type dialStep struct{ channel, context, exten, app, data string }

const rawAppName = AppPrefix + "1"

// newRawApp connects an application; claim says whether it takes what is broadcast.
func newRawApp(ctx context.Context, t *testing.T, base string, claim bool) *rawApp {
	t.Helper()
	a := &rawApp{
		t: t, base: base, calls: make(chan *appCall, 100), steps: make(chan dialStep, 10000),
		lost: make(chan string, 100), seen: make(chan *broadcast, 100), plays: make(chan string, 100),
	}
	a.claim.Store(claim)
	query := url.Values{"app": {rawAppName}, "api_key": {ariUser + ":" + ariPassword}, "subscribeAll": {"true"}}
	conn, _, err := websocket.Dial(ctx, base+"/events?"+query.Encode(), nil)
	if err != nil {
		t.Fatalf("connecting the application: %v", err)
	}
	conn.SetReadLimit(1 << 20)
	listening, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.listen(listening, conn)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		conn.CloseNow()
	})
	return a
}

func (a *rawApp) listen(ctx context.Context, conn *websocket.Conn) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return // the test has ended
		}
		var e struct {
			Type     string
			Args     []string
			Playback struct{ ID, State string }
			Channel  struct {
				ID         string
				ProtocolID string `json:"protocol_id"`
				Dialplan   struct {
					Context string
					Exten   string
					AppName string `json:"app_name"`
					AppData string `json:"app_data"`
				}
			}
		}
		if err := json.Unmarshal(text, &e); err != nil {
			a.t.Errorf("event %s: %v", text, err)
			return
		}
		switch e.Type {
		case "CallBroadcast":
			a.seen <- &broadcast{e.Channel.ID}
			if a.claim.Load() {
				a.request(ctx, "POST", "/events/claim", url.Values{"channelId": {e.Channel.ID}, "application": {rawAppName}}, nil)
			}
		case "StasisStart":
			a.calls <- &appCall{app: a, args: e.Args, channel: e.Channel.ID, callID: e.Channel.ProtocolID}
		case "PlaybackFinished":
			a.plays <- e.Playback.ID + " " + e.Playback.State
		case "StasisEnd":
			a.lost <- e.Channel.ID
		case "ChannelDialplan":
			d := e.Channel.Dialplan
			a.steps <- dialStep{e.Channel.ID, d.Context, d.Exten, d.AppName, d.AppData}
		}
	}
}

// request makes one REST request, which must succeed.
func (a *rawApp) request(ctx context.Context, method, path string, query url.Values, body any) {
	a.t.Helper()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path+"?"+query.Encode(), payload)
	if err != nil {
		a.t.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(ariUser, ariPassword)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Errorf("%s %s: %v", method, path, err)
		return
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		a.t.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
}

// next waits for a call.
func (a *rawApp) next(ctx context.Context) *appCall {
	a.t.Helper()
	select {
	case c := <-a.calls:
		return c
	case <-ctx.Done():
		a.t.Fatalf("no call reached the application: %v", ctx.Err())
		return nil
	}
}

// step waits until a channel does what is asked for in the dialplan.
func (a *rawApp) step(ctx context.Context, what string, match func(dialStep) bool) dialStep {
	a.t.Helper()
	for {
		select {
		case s := <-a.steps:
			if match(s) {
				return s
			}
		case <-ctx.Done():
			a.t.Fatalf("no channel came to %s: %v", what, ctx.Err())
		}
	}
}

// verdict sends the call back with a verdict.
func (c *appCall) verdict(ctx context.Context, action, reason string) {
	c.app.t.Helper()
	c.goOn(ctx, VerdictExtension(action, reason))
}

// goOn sends the call back at an extension of the verdict's context.
func (c *appCall) goOn(ctx context.Context, extension string) {
	c.app.t.Helper()
	c.app.request(ctx, "POST", fmt.Sprintf("/channels/%s/continue", url.PathEscape(c.channel)),
		url.Values{"context": {ContextVerdict}, "extension": {extension}, "priority": {"1"}}, nil)
}
