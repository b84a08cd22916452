package testbed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

var fetchedPaths = map[string]string{
	"asterisk":     "/usr/sbin/asterisk",
	"redis-server": "/usr/bin/redis-server",
	"redis-cli":    "/usr/bin/redis-cli",
	"espeak-ng":    "/usr/bin/espeak-ng",
	"sox":          "/usr/bin/sox",
}

// The shares of a fetch in its progress, in percent: measured on two cores with a near mirror.
const (
	shareUpdate   = 15
	shareDownload = 60
	shareUnpack   = 20
	shareVerify   = 5
	shareTotal    = shareUpdate + shareDownload + shareUnpack + shareVerify
)

// A kit is a set of packages that are fetched together into one folder.
type kit struct {
	name     string // of the folder in the cache that holds it
	version  int    // raised when the code changes what the fetched folder holds, so that existing ones are fetched anew
	suite    string // the release to fetch from
	packages []string
	without  []string // packages that others need and that are taken from the machine instead
	// furnish adds what the packages' own installation would have made and the programs use.
	furnish func(root string) error
	// try runs the programs once, so that a folder is kept only if they work.
	try func(ctx context.Context, root string) error
}

// network holds Asterisk, Redis and the speech tools. The first row makes the rest run in a folder of their own: folders, a shell, what
// a shell calls, the UTF-8 locale. Debian's suites move on and old versions vanish from the mirrors; sid always carries Asterisk.
var network = kit{
	name: "testbed", version: 2, suite: "sid",
	packages: []string{"base-files", "dash", "coreutils", "libc-bin",
		"asterisk", "asterisk-core-sounds-en-gsm", "redis-server", "espeak-ng", "sox"},
	furnish: furnish,
	try: func(ctx context.Context, root string) error {
		tools := &Tools{root: root, paths: fetchedPaths}
		for _, name := range programs {
			if _, err := tools.Version(ctx, name); err != nil {
				return err
			}
		}
		return nil
	},
}

// fetched opens the fetched programs, fetching them first if need be.
func fetched(ctx context.Context, progress Progress) (*Tools, error) {
	root, inUse, err := network.open(ctx, progress, canChangeRoot)
	if err != nil {
		return nil, err
	}
	return &Tools{root: root, paths: fetchedPaths, inUse: inUse}, nil
}

// open gives the kit's folder, fetching it first if need be: then possible is asked before anything is downloaded. The file holds a
// shared lock on the folder.
func (k kit) open(ctx context.Context, progress Progress, possible func(context.Context) error) (string, *os.File, error) {
	cache, err := CacheFolder()
	if err != nil {
		return "", nil, err
	}
	folder := filepath.Join(cache, k.name)
	if err := ownFolder(folder); err != nil {
		return "", nil, err
	}
	recipe := sha256.Sum256(fmt.Append(nil, k.version, k.suite, k.packages))
	return store{folder, hex.EncodeToString(recipe[:6]), func(ctx context.Context, into string, progress Progress) error {
		if err := possible(ctx); err != nil {
			return err
		}
		return k.fetch(ctx, into, progress)
	}}.open(ctx, progress)
}

// fetch builds a folder that holds the programs and all that they need.
func (k kit) fetch(ctx context.Context, root string, progress Progress) error {
	mirror, err := debianMirror(ctx)
	if err != nil {
		return err
	}
	apt, err := newApt(ctx, filepath.Join(root, "apt"), mirror, k.suite)
	if err != nil {
		return err
	}
	progress(0, shareTotal, "reading the list of packages")
	if err := apt.run(ctx, step{progress, 0, shareUpdate, "reading the list of packages"}, "update"); err != nil {
		return fmt.Errorf("reading the list of packages from %s: %w", mirror, err)
	}
	install := append([]string{"install", "--yes", "--download-only"}, k.packages...)
	if err := apt.run(ctx, step{progress, shareUpdate, shareDownload, "downloading"}, install...); err != nil {
		return fmt.Errorf("downloading packages from %s: %w", mirror, err)
	}
	if err := apt.unpack(ctx, root, k.without, step{progress, shareUpdate + shareDownload, shareUnpack, "unpacking"}); err != nil {
		return err
	}
	if err := os.RemoveAll(apt.folder); err != nil {
		return err
	}
	if err := k.furnish(root); err != nil {
		return fmt.Errorf("preparing the fetched folder: %w", err)
	}
	progress(shareTotal-shareVerify, shareTotal, "trying the programs")
	if err := k.try(ctx, root); err != nil {
		return fmt.Errorf("a fetched program does not run: %w", err)
	}
	progress(shareTotal, shareTotal, "ready")
	return nil
}

// A step is one part of a fetch's progress.
type step struct {
	progress     Progress
	start, share int // percent
	what         string
}

// at reports how much of the step is done, from 0 to 1.
func (s step) at(part float64) {
	s.progress(s.start+int(part*float64(s.share)), shareTotal, s.what)
}

// canChangeRoot tries what every fetched program will need, before anything is downloaded.
func canChangeRoot(ctx context.Context) error {
	here := &Tools{root: "/", paths: map[string]string{"true": "/bin/true"}}
	if err := here.Command(ctx, "true").Run(); err != nil {
		return fmt.Errorf("running a program in a folder of its own (chroot) is refused (%w); run as root, allow user "+
			"namespaces, or install asterisk 22.7 or later, redis-server, espeak-ng and sox", err)
	}
	return nil
}

// furnish adds what the packages' own installation would have made and Asterisk, Redis and the speech tools use.
func furnish(root string) error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	// Without these two, Asterisk asks the DNS for the machine's own name and for root servers, seconds for each call.
	files := map[string]string{
		"etc/hosts":         "127.0.0.1 localhost " + hostname + "\n",
		"etc/nsswitch.conf": "hosts: files\n",
		"etc/passwd":        "root:x:0:0:root:/tmp:/bin/sh\n",
		"etc/group":         "root:x:0:\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, folder := range []string{"dev", "tmp", "run"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 {
		return nil // Command brings the machine's own devices
	}
	for name, minor := range map[string]int{"null": 3, "zero": 5, "random": 8, "urandom": 9} {
		const memoryDevices = 1 // the major number of all four
		path := filepath.Join(root, "dev", name)
		if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, memoryDevices<<8|minor); err != nil {
			return fmt.Errorf("making the device %s (it takes the capability CAP_MKNOD): %w", path, err)
		}
		if err := os.Chmod(path, 0o666); err != nil { // whatever the umask
			return err
		}
	}
	return nil
}

// firstExisting gives the first of the files that is there.
func firstExisting(paths ...string) (string, error) {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("none of %s is there", strings.Join(paths, ", "))
}
