package asterisk

import (
	"context"
	"errors"
	"time"
)

// job is a request that the reader or the patrol wants made without waiting for it: exactly one member is set.
type job struct {
	claim   string   // id of a broadcast channel
	release *Channel // one too many
}

// offer decides about a call that Asterisk offers to every instance (StasisBroadcast). The first to claim it gets its StasisStart;
// for the others the claim is refused. If nobody claims it in time, the dialplan goes on.
func (s *session) offer(id string) {
	switch {
	case s.c.draining.Load():
		s.c.metrics.claims[claimDraining].Inc()
	case s.c.handlers.count() >= s.c.handlers.most:
		s.c.metrics.claims[claimBusy].Inc()
	case s.start(s.claimRequest(id), func(err error) { s.claimed(id, err) }):
	case !s.enqueue(job{claim: id}):
		s.c.metrics.claims[claimBusy].Inc()
	}
}

// start makes a request from the reader's goroutine, which cannot wait for the answer; then gets it, as [wsTransport.start] says. It
// is false if that cannot be done now.
func (s *session) start(rq request, then func(error)) bool {
	select {
	case <-s.ready:
	default:
		return false
	}
	if s.rest != s.ws {
		return false
	}
	began := time.Now()
	return s.ws.start(rq, s.c.cfg.RequestTimeout, func(rp reply, err error) { then(s.c.conclude(rq.op, rp, err, began)) })
}

// enqueue gives a job to the workers, unless too many wait. A release that finds no room is made by the patrol later.
func (s *session) enqueue(j job) bool {
	select {
	case s.jobs <- j:
		return true
	default:
		return false
	}
}

// work does jobs until the connection ends.
func (s *session) work() error {
	for {
		select {
		case j := <-s.jobs:
			if j.release != nil {
				s.release(j.release, releaseBusy)
			} else {
				s.claim(j.claim)
			}
		case <-s.lost:
			return nil
		}
	}
}

func (s *session) claim(id string) {
	if s.c.draining.Load() {
		s.c.metrics.claims[claimDraining].Inc()
		return
	}
	_, err := s.c.do(context.Background(), s.rest, s.claimRequest(id))
	s.claimed(id, err)
}

func (s *session) claimRequest(id string) request {
	return request{op: opClaim, uri: path("events/claim").with("channelId", id).with("application", s.c.cfg.App).String()}
}

// claimed notes what became of a claim.
func (s *session) claimed(id string, err error) {
	var status *StatusError
	result := claimFailed
	switch {
	case err == nil:
		result = claimWon
	case errors.As(err, &status) && status.Code == 409:
		result = claimTaken
	case errors.As(err, &status) && status.Code == 404:
		result = claimLate
	default:
		s.c.log.Warn("a call could not be claimed", "channel", logID(id), "error", err)
	}
	s.c.metrics.claims[result].Inc()
}

// release sends a channel on that no handler owns. What fails, the patrol tries again.
func (s *session) release(ch *Channel, why int) {
	s.c.metrics.released[why].Inc()
	if err := ch.Continue(context.Background(), s.c.cfg.OrphanPlace); err != nil && !errors.Is(err, ErrGone) {
		s.c.log.Warn("a call could not be released; trying again soon", "channel", logID(ch.id), "error", err)
	}
}

// abandon is called when the handler has returned: a call that it left in the application must not wait there in silence.
func (ch *Channel) abandon() {
	ch.mu.Lock()
	ch.returned = true
	held := !ch.letGo && (ch.ended == nil || errors.Is(ch.ended, ErrQueueFull)) && !ch.left
	ch.mu.Unlock()
	if held {
		ch.s.c.log.Warn("a handler returned without releasing its call", "channel", logID(ch.id))
		ch.s.release(ch, releaseAbandoned)
	}
}

// over says whether nobody needs the channel any more, but for Asterisk's word that it has left.
func (ch *Channel) over() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.returned
}
