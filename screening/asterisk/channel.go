package asterisk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/CyCoreSystems/ari/v5"
)

// ChannelData is what Asterisk said of a channel when it entered the application. Of the embedded [ari.ChannelData], the id,
// name, state, caller, language and dialplan position are filled in; Caller and Dialplan are never nil. Names and numbers are as
// the network sent them: of any length and content.
type ChannelData struct {
	ari.ChannelData
	// ProtocolID is the SIP Call-ID, empty where there is none and before Asterisk 18.
	ProtocolID string
}

// Place is a position in the dialplan. The zero Place stands for the next priority.
type Place struct {
	Context   string
	Extension string
	Priority  int // 1 or more; 0 for the first of the extension
}

// check says what Asterisk could not carry out.
func (p Place) check() error {
	if p.Context == "" && (p.Extension != "" || p.Priority != 0) {
		return errors.New("a place in the dialplan needs a context")
	}
	if p.Priority < 0 {
		return errors.New("a dialplan priority is 1 or more")
	}
	return nil
}

// Variable is a channel variable or writable dialplan function, such as CALLERID(name), with its new value.
type Variable struct{ Name, Value string }

// Channel is one call while it is in the application. Its methods may be called from any goroutine. A request fails with
// [ErrGone] once the channel has left, with [ErrConnectionLost] once the connection is; both wrapped. Each request ends with its
// context, or after Config.RequestTimeout.
type Channel struct {
	s       *session
	id      string
	data    *ChannelData
	args    []string
	adopted bool

	mu        sync.Mutex
	events    chan ari.Event      // nil as long as nobody has needed it
	ended     error               // why events is closed; nil while it is open
	left      bool                // it is no longer in the application
	letGo     bool                // Asterisk accepted a continue or hangup
	returned  bool                // its handler has ended
	playbacks [playbackSlots]slot // what is queued or plays; see [playbackSlots]
	nextSlot  int                 // where the next playback looks first

	// Owned by the session's patrol, under the session's lock.
	born   uint64 // patrol round in which it was taken on
	missed int    // rounds in a row in which Asterisk did not list it
	stuck  int    // rounds in a row in which it was listed though its handler had returned
}

// ID is Asterisk's unique id of the channel.
func (ch *Channel) ID() string { return ch.id }

// Data is what Asterisk said of the channel when it was handed over. It does not change.
func (ch *Channel) Data() *ChannelData { return ch.data }

// Args are the arguments that the dialplan gave to Stasis or StasisBroadcast; nil for an adopted channel.
func (ch *Channel) Args() []string { return ch.args }

// Adopted says that the channel was found waiting in the application, after a reconnect or a crash, or because Asterisk's
// StasisStart was lost.
func (ch *Channel) Adopted() bool { return ch.adopted }

// Events are what happens on the channel, in order: *[ari.ChannelDtmfReceived], *[ari.PlaybackStarted], *[ari.PlaybackFinished].
// It is closed when the channel has left the application, when the connection is lost, and when the handler has let
// Config.EventQueue of them wait; [Channel.Err] tells which.
func (ch *Channel) Events() <-chan ari.Event {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.queue()
}

// queue makes the queue of events when it is first needed, since most calls need none. The caller holds mu.
func (ch *Channel) queue() chan ari.Event {
	if ch.events == nil {
		ch.events = make(chan ari.Event, ch.s.c.cfg.EventQueue)
		if ch.ended != nil {
			close(ch.events)
		}
	}
	return ch.events
}

// Err is why Events is closed: [ErrLeft], [ErrConnectionLost] or [ErrQueueFull]; nil while it is open.
func (ch *Channel) Err() error {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.ended
}

// deliver queues an event. It never blocks.
func (ch *Channel) deliver(e ari.Event) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.ended != nil || ch.returned {
		return
	}
	select {
	case ch.queue() <- e:
	default:
		ch.ended = ErrQueueFull
		close(ch.events)
		ch.s.c.metrics.queueFull.Inc()
		ch.s.c.log.Warn("a call's events are not read; its handler gets no more of them", "channel", logID(ch.id))
	}
}

// end closes Events with the reason, unless it is closed already.
func (ch *Channel) end(reason error) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.left = ch.left || errors.Is(reason, ErrLeft)
	if ch.ended == nil {
		ch.ended = reason
		if ch.events != nil {
			close(ch.events)
		}
	}
}

