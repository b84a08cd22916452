package numberdb

import (
	"syscall"
	"unsafe"
)

// hugePage is the size of the larger pages of memory on most machines.
const hugePage = 2 << 20

// madvCollapse is MADV_COLLAPSE of Linux 6.1 and later (madvise(2)).
const madvCollapse = 25

// hugePages asks the system to keep size bytes of memory at p in huge pages. A processor remembers where some 2,000 pages lie; of
// ordinary ones these are 8 MB, and every read from elsewhere in a large list begins with a search for its page. Where the advice is
// not taken, reads take longer, and nothing else.
//
// What the program has not touched yet will lie in huge pages when it does. But much of what Go gives out was in use before, for what was read
// to load the list, and lies in ordinary pages: that is moved into huge ones now, 1 to 2 ms for each.
func hugePages(p unsafe.Pointer, size int) {
	const worthwhile = hugePage / 2
	if size < worthwhile {
		return
	}
	from := uintptr(p) &^ (hugePage - 1)
	to := (uintptr(p) + uintptr(size) + hugePage - 1) &^ (hugePage - 1)
	for _, advice := range []uintptr{syscall.MADV_HUGEPAGE, madvCollapse} {
		// The whole pages are advised, whatever else lies in them; parts that are no memory yet are passed over, with an error.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, advice)
	}
}
