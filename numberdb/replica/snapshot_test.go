package replica

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// snapshotOf runs a node with the given store until it has written a snapshot, and gives the file's path.
func snapshotOf(t *testing.T, m *memory) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	r, stop := run(t, m, Options{SnapshotPath: path})
	untilLoaded(t, r)
	same(t, r, m)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		m.put(listed(2), numberdb.Target{Number: 4420794, Prefix: true})
		path := snapshotOf(t, m)

		m.setDown(errAway)
		pass(time.Hour)
		r, _ := run(t, m, Options{SnapshotPath: path})
		untilFault(t, r, errAway)
		same(t, r, m)
		if s := r.State(); !s.Loaded || !s.FromSnapshot || s.ListID != "a" || s.Age < time.Hour || s.Age > time.Hour+time.Minute {
			t.Errorf("the state is %+v", s)
		}
		loads := m.called("load")
		m.put(numberdb.Listing{}, target(1))
		m.put(listed(3), target(2))
		m.setDown(nil)
		untilHealthy(t, r)
		same(t, r, m)
		if n := m.called("load"); n != loads {
			t.Errorf("%d partitions were loaded, though the stream reached back to the snapshot", n-loads)
		}
	})
}

func TestSnapshotOlderThanTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		path := snapshotOf(t, m)
		m.put(numberdb.Listing{}, target(1))
		m.put(listed(3), target(2))
		m.trim()
		r, _ := run(t, m, Options{SnapshotPath: path})
		untilHealthy(t, r)
		same(t, r, m)
	})
}

func TestSnapshotOfAnotherList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		path := snapshotOf(t, m)
		m.reset("b", 2)
		m.put(listed(2), targets(10)...)
		r, _ := run(t, m, Options{SnapshotPath: path})
		untilHealthy(t, r)
		same(t, r, m)
	})
}

// A node that starts with a snapshot, where the store has lost its data and somebody has begun a new list, screens with the snapshot.
func TestSnapshotOfAListThatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		path := snapshotOf(t, m)
		m.reset("b", 4)
		m.put(listed(2), target(3))
		r, stop := run(t, m, Options{SnapshotPath: path})
		untilFault(t, r, ErrReplaced)
		stop()
		again, _ := run(t, m, Options{SnapshotPath: path})
		untilFault(t, again, ErrReplaced)
		if s := again.State(); !s.FromSnapshot || s.Numbers != 20 || again.Lookup(number(3), someDay) != listed(1) {
			t.Errorf("the state is %+v", s)
		}
		m.change(func() { m.accepted = "b" })
		untilHealthy(t, again)
		same(t, again, m)
	})
}

// A machine's clock may be behind at its start.
func TestSnapshotFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "list")
		h := header{id: "a", positions: []string{"0"}, confirmed: time.Now().Add(time.Hour)}
		if err := os.WriteFile(path, encode(t, h, slices.Values(sampleList)), 0o600); err != nil {
			t.Fatal(err)
		}
		m := newMemory("a", 1)
		m.setDown(errAway)
		r, _ := run(t, m, Options{SnapshotPath: path})
		untilFault(t, r, errAway)
		if s := r.State(); !s.Loaded || s.Age != 0 {
			t.Errorf("the state is %+v", s)
		}
	})
}

func TestUnusableSnapshot(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"corrupt": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 0x10
			return os.WriteFile(path, b, 0o600)
		},
		"cut off":          func(path string) error { return os.Truncate(path, 70) },
		"empty":            func(path string) error { return os.Truncate(path, 0) },
		"foreign":          func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600) },
		"a directory":      func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a pipe":           func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"newer":            func(path string) error { return os.WriteFile(path, sealed([]byte(snapshotMagic+"\x00\x09")), 0o600) },
		"gone":             os.Remove,
		"a link to itself": func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory("a", 4)
				m.put(listed(1), targets(20)...)
				path := snapshotOf(t, m)
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				m.setDown(errAway)
				r, _ := run(t, m, Options{SnapshotPath: path})
				untilFault(t, r, errAway)
				if r.Loaded() {
					t.Error("it is used")
				}
				m.setDown(nil)
				untilHealthy(t, r)
				same(t, r, m)
			})
		})
	}
}

func TestSnapshotFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path+".new", []byte("left over by a crash"), 0o644); err != nil {
			t.Fatal(err)
		}
		r, stop := run(t, m, Options{SnapshotPath: path, SnapshotEvery: time.Minute})
		untilLoaded(t, r)
		// written says whether there is a new snapshot since the last time.
		written := func() bool {
			t.Helper()
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(b) == "seen" {
				return false
			}
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("the file's mode is %v, %v", info.Mode(), err)
			}
			if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the temporary file is still there: %v", err)
			}
			if err := os.WriteFile(path, []byte("seen"), 0o600); err != nil {
				t.Fatal(err)
			}
			return true
		}
		for range 3 {
			pass(time.Minute)
			if !written() {
				t.Error("a minute has passed without a new snapshot")
			}
		}
		m.setDown(errAway)
		pass(2 * time.Minute)
		written()
		pass(10 * time.Minute)
		if written() {
			t.Error("a snapshot is written though the store confirmed nothing")
		}
		m.setDown(nil)
		m.put(listed(2), target(1))
		untilListed(t, r, 1, listed(2))
		untilHealthy(t, r)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		l, err := readSnapshot(path)
		if err != nil || l.index.Lookup(number(1), someDay) != listed(2) {
			t.Errorf("the last snapshot does not hold the last change: %v", err)
		}
	})
}

func TestSnapshotThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		path := snapshotOf(t, m)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// A directory in the temporary file's place stops even root.
		if err := os.MkdirAll(filepath.Join(path+".new", "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		r, stop := run(t, m, Options{SnapshotPath: path, SnapshotEvery: time.Minute})
		untilHealthy(t, r)
		pass(10 * time.Minute)
		if s := r.State(); s.Err != nil || s.Age > time.Minute {
			t.Errorf("following suffers: the state is %+v", s)
		}
		if err := stop(); err == nil {
			t.Error("Run does not tell that the last snapshot was not written")
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("the snapshot before is gone or changed: %v", err)
		}
	})
}
