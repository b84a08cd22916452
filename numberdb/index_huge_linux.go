package numberdb

import (
	"syscall"
	"unsafe"
)

// hugePage is the size of the larger pages of memory on most machines.
const hugePage = 2 << 20

// adviseHuge asks the system to keep size bytes of memory at p in huge pages. A processor remembers where some 2,000 pages lie; of
// ordinary ones these are 8 MB, and every read from elsewhere in a large list begins with a search for its page. Where the advice is
// not taken, reads take longer, and nothing else.
func adviseHuge(p unsafe.Pointer, size int) {
	const worthwhile = 2 << 10
	if size < worthwhile {
		return
	}
	from := uintptr(p) &^ (hugePage - 1)
	to := (uintptr(p) + uintptr(size) + hugePage - 1) &^ (hugePage - 1)
	// The whole pages are advised, whatever else lies in them; parts that are no memory yet are passed over, with an error.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_HUGEPAGE)
}
