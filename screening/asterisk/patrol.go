package asterisk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// liveMark is the subscription by which Asterisk shows whether an application is connected. GET /applications lists an application
// whose process is dead as long as channels wait in it, and nothing else in the answer, nor in that to any other request, differs
// from one that is alive. But when a websocket ends, Asterisk takes back its application's subscriptions to everything of a kind
// (stasis_app_unregister in res_stasis.c), and subscriptions are listed. Of the kinds, device states are the cheapest: few events,
// small, and the filter keeps them from being sent.
const liveMark = "__AST_DEVICE_STATE_ALL_TOPIC"

const (
	// settle is how long after connecting a listed channel may still get its StasisStart before it is adopted.
	settle = 200 * time.Millisecond
	// strikes is in how many listings in a row a thing must look wrong before something is done about it.
	strikes = 2
	// patience is in how many listings in a row a channel may stay after it was released.
	patience = 4
	// remark is after how many listings a missing live mark is set again.
	remark = 10
)

// application is one entry of GET /applications.
type application struct {
	name     string
	channels []string
	live     bool // it bears the live mark
}

// applicationOf reads one entry.
func applicationOf(object string) (a application) {
	for f := fieldsOf(object); f.next(); {
		switch f.key {
		case "name":
			a.name = stringOf(f.value)
		case "channel_ids":
			a.channels = stringsOf(f.value)
		case "device_names":
			for e := elementsOf(f.value); e.next(); {
				a.live = a.live || stringOf(e.value) == liveMark
			}
		}
	}
	return a
}

// mark subscribes to what makes the application appear as connected. A handler runs only after that, so that an application
// without the mark has no handler that could still reach Asterisk.
func (s *session) mark(ctx context.Context) error {
	u := path("applications/", s.c.cfg.App, "/subscription").with("eventSource", "deviceState:"+liveMark)
	_, err := s.c.do(ctx, s.rest, request{op: opMark, uri: u.String()})
	return err
}

// patrol compares what Asterisk has with what we have, first right after the connect, then for as long as it lasts. It finds
// channels that wait without a handler, calls that left unnoticed, and the calls of dead fellows.
func (s *session) patrol() error {
	f := newFellows()
	unlisted, unmarked := 0, 0
	wait := settle
	for {
		asked := time.Now()
		apps, own, err := s.applications()
		again := false
		switch {
		case err != nil: // the next round may fare better; a lost connection is noticed elsewhere
		case own == nil:
			if unlisted++; unlisted >= strikes {
				return fmt.Errorf("%w: the websocket is open, but the application is no longer listed", ErrConnectionLost)
			}
		default:
			unlisted = 0
			s.reconcile(own.channels)
			if own.live {
				unmarked = 0
				again = f.look(s, apps, asked)
				break
			}
			// Somebody unsubscribed us, or res_stasis_device_state was loaded anew, or is not loaded at all.
			f = newFellows()
			if s.canMark && unmarked%remark == 0 {
				s.mark(context.Background()) // whether it worked shows in the next listing
			}
			unmarked++
		}
		if again {
			continue
		}
		select {
		case <-time.After(wait):
		case <-s.lost:
			return nil
		}
		wait = s.c.cfg.PatrolInterval
	}
}

// applications begins a round and asks for the list: ours, nil if it is not there, and the fellows'.
func (s *session) applications() (fellows []application, own *application, err error) {
	s.mu.Lock()
	s.round++
	s.mu.Unlock()
	rp, err := s.c.do(context.Background(), s.rest, request{op: opApplications, uri: "applications"})
	if err != nil {
		return nil, nil, err
	}
	for e := elementsOf(rp.body); e.next(); {
		switch a := applicationOf(e.value); {
		case a.name == s.c.cfg.App:
			own = &a
		case s.c.cfg.PeerPrefix != "" && strings.HasPrefix(a.name, s.c.cfg.PeerPrefix):
			fellows = append(fellows, a)
		}
	}
	return fellows, own, nil
}

// reconcile acts on what Asterisk lists as ours. Events and replies travel apart inside Asterisk, so only what two listings in a
// row say counts.
func (s *session) reconcile(listed []string) {
	var adopt, retry, gone []*Channel
	is := make(map[string]struct{}, len(listed))
	strays := make(map[string]struct{})
	s.mu.Lock()
	for _, id := range listed {
		is[id] = struct{}{}
		ch := s.calls[id]
		if ch == nil {
			if _, again := s.strays[id]; again && len(id) <= maxID {
				ch := s.newChannel(id, new(ChannelData), nil)
				ch.adopted = true
				ch.data.decode("{}")
				ch.data.ID = id
				adopt = append(adopt, ch)
			} else {
				strays[id] = struct{}{}
			}
			continue
		}
		ch.missed = 0
		if ch.over() {
			if ch.stuck++; ch.stuck >= patience {
				ch.stuck = 0
				retry = append(retry, ch)
			}
		}
	}
	for id, ch := range s.calls {
		if _, ok := is[id]; ok || ch.born >= s.round {
			continue
		}
		if ch.missed++; ch.missed >= strikes {
			delete(s.calls, id)
			gone = append(gone, ch)
		}
	}
	s.strays = strays
	s.mu.Unlock()

	for _, ch := range gone {
		s.c.metrics.vanished.Inc()
		ch.end(ErrLeft)
	}
	for _, ch := range adopt {
		s.c.metrics.adopted.Inc()
		s.c.log.Info("a call waits without a handler; taking it over", "channel", logID(ch.id))
		s.take(ch)
	}
	for _, ch := range retry {
		if s.c.free(context.Background(), s.rest, ch.id) == nil {
			s.c.log.Warn("a call was still there after its release; released again", "channel", logID(ch.id))
		}
	}
}

// takeOver readies an adopted channel for its handler: what a dead process plays is stopped, because every command waits behind it,
// and the channel's data are asked for. It is false if the channel is gone.
func (ch *Channel) takeOver(ctx context.Context) bool {
	ctx = context.WithoutCancel(ctx)
	err := ch.s.c.stopUnknown(ctx, ch.s.rest, ch.id)
	if err == nil {
		var rp reply
		if rp, err = ch.do(ctx, "ask for a channel", request{op: opChannel, uri: path("channels/", ch.id).String()}); err == nil {
			ch.data.decode(rp.body)
			ch.data.ID = ch.id
		}
	}
	if errors.Is(err, ErrGone) {
		ch.s.leave(ch.id)
		return false
	}
	return true // without data it can still be released
}

// stopUnknown stops whatever this package may have queued on a channel for another process.
func (c *Client) stopUnknown(ctx context.Context, t transport, id string) error {
	for slot := range playbackSlots {
		if _, err := c.do(ctx, t, stopRequest(id, slot)); err != nil && !errors.Is(err, ErrGone) {
			return err
		}
	}
	return nil
}

// free releases a channel that no handler of ours owns. One that is gone is no error.
func (c *Client) free(ctx context.Context, t transport, id string) error {
	err := c.stopUnknown(ctx, t, id)
	if err == nil {
		_, err = c.do(ctx, t, continueRequest(id, c.cfg.OrphanPlace))
	}
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}
