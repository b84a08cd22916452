package dialplan

import (
	"errors"
	"fmt"
	"strings"
)

// ArgsVersion is the first Stasis argument. It changes when the meaning of the others does, so that an application and a dialplan
// of different ages notice each other.
const ArgsVersion = "v1"

// MaxArg is the length in bytes to which the dialplan cuts every value.
const MaxArg = 64

// Direction is the way of a call as the dialplan names it.
type Direction string

const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Args is what the dialplan says about a call, as the Stasis arguments
//
//	v1,<inbound|outbound>,<policy>,<calling>,<called>,<presentation>,<priority>,<default policy>
//
// Every value but the first two may be empty, and the last one missing. They come from the caller, so they are reduced to a safe set of
// characters, but not judged: a number is what the trunk sent. The last one is an operator's setting as it stands.
type Args struct {
	Direction    Direction
	Policy       string // the operator's word in the Gosub, else that of their settings; empty for Linewarden's own default
	Calling      string // the calling number as signalled
	Called       string // the dialled number
	Presentation string // CALLERID(pres) as a word, such as allowed_not_screened or prohib
	Priority     string // the SIP Priority header in lower case, such as psap-callback
}

// PriorityPSAPCallback is the Priority of a call by which an emergency centre calls somebody back (RFC 7090).
const PriorityPSAPCallback = "psap-callback"

// ErrArgs is the cause of every error of ParseArgs.
var ErrArgs = errors.New("stasis arguments are not those of linewarden's dialplan")

// ParseArgs reads the Stasis arguments of a call. It is strict, because its input is written by our own dialplan: anything else is a
// sign of another dialplan or another version, and the call should go on unscreened. Errors wrap ErrArgs and quote no value but the
// version.
func ParseArgs(args []string) (Args, error) {
	const (
		least = 7 // from a dialplan that puts the operator's default in place itself
		most  = 8
	)
	if len(args) > 0 && args[0] != ArgsVersion {
		return Args{}, fmt.Errorf("%w: version %.8q, this linewarden speaks %q: update the older side", ErrArgs, args[0], ArgsVersion)
	}
	if len(args) < least || len(args) > most {
		return Args{}, fmt.Errorf("%w: %d values, want %d", ErrArgs, len(args), most)
	}
	for i, v := range args[:least] {
		if len(v) > MaxArg {
			return Args{}, fmt.Errorf("%w: value %d has %d bytes, the dialplan sends %d at most", ErrArgs, i+1, len(v), MaxArg)
		}
		if at := strings.IndexFunc(v, unsafe); at >= 0 {
			return Args{}, fmt.Errorf("%w: value %d has a character outside the safe set at byte %d", ErrArgs, i+1, at)
		}
	}
	a := Args{
		Direction: Direction(args[1]), Policy: args[2], Calling: args[3], Called: args[4], Presentation: args[5], Priority: args[6],
	}
	if a.Policy == "" && len(args) == most {
		a.Policy = reduced(args[most-1])
	}
	if a.Direction != Inbound && a.Direction != Outbound {
		return Args{}, fmt.Errorf("%w: value 2 is neither %s nor %s", ErrArgs, Inbound, Outbound)
	}
	return a, nil
}

// reduced is a value as the dialplan passes those that a caller can choose.
func reduced(v string) string {
	v = strings.Map(func(r rune) rune {
		if unsafe(r) {
			return -1
		}
		return r
	}, v)
	return v[:min(len(v), MaxArg)]
}

// safePunctuation is what the dialplan's FILTER lets through beside letters and digits. A space, comma, quote, parenthesis, dollar,
// backslash or control character never passes.
const safePunctuation = "+*#@._-"

func unsafe(r rune) bool {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		return false
	}
	return !strings.ContainsRune(safePunctuation, r)
}
