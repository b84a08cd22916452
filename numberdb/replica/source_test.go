package replica

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// memory is a store in memory, for the faults that a real one cannot show on demand. A position is the number of changes that went
// through a partition's stream.
type memory struct {
	mu    sync.Mutex
	id    string
	parts []memoryPartition
	// accepted is the id of the list that people have confirmed.
	accepted string
	wake     chan struct{} // closed and replaced at every change
	down     error         // every request fails with it
	hung     bool          // every request waits for its context to end
	calls    map[string]int

	// during is called in the middle of requests, without the lock: "identity", "load" (the position is taken, nothing is read yet),
	// "loaded" (all is read), "follow". Its error is the request's.
	during func(request string, partition int) error
}

type memoryPartition struct {
	listings map[numberdb.Target]numberdb.Listing
	stream   []numberdb.Change
	trimmed  int // how many of the stream are gone
}

func newMemory(id string, partitions int) *memory {
	m := &memory{wake: make(chan struct{}), calls: map[string]int{}}
	m.reset(id, partitions)
	return m
}

// reset replaces the store's list by an empty one; by none if the id is empty.
func (m *memory) reset(id string, partitions int) {
	m.change(func() {
		m.id, m.parts = id, make([]memoryPartition, partitions)
		for p := range m.parts {
			m.parts[p].listings = map[numberdb.Target]numberdb.Listing{}
		}
	})
}

// change changes the store and wakes those who follow it.
func (m *memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.wake)
	m.wake = make(chan struct{})
}

func (m *memory) setDown(err error) { m.change(func() { m.down = err }) }
func (m *memory) setHung(hung bool) { m.change(func() { m.hung = hung }) }
func (m *memory) setDuring(f func(string, int) error) {
	m.change(func() { m.during = f })
}

// put lists targets; a zero listing removes them.
func (m *memory) put(l numberdb.Listing, targets ...numberdb.Target) {
	m.change(func() {
		for _, t := range targets {
			p := &m.parts[int(t.Number)%len(m.parts)]
			if p.listings[t] = l; l == (numberdb.Listing{}) {
				delete(p.listings, t)
			}
			p.stream = append(p.stream, numberdb.Change{Target: t, Listing: l})
		}
	})
}

// trim forgets all changes so far.
func (m *memory) trim() {
	m.change(func() {
		for p := range m.parts {
			m.parts[p].trimmed = len(m.parts[p].stream)
		}
	})
}

// all is the whole list.
func (m *memory) all() map[numberdb.Target]numberdb.Listing {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[numberdb.Target]numberdb.Listing{}
	for _, p := range m.parts {
		maps.Copy(all, p.listings)
	}
	return all
}

func (m *memory) called(request string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[request]
}

// request begins a request: it counts it, fails it or hangs.
func (m *memory) request(ctx context.Context, name string, partition int) error {
	m.mu.Lock()
	m.calls[name]++
	down, hung, during := m.down, m.hung, m.during
	m.mu.Unlock()
	if hung {
		<-ctx.Done()
		return ctx.Err()
	}
	if down == nil && during != nil {
		return during(name, partition)
	}
	return down
}

func (m *memory) Identity(ctx context.Context) (string, int, error) {
	if err := m.request(ctx, "identity", 0); err != nil {
		return "", 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id, len(m.parts), nil
}

func (m *memory) Accepted(ctx context.Context, id string) (bool, error) {
	if err := m.request(ctx, "accepted", 0); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.accepted == id, nil
}

func (m *memory) Load(ctx context.Context, partition int, put func([]numberdb.Change)) (string, error) {
	m.mu.Lock()
	if partition >= len(m.parts) {
		m.mu.Unlock()
		return "", errors.New("there is no such partition")
	}
	position := strconv.Itoa(len(m.parts[partition].stream))
	m.mu.Unlock()
	if err := m.request(ctx, "load", partition); err != nil {
		return "", err
	}
	m.mu.Lock()
	listings := maps.Clone(m.parts[partition].listings)
	m.mu.Unlock()
	batch := make([]numberdb.Change, 0, 2) // used again, as a real source would
	for t, l := range listings {
		if batch = append(batch, numberdb.Change{Target: t, Listing: l}); len(batch) == cap(batch) {
			put(batch)
			batch = batch[:0]
		}
	}
	put(batch)
	return position, m.request(ctx, "loaded", partition)
}

func (m *memory) Follow(ctx context.Context, from []string, block time.Duration,
	put func(int, string, []numberdb.Change)) (lost []int, err error) {
	timer := time.NewTimer(block)
	defer timer.Stop()
	for {
		if err := m.request(ctx, "follow", 0); err != nil {
			return nil, err
		}
		m.mu.Lock()
		if len(from) != len(m.parts) {
			m.mu.Unlock()
			return nil, fmt.Errorf("%d positions for %d partitions", len(from), len(m.parts))
		}
		wake := m.wake
		news := map[int][]numberdb.Change{}
		to := make([]string, len(m.parts))
		for p := range m.parts {
			at, err := strconv.Atoi(from[p])
			if err != nil {
				m.mu.Unlock()
				return nil, fmt.Errorf("position %q: %w", from[p], err)
			}
			part := &m.parts[p]
			switch {
			case at < part.trimmed || at > len(part.stream):
				lost = append(lost, p)
			case at < len(part.stream):
				news[p] = part.stream[at:]
				to[p] = strconv.Itoa(len(part.stream))
			}
		}
		m.mu.Unlock()
		for p, changes := range news {
			put(p, to[p], changes)
		}
		if len(news) > 0 || len(lost) > 0 {
			return lost, nil
		}
		select {
		case <-wake:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
