package replica

import (
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// keptChanges is how many of the last changes can be told one by one: more than come while somebody writes them down elsewhere.
const keptChanges = 4096

// history is the last changes of the list in use, the latest last. It is guarded by Replica.mu.
type history []numberdb.Change

// add puts changes at the end. What is too old goes in one step once it is as much as what is kept.
func (h *history) add(changes []numberdb.Change) {
	*h = append(*h, changes...)
	if n := len(*h); n > 2*keptChanges {
		*h = append((*h)[:0:0], (*h)[n-keptChanges:]...)
	}
}

// Since gives the changes that were made after the list had the given version (State.Version), in their order, and the version that
// it has with them. Each is a target's whole listing. If they can no longer be told, because there were too many or another list was
// put in use, ok is false: go through All then, which holds at least what the version that is given here does.
func (r *Replica) Since(version uint64) (changes []numberdb.Change, now uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	behind := r.version - version // wraps around for a version that never was, which then is too far behind
	if behind > uint64(len(r.recent)) {
		return nil, r.version, false
	}
	return append([]numberdb.Change(nil), r.recent[len(r.recent)-int(behind):]...), r.version, true
}

// Confirmed is when the store last confirmed that nothing is missing from the list in use: whatever it had stored by then is in the
// list. It is the zero time before there is a list.
func (r *Replica) Confirmed() time.Time {
	l := r.list.Load()
	if l == nil {
		return time.Time{}
	}
	return l.header().confirmed
}

// Changed is closed at the next change of the list, of when it was confirmed, or of State.Err.
func (r *Replica) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}
