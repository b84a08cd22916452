package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const installHint = "install asterisk (22.7 or later), redis-server, espeak-ng and sox so that they are on PATH, " +
	"or set LINEWARDEN_DEBIAN_MIRROR on a machine that has apt, dpkg and debian-archive-keyring"

// debianMirror finds the archive to fetch from: the one that the machine's own apt uses.
func debianMirror(ctx context.Context) (string, error) {
	for _, name := range []string{"apt-get", "apt-config", "dpkg", "dpkg-deb"} {
		if _, err := exec.LookPath(name); err != nil {
			return "", fmt.Errorf("%s is not here, so this is no Debian; %s", name, installHint)
		}
	}
	if mirror := os.Getenv("LINEWARDEN_DEBIAN_MIRROR"); mirror != "" {
		return mirror, nil
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", fmt.Errorf("finding out which system this is: %w; %s", err, installHint)
	}
	// Without release information, which the machine may not have downloaded yet, apt tells what it would ask for.
	targets, err := output(exec.CommandContext(ctx, "apt-get", "indextargets", "--no-release-info",
		"--format", "$(CREATED_BY)\t$(SITE)\t$(RELEASE)\t$(COMPONENT)"))
	if err != nil {
		return "", fmt.Errorf("asking apt for its mirror: %w", err)
	}
	return chooseMirror(string(release), targets)
}

// chooseMirror picks the archive that serves the system's own release out of apt's list of sources. osRelease is the text of
// /etc/os-release, targets has one line per index with its kind, site, suite and component between tabs.
func chooseMirror(osRelease, targets string) (string, error) {
	system := readRelease(osRelease)
	if system["ID"] != "debian" {
		return "", fmt.Errorf("this is %q, not Debian; %s", system["PRETTY_NAME"], installHint)
	}
	own := map[string]bool{system["VERSION_CODENAME"]: system["VERSION_CODENAME"] != "",
		"stable": true, "testing": true, "unstable": true, "sid": true, "oldstable": true, "oldoldstable": true}
	for line := range strings.Lines(targets) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) == 4 && fields[0] == "Packages" && own[fields[2]] && fields[3] == "main" &&
			!strings.HasPrefix(fields[1], "cdrom:") {
			return fields[1], nil
		}
	}
	return "", errors.New("apt knows no Debian archive of its own; set LINEWARDEN_DEBIAN_MIRROR to one, or " + installHint)
}

// readRelease reads the text of /etc/os-release.
func readRelease(text string) map[string]string {
	system := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		system[key] = strings.Trim(value, `"'`)
	}
	return system
}
