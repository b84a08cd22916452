package numberdb

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is the present of these tests.
var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

func goodReport() Report {
	return Report{
		Number: 12025550143, Roles: RolesOf(RoleCallback), Brand: "amazon", Category: CategoryRefund, Arrived: ArrivalPopup,
		RedFlags: RedFlagRemoteAccess, Text: "They wanted\r\n\tto see my screen. 😀", Loss: 499.99, Currency: "USD", Language: "en-US",
		Source: Source{SourceStaff, "aarp"}, Reporter: "u:41", At: noon.Add(-time.Hour),
	}
}

func goodDecision() Decision {
	return Decision{
		Target: Target{Number: 12025550143}, Roles: RolesOf(RoleCallback), Standing: StandingBlock, Reason: "Heard it myself.",
		Author: "ann", Approver: "bob", At: noon,
	}
}

// fields are the fields that are at fault.
func fields(f Faults) []string {
	var list []string
	for _, x := range f {
		list = append(list, x.Field)
	}
	return list
}

func TestReportCheck(t *testing.T) {
	good := goodReport()
	if f := good.Check(noon); f != nil {
		t.Fatalf("a good report has faults: %v", f)
	}
	tests := map[string]struct {
		change func(*Report)
		want   []string
	}{
		"no number":              {func(r *Report) { r.Number = 0 }, []string{"number"}},
		"emergency number":       {func(r *Report) { r.Number = 1911 }, []string{"number"}},
		"European emergency":     {func(r *Report) { r.Number = 33112 }, []string{"number"}},
		"short number":           {func(r *Report) { r.Number = 333975 }, []string{"number"}},
		"local number":           {func(r *Report) { r.Number = 15550143 }, []string{"number"}},
		"number too long":        {func(r *Report) { r.Number = 120255501432 }, []string{"number"}},
		"no such country":        {func(r *Report) { r.Number = 999123456789 }, []string{"number"}},
		"number over 15 digits":  {func(r *Report) { r.Number = math.MaxUint64 }, []string{"number"}},
		"fiction in London":      {func(r *Report) { r.Number = 442079460123 }, nil},
		"fiction in France":      {func(r *Report) { r.Number = 33199001234 }, nil},
		"no role":                {func(r *Report) { r.Roles = 0 }, []string{"roles"}},
		"unknown role":           {func(r *Report) { r.Roles = 4 }, []string{"roles"}},
		"brand with markup":      {func(r *Report) { r.Brand = "<b>" }, []string{"brand"}},
		"unknown category":       {func(r *Report) { r.Category = 200 }, []string{"category"}},
		"unknown arrival":        {func(r *Report) { r.Arrived = 200 }, []string{"arrived"}},
		"longest text":           {func(r *Report) { r.Text = strings.Repeat("語", MaxText) }, nil},
		"text too long":          {func(r *Report) { r.Text = strings.Repeat("語", MaxText+1) }, []string{"text"}},
		"huge text":              {func(r *Report) { r.Text = strings.Repeat("a", 1<<20) }, []string{"text"}},
		"NUL":                    {func(r *Report) { r.Text = "a\x00b" }, []string{"text"}},
		"escape sequence":        {func(r *Report) { r.Text = "\x1b[2J" }, []string{"text"}},
		"C1 control":             {func(r *Report) { r.Text = "\u009b2J" }, []string{"text"}},
		"not UTF-8":              {func(r *Report) { r.Text = "\xff\xfe" }, []string{"text"}},
		"formula":                {func(r *Report) { r.Text = "=cmd|'/c calc'!A1" }, nil},
		"negative loss":          {func(r *Report) { r.Loss = -1 }, []string{"loss"}},
		"loss that is no number": {func(r *Report) { r.Loss = math.NaN() }, []string{"loss"}},
		"endless loss":           {func(r *Report) { r.Loss = math.Inf(1) }, []string{"loss"}},
		"loss without currency":  {func(r *Report) { r.Currency = "" }, []string{"currency"}},
		"currency in words":      {func(r *Report) { r.Currency = "dollars" }, []string{"currency"}},
		"language in words":      {func(r *Report) { r.Language = "American English" }, []string{"language"}},
		"unknown source":         {func(r *Report) { r.Source.Kind = 200 }, []string{"source.kind"}},
		"nameless partner":       {func(r *Report) { r.Source.Organisation = "" }, []string{"source.organisation"}},
		"nameless public":        {func(r *Report) { r.Source = Source{} }, nil},
		"organisation in words":  {func(r *Report) { r.Source.Organisation = "The Bank" }, []string{"source.organisation"}},
		"no reporter":            {func(r *Report) { r.Reporter = "" }, []string{"reporter"}},
		"reporter with CRLF":     {func(r *Report) { r.Reporter = "a\r\nb" }, []string{"reporter"}},
		"reporter too long":      {func(r *Report) { r.Reporter = strings.Repeat("a", 65) }, []string{"reporter"}},
		"no time":                {func(r *Report) { r.At = time.Time{} }, []string{"at"}},
		"long ago":               {func(r *Report) { r.At = noon.AddDate(-50, 0, 0) }, []string{"at"}},
		"tomorrow":               {func(r *Report) { r.At = noon.AddDate(0, 0, 1) }, []string{"at"}},
		"clock a little ahead":   {func(r *Report) { r.At = noon.Add(time.Minute) }, nil},
		"several at once": {func(r *Report) { r.Number, r.Roles, r.Loss, r.Reporter = 0, 0, -1, "" },
			[]string{"number", "roles", "loss", "reporter"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := goodReport()
			test.change(&r)
			faults := r.Check(noon)
			if got := fields(faults); !slices.Equal(got, test.want) {
				t.Errorf("faults in %v, want %v: %v", got, test.want, faults)
			}
			for _, f := range faults {
				if f.Problem == "" || f.Remedy == "" || !strings.Contains(faults.Error(), f.Remedy) {
					t.Errorf("the fault %+v does not say what to do", f)
				}
			}
		})
	}
}

