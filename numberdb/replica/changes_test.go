package replica

import (
	"testing"
	"testing/synctest"

	"github.com/linewarden/linewarden/numberdb"
)

// A follower that begins with All and goes on with Since has what the replica has, whatever happened in between.
func TestSinceTellsEveryChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 2)
		m.put(listed(1), targets(10)...)
		r, stop := run(t, m, Options{})
		defer stop()
		untilLoaded(t, r)
		if r.Confirmed().IsZero() {
			t.Error("the list was loaded from the store, and never confirmed")
		}

		copied := map[numberdb.Target]numberdb.Listing{}
		var version uint64
		follow := func() (ok bool) {
			t.Helper()
			changes, now, ok := r.Since(version)
			if !ok {
				clear(copied)
				for c := range r.All() {
					copied[c.Target] = c.Listing
				}
			}
			for _, c := range changes {
				if copied[c.Target] = c.Listing; c.Listing == (numberdb.Listing{}) {
					delete(copied, c.Target)
				}
			}
			version = now
			for i := range 20 {
				if got, want := copied[target(i)], r.Lookup(number(i), someDay); got != want {
					t.Fatalf("%v: the follower has %v, the replica %v", target(i), got, want)
				}
			}
			return ok
		}
		if follow() {
			t.Error("a follower that has nothing was told changes")
		}
		if !follow() {
			t.Error("nothing has changed, and that cannot be told")
		}

		m.put(listed(2), target(3), target(11))
		m.put(numberdb.Listing{}, target(4))
		untilListed(t, r, 11, listed(2))
		untilListed(t, r, 4, numberdb.Listing{})
		if !follow() {
			t.Error("three changes cannot be told one by one")
		}
		if _, now, ok := r.Since(version + 1); ok || now != version {
			t.Errorf("a version that never was: %d, %v", now, ok)
		}

		changed := r.Changed()
		m.change(func() { m.accepted = "b" })
		m.reset("b", 2) // another list, of which no change is known
		m.put(listed(5), target(12))
		<-changed
		until(t, r, "the other list is in use", func(s State) bool { return s.ListID == "b" })
		if follow() {
			t.Error("another list was told as changes of the last one")
		}
	})
}

// What is kept is bounded, and a follower that is too far behind is told so.
func TestSinceForgets(t *testing.T) {
	var h history
	for i := range 3 * keptChanges {
		h.add([]numberdb.Change{{Target: target(i)}})
		if len(h) > 2*keptChanges || len(h) < min(i+1, keptChanges) {
			t.Fatalf("%d changes are kept after %d", len(h), i+1)
		}
		if last := h[len(h)-1].Target; last != target(i) {
			t.Fatalf("the last change is about %v, want %v", last, target(i))
		}
	}
	r := &Replica{recent: h, version: 10 * keptChanges}
	if _, _, ok := r.Since(r.version - uint64(len(h)) - 1); ok {
		t.Error("a change that is forgotten was told")
	}
	if changes, _, ok := r.Since(r.version - 2); !ok || len(changes) != 2 || changes[1] != h[len(h)-1] {
		t.Errorf("the last two changes: %v %v", changes, ok)
	}
}
