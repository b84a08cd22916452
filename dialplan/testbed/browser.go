package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Browser says where a Chromium is and with what environment it runs. It needs no screen.
type Browser struct {
	Path string
	Env  []string // added to this process's own environment

	inUse *os.File // holds a shared lock on a fetched folder for as long as this process lives
}

// The names under which distributions install Chromium.
var browsers = []string{"chromium", "chromium-headless-shell", "chromium-browser", "google-chrome"}

// PrepareBrowser finds a Chromium, or fetches one as [Prepare] does the other programs: LINEWARDEN_TESTBED means the same. A fetched one
// runs without a folder of its own to change into, since it must see /proc: only its libraries come from the fetched folder. They are of
// the machine's own release, and so go together with the machine's C library.
func PrepareBrowser(ctx context.Context, progress Progress) (*Browser, error) {
	if progress == nil {
		progress = func(int, int, string) {}
	}
	choice := os.Getenv("LINEWARDEN_TESTBED")
	if choice != "fetch" {
		for _, name := range browsers {
			if path, err := exec.LookPath(name); err == nil {
				return &Browser{Path: path}, nil
			}
		}
	}
	if choice == "path" {
		return nil, fmt.Errorf("testbed: LINEWARDEN_TESTBED=path: found none of %s", strings.Join(browsers, ", "))
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, fmt.Errorf("testbed: finding out which system this is: %w; install chromium", err)
	}
	k := browserKit
	if k.suite = readRelease(string(release))["VERSION_CODENAME"]; k.suite == "" {
		return nil, errors.New("testbed: /etc/os-release names no release to fetch chromium from; install chromium")
	}
	root, inUse, err := k.open(ctx, progress, func(context.Context) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("testbed: fetching chromium: %w", err)
	}
	b, err := browserIn(root)
	if err != nil {
		return nil, errors.Join(err, inUse.Close())
	}
	b.inUse = inUse
	return b, nil
}

// BrowserFor finds or fetches a Chromium. It fails the test if that does not work.
func BrowserFor(t T) *Browser {
	t.Helper()
	return started(t, "browser", func(ctx context.Context) (*Browser, error) { return PrepareBrowser(ctx, nil) }, func(b *Browser) error {
		if b.inUse == nil {
			return nil
		}
		return b.inUse.Close()
	})
}

var browserKit = kit{
	name: "browser", version: 1,
	packages: []string{"chromium-headless-shell", "fontconfig-config", "fonts-dejavu-core"},
	without:  []string{"libc6"}, // its loader is the machine's, and the two must be one
	furnish: func(root string) error {
		const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir prefix="relative">usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
`
		return os.WriteFile(filepath.Join(root, fontsFile), []byte(fonts), 0o644)
	},
	try: func(ctx context.Context, root string) error {
		b, err := browserIn(root)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, b.Path, "--version")
		cmd.Env = append(os.Environ(), b.Env...)
		_, err = output(cmd)
		return err
	},
}

const fontsFile = "fonts.conf"

// browserIn is the browser in a fetched folder.
func browserIn(root string) (*Browser, error) {
	var libraries []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/pulseaudio"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		libraries = append(libraries, found...)
	}
	path, err := firstExisting(filepath.Join(root, "usr/lib/chromium/chromium-headless-shell"), filepath.Join(root, "usr/lib/chromium/headless_shell"))
	if err != nil {
		return nil, fmt.Errorf("the package chromium-headless-shell holds no browser: %w", err)
	}
	return &Browser{Path: path, Env: []string{
		"LD_LIBRARY_PATH=" + strings.Join(libraries, ":"),
		"FONTCONFIG_FILE=" + filepath.Join(root, fontsFile),
	}}, nil
}
