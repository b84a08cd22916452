package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A scratch folder belongs to one running server. Its lock ends with this process, so that whoever comes next can remove
// what a killed process left.
type scratch struct {
	inside  string // by this path the server knows it
	outside string // by this path this process reaches it
	lock    *os.File
}

// newScratch makes a scratch folder, and removes those whose owners have died.
func (t *Tools) newScratch(ctx context.Context, kind string) (*scratch, error) {
	base := "/tmp"
	if t.root == "" {
		base = filepath.Join(os.TempDir(), fmt.Sprintf("linewarden-testbed-%d", os.Geteuid()))
	}
	if err := ownFolder(t.outside(base)); err != nil {
		return nil, fmt.Errorf("making the folder for running servers: %w", err)
	}
	// Held while making and sweeping, so that nobody sweeps a folder between its making and its locking.
	all, err := os.Open(t.outside(base))
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if err := flock(ctx, all, syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if err := sweepScratch(t.outside(base)); err != nil {
		return nil, err
	}
	made, err := os.MkdirTemp(t.outside(base), scratchPrefix+kind+"-")
	if err != nil {
		return nil, err
	}
	lock, err := os.Open(made)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(made))
	}
	s := &scratch{inside: filepath.Join(base, filepath.Base(made)), outside: made, lock: lock}
	if err := flock(ctx, lock, syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

const scratchPrefix = "run-"

func sweepScratch(base string) error {
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(base, entry.Name())
		if !strings.HasPrefix(entry.Name(), scratchPrefix) || !unused(path) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing what a killed process left: %w", err)
		}
	}
	return nil
}

func (s *scratch) remove() error {
	return errors.Join(os.RemoveAll(s.outside), s.lock.Close())
}
