package main

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// readiness knows what keeps this node from doing its work, and since when. Its methods may be used by many goroutines at once.
type readiness struct {
	now func() time.Time

	mu     sync.Mutex
	checks []readyCheck
	all    bool // no more checks come
	since  map[string]time.Time
}

// readyCheck says whether one part is ready: an empty text, or what is wrong in words for an operator. It must not block.
type readyCheck struct {
	name string
	ask  func(now time.Time) string
}

// notReady is one part that is not ready.
type notReady struct {
	What  string    `json:"what"`  // redis, list, asterisk[0], ...
	Why   string    `json:"why"`   // in words for an operator
	Since time.Time `json:"since"` // when it was first seen so, in UTC
}

// newReadiness begins without checks, and not ready until complete is called: a node that has just begun is not ready for want of checks.
func newReadiness(now func() time.Time) *readiness {
	r := &readiness{now: now, since: map[string]time.Time{}}
	r.add("start", func(time.Time) string {
		if r.all {
			return ""
		}
		return "the process is starting"
	})
	return r
}

// complete says that all checks have been added.
func (r *readiness) complete() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = true
}

// add registers a check under a name.
func (r *readiness) add(name string, ask func(now time.Time) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks = append(r.checks, readyCheck{name, ask})
}

// Missing lists what is not ready, ordered by name; empty if all is well.
func (r *readiness) Missing() []notReady {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now().UTC()
	missing := []notReady{}
	for _, c := range r.checks {
		why := c.ask(now)
		if why == "" {
			delete(r.since, c.name)
			continue
		}
		if _, ok := r.since[c.name]; !ok {
			r.since[c.name] = now
		}
		missing = append(missing, notReady{What: c.name, Why: why, Since: r.since[c.name]})
	}
	slices.SortFunc(missing, func(a, b notReady) int { return strings.Compare(a.What, b.What) })
	return missing
}
