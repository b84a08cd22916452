package numberdb

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// Fault is one thing that is wrong with what somebody sent.
type Fault struct {
	Field   string `json:"field"`   // as in JSON, such as "source.organisation"
	Problem string `json:"problem"` // what is wrong
	Remedy  string `json:"remedy"`  // what to write instead
}

// Faults is all that is wrong with what somebody sent, so that they can mend it in one go. It is an error; none is nil.
type Faults []Fault

func (f Faults) Error() string {
	var b strings.Builder
	for i, x := range f {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %s: %s", x.Field, x.Problem, x.Remedy)
	}
	return b.String()
}

// Has says whether something is wrong with a field.
func (f Faults) Has(field string) bool {
	for _, x := range f {
		if x.Field == field {
			return true
		}
	}
	return false
}

func (f *Faults) add(field, problem, remedy string) {
	*f = append(*f, Fault{Field: field, Problem: problem, Remedy: remedy})
}

// clockSkew is how far a sender's clock may be ahead of ours.
const clockSkew = 5 * time.Minute

// earliest is the first time that is taken for more than a slip of the pen.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	reportIDForm = regexp.MustCompile(`^[A-Z2-7]{26}$`) // as [crypto/rand.Text] makes them
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	// languageForm is the outer form of a tag of BCP 47 (RFC 5646 section 2.1).
	languageForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}$`)
)

// Check is all that is wrong with the report at the given time, in the order of its fields; nil if nothing is. A number that its
// country's plan has room for is accepted, whether or not it is assigned to anybody.
func (r *Report) Check(now time.Time) Faults {
	var f Faults
	if r.ID != "" && !reportIDForm.MatchString(r.ID) {
		f.add("id", "is not a report's", "write 26 of A-Z and 2-7, or leave it to the store")
	}
	checkNumber(&f, "number", r.Number)
	checkRoles(&f, r.Roles)
	checkBrand(&f, r.Brand)
	checkClosed(&f, "category", r.Category, categoryNames)
	checkClosed(&f, "arrived", r.Arrived, arrivalNames)
	checkText(&f, "text", r.Text, 0, MaxText)
	if math.IsNaN(r.Loss) || r.Loss < 0 || r.Loss > 1e12 {
		f.add("loss", "is not a sum that somebody can lose", "write a number from 0 to 1e12")
	}
	if r.Currency == "" && r.Loss != 0 {
		f.add("currency", "is missing", "name the currency of the loss, such as USD")
	}
	if r.Currency != "" && !currencyForm.MatchString(r.Currency) {
		f.add("currency", "is not a currency of ISO 4217", "write three capital letters, such as USD")
	}
	if r.Language != "" && !languageForm.MatchString(r.Language) {
		f.add("language", "is not a language tag", "write a tag of BCP 47, such as en or pt-BR")
	}
	r.checkCaller(&f)
	f = append(f, r.Source.Check()...)
	if !validReporter(r.Reporter) {
		f.add("reporter", "is missing or not opaque", "write 1 to 64 printable ASCII characters without spaces")
	}
	checkTime(&f, "at", r.At, now)
	return f
}

// checkCaller wants a number that can be called back, or none.
func (r *Report) checkCaller(f *Faults) {
	switch {
	case r.Caller == 0 && r.Consent:
		f.add("consent", "names nobody to call back", "give the victim's own number, or leave the consent out")
	case r.Caller != 0 && r.Caller == r.Number:
		f.add("caller", "is the reported number", "give the victim's own number, or leave it out")
	case r.Caller != 0 && !isPossible(r.Caller):
		f.add("caller", "is impossible in its country's numbering plan", "check for missing, doubled or extra digits, or leave it out")
	}
}

// Check is all that is wrong with the source, in the order of its fields; nil if nothing is.
func (s *Source) Check() Faults {
	var f Faults
	checkClosed(&f, "source.kind", s.Kind, sourceNames)
	switch o := s.Organisation; {
	case o == "" && s.Kind != SourcePublic:
		f.add("source.organisation", "is missing", "name the organisation that vouches for the report")
	case o != "" && !validSlug(o):
		f.add("source.organisation", "is not a slug", "write 1 to 32 of a-z, 0-9 and hyphen")
	}
	return f
}

// validReporter says whether a text is 1 to 64 printable ASCII characters. It is asked of every row of an import, in which a regular expression shows.
func validReporter(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

// checkNumber refuses what is no number that a report or decision can be about.
func checkNumber(f *Faults, field string, n Number) {
	switch {
	case n == 0:
		f.add(field, "is missing", "write + and the number with its country code, such as +12025550143")
	case isEmergency(n):
		f.add(field, "is an emergency number", "emergency numbers are never listed; tell your operator if one is being forged")
	case n < 1_000_000:
		f.add(field, "is too short", "short numbers belong to one country or operator; write a full number with its country code")
	case !isPossible(n):
		f.add(field, "is impossible in its country's numbering plan", "check for missing, doubled or extra digits")
	}
}

// isPossible says whether the numbering plan of the country has room for the number, as Google's libphonenumber knows it. Numbers
// that only work within their area are not possible: nobody abroad could have been told to dial them.
func isPossible(n Number) bool {
	if canonicalE164(strconv.FormatUint(uint64(n), 10)) != 0 {
		return true
	}
	parsed, err := phonenumbers.Parse(n.String(), "")
	return err == nil && phonenumbers.IsPossibleNumberWithReason(parsed) == phonenumbers.IS_POSSIBLE
}

// isEmergency says whether the number is a country code before an emergency number of that country, as careless software writes it.
func isEmergency(n Number) bool {
	if n > 999_999_999 {
		return false
	}
	digits := strconv.FormatUint(uint64(n), 10)
	code := countryCodeLen([]byte(digits))
	country, _ := strconv.Atoi(digits[:code])
	for _, region := range phonenumbers.GetRegionCodesForCountryCode(country) {
		if phonenumbers.IsEmergencyNumber(digits[code:], region) {
			return true
		}
	}
	return false
}

func checkRoles(f *Faults, roles Roles) {
	if roles == 0 || int(roles)>>RoleCount != 0 {
		f.add("roles", "name no part that the number plays", "name callback (people are told to dial it), caller_id (it shows on incoming calls) or both")
	}
}

func checkBrand(f *Faults, b Brand) {
	if !b.Valid() {
		f.add("brand", "is not a brand's slug", "write 1 to 32 of a-z, 0-9 and hyphen, such as amazon")
	}
}

// checkClosed refuses a value outside a closed type; only a program can make one.
func checkClosed[T ~uint8](f *Faults, field string, v T, names []string) {
	if int(v) >= len(names) {
		f.add(field, "is unknown", "use one of "+strings.Join(names, ", "))
	}
}

// checkText wants valid UTF-8 of least to most characters without control characters.
func checkText(f *Faults, field, s string, least, most int) {
	// A character has at most four bytes: a text far over the bound is refused before it is walked.
	switch n := len(s); {
	case n > 4*most || utf8.RuneCountInString(s) > most:
		f.add(field, "is too long", fmt.Sprintf("write at most %d characters", most))
		return
	case strings.TrimSpace(s) == "" && least > 0:
		f.add(field, "is missing", fmt.Sprintf("write %d to %d characters", least, most))
		return
	case !utf8.ValidString(s):
		f.add(field, "is not UTF-8", "send text as UTF-8")
		return
	}
	if strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}) {
		f.add(field, "holds control characters", "send plain text; tabs and line ends are allowed")
	}
}

func checkTime(f *Faults, field string, at, now time.Time) {
	switch {
	case at.IsZero():
		f.add(field, "is missing", "write a time of RFC 3339, such as 2026-01-31T14:05:00Z")
	case at.Before(earliest):
		f.add(field, "is too long ago", "write a time after the year 1999")
	case at.After(now.Add(clockSkew)):
		f.add(field, "is in the future", "write when it happened, with the right time zone")
	}
}
