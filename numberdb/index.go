package numberdb

import "sync"

// Index holds the listings of many numbers and prefixes in memory.
type Index struct {
	mu sync.RWMutex
	m  map[Target]Listing
}

// NewIndex makes an empty index.
func NewIndex() *Index { return &Index{m: map[Target]Listing{}} }

// Lookup is what the list says about a number.
func (x *Index) Lookup(n Number) Listing {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.m[Target{Number: n}]
}

// Apply makes a change.
func (x *Index) Apply(c Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.m[c.Target] = c.Listing
}
