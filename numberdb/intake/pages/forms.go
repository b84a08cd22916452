package pages

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
)

// form is what a person entered, with what the API found wrong with it.
type form struct {
	Values url.Values
	Faults []formFault
	// General is what was wrong with no field in particular; Detail is what the API said of it, in English.
	General, Detail string

	byField map[string]string
}

// formFault is a fault in the words of the page.
type formFault struct{ Field, Text string }

// shownAt are fields of the API whose fault is shown at a field with another name in our forms.
var shownAt = map[string]string{"number": "text", "at": "when"}

// refusedForm is the form again after the API has refused it: only for faults that the person can mend, other errors are given back.
func (v *visit) refusedForm(err error) (*form, error) {
	f := &form{Values: v.r.Form, byField: map[string]string{}}
	if err == nil {
		return f, nil
	}
	var p *problem
	if !errors.As(err, &p) {
		return nil, err
	}
	switch p.Status {
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests,
		http.StatusServiceUnavailable, http.StatusBadRequest, http.StatusForbidden, http.StatusUnauthorized:
	default:
		return nil, err
	}
	for _, x := range p.Errors {
		field := x.field()
		if at := shownAt[field]; at != "" {
			field = at
		}
		f.add(field, v.faultText(x))
	}
	if len(f.Faults) == 0 {
		f.General, f.Detail = v.words.text(v.words.problem(p.Status)), p.Detail
	}
	return f, nil
}

// faultText is what we say of a wrong field: our own sentence where there is one, the API's otherwise.
func (v *visit) faultText(x fault) string {
	if key := "fault." + x.field(); v.words.has(key) {
		return v.words.text(key)
	}
	return x.Message
}

func (f *form) add(field, text string) {
	if f.byField == nil {
		f.byField = map[string]string{}
	}
	if f.byField[field] == "" {
		f.Faults = append(f.Faults, formFault{field, text})
	}
	f.byField[field] = text
}

// Fault is what is wrong with a field, empty if nothing is.
func (f *form) Fault(field string) string { return f.byField[field] }

// Get is what was entered in a field.
func (f *form) Get(field string) string { return f.Values.Get(field) }

// Wrong says whether anything is wrong.
func (f *form) Wrong() bool { return len(f.Faults) > 0 || f.General != "" }

// emptyForm has nothing entered and nothing wrong.
func emptyForm() *form { return &form{Values: url.Values{}} }

// formToken names one form as long as it is not sent: the same when it comes back with faults, a new one otherwise.
func formToken(f *form) string {
	if token := f.Get("token"); token != "" && len(token) <= 64 {
		return token
	}
	return rand.Text()
}
