package callflow

import (
	"strings"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// Policy is how the calls of one trunk are read, decided and spoken to.
type Policy struct {
	// Screening decides.
	Screening screening.Policy
	// Origin says how the trunk writes numbers.
	Origin numberdb.Origin
	// Helpline says that the dialplan can connect a caller to a helpline, which the prompts then offer on key 2.
	Helpline bool
	// RequireKey lets a warned call go on only after key 1. Not every gateway opens the caller's audio before the call is answered:
	// choose it only where keys pressed in early media arrive.
	RequireKey bool
	// KeyWait is how long after the end of a warning a key is waited for; [DefaultKeyWait] if zero.
	KeyWait time.Duration
	// Language of callers whose channel names none that there are prompts for; empty for the first of the flow's languages.
	Language string
}

// DefaultKeyWait is long enough to find the key after the last word, and short enough that nobody thinks that the line is dead.
const DefaultKeyWait = 3 * time.Second

func (p Policy) withDefaults() *Policy {
	if p.KeyWait <= 0 {
		p.KeyWait = DefaultKeyWait
	}
	return &p
}

// read makes a call of what the dialplan says about it. A calling number that is not to be shown is withheld from us on inbound
// calls; on outbound ones it is our own subscriber's, whose opt-out counts whether or not they show their number.
func (p *Policy) read(args dialplan.Args) screening.Call {
	call := screening.Call{
		Called:       p.Origin.Parse(args.Called),
		Calling:      p.Origin.Parse(args.Calling),
		PSAPCallback: args.Priority == dialplan.PriorityPSAPCallback,
	}
	if args.Direction == dialplan.Outbound {
		call.Direction = screening.Outbound
	} else if withheld(args.Presentation) {
		call.Calling = numberdb.Parsed{Kind: numberdb.KindWithheld}
	}
	return call
}

// withheld reads Asterisk's words for the presentation of a caller ID: prohib_…, unavailable, allowed_….
func withheld(presentation string) bool {
	return strings.HasPrefix(presentation, "prohib") || presentation == "unavailable"
}
