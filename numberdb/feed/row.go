package feed

import (
	"crypto/sha256"
	"encoding"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"github.com/linewarden/linewarden/numberdb"
)

// row is a report in the making.
type row struct {
	options *CSVOptions
	when    *clockText
	report  numberdb.Report
	faults  numberdb.Faults

	number, region string
}

// rejectedColumn has the reasons in a file of refused rows.
const rejectedColumn = "rejected"

// knownColumns are all columns, in the order in which people are told of them.
var knownColumns = []column{
	{"number", func(r *row, s string) { r.number = s }},
	{"region", func(r *row, s string) { r.region = strings.ToUpper(strings.TrimSpace(s)) }},
	{"roles", func(r *row, s string) { r.word("roles", listed(s), &r.report.Roles) }},
	{"brand", func(r *row, s string) { r.report.Brand = numberdb.Brand(strings.TrimSpace(s)) }},
	{"category", func(r *row, s string) { r.word("category", strings.TrimSpace(s), &r.report.Category) }},
	{"arrived", func(r *row, s string) { r.word("arrived", strings.TrimSpace(s), &r.report.Arrived) }},
	{"red_flags", func(r *row, s string) { r.word("red_flags", listed(s), &r.report.RedFlags) }},
	{"text", func(r *row, s string) { r.report.Text = s }},
	{"loss", (*row).loss},
	{"currency", func(r *row, s string) { r.report.Currency = strings.TrimSpace(s) }},
	{"language", func(r *row, s string) { r.report.Language = strings.TrimSpace(s) }},
	{"at", (*row).at},
	{"id", nil},
	{rejectedColumn, nil},
}

// columnsOf finds the columns that a header names.
func columnsOf(header, ignored []string) ([]column, error) {
	columns := make([]column, len(header))
	for i, text := range header {
		name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), " ", "_")
		if slices.Contains(ignored, text) || slices.Contains(ignored, name) {
			columns[i] = column{name: name}
			continue
		}
		known := slices.IndexFunc(knownColumns, func(c column) bool { return c.name == name })
		if known < 0 {
			return nil, unknownColumn(text, name)
		}
		if slices.ContainsFunc(columns[:i], func(c column) bool { return c.name == name }) {
			return nil, fmt.Errorf("the column %q is there twice: leave one out", name)
		}
		columns[i] = knownColumns[known]
	}
	if !has(columns, "number") {
		return nil, errors.New("there is no column number")
	}
	return columns, nil
}

// has says whether a column is there and not passed over.
func has(columns []column, name string) bool {
	return slices.ContainsFunc(columns, func(c column) bool { return c.name == name && c.set != nil })
}

// unknownColumn names the nearest right column.
func unknownColumn(text, name string) error {
	name = name[:min(len(name), 64)]
	nearest := slices.MinFunc(knownColumns, func(a, b column) int {
		return levenshtein.ComputeDistance(name, a.name) - levenshtein.ComputeDistance(name, b.name)
	})
	var names []string
	for _, c := range knownColumns {
		if c.name != rejectedColumn {
			names = append(names, c.name)
		}
	}
	return fmt.Errorf("unknown column %.40q, is it %q? There are %s; name those to pass over with --ignore", text, nearest.name, strings.Join(names, ", "))
}

// fault notes what is wrong with a field.
func (r *row) fault(field, problem, remedy string) {
	r.faults = append(r.faults, numberdb.Fault{Field: field, Problem: problem, Remedy: remedy})
}

// names says whether a fault of the field, or of one in it, is noted.
func (r *row) names(field string) bool {
	return slices.ContainsFunc(r.faults, func(f numberdb.Fault) bool { return f.Field == field })
}

// word reads a word of a closed set, or several with commas between. An empty text leaves v alone.
func (r *row) word(field, text string, v encoding.TextUnmarshaler) {
	if text == "" {
		return
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		r.fault(field, "has an unknown name", err.Error())
	}
}

// listed puts commas between names.
func listed(s string) string {
	if !strings.ContainsAny(s, ",; \t|") {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(",; \t|", c) }), ",")
}

func (r *row) loss(s string) {
	if s = strings.TrimSpace(s); s == "" {
		return
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		r.fault("loss", "is not a number", "write digits with a point before the fraction, such as 1499.50")
		return
	}
	r.report.Loss = v
}

func (r *row) at(s string) {
	if s = strings.TrimSpace(s); s == "" {
		return
	}
	v, ok := r.when.parse(s)
	if !ok {
		r.fault("at", "is not a time", "write 2026-01-31T14:05:00Z, 2026-01-31 14:05:00 or 2026-01-31")
		return
	}
	r.report.At = v
}

// finish reads the number, for which the row's region must be known.
func (r *row) finish() {
	origin := r.options.Origin
	if r.region != "" {
		origin.Region, origin.Bare = r.region, numberdb.BareNational
		if !numberdb.KnownRegion(r.region) {
			r.fault("region", "is not a country's code", "write two capital letters of ISO 3166-1, such as US")
		}
	}
	p := origin.Parse(r.number)
	r.report.Number = p.Number
	switch p.Kind {
	case numberdb.KindE164:
	case numberdb.KindWithheld:
		r.fault("number", "is missing or withheld", "write it with its country code, such as +12025550143")
	case numberdb.KindEmergency:
		r.fault("number", "is an emergency number", "emergency numbers are never listed")
	case numberdb.KindShort:
		r.fault("number", "is too short", "short numbers belong to one country or operator; write a full number with its country code")
	default:
		r.fault("number", "is not a possible telephone number", "write it with its country code, such as +12025550143, or name the region")
	}
}

// reporter names a row by all that it says and by who says it. 26 characters are 130 bits.
func (c *CSVReader) reporter(fields []string) string {
	h := make([]byte, 0, 512)
	add := func(s string) { h = append(binary.AppendUvarint(h, uint64(len(s))), s...) }
	add(c.options.Source.Organisation)
	add(c.options.Roles.String())
	for i, f := range fields {
		if name := c.columns[i].name; f != "" && name != rejectedColumn {
			add(name)
			add(f)
		}
	}
	sum := sha256.Sum256(h)
	return "row-" + base32.StdEncoding.EncodeToString(sum[:])[:26]
}

// clockText reads times. Lists are sorted by day more often than not, so that it remembers the last text.
type clockText struct {
	text string
	time time.Time
}

const secondsPerDay = 24 * 60 * 60

var layouts = []string{time.RFC3339, time.DateOnly, time.DateTime}

func (c *clockText) parse(s string) (time.Time, bool) {
	if s == c.text {
		return c.time, true
	}
	t, ok := ParseTime(s)
	if ok {
		c.text, c.time = s, t
	}
	return t, ok
}

// ParseTime reads a time as it is written in a list. One with an offset from UTC of a day or more, which Go would read but not write, is none.
func ParseTime(s string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			_, offset := t.Zone()
			return t, -secondsPerDay < offset && offset < secondsPerDay
		}
	}
	return time.Time{}, false
}

// printable is a text on one line, without what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
