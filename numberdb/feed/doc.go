// Package feed reads number lists, as authorities, banks and other helplines publish or send them: one file for each format.
//
// A [CSVReader] turns each row of a CSV file into a report. It trusts nothing in the file: whatever is wrong with a row, it says so with the
// row's line and goes on with the next; it holds one row at a time, of bounded length; and what it refuses it can keep elsewhere, unchanged.
package feed
