package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

func options() CSVOptions {
	return CSVOptions{
		Origin: numberdb.Origin{Region: "US"}, Source: numberdb.Source{Kind: numberdb.SourceFeed, Organisation: "ftc"},
		Roles: numberdb.RolesOf(numberdb.RoleCallerID), At: noon, Now: noon,
	}
}

// readAll reads a list to its end.
func readAll(t testing.TB, in io.Reader, o CSVOptions) (reports []numberdb.Report, refused []*Rejected) {
	t.Helper()
	c, err := NewCSVReader(in, o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := c.Read()
		var no *Rejected
		switch {
		case err == nil:
			reports = append(reports, r)
		case errors.As(err, &no):
			refused = append(refused, no)
		case errors.Is(err, io.EOF):
			return reports, refused
		default:
			t.Fatal(err)
		}
	}
}

func TestEveryColumn(t *testing.T) {
	const list = "\xEF\xBB\xBFNumber,Region,roles,brand,category,arrived,Red Flags,text,loss,currency,language,at,id,rejected\r\n" +
		"020 7946 0123,gb,callback; caller_id,amazon,refund,sms,\"fee, gift_cards\",\"He said \"\"pay\"\",\r\nthen =1+1\",10.5,GBP,en,2026-01-31,7,\r\n" +
		"\r\n" +
		"(202) 555-0143,,,,,,,,,,,2026-01-31 14:05:00,8,\r\n"
	reports, refused := readAll(t, strings.NewReader(list), options())
	if len(reports) != 2 || refused != nil {
		t.Fatalf("read %+v, refused %+v", reports, refused)
	}
	want := numberdb.Report{
		Number: 442079460123, Roles: numberdb.RolesOf(numberdb.RoleCallback, numberdb.RoleCallerID), Brand: "amazon",
		Category: numberdb.CategoryRefund, Arrived: numberdb.ArrivalSMS, RedFlags: numberdb.RedFlagFee | numberdb.RedFlagGiftCards,
		Text: "He said \"pay\",\r\nthen =1+1", Loss: 10.5, Currency: "GBP", Language: "en", Source: options().Source,
		Reporter: reports[0].Reporter, At: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
	}
	if reports[0] != want {
		t.Errorf("read\n%+v, want\n%+v", reports[0], want)
	}
	second := numberdb.Report{
		Number: 12025550143, Roles: options().Roles, Source: options().Source, Reporter: reports[1].Reporter,
		At: time.Date(2026, 1, 31, 14, 5, 0, 0, time.UTC),
	}
	if reports[1] != second || reports[1].Reporter == reports[0].Reporter {
		t.Errorf("read\n%+v, want\n%+v", reports[1], second)
	}
}

// TestReporters wants one reporter for each row, whenever and however the file is read.
func TestReporters(t *testing.T) {
	reporters := func(list string, change ...func(*CSVOptions)) (names []string) {
		o := options()
		for _, c := range change {
			c(&o)
		}
		reports, _ := readAll(t, strings.NewReader(list), o)
		for _, r := range reports {
			names = append(names, r.Reporter)
		}
		return names
	}
	const list = "number,text,id\n+12025550143,a,\n+12025550143,a,\n+12025550143,a,2\n+12025550143,,a\n+12025550144,a,\n"
	got := reporters(list)
	if got[0] != got[1] || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 4 {
		t.Errorf("reporters %q", got)
	}
	later := reporters(list, func(o *CSVOptions) { o.At, o.Now = noon.Add(time.Hour), noon.AddDate(1, 0, 0) })
	if !slices.Equal(got, later) || !slices.Equal(got, reporters(strings.ReplaceAll(list, "\n", "\r\n"))) {
		t.Error("another day, or other line ends, give other reporters")
	}
	if slices.Equal(got, reporters(list, func(o *CSVOptions) { o.Source.Organisation = "other" })) {
		t.Error("another organisation gives the same reporters")
	}
}

