package intake

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// problem is a problem document without wrong fields (RFC 9457; its type is about:blank, so the title is the status).
func problem(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}
}

// finding is one wrong field of a request's body, found by us.
func finding(field, message string) error {
	return findingAt("body."+field, message)
}

// findingAt is one wrong part of a request, found by us, such as path.number.
func findingAt(location, message string) error {
	return &huma.ErrorDetail{Location: location, Message: message, Value: ours{}}
}

// ours marks what we found, as opposed to what the library did, until [tidyProblem] has seen it.
type ours struct{}

// refuse answers an operation with a problem.
func (a *API) refuse(ctx huma.Context, status int, detail string) {
	writeProblem(ctx.SetHeader, ctx.SetStatus, ctx.BodyWriter().Write, problem(status, detail))
}

// writeProblem writes a problem document, wherever it has to go.
func writeProblem(header func(name, value string), status func(int), write func([]byte) (int, error), p *huma.ErrorModel) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(p); err != nil {
		b.Reset() // texts and numbers always encode; an empty body still has its status
	}
	header("Content-Type", "application/problem+json")
	status(p.Status)
	_, _ = write(b.Bytes()) // the asker has gone away: nobody is left to tell
}

const missingProperty = "expected required property "

// tidyProblem is a [huma.Transformer] that makes validation faults say which field is wrong, and no more: it names a missing field in
// the location, repeats nothing of the request (the library echoes the whole body), leaves out what we found in a field that the
// library has already named, and what could be said of the fields where the body as a whole cannot be read.
func tidyProblem(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	unreadable := p.Status == http.StatusBadRequest || p.Status == http.StatusUnsupportedMediaType
	named := map[string]bool{}
	var details []*huma.ErrorDetail
	for _, d := range p.Errors {
		_, found := d.Value.(ours)
		d := &huma.ErrorDetail{Location: d.Location, Message: d.Message}
		if name, ok := strings.CutPrefix(d.Message, missingProperty); ok {
			name, _, _ = strings.Cut(name, " ")
			d.Location, d.Message = d.Location+"."+name, "is missing"
		}
		if unreadable && d.Location != "body" || found && (named["body"] || named[fieldOf(d.Location)] || named[d.Location]) {
			continue
		}
		if found {
			named[d.Location] = true
		} else {
			named[fieldOf(d.Location)] = true
		}
		d.Location, d.Message = cut(d.Location, 100), cut(d.Message, 300)
		details = append(details, d)
	}
	p.Errors = details
	switch {
	case p.Status == http.StatusUnprocessableEntity:
		p.Detail = "The request has wrong fields; nothing was stored. Correct those under errors and send it again."
	case p.Status == http.StatusUnsupportedMediaType:
		p.Detail = "The body must be JSON: send it with 'Content-Type: application/json'."
	case p.Status == http.StatusBadRequest:
		p.Detail = "The body is not JSON; nothing was stored."
	case p.Status == http.StatusRequestEntityTooLarge:
		p.Detail = "The body is too large; nothing was stored."
	}
	return p, nil
}

// fieldOf is the field of the body that a location lies in: body.roles for body.roles[1].
func fieldOf(location string) string {
	field, _, _ := strings.Cut(location, "[")
	return field
}

// cut is s, shortened to at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
