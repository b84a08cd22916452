package replica

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// startFromSnapshot puts the list of the snapshot in place, if there is a good one. Any other node starts from the store, so no fault
// here is more than a log line and a count.
func (r *Replica) startFromSnapshot() {
	if r.opts.SnapshotPath == "" {
		return
	}
	began := time.Now()
	l, err := readSnapshot(r.opts.SnapshotPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.log.Info("there is no snapshot of the list yet; it is loaded from the store", "path", r.opts.SnapshotPath)
		return
	case err != nil:
		r.metrics.snapshotFaults.WithLabelValues("read").Inc()
		r.log.Error("the snapshot of the list cannot be used; the list is loaded from the store", "path", r.opts.SnapshotPath, "error", err)
		return
	}
	r.saved = l.confirmed
	r.install(l, loadedFromSnapshot, began)
	numbers, prefixes := l.index.Len()
	r.log.Info("started from the snapshot of the list", "list", l.id, "numbers", numbers, "prefixes", prefixes,
		"age", l.age(time.Now()).Round(time.Second))
}

// keepSnapshots writes a snapshot every SnapshotEvery until stop is closed, and a last one then, whose error it returns.
func (r *Replica) keepSnapshots(stop <-chan struct{}) error {
	if r.opts.SnapshotPath == "" {
		return nil
	}
	tick := time.NewTicker(r.opts.SnapshotEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := r.saveSnapshot(); err != nil {
				r.log.Error("the list's snapshot was not written; the one before stays, and the next try comes by itself", "error", err)
			}
		case <-stop:
			return r.saveSnapshot()
		}
	}
}

// saveSnapshot writes the list in use to disk, unless the store has confirmed nothing since the last time.
func (r *Replica) saveSnapshot() error {
	l := r.list.Load()
	if l == nil {
		return nil
	}
	h := l.header()
	if h.confirmed.Equal(r.saved) {
		return nil
	}
	began := time.Now()
	size, err := writeFile(r.opts.SnapshotPath, func(w io.Writer) error { return encodeSnapshot(w, h, l.index.All()) })
	if err != nil {
		r.metrics.snapshotFaults.WithLabelValues("write").Inc()
		return fmt.Errorf("write the snapshot of the list to %s: %w", r.opts.SnapshotPath, err)
	}
	r.saved = h.confirmed
	r.metrics.snapshotTime.Set(float64(h.confirmed.UnixMilli()) / 1000)
	r.metrics.snapshotSeconds.Set(time.Since(began).Seconds())
	r.metrics.snapshotBytes.Set(float64(size))
	return nil
}

// applyAtOnce is how many changes of a snapshot are applied together.
const applyAtOnce = 256

// readSnapshot reads the list that is kept in a file.
func readSnapshot(path string) (*list, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for ever
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	index := numberdb.NewIndex()
	index.Reserve(int(info.Size() / recordSize))
	changes := make([]numberdb.Change, 0, applyAtOnce)
	h, err := decodeSnapshot(f, info.Size(), func(c numberdb.Change) {
		if changes = append(changes, c); len(changes) == cap(changes) {
			index.Apply(changes...)
			changes = changes[:0]
		}
	})
	if err != nil {
		return nil, err
	}
	index.Apply(changes...)
	return &list{id: h.id, index: index, positions: h.positions, confirmed: h.confirmed}, nil
}

// writeFile puts a new file in the place of path, whole and on disk or not at all, for its owner's eyes only: a list holds which
// subscribers asked not to be screened. Only one process may use a path. It returns the file's size in bytes.
func writeFile(path string, write func(io.Writer) error) (size int64, err error) {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			f.Close()            // fails if it was closed already; the first error tells more
			os.Remove(temporary) // what stays is removed the next time
		}
	}()
	if err := write(f); err != nil {
		return 0, err
	}
	if size, err = f.Seek(0, io.SeekCurrent); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	if err := os.Rename(temporary, path); err != nil {
		return 0, err
	}
	return size, syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close() // only read
	return dir.Sync()
}
