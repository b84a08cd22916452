package testbed

import (
	"fmt"
	"regexp"
	"strconv"
)

// version is the part of a program's version that decides what it can do.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

var versionPattern = regexp.MustCompile(`(\d+)\.(\d+)`)

// parseVersion finds the first version in a line such as "Redis server v=8.0.6 sha=0".
func parseVersion(line string) (version, bool) {
	found := versionPattern.FindStringSubmatch(line)
	if found == nil {
		return version{}, false
	}
	major, errMajor := strconv.Atoi(found[1])
	minor, errMinor := strconv.Atoi(found[2])
	return version{major, minor}, errMajor == nil && errMinor == nil
}

// hasStasisBroadcast tells whether this Asterisk has the application StasisBroadcast.
func (v version) hasStasisBroadcast() bool {
	switch v.major {
	case 20:
		return v.minor >= 17
	case 21:
		return false
	case 22:
		return v.minor >= 7
	case 23:
		return v.minor >= 1
	}
	return v.major > 23
}
