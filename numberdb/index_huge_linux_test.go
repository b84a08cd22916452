package numberdb

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// The slots and tags of a large grid lie in memory that the system was asked to keep in huge pages.
func TestIndexAsksForHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		t.Logf("this system has none: %v", err)
		return
	}
	g := newGrid(newScramble(), newBook(), 2_000_000)
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]uintptr{
		"slots": uintptr(unsafe.Pointer(&g.slots[len(g.slots)/2])),
		"tags":  uintptr(unsafe.Pointer(&g.tags[len(g.tags)/2])),
	} {
		if flags := memoryFlags(string(maps), at); !strings.Contains(flags+" ", " hg ") {
			t.Errorf("%s are in memory with the flags %q, want hg (proc_pid_smaps(5))", name, flags)
		}
	}
}

// memoryFlags are the flags of the mapping around an address.
func memoryFlags(smaps string, at uintptr) string {
	inside := false
	for line := range strings.Lines(smaps) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= at && at < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.TrimRight(flags, "\n")
		}
	}
	return ""
}
