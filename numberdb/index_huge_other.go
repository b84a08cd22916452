//go:build !linux

package numberdb

import "unsafe"

// adviseHuge asks the system to keep memory in huge pages, where we know how.
func adviseHuge(unsafe.Pointer, int) {}
