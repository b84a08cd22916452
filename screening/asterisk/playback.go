package asterisk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"
)

// playbackSlots is how many playbacks one channel may have queued. Asterisk knows a playback by "<channel id>-play-<slot>", not by
// the name that the handler gives it: whoever has to release the channel of a process that died can then stop what plays, which
// must come first. Asterisk carries out a channel's commands one after the other, so a continue would wait for the playback's
// end, and so would setting a variable, with every later request on the same websocket behind it (res/stasis/control.c).
const playbackSlots = 4

// slot is the place of one playback. The zero slot is free. It is taken until Asterisk has told of the playback's end, even if that
// was stopped before: else the late news would be taken for the end of the next playback in it.
type slot struct {
	name    string // the handler's; empty for a playback of a process that died
	stopped bool   // Asterisk has agreed to end it
}

// Play plays media to the caller, one after the other, as one playback under a name of the handler's choice: early media if the
// channel is not answered. Media are URIs such as "sound:name"; files are looked for in the language, or in the channel's if it
// is empty. Play returns when Asterisk has queued it; PlaybackStarted and PlaybackFinished follow as events that carry the name.
func (ch *Channel) Play(ctx context.Context, playbackID, language string, media ...string) error {
	const what = "play"
	for _, m := range media {
		if m == "" || strings.Contains(m, ",") {
			return fmt.Errorf("%s: media %.80q is empty or holds a comma", what, m)
		}
	}
	if len(media) == 0 || playbackID == "" {
		return errors.New(what + ": no media, or no playback id")
	}
	i := ch.openPlayback(playbackID)
	if i < 0 {
		return fmt.Errorf("%s: %d playbacks wait already, or one of this id", what, playbackSlots)
	}
	u := path("channels/", ch.id, "/play/", wirePlayback(ch.id, i)).with("media", strings.Join(media, ",")).with("lang", language)
	_, err := ch.do(ctx, what, request{op: opPlay, uri: u.String()})
	if refused(err) || errors.Is(err, ErrGone) {
		// After a time-out it may play all the same, so the slot stays taken.
		ch.turnPlayback(i, slot{name: playbackID}, slot{})
	}
	return err
}

// StopPlayback ends a playback. One that is over already, or was stopped, gives [ErrGone].
func (ch *Channel) StopPlayback(ctx context.Context, playbackID string) error {
	for i, p := range ch.openPlaybacks() {
		if p == (slot{name: playbackID}) && playbackID != "" {
			return ch.stopPlayback(ctx, i, p)
		}
	}
	return fmt.Errorf("stop a playback: %w", ErrGone)
}

// stopPlaybacks ends all that plays, so that what follows is carried out at once. What Asterisk refuses to stop, or has none of any
// more, is no error: the release of a call is worth more than its silence.
func (ch *Channel) stopPlaybacks(ctx context.Context) error {
	for i, p := range ch.openPlaybacks() {
		if p == (slot{}) || p.stopped {
			continue
		}
		if err := ch.stopPlayback(ctx, i, p); err != nil && !refused(err) {
			return err
		}
	}
	return nil
}

func (ch *Channel) stopPlayback(ctx context.Context, i int, p slot) error {
	err := ch.here()
	if err == nil {
		err = ch.s.c.stopPlayback(ctx, ch.s.rest, ch.id, i)
	}
	switch {
	case err == nil:
		ch.turnPlayback(i, p, slot{name: p.name, stopped: true})
		return nil
	case errors.Is(err, ErrGone):
		ch.turnPlayback(i, p, slot{})
	}
	return fmt.Errorf("stop a playback: %w", err)
}

// stopTries is how often a playback is asked to end: 0.5 s in all, and less than what a handler gives a request that releases a call.
const stopTries = 10

// stopPlayback ends what plays in a slot of a channel. For a moment after it has begun, Asterisk says of a playback that it cannot be
// stopped (500; res_stasis_playback.c sets its state before "controllable"), and asks nothing better than to be asked again.
func (c *Client) stopPlayback(ctx context.Context, t transport, channel string, i int) error {
	wait := time.Millisecond
	for try := 1; ; try++ {
		_, err := c.do(ctx, t, request{op: opStopPlayback, uri: path("playbacks/", wirePlayback(channel, i)).String()})
		var status *StatusError
		if !errors.As(err, &status) || status.Code != http.StatusInternalServerError || try == stopTries {
			return err
		}
		sleep(ctx, wait)
		wait *= 2
	}
}

// openPlaybacks is a copy of the slots.
func (ch *Channel) openPlaybacks() [playbackSlots]slot {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.playbacks
}

// playing says whether a playback has been queued and has neither ended nor been stopped.
func (ch *Channel) playing() bool {
	for _, p := range ch.openPlaybacks() {
		if p.name != "" && !p.stopped {
			return true
		}
	}
	return false
}

// openPlayback takes a slot for a playback, or gives -1. They are taken in turn, since Asterisk forgets a playback a moment after it
// has told of its end: a new one under the same id could not be stopped in that moment, for the old one would be found.
func (ch *Channel) openPlayback(name string) int {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if slices.Contains(ch.playbacks[:], slot{name: name}) {
		return -1
	}
	for n := range playbackSlots {
		i := (ch.nextSlot + n) % playbackSlots
		if ch.playbacks[i] == (slot{}) {
			ch.playbacks[i] = slot{name: name}
			ch.nextSlot = i + 1
			return i
		}
	}
	return -1
}

// turnPlayback changes a slot, unless it has changed already.
func (ch *Channel) turnPlayback(i int, from, to slot) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.playbacks[i] == from {
		ch.playbacks[i] = to
	}
}

// named puts the handler's name for a playback in the place of Asterisk's, and notes that a playback has ended. An event about a
// playback that is not ours stays as it is.
func (ch *Channel) named(e ari.Event) {
	var p *ari.PlaybackData
	ended := false
	switch e := e.(type) {
	case *ari.PlaybackStarted:
		p = &e.Playback
	case *ari.PlaybackFinished:
		p, ended = &e.Playback, true
	default:
		return
	}
	rest, ok := strings.CutPrefix(p.ID, ch.id+playbackInfix)
	if !ok {
		return
	}
	i, err := strconv.Atoi(rest)
	if err != nil || i < 0 || i >= playbackSlots {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if name := ch.playbacks[i].name; name != "" {
		p.ID = name
	}
	if ended {
		ch.playbacks[i] = slot{}
	}
}

const playbackInfix = "-play-"

func wirePlayback(channel string, i int) string {
	return channel + playbackInfix + strconv.Itoa(i)
}
