package pages

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/linewarden/linewarden/dialplan"
)

// The words of a search.
var standings = []string{"block", "warn", "watch", "protected", "cleared"}

// listed is one row of a search.
type listed struct {
	Target   string   `json:"target"`
	Standing standing `json:"standing"`
	Brand    string   `json:"brand"`
	Class    string   `json:"class"`
	Marks    []string `json:"marks"`
	Until    struct {
		Callback time.Time `json:"callback"`
		CallerID time.Time `json:"caller_id"`
	} `json:"until"`
}

// standing is how the list sees a number in each role.
type standing struct {
	Callback string `json:"callback"`
	CallerID string `json:"caller_id"`
}

// showNumbers searches the list. A text that is one number is answered about whether or not it is listed.
func showNumbers(v *visit) error {
	d := struct {
		Q, Region                string
		Standings, Roles, Brands []option
		Items                    []listed
		Hit                      *numberBody
		Next                     string
		Filtered                 bool
		Faulty                   string
	}{Q: v.form("q")}
	query := url.Values{}
	for _, name := range []string{"q", "standing", "role", "brand", "cursor"} {
		if text := v.form(name); text != "" {
			query.Set(name, text)
		}
	}
	choice := func(name, set string, words []string) []option {
		list := []option{{"", v.words.text("numbers.any"), v.form(name) == ""}}
		for _, w := range words {
			list = append(list, option{w, v.words.code(set, w), v.form(name) == w})
		}
		return list
	}
	d.Standings = choice("standing", "standing", standings)
	d.Roles = choice("role", "part", parts)
	d.Brands = []option{{"", v.words.text("numbers.any"), v.form("brand") == ""}}
	for _, b := range dialplan.Brands() {
		d.Brands = append(d.Brands, option{b.Slug, b.Name, v.form("brand") == b.Slug})
	}
	d.Filtered = len(query) > 0
	if d.Q != "" && query.Get("cursor") == "" {
		var n numberBody
		if err := v.get("/v1/numbers/"+url.PathEscape(cut(d.Q, 200)), &n); err == nil && n.Kind != "unparsable" && n.Kind != "withheld" {
			d.Hit = &n // what is no number is still searched for
		}
	}
	var found page[listed]
	err := v.get("/v1/numbers?"+query.Encode(), &found)
	if f, err := v.refusedForm(err); err != nil {
		return err
	} else if f.Wrong() {
		d.Faulty = v.words.text("numbers.faulty")
	}
	d.Items = found.Items
	if d.Hit != nil && d.Hit.Kind == "short" && len(d.Items) > 0 {
		d.Hit = nil // "202" is a short number, and more likely the beginning of those
	}
	if d.Hit != nil {
		d.Items = slices.DeleteFunc(d.Items, func(l listed) bool { return l.Target == d.Hit.Number })
	}
	d.Next = v.nextPage(found.Next)
	return v.show(http.StatusOK, "numbers", v.words.text("numbers.title"), d)
}

// page is a part of a list, and where the rest begins.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// nextPage is the address of the next part of the list that this page shows; empty if there is none.
func (v *visit) nextPage(cursor string) string {
	if cursor == "" {
		return ""
	}
	q := v.r.URL.Query()
	q.Del("done")
	q.Set("cursor", cursor)
	return v.r.URL.Path + "?" + q.Encode()
}

// cut is s, shortened to at most n bytes.
func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
