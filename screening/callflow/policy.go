package callflow

import (
	"time"

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
