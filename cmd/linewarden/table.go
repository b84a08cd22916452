package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
)

// pageFlags are which part of a list is asked for.
type pageFlags struct {
	Limit  int    `default:"50" help:"How many at most, 1 to 200."`
	Cursor string `placeholder:"NAME" help:"Go on where the list before ended, as it says."`
}

func (f pageFlags) query() url.Values {
	query := url.Values{"limit": {strconv.Itoa(f.Limit)}}
	if f.Cursor != "" {
		query.Set("cursor", f.Cursor)
	}
	return query
}

// printTable prints rows below their titles, and how to get those that follow.
func (p *program) printTable(titles string, rows [][]string, next string) error {
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, titles)
	for _, cells := range rows {
		for i := range cells {
			cells[i] = printable(cells[i])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if next != "" {
		fmt.Fprintln(table, "more: --cursor "+printable(next))
	}
	return table.Flush() // tells of the writes before, too
}
