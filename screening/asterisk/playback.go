package asterisk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/CyCoreSystems/ari/v5"
)

// playbackSlots is how many playbacks one channel may have queued. Asterisk knows a playback by "<channel id>-play-<slot>", not by
// the name that the handler gives it: whoever has to release the channel of a process that died can then stop what plays, which
// must come first. Asterisk carries out a channel's commands one after the other, so a continue would wait for the playback's
// end, and so would setting a variable, with every later request on the same websocket behind it (res/stasis/control.c).
const playbackSlots = 4

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
	slot := ch.openPlayback(playbackID)
	if slot < 0 {
		return fmt.Errorf("%s: %d playbacks wait already, or one of this id", what, playbackSlots)
	}
	u := path("channels/", ch.id, "/play/", wirePlayback(ch.id, slot)).with("media", strings.Join(media, ",")).with("lang", language)
	_, err := ch.do(ctx, what, request{op: opPlay, uri: u.String()})
	var status *StatusError
	if errors.As(err, &status) || errors.Is(err, ErrGone) {
		// Refused. After a time-out it may play all the same, so the slot stays taken.
		ch.closePlayback(slot)
	}
	return err
}

// StopPlayback ends a playback. One that is over already gives [ErrGone].
func (ch *Channel) StopPlayback(ctx context.Context, playbackID string) error {
	const what = "stop a playback"
	ch.mu.Lock()
	slot := -1
	for i, name := range ch.playbacks {
		if name == playbackID && playbackID != "" {
			slot = i
		}
	}
	ch.mu.Unlock()
	if slot < 0 {
		return fmt.Errorf("%s: %w", what, ErrGone)
	}
	_, err := ch.do(ctx, what, stopRequest(ch.id, slot))
	if err == nil || errors.Is(err, ErrGone) {
		ch.closePlayback(slot)
	}
	return err
}

// stopPlaybacks ends all that plays, so that what follows is carried out at once. It returns the first error other than that
// there was nothing to stop.
func (ch *Channel) stopPlaybacks(ctx context.Context) error {
	ch.mu.Lock()
	open := ch.playbacks
	ch.mu.Unlock()
	for slot, name := range open {
		if name == "" {
			continue
		}
		_, err := ch.do(ctx, "stop a playback", stopRequest(ch.id, slot))
		if err != nil && !errors.Is(err, ErrGone) {
			return err
		}
		ch.closePlayback(slot)
	}
	return nil
}

// playing says whether a playback has been queued and has not ended.
func (ch *Channel) playing() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.playbacks != [playbackSlots]string{}
}

// openPlayback finds a slot for a playback, or gives -1.
func (ch *Channel) openPlayback(name string) int {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	free := -1
	for i := len(ch.playbacks) - 1; i >= 0; i-- {
		switch ch.playbacks[i] {
		case name:
			return -1
		case "":
			free = i
		}
	}
	if free >= 0 {
		ch.playbacks[free] = name
	}
	return free
}

func (ch *Channel) closePlayback(slot int) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.playbacks[slot] = ""
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
	slot, err := strconv.Atoi(rest)
	if err != nil || slot < 0 || slot >= playbackSlots {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.playbacks[slot] != "" {
		p.ID = ch.playbacks[slot]
	}
	if ended {
		ch.playbacks[slot] = ""
	}
}

const playbackInfix = "-play-"

func wirePlayback(channel string, slot int) string {
	return channel + playbackInfix + strconv.Itoa(slot)
}

func stopRequest(channel string, slot int) request {
	return request{op: opStopPlayback, uri: path("playbacks/", wirePlayback(channel, slot)).String()}
}