func TestDecisionCheck(t *testing.T) {
	good := goodDecision()
	if f := good.Check(noon); f != nil {
		t.Fatalf("a good decision has faults: %v", f)
	}
	prefix := func(n Number) func(*Decision) { return func(d *Decision) { d.Target = Target{n, true} } }
	tests := map[string]struct {
		change func(*Decision)
		want   []string
	}{
		"emergency number":       {func(d *Decision) { d.Target.Number = 44999 }, []string{"target"}},
		"range of 5 digits":      {prefix(12025), []string{"target"}},
		"range of 6 digits":      {prefix(120255), nil},
		"range of 15 digits":     {prefix(120255501431234), []string{"target"}},
		"no role":                {func(d *Decision) { d.Roles = 0 }, []string{"roles"}},
		"unknown standing":       {func(d *Decision) { d.Standing = 77 }, []string{"standing"}},
		"unknown class":          {func(d *Decision) { d.Class = 77 }, []string{"class"}},
		"no reason":              {func(d *Decision) { d.Reason = " \n" }, []string{"reason"}},
		"no author":              {func(d *Decision) { d.Author = "" }, []string{"author"}},
		"alone":                  {func(d *Decision) { d.Approver = "" }, []string{"approver"}},
		"blank approver":         {func(d *Decision) { d.Approver = "  " }, []string{"approver"}},
		"self":                   {func(d *Decision) { d.Approver = "ann" }, []string{"approver"}},
		"self in disguise":       {func(d *Decision) { d.Approver = " ANN " }, []string{"approver"}},
		"self, though not due":   {func(d *Decision) { d.Standing, d.Approver = StandingWarn, "ann" }, []string{"approver"}},
		"warn alone":             {func(d *Decision) { d.Standing, d.Approver = StandingWarn, "" }, nil},
		"watch alone":            {func(d *Decision) { d.Standing, d.Approver = StandingWatch, "" }, nil},
		"withdraw alone":         {func(d *Decision) { d.Standing, d.Approver = StandingNone, "" }, nil},
		"clear alone":            {func(d *Decision) { d.Standing, d.Approver = StandingCleared, "" }, []string{"approver"}},
		"protect alone":          {func(d *Decision) { d.Standing, d.Approver = StandingProtected, "" }, []string{"approver"}},
		"watch of a range alone": {func(d *Decision) { d.Target, d.Standing, d.Approver = Target{120255, true}, StandingWatch, "" }, []string{"approver"}},
		"no time":                {func(d *Decision) { d.At = time.Time{} }, []string{"at"}},
		"ends before it begins":  {func(d *Decision) { d.Until = noon.AddDate(0, 0, -1) }, []string{"until"}},
		"ends the same day":      {func(d *Decision) { d.Until = noon.Add(time.Hour) }, []string{"until"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := goodDecision()
			test.change(&d)
			if faults := d.Check(noon); !slices.Equal(fields(faults), test.want) {
				t.Errorf("faults %v, want in %v", faults, test.want)
			}
		})
	}
}

func TestMarkingCheck(t *testing.T) {
	good := Marking{Target: Target{Number: 12025550143}, Mark: MarkOptOut, On: true, Author: "ann", Reason: "asked by letter", At: noon}
	if f := good.Check(noon); f != nil {
		t.Fatalf("a good marking has faults: %v", f)
	}
	bad := Marking{Target: Target{Number: 12, Prefix: true}, Mark: MarkOptOut | MarkAllowed, Author: "\x00", At: noon.AddDate(1, 0, 0)}
	if got, want := fields(bad.Check(noon)), []string{"target", "mark", "author", "reason", "at"}; !slices.Equal(got, want) {
		t.Errorf("faults in %v, want %v", got, want)
	}
}

func TestNeedsApprover(t *testing.T) {
	const n, w, x, b, c, p = StandingNone, StandingWatch, StandingWarn, StandingBlock, StandingCleared, StandingProtected
	alone := map[Standing][]Standing{ // what one person may decide, by what holds now
		n: {n, w, x},
		w: {n, w, x},
		x: {x},
		b: {x}, // the emergency brake
		c: {},
		p: {},
	}
	for _, current := range []Standing{n, w, x, b, c, p} {
		for _, decided := range []Standing{n, w, x, b, c, p} {
			if got, want := NeedsApprover(current, decided), !slices.Contains(alone[current], decided); got != want {
				t.Errorf("from %v to %v: needs an approver: %v, want %v", current, decided, got, want)
			}
		}
	}
}
