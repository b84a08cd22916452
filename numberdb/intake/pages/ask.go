package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// problem is a problem document of the API (RFC 9457): why something was refused.
type problem struct {
	Status     int     `json:"status"`
	Title      string  `json:"title"`
	Detail     string  `json:"detail"`
	Errors     []fault `json:"errors"`
	CodeNeeded bool    `json:"code_needed"`

	retryAfter string // seconds, from the header
}

// fault is one wrong field.
type fault struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func (p *problem) Error() string { return fmt.Sprintf("the API answers %d: %s", p.Status, p.Detail) }

// field is the name of the form's field that the fault is about: "roles" for body.roles[1].
func (f fault) field() string {
	name, _, _ := strings.Cut(f.Location, "[")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// maxAnswer bounds what a page reads of an answer. The longest are lists of 200 reports of 4000 characters.
const maxAnswer = 8 << 20

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(b) > maxAnswer {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return a.body.Write(b)
}

// What of a person's request the API must see, to know who asks, from where, and on which site.
var forwarded = []string{"Cookie", "Origin", "Sec-Fetch-Site", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"}

// ask asks the API in the name of whoever sent r. extra are headers of this question alone.
func (p *Pages) ask(r *http.Request, method, path string, body any, extra http.Header) (*answer, error) {
	var content io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the question to the API: %w", err)
		}
		content = bytes.NewReader(b)
	}
	// The context carries nothing but the deadline and the end of the person's request: values in it are the server's.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, path, content)
	if err != nil {
		return nil, fmt.Errorf("write the question to the API: %w", err)
	}
	q.Host, q.RemoteAddr, q.TLS, q.RequestURI = r.Host, r.RemoteAddr, r.TLS, path
	for _, name := range forwarded {
		if values := r.Header.Values(name); len(values) > 0 {
			q.Header[name] = values
		}
	}
	for name, values := range extra {
		q.Header[name] = values
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	a := &answer{header: http.Header{}}
	p.api.ServeHTTP(a, q)
	if a.status >= 300 {
		return a, a.problem()
	}
	return a, nil
}

// problem reads why a question was refused.
func (a *answer) problem() *problem {
	p := &problem{}
	if err := json.Unmarshal(a.body.Bytes(), p); err != nil {
		p.Detail = http.StatusText(a.status) // not from the API itself, so there is no more to say than the status does
	}
	p.Status, p.retryAfter = a.status, a.header.Get("Retry-After")
	return p
}

// into reads the answer's body.
func (a *answer) into(v any) error {
	if v == nil || a.status == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(a.body.Bytes(), v); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}
