package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// CSVOptions say how to read a file of CSV.
type CSVOptions struct {
	// Origin is where the numbers were written: the region of those without a country code, unless their row names one.
	Origin numberdb.Origin
	// Source is who made the list.
	Source numberdb.Source
	// Roles are those of rows that name none.
	Roles numberdb.Roles
	// At is the time of rows that name none.
	At time.Time
	// Now is the present: no row can be of a later time.
	Now time.Time
	// Ignore are columns that are passed over.
	Ignore []string
	// Rejects gets the rows that are refused, byte for byte, each behind a field "rejected" with the reason, below the file's header: a
	// CSV file that can be mended and read again. Nil keeps none.
	Rejects io.Writer
}

// CSVReader reads the reports in a file of CSV.
//
// The first row names the columns, in any order: number (needed), region, roles, brand, category, arrived, red_flags, text, loss,
// currency, language, at, id. An id keeps rows apart that are otherwise equal; the column rejected is passed over. Roles and red flags
// are names with commas, semicolons or blanks between. A time is that of RFC 3339, or a day or a time of UTC (2026-01-31, 2026-01-31 14:05:00).
// Fields are parted by commas, or by semicolons or tabs if the first row is. A byte order mark is passed over.
//
// Each row is a reporter of its own, named by a hash of the row and the source: reading a file again gives the same reporters.
// A CSVReader is not safe for concurrent use.
type CSVReader struct {
	records *records
	options CSVOptions
	columns []column // by place in a row
	when    clockText
}

// column is what a field of a row says.
type column struct {
	name string
	set  func(*row, string) // nil to pass over
}

// Rejected is a row that is refused. It is an error; reading goes on with the next row.
type Rejected struct {
	Line   int // of the row's beginning, from 1
	Faults numberdb.Faults
}

func (r *Rejected) Error() string { return fmt.Sprintf("line %d: %v", r.Line, r.Faults) }

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// NewCSVReader reads the header of a file. An error says what is wrong with it.
func NewCSVReader(in io.Reader, o CSVOptions) (*CSVReader, error) {
	c := &CSVReader{records: newRecords(in), options: o}
	if err := c.records.fill(); err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	begin := c.records.buf[:c.records.end]
	switch {
	case bytes.HasPrefix(begin, []byte{0xFF, 0xFE}), bytes.HasPrefix(begin, []byte{0xFE, 0xFF}):
		return nil, errors.New("the list is written in UTF-16: save it as CSV in UTF-8")
	case bytes.HasPrefix(begin, byteOrderMark):
		c.records.start = len(byteOrderMark)
	}
	c.records.comma = separator(begin)
	header, err := c.records.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the list is empty: its first row names the columns")
	case err != nil:
		return nil, fmt.Errorf("read the list: %w", err)
	case header.err != nil:
		return nil, fmt.Errorf("the first row, which names the columns, %w", header.err)
	}
	if c.columns, err = columnsOf(header.fields, o.Ignore); err == nil && o.Roles == 0 && !has(c.columns, "roles") {
		err = errors.New("there is no column roles, which says what part each number plays: add it, or name --role")
	}
	if err != nil {
		return nil, fmt.Errorf("the first row, which names the columns: %w", err)
	}
	if o.Rejects != nil {
		head := header.raw
		if len(c.columns) == 0 || c.columns[0].name != rejectedColumn {
			head = append([]byte(rejectedColumn+string(c.records.comma)), head...)
		}
		if _, err := o.Rejects.Write(withLineEnd(head)); err != nil {
			return nil, fmt.Errorf("keep refused rows: %w", err)
		}
	}
	return c, nil
}

// separator is what parts the fields of a header.
func separator(data []byte) byte {
	line, _, _ := bytes.Cut(data, []byte{'\n'})
	for _, s := range []byte{',', ';', '\t'} {
		if bytes.IndexByte(line, s) >= 0 {
			return s
		}
	}
	return ','
}

// Lines is how many lines of the file were read.
func (c *CSVReader) Lines() int { return c.records.line }