// Continue sends the channel on in the dialplan; what still plays is stopped first, or waited for where Asterisk refuses to stop it.
// Asterisk has accepted it when Continue returns nil; the channel then leaves the application.
func (ch *Channel) Continue(ctx context.Context, to Place) error {
	const what = "continue in the dialplan"
	if err := to.check(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := ch.stopPlaybacks(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return ch.release(ctx, what, continueRequest(ch.id, to))
}

func continueRequest(id string, to Place) request {
	u := path("channels/", id, "/continue")
	if to != (Place{}) {
		u.with("context", to.Context).with("extension", to.Extension)
		if to.Priority > 0 {
			u.with("priority", strconv.Itoa(to.Priority))
		}
	}
	return request{op: opContinue, uri: u.String()}
}

// Hangup ends the call. The reason is one of ARI's: normal, busy, congestion, no_answer, timeout, rejected, unallocated,
// normal_unspecified, number_incomplete, codec_mismatch, interworking, failure, answered_elsewhere; empty for normal.
func (ch *Channel) Hangup(ctx context.Context, reason string) error {
	return ch.release(ctx, "hang up",
		request{op: opHangup, uri: path("channels/", ch.id).with("reason", reason).String()})
}

// release makes a request after which the call is no longer ours.
func (ch *Channel) release(ctx context.Context, what string, rq request) error {
	if _, err := ch.do(ctx, what, rq); err != nil {
		return err
	}
	ch.mu.Lock()
	ch.letGo = true
	ch.mu.Unlock()
	return nil
}

// SetVariables sets channel variables, in one request where Asterisk takes several (20.20, 22.10, 23.4 and later), else with one
// each and in order; then an error may leave the first ones set. While a playback runs it fails with [ErrPlaying]: Asterisk would
// set them after its end, and hold every other call's requests until then. From then on Asterisk 22.10.1 refuses functions such as DB() in the
// channel's dialplan: give the dialplan what it needs with Continue instead, wherever it is an operator's.
func (ch *Channel) SetVariables(ctx context.Context, vars ...Variable) error {
	const what = "set channel variables"
	if len(vars) == 0 {
		return nil
	}
	for _, v := range vars {
		if v.Name == "" || strings.ContainsRune(v.Name, 0) || strings.ContainsRune(v.Value, 0) {
			return errors.New(what + ": a name is empty, or a text holds a NUL")
		}
	}
	if ch.playing() {
		return fmt.Errorf("%s: %w", what, ErrPlaying)
	}
	if len(vars) > 1 && ch.s.manyVariables.Load() {
		body := []byte(`{"variables":{`)
		for i, v := range vars {
			if i > 0 {
				body = append(body, ',')
			}
			body = appendJSON(body, v.Name)
			body = appendJSON(append(body, ':'), v.Value)
		}
		body = append(body, "}}"...)
		_, err := ch.do(ctx, what, request{op: opVariables, uri: path("channels/", ch.id, "/variables").String(), body: body})
		var status *StatusError
		if !errors.As(err, &status) || !status.noResource() {
			return err
		}
		ch.s.manyVariables.Store(false) // an Asterisk whose version told too little
	}
	for _, v := range vars {
		u := path("channels/", ch.id, "/variable").with("variable", v.Name).with("value", v.Value)
		if _, err := ch.do(ctx, what, request{op: opVariable, uri: u.String()}); err != nil {
			return err
		}
	}
	return nil
}

// here is nil as long as requests about the channel may be sent. Once it has left, none is: it might already be in another
// application, or in this one for a second time.
func (ch *Channel) here() error {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.left {
		return fmt.Errorf("the channel has left: %w", ErrGone)
	}
	return nil
}

// do makes a request about the channel.
func (ch *Channel) do(ctx context.Context, what string, rq request) (reply, error) {
	if err := ch.here(); err != nil {
		return reply{}, fmt.Errorf("%s: %w", what, err)
	}
	rp, err := ch.s.c.do(ctx, ch.s.rest, rq)
	if err != nil {
		return rp, fmt.Errorf("%s: %w", what, err)
	}
	return rp, nil
}
