package asterisk

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Glance looks at a channel that has just entered the application, and may send it on in the dialplan at once: it gives the place, and
// what is to be told once the channel is on its way (err is nil) or turns out to be gone ([ErrGone]). With ok false, the channel gets
// its [Handler] as usual; so it does if it could not be sent on, for whatever other reason.
//
// It saves the goroutine and its wake-ups for calls that need nothing but an answer. It runs on the goroutine that reads from
// Asterisk, told is called there too: neither may block or wait for Asterisk. A panic is the handler's to deal with: it gets the call.
type Glance func(ch *Channel) (to Place, told func(err error), ok bool)

// atOnce sends a channel on if a glance is enough for that. The channel counts as one that a handler owns.
func (s *session) atOnce(ch *Channel) bool {
	if s.c.cfg.Glance == nil || ch.adopted || s.stop.Err() != nil {
		return false
	}
	to, told, ok := s.glance(ch)
	if !ok || to.check() != nil {
		return false
	}
	sent := s.start(continueRequest(ch.id, to), func(err error) {
		switch {
		case err == nil, errors.Is(err, ErrGone):
			ch.mu.Lock()
			ch.letGo, ch.returned = err == nil, true
			ch.mu.Unlock()
			s.guard(ch, func() { told(err) })
			s.c.metrics.calls.Dec()
			s.c.handlers.end()
		default:
			s.c.metrics.calls.Dec() // the handler counts it again
			go s.c.handle(s.stop, ch)
		}
	})
	if sent {
		s.c.metrics.calls.Inc()
	}
	return sent
}

// glance asks Config.Glance.
func (s *session) glance(ch *Channel) (to Place, told func(error), ok bool) {
	s.guard(ch, func() {
		var sure bool
		to, told, sure = s.c.cfg.Glance(ch)
		ok = sure && told != nil
	})
	return to, told, ok
}

// guard runs what is not ours on the reader's goroutine: a panic there must not take all calls down.
func (s *session) guard(ch *Channel, f func()) {
	defer func() {
		if p := recover(); p != nil {
			// Not the value: it may hold a caller's number.
			s.c.metrics.panics.Inc()
			s.c.log.Error("a glance at a call panicked", "channel", logID(ch.id), "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		}
	}()
	f()
}