func TestRefusedRows(t *testing.T) {
	long := strings.Repeat("x", 3*MaxRecord)
	for name, tc := range map[string]struct{ row, want string }{
		"no number":          {",a", "number is missing or withheld"},
		"withheld":           {"anonymous,a", "number is missing or withheld"},
		"emergency":          {"911,a", "number is an emergency number"},
		"short":              {"24273,a", "number is too short"},
		"garbage":            {"${SHELL(id)},a", "number is not a possible telephone number"},
		"formula":            {"=HYPERLINK(1),a", "number is not a possible telephone number"},
		"NUL in the number":  {"+1202555\x000143,a", "number is not a possible telephone number"},
		"NUL in the text":    {"+12025550143,a\x00", "text holds control characters"},
		"terminal":           {"+12025550143,\x1b[2J", "text holds control characters"},
		"not UTF-8":          {"+12025550143,\xff\xfe", "text is not UTF-8"},
		"long text":          {"+12025550143," + strings.Repeat("x", 4001), "text is too long"},
		"long line":          {"+12025550143," + long, "row is longer than 64 KiB"},
		"long quoted line":   {"+12025550143,\"" + long + "\"", "row is longer than 64 KiB"},
		"few fields":         {"+12025550143", "row has fewer fields"},
		"many fields":        {"+12025550143,a,b", "row has more fields"},
		"very many fields":   {strings.Repeat(",", 5000), "row has more fields"},
		"open quote":         {"+12025550143,\"a", "row opens a quote that nothing closes"},
		"bare quote":         {"+12025550143,a\"b", "row has a quote amid a field"},
		"behind the quote":   {"+12025550143,\"a\"b", "row has a quote amid a field"},
		"header once more":   {"number,text", "number is not a possible telephone number"},
		"semicolons for one": {"+12025550143;a", "row has fewer fields"},
	} {
		t.Run(name, func(t *testing.T) {
			var rejects bytes.Buffer
			o := options()
			o.Rejects = &rejects
			list := "number,text\n+12025550111,before\n" + tc.row + "\n+12025550122,behind\n"
			reports, refused := readAll(t, iotest.HalfReader(strings.NewReader(list)), o)
			if len(reports) != 2 || reports[0].Text != "before" || reports[1].Text != "behind" {
				t.Errorf("read %d sound rows", len(reports))
			}
			if len(refused) != 1 || refused[0].Line != 3 || !strings.HasPrefix(refused[0].Faults.Error(), tc.want) {
				t.Fatalf("refused %.300v, want %q", refused, tc.want)
			}
			head, row, _ := strings.Cut(rejects.String(), "\n")
			if head != "rejected,number,text" || !strings.HasSuffix(row, "\","+tc.row+"\n") || !strings.HasPrefix(row, `"line 3: `) {
				t.Errorf("kept %.300q", rejects.String())
			}
		})
	}
}

// TestOtherFaults are those of fields that the lists above do not have.
func TestOtherFaults(t *testing.T) {
	for column, tc := range map[string]struct{ value, want string }{
		"roles":     {"caller", "roles has an unknown name"},
		"brand":     {"Amazon Inc", "brand is not a brand's slug"},
		"category":  {"Refund", "category has an unknown name"},
		"arrived":   {"fax", "arrived has an unknown name"},
		"red_flags": {"fee|gold", "red_flags has an unknown name"},
		"loss":      {"1,5", "loss is not a number"},
		"currency":  {"$", "currency is not a currency"},
		"language":  {"english!", "language is not a language tag"},
		"at":        {"31.1.2026", "at is not a time"},
		"region":    {"USA", "region is not a country's code"},
	} {
		list := "number," + column + "\n+12025550143,\"" + tc.value + "\"\n"
		if reports, refused := readAll(t, strings.NewReader(list), options()); len(reports) != 0 || len(refused) != 1 || !strings.HasPrefix(refused[0].Faults.Error(), tc.want) {
			t.Errorf("%s %q: refused %v, want %q", column, tc.value, refused, tc.want)
		}
	}
	list := "number,at,roles\n911,2027-01-01,both\n"
	if _, refused := readAll(t, strings.NewReader(list), options()); len(refused) != 1 || len(refused[0].Faults) != 3 {
		t.Errorf("a row with three faults: %v", refused)
	}
}

// TestTimesCanBeWritten: Go reads offsets of a day and writes none, so that one such row would break off the import of all others.
func TestTimesCanBeWritten(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-01-31T14:05:00+14:00": true, "2026-01-31T14:05:00-23:59": true,
		"2026-01-31T14:05:00+24:00": false, "2026-01-31T14:05:00-24:00": false, "2026-01-31T14:05:00+23:60": false,
	} {
		at, known := ParseTime(text)
		if known != want {
			t.Errorf("%s is read as %v, %v", text, at, known)
		}
		if _, err := at.MarshalJSON(); known && err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	reports, refused := readAll(t, strings.NewReader("number,at\n+12025550143,2026-01-31T14:05:00+24:00\n+12025550144,2026-01-31T14:05:00Z\n"), options())
	if len(reports) != 1 || len(refused) != 1 || refused[0].Faults[0].Field != "at" {
		t.Errorf("read %+v, refused %+v", reports, refused)
	}
}

func TestHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"":                        "the list is empty",
		"\n\n":                    "the list is empty",
		"numbr\n":                 `unknown column "numbr", is it "number"?`,
		"number,catgory\n":        `unknown column "catgory", is it "category"?`,
		"number,number\n":         `the column "number" is there twice`,
		"text\n":                  "there is no column number",
		"number,\"text\n":         "opens a quote that nothing closes",
		"\xff\xfen\x00":           "UTF-16",
		"+12025550143,a\n":        `unknown column "+12025550143"`,
		strings.Repeat("n", 1e6):  "is longer than 64 KiB",
		strings.Repeat("n,", 1e4): `unknown column "n"`,
	} {
		_, err := NewCSVReader(strings.NewReader(header), options())
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.40q: %v, want %q", header, err, want)
		}
	}
	o := options()
	o.Roles = 0
	if _, err := NewCSVReader(strings.NewReader("number\n"), o); err == nil || !strings.Contains(err.Error(), "no column roles") {
		t.Errorf("without roles: %v", err)
	}
	o = options()
	o.Ignore = []string{"Victim name"}
	for _, separator := range []string{",", ";", "\t"} {
		list := strings.ReplaceAll("number|Victim name|text\n+12025550143|Ann|a\n", "|", separator)
		if reports, refused := readAll(t, strings.NewReader(list), o); len(reports) != 1 || refused != nil || reports[0].Text != "a" {
			t.Errorf("with %q: read %+v, refused %v", separator, reports, refused)
		}
	}
}

// TestRejectsMended reads what was refused, mended by hand, as a list: each row is the one that it was, and a reason that no longer holds
// is replaced.
func TestRejectsMended(t *testing.T) {
	var rejects, again bytes.Buffer
	o := options()
	o.Rejects = &rejects
	readAll(t, strings.NewReader("number,text\n+120255501430000,a\n0,\"b \"\"c\"\"\"\n"), o)
	mended := strings.Replace(rejects.String(), "+120255501430000", "+12025550143", 1)
	o.Rejects = &again
	reports, refused := readAll(t, strings.NewReader(mended), o)
	if len(reports) != 1 || len(refused) != 1 || reports[0].Text != "a" {
		t.Fatalf("read %+v, refused %v from\n%s", reports, refused, mended)
	}
	whole, _ := readAll(t, strings.NewReader("number,text\n+12025550143,a\n"), options())
	if whole[0] != reports[0] {
		t.Errorf("the mended row is\n%+v, want\n%+v", reports[0], whole[0])
	}
	if text := again.String(); strings.Count(text, "line 3: ") != 1 || !strings.HasSuffix(text, "\",0,\"b \"\"c\"\"\"\n") || strings.Contains(text, "line 2") {
		t.Errorf("kept again\n%s", text)
	}
}

// TestBrokenReader wants the error of a file that cannot be read to its end, not an end.
func TestBrokenReader(t *testing.T) {
	broken := errors.New("disk on fire")
	list := io.MultiReader(strings.NewReader("number\n"+strings.Repeat("+12025550143\n", 20_000)), iotest.ErrReader(broken))
	c, err := NewCSVReader(list, options())
	for err == nil {
		_, err = c.Read()
	}
	if !errors.Is(err, broken) {
		t.Errorf("the end is %v", err)
	}
}

// FuzzCSV reads anything, and wants that no byte is lost: every line is in a report or kept with a reason, what is read is sound, and what
// is kept can be read again, with the same outcome.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"number,text\n+12025550143,a\n", "number;text\r\n911;\"a\"\"b\"\n", "\xEF\xBB\xBFnumber\n\"\n\"\"\"\n+12025550143", "number,at,loss\n1,2,3\n",
		"rejected,number\n\"x\",5\n\"", "number\n" + strings.Repeat("\"\"\"\n", 9), "number\tid\n\t\r\r\n", "number,text\n,\"a\nb\n+12025550143,c\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var rejects bytes.Buffer
		o := options()
		o.Rejects = &rejects
		c, err := NewCSVReader(iotest.OneByteReader(bytes.NewReader(data)), o)
		if err != nil {
			return
		}
		refused, line := 0, 0
		for {
			r, err := c.Read()
			var no *Rejected
			if c.Lines() < line {
				t.Fatalf("went back from line %d to %d", line, c.Lines())
			}
			line = c.Lines()
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.As(err, &no) {
				refused++
				if len(no.Faults) == 0 || no.Line < 2 {
					t.Fatalf("refused without a reason or place: %v", no)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if faults := r.Check(noon); faults != nil {
				t.Fatalf("took %+v: %v", r, faults)
			}
		}
		if want := bytes.Count(data, []byte{'\n'}); line != want {
			t.Fatalf("read %d lines of %d", line, want)
		}
		if _, again := readAll(t, &rejects, options()); len(again) < min(refused, 1) {
			t.Fatalf("of %d refused rows none is refused again", refused)
		}
	})
}

// BenchmarkCSV reads rows as a public list has them.
func BenchmarkCSV(b *testing.B) {
	var list bytes.Buffer
	fmt.Fprintln(&list, "number,category,arrived,text,at")
	for i := range b.N {
		fmt.Fprintf(&list, "+1202555%04d,refund,call,They said that a refund was due,2026-01-%02dT14:05:00Z\n", i%10_000, 1+i%28)
	}
	b.SetBytes(int64(list.Len() / b.N))
	b.ReportAllocs()
	b.ResetTimer()
	reports, _ := readAll(b, &list, options())
	if len(reports) != b.N {
		b.Fatalf("read %d rows of %d", len(reports), b.N)
	}
}
