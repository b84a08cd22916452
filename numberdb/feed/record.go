package feed

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// records parts CSV (RFC 4180) into records and fields. Unlike encoding/csv it bounds a record, and goes on behind one that is broken: a
// quote that is never closed spoils its own line, not the rest of the file.
type records struct {
	in    io.Reader
	comma byte

	buf        []byte
	start, end int // what of buf is not yet consumed
	eof        bool
	line       int // lines consumed

	fields []string // of the last record, reused
}

// MaxRecord is how many bytes a row may have, line end included. The longest sound report in the widest script is below 24 KiB.
const MaxRecord = 64 << 10

// maxFields is how many fields of a row are told apart; the last one has the rest.
const maxFields = 256

func newRecords(in io.Reader) *records {
	return &records{in: in, comma: ',', buf: make([]byte, 4*MaxRecord)}
}

// What can be wrong with a record as such.
var (
	errTooLong   = errors.New("is longer than 64 KiB")
	errOpenQuote = errors.New("opens a quote that nothing closes")
	errBareQuote = errors.New("has a quote amid a field")
)

// record is one record of the file. Its texts are valid until the next is read.
type record struct {
	line   int      // of its beginning, from 1
	raw    []byte   // as it stands, line end included
	fields []string // none if err is set
	err    error    // what is wrong with it as such
}

// next reads a record; blank lines are passed over. Errors are those of the reader, io.EOF at the end. After a record with an error it goes on behind its
// first line, or what of it was read.
func (r *records) next() (record, error) {
	for {
		if err := r.fill(); err != nil {
			return record{}, err
		}
		data := r.buf[r.start:min(r.end, r.start+MaxRecord)]
		if len(data) == 0 {
			return record{}, io.EOF
		}
		rec := record{line: r.line + 1}
		n, err := r.split(data)
		if err != nil {
			n = bytes.IndexByte(data, '\n') + 1
			if n == 0 {
				n = len(data)
				if r.start+n < r.end || !r.eof {
					err = errTooLong
				}
			}
		}
		rec.raw, rec.err = data[:n], err
		r.start += n
		r.line += bytes.Count(rec.raw, []byte{'\n'})
		if err == nil {
			rec.fields = r.fields
		}
		if len(bytes.Trim(rec.raw, "\r\n")) > 0 {
			return rec, nil
		}
	}
}

// restOfLine gives what is left of a line that was too long, piece by piece; nil at its end.
func (r *records) restOfLine() ([]byte, error) {
	if err := r.fill(); err != nil {
		return nil, err
	}
	piece := r.buf[r.start:r.end]
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		piece = piece[:i+1]
		r.line++
	}
	r.start += len(piece)
	return piece, nil
}

// fill sees to it that the longest record, or all that is left, is in the buffer.
func (r *records) fill() error {
	if r.eof || r.end-r.start >= MaxRecord {
		return nil
	}
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
	n, err := io.ReadAtLeast(r.in, r.buf[r.end:], MaxRecord-r.end)
	r.end += n
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		r.eof, err = true, nil
	}
	return err
}

// split reads the fields of the record at the beginning of data and gives its length. What is wrong is an error.
func (r *records) split(data []byte) (int, error) {
	r.fields = r.fields[:0]
	line, rest, ended := bytes.Cut(data, []byte{'\n'})
	if bytes.IndexByte(line, '"') < 0 {
		if !ended && !r.isLast(len(data)) {
			return 0, errTooLong
		}
		r.splitPlain(string(bytes.TrimSuffix(line, []byte{'\r'})))
		return len(data) - len(rest), nil
	}
	return r.splitQuoted(data)
}

// isLast says whether nothing follows behind the next n bytes.
func (r *records) isLast(n int) bool { return r.eof && r.start+n == r.end }

// splitPlain takes the fields of a line without quotes.
func (r *records) splitPlain(line string) {
	for len(r.fields) < maxFields-1 {
		i := strings.IndexByte(line, r.comma)
		if i < 0 {
			break
		}
		r.fields = append(r.fields, line[:i])
		line = line[i+1:]
	}
	r.fields = append(r.fields, line)
}

// splitQuoted takes the fields of a record in which there are quotes.
func (r *records) splitQuoted(data []byte) (int, error) {
	for at := 0; ; {
		var field []byte
		if at < len(data) && data[at] == '"' {
			var err error
			if field, at, err = r.quoted(data, at+1); err != nil {
				return 0, err
			}
		} else {
			n := bytes.IndexAny(data[at:], string([]byte{r.comma, '\n', '"'}))
			switch {
			case n >= 0 && data[at+n] == '"':
				return 0, errBareQuote
			case n < 0:
				n = len(data) - at
			}
			field, at = data[at:at+n], at+n
			if at == len(data) || data[at] == '\n' {
				field = bytes.TrimSuffix(field, []byte{'\r'})
			}
		}
		if len(r.fields) < maxFields {
			r.fields = append(r.fields, string(field))
		}
		switch {
		case at == len(data) && r.isLast(at):
			return at, nil
		case at == len(data):
			return 0, errTooLong
		case data[at] == '\n':
			return at + 1, nil
		}
		at++ // the comma
	}
}

// quoted reads a field behind its opening quote and gives where it ends: at a comma, a line end or the end of data.
func (r *records) quoted(data []byte, at int) (field []byte, end int, err error) {
	for {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 {
			return nil, 0, errOpenQuote
		}
		field = append(field, data[at:at+n]...)
		at += n + 1
		switch rest := data[at:]; {
		case len(rest) == 0 || rest[0] == r.comma || rest[0] == '\n':
			return field, at, nil
		case rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
			return field, at + 1, nil
		case rest[0] == '"':
			field = append(field, '"')
			at++
		default:
			return nil, 0, errBareQuote
		}
	}
}
