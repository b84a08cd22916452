package replica

import (
	"slices"
	"sync"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// list is one copy of the store's list: what it says, and up to where that is known.
type list struct {
	id    string          // of the list, as the store names it
	index *numberdb.Index // readers use it without a lock

	// mu makes applying changes and moving the position one step, so that a header's positions are never ahead of the index.
	mu        sync.Mutex
	positions []string  // by partition
	confirmed time.Time // when the store last confirmed that nothing was missing
}

// fill applies what a partition that is being loaded holds.
func (l *list) fill(changes []numberdb.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index.Apply(changes...)
}

// advance applies changes that lead a partition to a position.
func (l *list) advance(partition int, position string, changes []numberdb.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index.Apply(changes...)
	l.positions[partition] = position
}

// begin sets the position from which a partition is followed.
func (l *list) begin(partition int, position string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.positions[partition] = position
}

// confirm notes that the list had all there was at the time.
func (l *list) confirm(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.confirmed = at
}

// header tells what the list is. The index holds at least all changes up to its positions.
func (l *list) header() header {
	l.mu.Lock()
	defer l.mu.Unlock()
	return header{id: l.id, positions: slices.Clone(l.positions), confirmed: l.confirmed}
}

// age is the time since the store last confirmed that nothing was missing. A snapshot's clock may have been ahead of ours.
func (l *list) age(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(now.Sub(l.confirmed), 0)
}
