package pages

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
)

// line is an entry of the registry: a brand or another organisation with its genuine numbers.
type line struct {
	Slug      string       `json:"slug"`
	Name      string       `json:"name"`
	Kind      string       `json:"kind"`
	Numbers   []lineNumber `json:"numbers"`
	NeverAsks []string     `json:"never_asks"`
	Prompt    string       `json:"prompt"`
	Shipped   bool         `json:"shipped"`
	UpdatedBy string       `json:"updated_by"`
	UpdatedAt time.Time    `json:"updated_at"`
}

// lineNumber is a genuine number, or a range of them.
type lineNumber struct {
	Number  string `json:"number"`
	Note    string `json:"note"`
	Source  string `json:"source"`
	Checked string `json:"checked"`
	Covers  int    `json:"covers"`
}

// Link is the source if it is an address that a browser may follow.
func (n lineNumber) Link() string {
	if u, err := url.Parse(n.Source); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return n.Source
	}
	return ""
}

// CheckedDay is when somebody last checked the number against its source.
func (n lineNumber) CheckedDay() time.Time {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, n.Checked); err == nil {
			return t
		}
	}
	return time.Time{}
}

var lineKinds = []string{"brand", "helpline", "hospital", "operator", "authority"}

// showLines lists the registry.
func showLines(v *visit) error {
	q := url.Values{}
	for _, name := range []string{"kind", "q", "cursor"} {
		if text := v.form(name); text != "" {
			q.Set(name, text)
		}
	}
	var found page[line]
	if err := v.get("/v1/brands?"+q.Encode(), &found); err != nil {
		return err
	}
	kinds := append([]option{{"", v.words.text("numbers.any"), v.form("kind") == ""}}, v.options("kind.line", lineKinds, v.form("kind"))...)
	return v.show(http.StatusOK, "lines", v.words.text("lines.title"), map[string]any{
		"Q": v.form("q"), "Kinds": kinds, "Items": found.Items, "Next": v.nextPage(found.Next),
	})
}

// showLine shows one entry, and reports that somebody forges its numbers.
func showLine(v *visit) error {
	l, _, err := v.line()
	if err != nil {
		return err
	}
	var forgings page[struct {
		Number  string `json:"number"`
		Reports int    `json:"reports"` // stored about it
	}]
	if permissionsOf(v.me).Search {
		if err := v.get("/v1/brands/"+url.PathEscape(l.Slug)+"/forgings", &forgings); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, "line", l.Name, map[string]any{"L": l, "Forgings": forgings.Items})
}

func (v *visit) line() (*line, string, error) {
	a, err := v.p.ask(v.r, http.MethodGet, "/v1/brands/"+url.PathEscape(v.r.PathValue("slug")), nil, nil)
	if err != nil {
		return nil, "", err
	}
	var l line
	return &l, a.header.Get("ETag"), a.into(&l)
}

// newLine stands in the address where an entry is made.
const newLine = "new"

// showLineForm shows an entry to be changed, or an empty one.
func showLineForm(v *visit) error {
	l, etag := &line{Kind: "brand"}, ""
	if v.r.PathValue("slug") != newLine {
		var err error
		if l, etag, err = v.line(); err != nil {
			return err
		}
	}
	f := emptyForm()
	f.Values = url.Values{
		"slug": {l.Slug}, "name": {l.Name}, "kind": {l.Kind}, "numbers": {linesText(l.Numbers)}, "never_asks": l.NeverAsks, "prompt": {l.Prompt},
		"etag": {etag},
	}
	return v.lineForm(http.StatusOK, f)
}

func (v *visit) lineForm(status int, f *form) error {
	title := v.words.text("line.new")
	slug := v.r.PathValue("slug")
	if slug != newLine {
		title = v.words.text("line.edit", orElse(f.Get("name"), slug))
	}
	prompts := []option{{"", v.words.text("line.prompt.none"), f.Get("prompt") == ""}}
	for _, b := range dialplan.Brands() {
		prompts = append(prompts, option{b.Slug, b.Name, b.Slug == f.Get("prompt")})
	}
	return v.show(status, "line-form", title, map[string]any{
		"Form": f, "Slug": slug, "New": slug == newLine, "Kinds": v.options("kind.line", lineKinds, f.Get("kind")),
		"Flags": v.options("flag", redFlags, f.Values["never_asks"]...), "Prompts": prompts,
	})
}

// linesText writes genuine numbers as the form has them: one a line, fields between bars.
func linesText(numbers []lineNumber) string {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteString(strings.Join([]string{n.Number, n.Note, n.Source, n.Checked}, " | ") + "\n")
	}
	return b.String()
}

func parseLines(text string) []lineNumber {
	list := []lineNumber{}
	for row := range strings.Lines(text) {
		if row = strings.TrimSpace(row); row == "" {
			continue
		}
		fields := append(strings.Split(row, "|"), "", "", "")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		list = append(list, lineNumber{Number: fields[0], Note: fields[1], Source: fields[2], Checked: fields[3]})
	}
	return list
}

// proposeLine proposes an entry as the form has it.
func proposeLine(v *visit) error {
	f := &form{Values: v.r.PostForm}
	slug := v.r.PathValue("slug")
	headers := []string{"If-Match", v.form("etag"), "Idempotency-Key", idempotencyKey(v.form("token"), "line")}
	if slug == newLine {
		slug = v.form("slug")
		headers = append(headers, "If-None-Match", "*")
		if slug == "" || !numberdb.Brand(slug).Valid() || slug == newLine {
			f.add("slug", v.words.text("fault.slug"))
			return v.lineForm(http.StatusUnprocessableEntity, f)
		}
	}
	never := v.r.PostForm["never_asks"]
	if never == nil {
		never = []string{}
	}
	numbers := []map[string]string{}
	for _, n := range parseLines(v.r.PostFormValue("numbers")) {
		numbers = append(numbers, map[string]string{"number": n.Number, "note": n.Note, "source": n.Source, "checked": n.Checked})
	}
	body := map[string]any{
		"name": v.form("name"), "kind": v.form("kind"), "never_asks": never, "prompt": v.form("prompt"), "reason": v.form("reason"), "numbers": numbers,
	}
	var p proposal
	err := v.send(http.MethodPut, "/v1/brands/"+url.PathEscape(slug), body, &p, headers...)
	refused, err := v.refusedForm(err)
	if err != nil {
		return err
	}
	if refused.Wrong() {
		return v.lineForm(http.StatusUnprocessableEntity, refused)
	}
	return v.to("/approvals/"+url.PathEscape(p.ID), "proposed")
}

// lineChanges is what differs between two forms of an entry.
func lineChanges(w *words, before, after *line) []change {
	flags := func(l *line) string {
		var names []string
		for _, f := range l.NeverAsks {
			names = append(names, w.code("flag", f))
		}
		return strings.Join(names, ", ")
	}
	numbers := func(l *line) string {
		var names []string
		for _, n := range l.Numbers {
			names = append(names, prettyNumber(n.Number)+" "+n.Note)
		}
		sort.Strings(names)
		return strings.Join(names, "\n")
	}
	all := []change{
		{w.text("line.name"), before.Name, after.Name},
		{w.text("line.kind"), w.code("kind.line", before.Kind), w.code("kind.line", after.Kind)},
		{w.text("line.numbers"), numbers(before), numbers(after)},
		{w.text("line.never"), flags(before), flags(after)},
		{w.text("line.prompt"), before.Prompt, after.Prompt},
	}
	return slices.DeleteFunc(all, func(c change) bool { return c.Before == c.After })
}
