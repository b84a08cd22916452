package journal

import (
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// Entry is the record of one call that was [Listed].
type Entry struct {
	// ID names the call to people: 12 hexadecimal digits. Callers can choose it, so that several calls may have the same.
	ID string
	// At is when Linewarden took the call, to the millisecond.
	At        time.Time
	Node      string // name of the instance that had it
	Direction screening.Direction
	// Number is the other party's, which was checked.
	Number     numberdb.Number
	Subscriber Pseudonym
	Verdict    screening.Verdict
	// Prompt is the first prompt that was begun to the caller, in Language; both empty if none was.
	Prompt, Language string
	Outcome          screening.Outcome
	// ListVersion is that of the node's list when the call had ended: it grows with each change, from the start of the node's process.
	ListVersion uint64
	// ListAge is the time since the store had last confirmed the list then, to the millisecond.
	ListAge time.Duration
}

// Listed says whether a call is one to record: the list asked for more than letting it pass, whether that was done, only reported, or
// failed. All other calls are counted and leave no trace of who called whom.
func Listed(v screening.Verdict) bool {
	return v.Action != screening.Allow || v.Would != screening.Allow
}

// IDLength is how many hexadecimal digits a call's id has.
const IDLength = 12

// ValidID says whether s can be a call's id.
func ValidID(s string) bool {
	if len(s) != IDLength {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