// Read gives the report of the next row, which [numberdb.Report.Check] has found sound. The error is a *[Rejected] for a row that is refused, io.EOF at the end,
// and anything else means that the file or the refused rows cannot be read or kept on.
func (c *CSVReader) Read() (numberdb.Report, error) {
	rec, err := c.records.next()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("read the list behind line %d: %w", c.records.line, err)
		}
		return numberdb.Report{}, err
	}
	report, faults := c.report(rec)
	if faults == nil {
		return report, nil
	}
	refused := &Rejected{Line: rec.line, Faults: faults}
	if err := c.keep(rec, refused); err != nil {
		return numberdb.Report{}, err
	}
	return numberdb.Report{}, refused
}

// report turns a row into a report, or says all that is wrong with it.
func (c *CSVReader) report(rec record) (numberdb.Report, numberdb.Faults) {
	if rec.err != nil {
		return numberdb.Report{}, numberdb.Faults{{Field: "row", Problem: rec.err.Error(), Remedy: "write each field that holds a comma, a quote or a line end in quotes, and quotes inside it twice"}}
	}
	if n := len(rec.fields); n != len(c.columns) {
		many := "more"
		if n < len(c.columns) {
			many = "fewer"
		}
		return numberdb.Report{}, numberdb.Faults{{Field: "row", Problem: "has " + many + " fields than there are columns", Remedy: fmt.Sprintf("write %d fields, not %d", len(c.columns), n)}}
	}
	r := row{options: &c.options, when: &c.when}
	r.report.Source, r.report.Roles, r.report.At = c.options.Source, c.options.Roles, c.options.At
	for i, column := range c.columns {
		if column.set != nil {
			column.set(&r, rec.fields[i])
		}
	}
	r.finish()
	r.report.Reporter = c.reporter(rec.fields)
	for _, f := range r.report.Check(c.options.Now) {
		if !r.names(f.Field) { // one thing said of a field is enough
			r.faults = append(r.faults, f)
		}
	}
	return r.report, r.faults
}

// keep keeps a refused row, and with it what of its line was too long to be read at once.
func (c *CSVReader) keep(rec record, why *Rejected) error {
	unfinished := errors.Is(rec.err, errTooLong) && !bytes.HasSuffix(rec.raw, []byte{'\n'})
	raw := withLineEnd(rec.raw)
	if unfinished {
		raw = rec.raw
	}
	if c.options.Rejects != nil {
		raw = c.withReason(rec, raw, printable(why.Error()))
		if _, err := c.options.Rejects.Write(raw); err != nil {
			return fmt.Errorf("keep refused rows: %w", err)
		}
	}
	for unfinished {
		piece, err := c.records.restOfLine()
		if err != nil {
			return fmt.Errorf("read the list behind line %d: %w", c.records.line, err)
		}
		unfinished = len(piece) > 0 && !bytes.HasSuffix(piece, []byte{'\n'})
		if c.options.Rejects != nil {
			if len(piece) == 0 {
				piece = []byte{'\n'}
			}
			if _, err := c.options.Rejects.Write(piece); err != nil {
				return fmt.Errorf("keep refused rows: %w", err)
			}
		}
	}
	return nil
}

// withReason puts a reason before a refused row, in the place of the one that it has from the last time. A row that has one and is
// broken as such keeps it: where it ends cannot be told.
func (c *CSVReader) withReason(rec record, raw []byte, reason string) []byte {
	if c.columns[0].name == rejectedColumn {
		if len(rec.fields) == 0 {
			return raw
		}
		rest, found := bytes.CutPrefix(raw, quote(rec.fields[0]))
		if !found {
			rest = bytes.TrimPrefix(raw, []byte(rec.fields[0]))
		}
		raw = bytes.TrimPrefix(rest, []byte{c.records.comma})
	}
	return append(append(quote(reason), c.records.comma), raw...)
}

// quote writes a field in quotes.
func quote(s string) []byte { return []byte(`"` + strings.ReplaceAll(s, `"`, `""`) + `"`) }

// withLineEnd ends the last row of a file that does not end its last line.
func withLineEnd(raw []byte) []byte {
	if bytes.HasSuffix(raw, []byte{'\n'}) {
		return raw
	}
	return append(bytes.Clone(raw), '\n')
}
