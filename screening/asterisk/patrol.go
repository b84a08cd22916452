package asterisk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// liveName is the name under which an application is connected a second time, on the same websocket. GET /applications lists an
// application whose process is dead for as long as channels wait in it, and nothing in that or any other answer tells it from one
// that is alive. No channel ever enters the second application, so Asterisk forgets it with its websocket, and its being listed
// means that the process is connected. It does not match a filter of StasisBroadcast that begins with the fellows' prefix.
func liveName(app string) string { return "live-" + app }

// namesOf are all names that a process connects under.
func namesOf(app string) []string { return []string{app, liveName(app), signsName(app)} }

const (
	// settle is how long after connecting a listed channel may still get its StasisStart before it is adopted.
	settle = 200 * time.Millisecond
	// strikes is in how many listings in a row a thing must look wrong before something is done about it.
	strikes = 2
	// patience is in how many listings in a row a channel may stay after it was released.
	patience = 4
)

// application is one entry of GET /applications.
type application struct {
	name     string
	channels []string
	live     bool // its process is connected
	signs    bool // and shows signs of life
}

// applicationOf reads one entry.
func applicationOf(object string) (a application) {
	for f := fieldsOf(object); f.next(); {
		switch f.key {
		case "name":
			a.name = stringOf(f.value)
		case "channel_ids":
			a.channels = stringsOf(f.value)
		}
	}
	return a
}

// patrol compares what Asterisk has with what we have, first right after the connect, then for as long as it lasts. It finds
// channels that wait without a handler, calls that left unnoticed, and the calls of dead fellows.
func (s *session) patrol() error {
	f := newFellows(s.c.cfg)
	unlisted := 0
	wait := settle
	again := false // right after the last listing, which grew too old while fellows' calls were released
	for {
		s.mu.Lock()
		s.round++
		s.mu.Unlock()
		asked := time.Now()
		own, fellows, err := s.c.applications(context.Background(), s.rest)
		hurried := again
		again = false
		switch {
		case err != nil: // the next round may fare better; a lost connection is noticed elsewhere
		case !own.live:
			if unlisted++; unlisted >= strikes {
				return fmt.Errorf("%w: the websocket is open, but Asterisk no longer lists the application", ErrConnectionLost)
			}
		default:
			unlisted = 0
			if !hurried { // what is on its way needs time to arrive
				s.reconcile(own.channels)
			}
			f.listen(s, fellows, s.exchangeSigns(fellows), hurried)
			again = f.look(s, fellows, asked)
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

// applications asks for Asterisk's list: our own entry, empty if there is none, and those of the fellows.
func (c *Client) applications(ctx context.Context, t transport) (own application, fellows []application, err error) {
	rp, err := c.do(ctx, t, request{op: opApplications, uri: "applications"})
	if err != nil {
		return application{}, nil, err
	}
	names := make(map[string]struct{})
	for e := elementsOf(rp.body); e.next(); {
		a := applicationOf(e.value)
		names[a.name] = struct{}{}
		switch {
		case a.name == c.cfg.App:
			own = a
		case c.cfg.PeerPrefix != "" && strings.HasPrefix(a.name, c.cfg.PeerPrefix):
			fellows = append(fellows, a)
		}
	}
	_, own.live = names[liveName(c.cfg.App)]
	for i := range fellows {
		_, fellows[i].live = names[liveName(fellows[i].name)]
		_, fellows[i].signs = names[signsName(fellows[i].name)]
	}
	return own, fellows, nil
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
	stopped, err := ch.s.c.stopUnknown(ctx, ch.s.rest, ch.id)
	for _, i := range stopped {
		ch.turnPlayback(i, slot{}, slot{stopped: true})
	}
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

// stopUnknown stops whatever this package may have queued on a channel for another process, and says in which slots that was.
// A refusal is no error.
func (c *Client) stopUnknown(ctx context.Context, t transport, id string) (stopped []int, err error) {
	for i := range playbackSlots {
		err := c.stopPlayback(ctx, t, id, i)
		switch {
		case err == nil:
			stopped = append(stopped, i)
		case !refused(err):
			return stopped, err
		}
	}
	return stopped, nil
}

// free releases a channel that no handler of ours owns. One that is gone is no error.
func (c *Client) free(ctx context.Context, t transport, id string) error {
	_, err := c.stopUnknown(ctx, t, id)
	if err == nil {
		_, err = c.do(ctx, t, continueRequest(id, c.cfg.OrphanPlace))
	}
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}
