package extract

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// rule strikes out what its pattern matches, if what stands around it and is says so.
type rule struct {
	pattern *regexp.Regexp
	unless  func(v *view, from, to int) bool // may be nil
}

// headers are the header lines of an e-mail that people do not see, with the lines that go on from them (RFC 5322 section 2.2.3).
var headers = rule{regexp.MustCompile(`(?im)^(?:received|message-id|in-reply-to|references|date|return-path|mime-version|dkim-signature|domainkey-signature|` +
	`authentication-results|arc-[a-z-]+|list-[a-z-]+|content-[a-z-]+|feedback-id|x-[a-z0-9-]+):[^\n]*(?:\n[ ][^\n]*)*`), nil}

// rules are what else certainly is no telephone number, on one line, the larger first.
var rules = []rule{
	{regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s<>"]+|\bwww\.[^\s<>"]+`), nil},
	{regexp.MustCompile(`(?i)[a-z0-9._%+-]*[a-z_%+-][a-z0-9._%+-]*@[a-z0-9-]+\.[a-z0-9.-]+`), nil}, // digits before the @ may be a gateway for text messages
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), nil},
	{regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\b`), (*view).notIBAN},
	{regexp.MustCompile(`\b[0-9](?:[ -]?[0-9]){12,18}\b`), (*view).notCard},
	{regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`), (*view).notIPv4},
	{regexp.MustCompile(`\b(?:19|20)[0-9]{2}[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12][0-9]|3[01])(?:[T ]?[0-9]{2}:?[0-9]{2}(?::?[0-9]{2})?)?\b`), (*view).goesOn},
	{regexp.MustCompile(`\b(?:0?[1-9]|[12][0-9]|3[01])[-/.](?:0?[1-9]|[12][0-9]|3[01])[-/.](?:(?:19|20)[0-9]{2}|[0-9]{2})\b`), (*view).goesOn},
	{regexp.MustCompile(`\b(?:19|20)[0-9]{2}(?:(?: ?- ?|, ?|/)(?:19|20)[0-9]{2})+\b`), nil}, // years
	{regexp.MustCompile(`(?i)\b[0-9]{1,2}(?:[:h][0-9]{2}){1,2}(?:[.][0-9]+)?(?: ?[ap]m)?\b`), nil},
	{regexp.MustCompile(`(?i)(?:\$|\b(?:usd|eur|gbp|inr|chf|cad|aud|rs\.?|us\$)) ?[0-9]+(?:[.,'][0-9]+)*`), nil},
	{regexp.MustCompile(`(?i)\b[0-9]{1,3}(?:[ .,'][0-9]{3})*(?:[.,][0-9]{1,2})? ?(?:\$|%|(?:usd|eur|euros?|dollars?|gbp|pounds?|rupees|points|km|kg|mb|gb|tb|kwh|mg|ml|px)\b)`), nil},
	{regexp.MustCompile(`(?i)\bv(?:ersion)? ?[0-9]+(?:\.[0-9]+)+`), nil},
	{regexp.MustCompile(`\b[0-9]{1,3}\.[0-9]{4,}\b`), (*view).partOfMore}, // coordinates
	// What is dialled after the call is answered, and what the number may be followed by.
	{regexp.MustCompile(`(?i)[ ,;]*\b(?:ext(?:ension|n)?|poste|durchwahl)\b[ .:#]*[0-9]{1,6}\b`), nil},
}

// attachedExtension is an extension that is written behind a number without a blank, as in 555-0143x12.
var attachedExtension = regexp.MustCompile(`(?i)[0-9]( ?(?:x|ext)\.? ?[0-9]{1,6})\b`)

// strikeOthers strikes out what is no telephone number.
func (v *view) strikeOthers() {
	for _, m := range attachedExtension.FindAllSubmatchIndex(v.text, -1) {
		v.strike(m[2], m[3])
	}
	v.strikeBy(headers, 0, len(v.text))
	for from := 0; from < len(v.text); {
		to := len(v.text)
		if n := bytes.IndexByte(v.text[from:], lineEnd); n >= 0 {
			to = from + n + 1
		}
		if bytes.ContainsAny(v.text[from:to], "0123456789") {
			for _, r := range rules {
				v.strikeBy(r, from, to)
			}
		}
		from = to
	}
}

// strikeBy strikes out what a rule says in a part of the view.
func (v *view) strikeBy(r rule, from, to int) {
	for _, m := range r.pattern.FindAllIndex(v.text[from:to], -1) {
		if r.unless == nil || !r.unless(v, from+m[0], from+m[1]) {
			v.strike(from+m[0], from+m[1])
		}
	}
}

// goesOn says whether more digits follow or go before in the same way: then it is no date but a part of something longer.
func (v *view) goesOn(from, to int) bool {
	sign := func(c byte) bool { return c == '-' || c == '/' || c == '.' || c == ' ' }
	return sign(v.at(to)) && v.at(to) != ' ' && isDigit(v.at(to+1)) || sign(v.at(from-1)) && v.at(from-1) != ' ' && isDigit(v.at(from-2)) || v.at(from-1) == '+' ||
		v.text[from+2] == '.' && v.at(to) == ' ' && isDigit(v.at(to+1)) && isDigit(v.at(to+2)) && v.at(to+3) == ' '
}

// partOfMore says whether digits stand right before, with a sign between.
func (v *view) partOfMore(from, _ int) bool {
	return strings.IndexByte("-./_*=~ )]}", v.at(from-1)) >= 0 && (isDigit(v.at(from-2)) || strings.IndexByte(")]}", v.at(from-2)) >= 0)
}

func (v *view) notIPv4(from, to int) bool {
	for part := range strings.SplitSeq(string(v.text[from:to]), ".") {
		if n, err := strconv.Atoi(part); err != nil || n > 255 || len(part) > 1 && part[0] == '0' {
			return true
		}
	}
	return v.at(from-1) == '+' || v.at(to) == '.' && isDigit(v.at(to+1)) || v.at(from-1) == '.' && isDigit(v.at(from-2))
}

// notCard says whether digits are no card number: those begin with 3 to 6, are grouped as printed on the card or not at all, and end in a
// check digit (ISO/IEC 7812-1, Annex B).
func (v *view) notCard(from, to int) bool {
	text := string(v.text[from:to])
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if digits[0] < '3' || digits[0] > '6' || v.at(from-1) == '+' {
		return true
	}
	switch groupLengths(text) {
	case "4444", "44443", "465", "464", "13", "14", "15", "16", "17", "18", "19":
	default:
		return true
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 != 0
}

// groupLengths is the lengths of the groups of digits in a text, such as 334.
func groupLengths(text string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		b.WriteString(strconv.Itoa(len(part)))
	}
	return b.String()
}

// notIBAN says whether letters and digits fail the check of ISO 13616: modulo 97.
func (v *view) notIBAN(from, to int) bool {
	iban := bytes.ReplaceAll(v.text[from:to], []byte(" "), nil)
	rest := 0
	for _, c := range append(iban[4:len(iban):len(iban)], iban[:4]...) {
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest != 1
}
