package prefilter_test

import (
	"iter"
	"sync"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// memoryList is a list that a test changes at will. It is what calls are decided by, and what the pre-filter follows.
type memoryList struct {
	mu        sync.Mutex
	index     *numberdb.Index
	history   []numberdb.Change
	base      uint64 // version before the history
	confirmed time.Time
	changed   chan struct{}
	during    func() // called in the middle of All
}

func newMemoryList(all ...numberdb.Change) *memoryList {
	l := &memoryList{index: numberdb.NewIndex(), changed: make(chan struct{}), confirmed: time.Now()}
	l.apply(all...)
	return l
}

func (l *memoryList) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// apply makes changes of the list in use.
func (l *memoryList) apply(changes ...numberdb.Change) {
	l.change(func() {
		for _, c := range changes {
			l.index.Apply(c)
		}
		l.history = append(l.history, changes...)
	})
}

// replace puts another list in use, of which no change is told.
func (l *memoryList) replace(all ...numberdb.Change) {
	l.change(func() {
		l.index = numberdb.NewIndex()
		for _, c := range all {
			l.index.Apply(c)
		}
		l.base, l.history = l.base+uint64(len(l.history))+1, nil
	})
}

// confirmedAt says when the list was last as the store has it.
func (l *memoryList) confirmedAt(at time.Time) { l.change(func() { l.confirmed = at }) }

// later is a confirmation two minutes after the last one, so that it is worth another state at once. It has an hour to be good for.
func (l *memoryList) later() { l.change(func() { l.confirmed = l.confirmed.Add(2 * time.Minute) }) }

func (l *memoryList) setDuringAll(f func()) { l.change(func() { l.during = f }) }

func (l *memoryList) Lookup(n numberdb.Number, today numberdb.Day) numberdb.Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.index.Lookup(n, today)
}

func (l *memoryList) Loaded() bool { return true }

func (l *memoryList) Since(version uint64) ([]numberdb.Change, uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.base + uint64(len(l.history))
	if version < l.base || version > now {
		return nil, now, false
	}
	return append([]numberdb.Change(nil), l.history[version-l.base:]...), now, true
}

func (l *memoryList) All() iter.Seq[numberdb.Change] {
	l.mu.Lock()
	all, during := l.index.All(), l.during
	l.mu.Unlock()
	return func(yield func(numberdb.Change) bool) {
		if during != nil {
			during()
		}
		all(yield)
	}
}

func (l *memoryList) Confirmed() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.confirmed
}

func (l *memoryList) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}
