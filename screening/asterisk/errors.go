package asterisk

import (
	"errors"
	"fmt"
	"strings"
)

// Why a channel's events ended ([Channel.Err]), and why a request about it failed.
var (
	// ErrLeft: the channel left the application; it was hung up, continued, or moved to another.
	ErrLeft = errors.New("the channel left the application")
	// ErrConnectionLost: the connection to Asterisk ended. The channel, if it still waits in the application after the
	// reconnect, is handed to a new handler as adopted.
	ErrConnectionLost = errors.New("the connection to Asterisk was lost")
	// ErrQueueFull: the handler did not read its events, and the next one found no room. The channel is still in the
	// application and can be released.
	ErrQueueFull = errors.New("the channel's event queue is full")
	// ErrGone: the channel or playback does not exist, or the channel is in no application any more. Nothing is left to do.
	ErrGone = errors.New("gone from Asterisk")
	// ErrPlaying: a playback runs, behind which the request would wait. Stop it first, or wait for PlaybackFinished.
	ErrPlaying = errors.New("a playback still runs on the channel")
	// ErrReplaced: another process connected under this application's name.
	ErrReplaced = errors.New("another process connected to Asterisk under this application's name: give each instance its own")
)

// StatusError is Asterisk's refusal of a request. It matches [ErrGone] with [errors.Is] when it says so.
type StatusError struct {
	Method  string // HTTP method
	Path    string // path below the ARI URL with names in place of ids, such as "/channels/{channelId}/continue"
	Code    int    // HTTP status code
	Message string // Asterisk's words on one line, at most 200 bytes; may be empty
}

// Error is one line without ids.
func (e *StatusError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("%s %s: Asterisk answered %d", e.Method, e.Path, e.Code)
	}
	return fmt.Sprintf("%s %s: Asterisk answered %d: %s", e.Method, e.Path, e.Code, e.Message)
}

// Is makes a missing channel or playback (404) and a channel outside Stasis (409) match [ErrGone]. A resource that this Asterisk
// does not have is a 404 too, and does not match.
func (e *StatusError) Is(target error) bool {
	return target == ErrGone && (e.Code == 404 && !e.noResource() || e.Code == 409)
}

// refused says whether Asterisk has answered, and has not done it.
func refused(err error) bool {
	var status *StatusError
	return errors.As(err, &status)
}

// noResource says that this Asterisk has no such request at all (res_ari.c says it in these words since version 12).
func (e *StatusError) noResource() bool {
	return e.Code == 405 || e.Code == 404 && e.Message == "Resource not found"
}

// oneLine makes text from Asterisk fit for a log or an error: printable, at most n bytes, and no run of digits that could be a
// telephone number.
func oneLine(s string, n int) string {
	var b strings.Builder
	digits := 0
	for _, r := range s {
		if b.Len() >= n {
			break
		}
		if '0' <= r && r <= '9' {
			if digits++; digits > 4 {
				r = 'x'
			}
		} else {
			digits = 0
		}
		if r < ' ' || r == 0x7f || r > '~' {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// logID makes a channel id fit for a log. Asterisk makes ids of its system name, a time and a counter; they hold no number.
func logID(id string) string {
	const most = 80
	clean := true
	for i := range min(len(id), most) {
		if id[i] <= ' ' || id[i] > '~' {
			clean = false
			break
		}
	}
	if clean && len(id) <= most {
		return id
	}
	b := []byte(id[:min(len(id), most)])
	for i, c := range b {
		if c <= ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
