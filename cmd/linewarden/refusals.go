package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/linewarden/linewarden/numberdb/feed"
)

// refusals tells of rows that were refused: the first ones each, all of them by reason. One goroutine uses it at a time.
type refusals struct {
	w        io.Writer
	count    int
	byReason map[string]int // few: a reason is a field and one of the things that can be wrong with it
}

// mostTold is how many rows are told of each.
const mostTold = 20

func newRefusals(w io.Writer) *refusals { return &refusals{w: w, byReason: map[string]int{}} }

// add counts a row, and tells of it if it is one of the first.
func (r *refusals) add(row *feed.Rejected) {
	r.count++
	for _, f := range row.Faults {
		r.byReason[f.Field+" "+f.Problem]++
	}
	if r.count <= mostTold {
		fmt.Fprintln(r.w, printable(row.Error()))
	}
}

// tell tells the rest.
func (r *refusals) tell() {
	if r.count <= mostTold {
		return
	}
	fmt.Fprintf(r.w, "... and %d more; all by reason:\n", r.count-mostTold)
	reasons := slices.SortedFunc(maps.Keys(r.byReason), func(a, b string) int {
		return cmp.Or(r.byReason[b]-r.byReason[a], cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		fmt.Fprintf(r.w, "%8d  %s\n", r.byReason[reason], reason)
	}
}
