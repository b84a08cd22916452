package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// CacheFolder is where fetched and built files are kept from one run to the next, made if it is not there. The package comment tells
// where it is.
func CacheFolder() (string, error) {
	folder := os.Getenv("LINEWARDEN_CACHE")
	if folder == "" {
		base, err := os.UserCacheDir()
		if err == nil {
			folder = filepath.Join(base, "linewarden")
		} else { // no HOME, as in some build services
			folder = filepath.Join(os.TempDir(), fmt.Sprintf("linewarden-cache-%d", os.Geteuid()))
		}
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	if err := ownFolder(folder); err != nil {
		return "", fmt.Errorf("making the cache folder (set LINEWARDEN_CACHE to choose another): %w", err)
	}
	return folder, nil
}

// ownFolder makes a folder and makes sure that no other user prepared it for us: we run programs from there.
func ownFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to this process's user %d", folder, owner, os.Geteuid())
	}
	return nil
}

// A store keeps one built folder per recipe, shared by all processes of the user.
type store struct {
	folder string
	recipe string // names the content; another recipe never reuses what this one built
	build  func(ctx context.Context, into string, progress Progress) error
}

const (
	builtPrefix    = "root-"
	buildingPrefix = "building-"
)

// open gives the built folder, building it first if it is not there. The file returned holds a shared lock that keeps
// other processes from removing the folder; it may be kept until the process ends.
func (s store) open(ctx context.Context, progress Progress) (string, *os.File, error) {
	lock, err := os.OpenFile(filepath.Join(s.folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("opening the cache's lock: %w", err)
	}
	defer lock.Close()
	if err := flock(ctx, lock, syscall.LOCK_EX); err != nil {
		return "", nil, fmt.Errorf("waiting for another process that is fetching into %s: %w", s.folder, err)
	}
	built := filepath.Join(s.folder, builtPrefix+s.recipe)
	if _, err := os.Stat(built); errors.Is(err, os.ErrNotExist) {
		if err := s.buildAndMove(ctx, built, progress); err != nil {
			return "", nil, err
		}
	} else if err != nil {
		return "", nil, err
	}
	inUse, err := os.Open(built)
	if err != nil {
		return "", nil, err
	}
	if err := flock(ctx, inUse, syscall.LOCK_SH); err != nil {
		return "", nil, errors.Join(err, inUse.Close())
	}
	return built, inUse, nil
}

// buildAndMove builds beside the final place and moves the whole at once, so that a killed build leaves only what the
// next one sweeps away. The caller holds the lock.
func (s store) buildAndMove(ctx context.Context, built string, progress Progress) error {
	if err := s.sweep(); err != nil {
		return err
	}
	building, err := os.MkdirTemp(s.folder, buildingPrefix)
	if err != nil {
		return fmt.Errorf("making a folder to fetch into: %w", err)
	}
	if err := s.build(ctx, building, progress); err != nil {
		return errors.Join(err, os.RemoveAll(building))
	}
	if err := os.Chmod(building, 0o755); err != nil {
		return err
	}
	return os.Rename(building, built)
}

// sweep removes what killed builds left, and what earlier recipes built and nobody uses any more.
func (s store) sweep() error {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(s.folder, entry.Name())
		stale := strings.HasPrefix(entry.Name(), buildingPrefix) ||
			strings.HasPrefix(entry.Name(), builtPrefix) && unused(path)
		if !stale {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing what an earlier fetch left: %w", err)
		}
	}
	return nil
}

// unused tells whether no process holds a lock on the folder.
func unused(folder string) bool {
	file, err := os.Open(folder)
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// flock waits for a lock on an open file or folder. The lock ends when the file is closed or the process dies.
func flock(ctx context.Context, file *os.File, how int) error {
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("locking %s: %w", file.Name(), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retry.C:
		}
	}
}
