package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// serverFlags say where the intake endpoint is and who asks. The token is never an argument: others could see it in the list of
// processes.
type serverFlags struct {
	Server    string `env:"LINEWARDEN_SERVER" placeholder:"URL" help:"Intake endpoint, such as http://127.0.0.1:8080."`
	TokenFile string `env:"LINEWARDEN_TOKEN_FILE" placeholder:"FILE" help:"File with the bearer token; or set LINEWARDEN_TOKEN."`
}

// client talks to an intake endpoint.
type client struct {
	base  *url.URL
	token secret
	http  *http.Client
}

// open makes a client, to the server at standard if none is named.
func (f serverFlags) open(environ []string, standard string) (*client, error) {
	server := cmp.Or(f.Server, standard)
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usageError{fmt.Errorf("--server %.100q is not an address: write it as http://127.0.0.1:8080", server)}
	}
	token := newSecret(ourVariables(environ)["LINEWARDEN_TOKEN"])
	if f.TokenFile != "" {
		text, fault := readSecret(f.TokenFile)
		if fault != "" {
			return nil, usageError{fmt.Errorf("--token-file: %s", fault)}
		}
		token = newSecret(text)
	}
	if !token.Set() {
		return nil, usageError{errors.New("no bearer token for the intake endpoint: name its file with --token-file, or set LINEWARDEN_TOKEN")}
	}
	return &client{base: base, token: token, http: &http.Client{Timeout: 15 * time.Second}}, nil
}

// maxAnswer is in bytes, far above any answer of the endpoint: the longest is a page of 200 proposals.
const maxAnswer = 16 << 20

// do sends a request, body as JSON if there is one, and reads the answer into out. The path is escaped already.
func (c *client) do(ctx context.Context, method, path string, query url.Values, body, out any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		sent = bytes.NewReader(b)
	}
	u := *c.base
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + path
	var err error
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), sent)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the address, which may hold a number
	}
	if err != nil {
		return fmt.Errorf("reach the intake endpoint at %s: %w; is --server right?", c.base.Redacted(), err)
	}
	defer resp.Body.Close() // only read from: nothing can be lost
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base.Redacted(), err)
	}
	if resp.StatusCode >= 300 {
		return refusal(resp.Status, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s does not answer as an intake endpoint does: is it the right --server? %w", c.base.Redacted(), err)
	}
	return nil
}

// refusal is a problem document (RFC 9457) as an error of one line, every wrong field in it.
func refusal(status string, answer []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the intake endpoint answered %s: is --server right?", status)
	}
	var fields []string
	for _, e := range p.Errors {
		fields = append(fields, strings.TrimPrefix(e.Location, "body.")+" "+e.Message)
	}
	if len(fields) == 0 {
		return errors.New(p.Detail)
	}
	return errors.New(strings.Join(fields, "; "))
}
