package pages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
)

// The words of a report, in the order in which the form offers them.
var (
	parts      = []string{"callback", "caller_id"}
	categories = []string{"fake_customer_care", "tech_support", "refund", "account_locked", "order_or_delivery", "payment", "other"}
	arrivals   = []string{"call", "voicemail", "sms", "email", "popup", "chat", "search", "unknown"}
	redFlags   = []string{"remote_access", "sign_in_code", "card_or_bank_data", "gift_cards", "refund", "fee", "installs_software", "odd_purchases"}
)

// reading is how the API read a text: nothing of it is stored.
type reading struct {
	Numbers []readNumber `json:"numbers"`

	Brand    string   `json:"brand_guess"`
	RedFlags []string `json:"red_flags_guess"`
	Category string   `json:"category_guess"`
	Arrived  string   `json:"arrived_guess"`
}

// readNumber is one number in a text.
type readNumber struct {
	Written  string `json:"written"`
	Start    int    `json:"start"`
	Number   string `json:"number"`
	Kind     string `json:"kind"`
	Region   string `json:"region"`
	Country  string `json:"country"`
	Type     string `json:"type"`
	Standing struct {
		Callback string `json:"callback"`
		CallerID string `json:"caller_id"`
	} `json:"standing"`
	Brand    string `json:"brand"`
	Reports  int    `json:"reports_total"`
	Reported bool   `json:"reported_by_you"`

	Chosen bool `json:"-"`
}

// Genuine says that the number is a genuine line: a report about it says that it is being forged.
func (n *readNumber) Genuine() bool {
	return n.Standing.Callback == "protected" || n.Standing.CallerID == "protected"
}

// Reportable says whether the number can be reported at all.
func (n *readNumber) Reportable() bool { return n.Number != "" && n.Kind == "e164" }

// Place is the country whose number it is: its code, of which the page makes a name.
func (n *readNumber) Place() string {
	if n.Region != "" {
		return n.Region
	}
	return n.Country
}

// option is one choice of a group.
type option struct {
	Value, Text string
	Chosen      bool
}

// reportForm is the page on which a number is reported.
type reportForm struct {
	Form    *form
	Read    bool // whether a text was read
	Reading reading
	Ready   int // numbers that can be reported
	Cut     bool

	Regions                                    []option
	Parts, Brands, Categories, Arrivals, Flags []option
	Token                                      string // makes sending twice the same as once
	Sent                                       []sentReport
}

// sentReport is what became of one number of a form that was sent.
type sentReport struct {
	Number   string `json:"number"`
	Repeat   bool   `json:"repeat"`
	Forging  bool   `json:"forging"`
	Standing struct {
		Callback string `json:"callback"`
		CallerID string `json:"caller_id"`
	} `json:"standing"`
}

// showReport is the empty form, or what became of the reports that were just sent.
func showReport(v *visit) error {
	f := &form{Values: v.r.Form}
	if v.form("number") != "" {
		f.Values.Set("text", v.form("number"))
		return v.read(f, "report")
	}
	d := v.reportForm(f)
	for _, s := range v.r.Form["sent"] {
		number, marks, _ := strings.Cut(s, ":")
		sent := sentReport{Number: number, Repeat: strings.Contains(marks, "r"), Forging: strings.Contains(marks, "f")}
		if _, err := numberdb.ParseE164(number); err == nil && len(d.Sent) < mostAtOnce {
			d.Sent = append(d.Sent, sent)
		}
	}
	return v.show(http.StatusOK, "report", v.words.text("report.title"), d)
}

// readText shows how a text was read: the whole page, or the part of it that a script asks for.
func readText(v *visit) error {
	f := &form{Values: v.r.Form}
	if v.r.Header.Get("Linewarden-Part") == "reading" {
		return v.read(f, "reading")
	}
	return v.read(f, "report")
}

// read asks the API how it reads the form's text.
func (v *visit) read(f *form, part string) error {
	d := v.reportForm(f)
	status := http.StatusOK
	if f.Get("text") != "" {
		body := map[string]string{"text": f.Get("text")}
		if region := v.form("region"); region != "" {
			body["region"] = region
		}
		err := v.send(http.MethodPost, "/v1/reports/extract", body, &d.Reading)
		if d.Form, err = v.refusedForm(err); err != nil {
			return err
		}
		if d.Form.Wrong() {
			status = http.StatusUnprocessableEntity
		}
		d.Read = !d.Form.Wrong()
	}
	v.guess(d)
	if part == "reading" {
		return v.write(http.StatusOK, "report", "reading", d)
	}
	return v.show(status, "report", v.words.text("report.title"), d)
}

func (v *visit) reportForm(f *form) *reportForm {
	d := &reportForm{Form: f, Regions: v.regions(v.form("region")), Token: formToken(f)}
	d.Cut = utf8.RuneCountInString(f.Get("text")) > numberdb.MaxText
	return d
}

