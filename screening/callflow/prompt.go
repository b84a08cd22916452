package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"github.com/linewarden/linewarden/dialplan"
)

// longestPrompt bounds a playback of which Asterisk never reports the end.
const longestPrompt = time.Minute

// hangupGrace is how long after a failed playback the news may take that the caller has hung up.
const hangupGrace = 500 * time.Millisecond

var (
	errPromptStuck  = fmt.Errorf("asterisk did not report the end of a prompt within %v", longestPrompt)
	errPromptFailed = errors.New("asterisk could not play a prompt: are the sound files installed (linewarden prompts build)?")
)

// say plays the prompts to the caller in early media and listens for a key, during the prompts and for wait after their end. It
// gives the first key that means anything, empty for none. What still plays then ends when the call is released. An error says that
// the caller may not have heard the prompts; it is [asterisk.ErrGone] or [asterisk.ErrLeft] if the caller hung up.
func (c *call) say(ctx context.Context, wait time.Duration, prompts ...dialplan.Prompt) (key string, err error) {
	media := c.flow.voice.Media(string(c.verdict.Brand), prompts...)
	language := c.language()
	if err := c.ch.Play(ctx, string(prompts[0]), language, media...); err != nil {
		return "", fmt.Errorf("play %s: %w", prompts[0], err)
	}
	c.prompt, c.spoken = prompts[0], language
	patience := time.NewTimer(longestPrompt)
	defer patience.Stop()
	finished, failed := false, false
	for {
		select {
		case e, open := <-c.ch.Events():
			if !open {
				return "", c.ch.Err()
			}
			switch e := e.(type) {
			case *ari.ChannelDtmfReceived:
				if c.means(e.Digit) {
					return e.Digit, nil
				}
			case *ari.PlaybackFinished:
				// A caller who hangs up makes the playback fail too, a moment before the channel is gone.
				finished, failed = true, e.Playback.State == "failed"
				if failed {
					wait = hangupGrace
				}
				patience.Reset(wait)
			}
		case <-patience.C:
			switch {
			case failed:
				return "", errPromptFailed
			case !finished:
				return "", errPromptStuck
			}
			return "", nil
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// prompts are what the call's verdict has the subscriber hear.
func (c *call) prompts() []dialplan.Prompt {
	script := dialplan.Script{RequireKey: c.policy.RequireKey, Helpline: c.policy.Helpline}
	return script.Prompts(c.verdict.Action.String(), dialplan.Direction(c.subject.Direction.String()))
}

// means says whether a key is one that the caller was offered: on a blocked call 1 does nothing.
func (c *call) means(digit string) bool {
	switch digit {
	case dialplan.KeyGoOn:
		return c.action != dialplan.ActionBlock
	case dialplan.KeyHelpline:
		return c.policy.Helpline
	}
	return false
}

// language is the one in which the caller is spoken to.
func (c *call) language() string {
	for _, l := range []string{c.ch.Data().Language, c.policy.Language} {
		if slices.Contains(c.flow.languages, l) {
			return l
		}
	}
	return c.flow.languages[0]
}
