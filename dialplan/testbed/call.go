package testbed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// ErrEnded is the cause of every error that says that a call is over.
var ErrEnded = errors.New("the call is over")

// Party is one end of a call as a SIP header names it.
type Party struct {
	Name string // the display name; empty if there is none
	User string // the user part of the URI: the number; empty if there is none
	URI  string
}

// Message is a SIP message that the other side sent.
type Message struct {
	Status   int    // of a response; 0 for a request
	Reason   string // the reason phrase of a response
	From, To Party
	headers  []sip.Header
}

// Header gives the first header of that name (any case), or "".
func (m *Message) Header(name string) string {
	for _, header := range m.headers {
		if sip.HeaderToLower(header.Name()) == sip.HeaderToLower(name) {
			return header.Value()
		}
	}
	return ""
}

// String is the status line of a response, or who calls whom.
func (m *Message) String() string {
	if m.Status > 0 {
		return fmt.Sprintf("%d %s", m.Status, m.Reason)
	}
	return fmt.Sprintf("INVITE from %q %s to %s", m.From.Name, m.From.User, m.To.User)
}

// Call is one call of a [Phone], placed or taken. Its methods are safe for concurrent use. It lives until either side hangs
// up; what it heard stays.
type Call struct {
	phone   *Phone
	media   *media
	dialog  dialog
	hangUp  chan struct{} // closed by the first Hangup
	pickUp  chan struct{} // closed by the first Answer
	ackSeen chan struct{} // closed when the other side has acknowledged our answer
	byeSeen chan struct{} // closed when the other side hangs up
	done    chan struct{} // closed at the end, after everything that the call ran

	hangUpOnce, pickUpOnce, ackOnce, byeOnce sync.Once

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever something below, or the recording, changes
	statuses []int
	invite   *Message // of a call that was taken
	final    *Message // of a call that was placed
	early    bool
	answered bool
	over     bool
	err      error // why it ended, if it was not by SIP
}

func newCall(phone *Phone) (*Call, error) {
	c := &Call{phone: phone, hangUp: make(chan struct{}), pickUp: make(chan struct{}),
		ackSeen: make(chan struct{}), byeSeen: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{})}
	var err error
	c.media, err = openMedia(phone.codec, func() { c.change(func() {}) })
	return c, err
}

// change changes the call's state and wakes all who wait for that.
func (c *Call) change(how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how()
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait waits until enough is true, which is asked at once and after every change.
func (c *Call) wait(ctx context.Context, what string, enough func() bool) error {
	for {
		c.mu.Lock()
		changed, over, how := c.changed, c.over, c.ending()
		c.mu.Unlock()
		if enough() {
			return nil
		}
		if over {
			return fmt.Errorf("waiting for %s: %w: %s", what, ErrEnded, how)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (statuses so far: %v)", what, context.Cause(ctx), c.Statuses())
		}
	}
}

// ending says how the call ended. The caller holds mu.
func (c *Call) ending() string {
	switch {
	case c.err != nil:
		return c.err.Error()
	case c.answered:
		return "hung up after it was answered"
	case c.final != nil:
		return c.final.String()
	}
	return fmt.Sprintf("statuses %v", c.statuses)
}

// Invite is the message by which a call that was taken came in; nil for a call that was placed.
func (c *Call) Invite() *Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.invite
}

// Final is the final response to a call that was placed; nil before it, and for a call that was taken.
func (c *Call) Final() *Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.final
}

// Statuses are the SIP status codes of the call so far, provisional ones first, each once in a row. Two that come in the
// same instant may change places, or the provisional one may be missing: the SIP library reads them in parallel.
func (c *Call) Statuses() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.statuses)
}

// Answered tells whether the call was ever answered.
func (c *Call) Answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// EarlyMedia tells whether sound was offered before the answer.
func (c *Call) EarlyMedia() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.early
}

func (c *Call) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// CallID is the SIP Call-ID.
func (c *Call) CallID() string { return c.dialog.callID }

// Recording is a copy of all that the call has heard so far, from its first packet on: 8000 samples a second. Lost packets
// are silent; time in which the other side sent nothing is left out.
func (c *Call) Recording() []int16 { return c.media.heard.copy() }

// Done is closed when the call is over and nothing of it runs any more.
func (c *Call) Done() <-chan struct{} { return c.done }

// WaitStatus waits for a SIP status, such as 180.
func (c *Call) WaitStatus(ctx context.Context, status int) error {
	return c.wait(ctx, fmt.Sprintf("status %d", status), func() bool { return slices.Contains(c.Statuses(), status) })
}

// WaitEarlyMedia waits until there is sound before the answer, or an answer.
func (c *Call) WaitEarlyMedia(ctx context.Context) error {
	return c.wait(ctx, "early media", func() bool { return c.EarlyMedia() || c.Answered() })
}

// WaitAnswer waits until the call is answered.
func (c *Call) WaitAnswer(ctx context.Context) error {
	return c.wait(ctx, "an answer", c.Answered)
}

// WaitEnd waits until the call is over, however it ended. An error says that it did not end in time, or what went wrong
// beside SIP's own refusals.
func (c *Call) WaitEnd(ctx context.Context) error {
	select {
	case <-c.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the end of the call: %w (statuses so far: %v)", context.Cause(ctx), c.Statuses())
	}
}

// WaitHeard waits until a prompt is heard: for a second and a half of it, or nearly all of a shorter one. It may still be
// going on. prompts holds all that might be played, by name, so that one is not taken for another that begins alike.
func (c *Call) WaitHeard(ctx context.Context, prompts map[string][]int16, id string) (Hit, error) {
	clip, known := prompts[id]
	if !known {
		return Hit{}, fmt.Errorf("waiting to hear %s: there is no such prompt", id)
	}
	var hit Hit
	next := 0  // how long the recording must be before another look is worth it
	start := 0 // what lies before was searched
	err := c.wait(ctx, "hearing "+id, func() bool {
		recording := c.Recording()
		if len(recording) < next && !c.isOver() {
			return false
		}
		next = len(recording) + SampleRate/4
		heard := Heard(recording[start:], map[string][]int16{id: clip})
		if !slices.ContainsFunc(heard, recognised(clip, id)) {
			start = max(0, len(recording)-len(clip)-SampleRate)
			return false
		}
		hits := Heard(recording, prompts)
		if i := slices.IndexFunc(hits, recognised(clip, id)); i >= 0 {
			hit = hits[i]
			return true
		}
		return false
	})
	return hit, err
}

func recognised(clip []int16, id string) func(Hit) bool {
	seconds := float64(len(clip)) / SampleRate
	return func(h Hit) bool { return h.ID == id && h.Part*seconds >= min(1.5, 0.9*seconds) }
}

// Press presses keys, such as "1" or "12#", one after the other, and returns when the last has been sent. There must be
// sound already: early media or an answer.
func (c *Call) Press(ctx context.Context, keys string) error {
	if err := c.media.press(ctx, keys); err != nil {
		return fmt.Errorf("pressing %s: %w", keys, err)
	}
	return nil
}

// Answer answers a call that was taken by a phone whose reply is 180.
func (c *Call) Answer() { c.pickUpOnce.Do(func() { close(c.pickUp) }) }

// Hangup ends the call: a placed call is cancelled before its answer, a taken one declined, and an answered one said
// goodbye to. It waits until the call is over. Hanging up again is no error.
func (c *Call) Hangup(ctx context.Context) error {
	c.hangUpOnce.Do(func() { close(c.hangUp) })
	return c.WaitEnd(ctx)
}