// guess preselects what the text seems to be about. What the person has chosen is kept.
func (v *visit) guess(d *reportForm) {
	f := d.Form
	chosen, seen := f.Values["send"], f.Values["seen"]
	for i := range d.Reading.Numbers {
		n := &d.Reading.Numbers[i]
		if n.Reportable() {
			d.Ready++
			n.Chosen = slices.Contains(chosen, n.Number) || !slices.Contains(seen, n.Number) && !n.Genuine() && !n.Reported
		}
	}
	pick := func(field string, words []string, set string, guess ...string) []option {
		picked := f.Values[field]
		if !f.Values.Has("guessed") || len(picked) == 0 && field != "red_flags" {
			picked = guess
		}
		var list []option
		for _, w := range words {
			list = append(list, option{w, v.words.code(set, w), slices.Contains(picked, w)})
		}
		return list
	}
	part := "callback"
	if d.Reading.Arrived == "call" {
		part = "caller_id"
	}
	d.Parts = pick("roles", parts, "part", part)
	d.Categories = pick("category", categories, "category", d.Reading.Category)
	d.Arrivals = pick("arrived", arrivals, "arrived", d.Reading.Arrived)
	d.Flags = pick("red_flags", redFlags, "flag", d.Reading.RedFlags...)

	brand := d.Reading.Brand
	if f.Values.Has("guessed") {
		brand = f.Get("brand")
	}
	d.Brands = []option{{"", v.words.text("report.brand.none"), brand == ""}}
	known := false
	for _, b := range dialplan.Brands() {
		d.Brands = append(d.Brands, option{b.Slug, b.Name, b.Slug == brand})
		known = known || b.Slug == brand
	}
	if brand != "" && !known && numberdb.Brand(brand).Valid() {
		d.Brands = append(d.Brands, option{brand, brandName(brand), true})
	}
}

// mostAtOnce is how many numbers one form may report: more than that is no text that a victim brings.
const mostAtOnce = 20

// sendReports reports each chosen number of the text.
func sendReports(v *visit) error {
	f := &form{Values: v.r.Form}
	numbers := v.r.PostForm["send"]
	if len(numbers) == 0 || len(numbers) > mostAtOnce {
		f.add("text", v.words.text("report.choose"))
		if v.form("text") == "" {
			f.byField, f.Faults = nil, nil
			f.add("text", v.words.text("report.paste"))
		}
		return v.againReport(f)
	}
	body, fault := v.reportBody(f)
	if fault {
		return v.againReport(f)
	}
	back := url.Values{}
	for _, number := range numbers {
		var receipt sentReport
		body["number"] = number
		err := v.send(http.MethodPost, "/v1/reports", body, &receipt, "Idempotency-Key", idempotencyKey(v.form("token"), number))
		var p *problem
		if errors.As(err, &p) && p.Status == http.StatusUnauthorized {
			return err
		}
		if err != nil {
			refused, err := v.refusedForm(err)
			if err != nil {
				return err
			}
			return v.againReport(refused)
		}
		marks := ""
		if receipt.Repeat {
			marks += "r"
		}
		if receipt.Forging {
			marks += "f"
		}
		back.Add("sent", receipt.Number+":"+marks)
	}
	return v.to("/report?"+back.Encode(), "")
}

// idempotencyKey names one report of one form, so that sending the form again stores nothing more.
func idempotencyKey(token, what string) string {
	if token == "" {
		return ""
	}
	return token + "." + strings.Trim(what, "+")
}

// againReport is the form again, with what is wrong with it and the text read anew.
func (v *visit) againReport(f *form) error {
	d := v.reportForm(f)
	if f.Get("text") != "" {
		if err := v.send(http.MethodPost, "/v1/reports/extract", map[string]string{"text": f.Get("text")}, &d.Reading); err == nil {
			d.Read = true // where it cannot be read, the reason is on the page already
		}
	}
	v.guess(d)
	return v.show(http.StatusUnprocessableEntity, "report", v.words.text("report.title"), d)
}

// reportBody is what all reports of the form have in common.
func (v *visit) reportBody(f *form) (body map[string]any, fault bool) {
	body = map[string]any{"roles": v.r.PostForm["roles"]}
	if len(v.r.PostForm["roles"]) == 0 {
		f.add("roles", v.words.text("fault.roles"))
	}
	if flags := v.r.PostForm["red_flags"]; len(flags) > 0 {
		body["red_flags"] = flags
	}
	for _, field := range []string{"brand", "category", "arrived", "currency", "language", "caller"} {
		if text := v.form(field); text != "" {
			body[field] = text
		}
	}
	if text := f.Get("text"); text != "" {
		body["text"] = evidence(text)
	}
	if loss := strings.ReplaceAll(v.form("loss"), ",", "."); loss != "" {
		sum, err := strconv.ParseFloat(loss, 64)
		if err != nil {
			f.add("loss", v.words.text("fault.loss"))
		}
		body["loss"] = sum
	} else {
		delete(body, "currency")
	}
	if when := v.form("when"); when != "" {
		at, err := time.Parse("2006-01-02", when)
		if err != nil {
			f.add("when", v.words.text("fault.at"))
		}
		body["at"] = at
	}
	if v.form("consent") != "" {
		body["consent"] = true
	}
	return body, f.Wrong()
}

// evidence is the pasted text as a report can hold it: the API takes no control characters, and only so many of the others.
func evidence(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\r' || r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if runes := []rune(text); len(runes) > numberdb.MaxText {
		text = string(runes[:numberdb.MaxText])
	}
	return text
}
