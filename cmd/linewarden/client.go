package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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
	// signedIn says that the token is that of 'linewarden signin'.
	signedIn bool
	// session holds the cookies of somebody who is signing in, by name; nil for all others.
	session map[string]*http.Cookie
}

// open makes a client, to the server at standard if none is named. Whoever has given no token asks as the person who has signed in here, and
// only the server where that was: no other one is to see their token.
func (f serverFlags) open(environ []string, standard string) (*client, error) {
	token, err := f.givenToken(environ)
	if err != nil {
		return nil, err
	}
	if token.Set() {
		return newClient(cmp.Or(f.Server, standard), token)
	}
	kept, err := usableSignin()
	switch {
	case err != nil:
		return nil, err
	case kept == nil:
		return nil, usageError{errors.New("no bearer token for the intake endpoint: sign in with 'linewarden signin', name a token's file with --token-file, or set LINEWARDEN_TOKEN")}
	case f.Server != "" && strings.TrimSuffix(f.Server, "/") != kept.Server:
		return nil, usageError{fmt.Errorf("you are signed in at %s, not at --server %.100q: sign in there with 'linewarden signin', or name a token", kept.Server, f.Server)}
	}
	c, err := newClient(kept.Server, newSecret(kept.Token))
	if err == nil {
		c.signedIn = true
	}
	return c, err
}

// givenToken is the token that the command line or the environment names, if any.
func (f serverFlags) givenToken(environ []string) (secret, error) {
	if f.TokenFile == "" {
		return newSecret(ourVariables(environ)["LINEWARDEN_TOKEN"]), nil
	}
	text, fault := readSecret(f.TokenFile)
	if fault != "" {
		return secret{}, usageError{fmt.Errorf("--token-file: %s", fault)}
	}
	return newSecret(text), nil
}

// newClient makes a client. It follows no redirects: what it sends is for the server that was named.
func newClient(server string, token secret) (*client, error) {
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usageError{fmt.Errorf("--server %.100q is not an address: write it as http://127.0.0.1:8080", server)}
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{base: base, token: token, http: &http.Client{Timeout: 15 * time.Second, CheckRedirect: stay}}, nil
}

// maxAnswer is in bytes, far above any answer of the endpoint: the longest is a page of 200 proposals.
const maxAnswer = 16 << 20

// do sends a request, body as JSON if there is one, and reads the answer into out if that is not nil. The path is escaped already.
func (c *client) do(ctx context.Context, method, path string, query url.Values, body, out any) error {
	_, err := c.send(ctx, method, path, query, nil, body, out)
	return err
}

// send does the same with headers, and gives those of the answer. A refusal is an error of type *[refusedError].
func (c *client) send(ctx context.Context, method, path string, query url.Values, header http.Header, body, out any) (http.Header, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		sent = bytes.NewReader(b)
	}
	u := *c.base
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + path
	var err error
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), sent)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	maps.Copy(req.Header, header)
	if c.token.Set() {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, cookie := range c.session {
		req.AddCookie(cookie)
	}
	resp, err := c.http.Do(req)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the address, which may hold a number
	}
	if err != nil {
		return nil, fmt.Errorf("reach the intake endpoint at %s: %w; is --server right?", c.base.Redacted(), err)
	}
	defer resp.Body.Close() // only read from: nothing can be lost
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.base.Redacted(), err)
	}
	if resp.StatusCode >= 300 {
		return nil, c.refusal(resp, answer)
	}
	if c.session != nil {
		for _, cookie := range resp.Cookies() {
			c.session[cookie.Name] = cookie
		}
	}
	if out == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("%s does not answer as an intake endpoint does: is it the right --server? %w", c.base.Redacted(), err)
	}
	return resp.Header, nil
}

// refusedError is what the endpoint did not do, and why, in one line.
type refusedError struct {
	status     int
	codeNeeded bool // name and password are right, and a code of the second factor is missing
	why        string
}

func (e *refusedError) Error() string { return e.why }

// refusal is a problem document (RFC 9457) as an error of one line, every wrong field in it.
func (c *client) refusal(resp *http.Response, answer []byte) error {
	refused := &refusedError{status: resp.StatusCode}
	var p struct {
		Detail string `json:"detail"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
		CodeNeeded bool `json:"code_needed"`
	}
	if json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		refused.why = fmt.Sprintf("the intake endpoint answered %s: is --server right?", resp.Status)
		return refused
	}
	refused.codeNeeded, refused.why = p.CodeNeeded, p.Detail
	var fields []string
	for _, e := range p.Errors {
		fields = append(fields, strings.TrimPrefix(e.Location, "body.")+" "+e.Message)
	}
	if len(fields) > 0 {
		refused.why = strings.Join(fields, "; ")
	}
	if wait := resp.Header.Get("Retry-After"); wait != "" && resp.StatusCode == http.StatusTooManyRequests {
		refused.why += " Retry-After: " + wait
	}
	if c.signedIn && resp.StatusCode == http.StatusUnauthorized {
		refused.why += " Your sign-in may have ended: 'linewarden signin' begins another."
	}
	return refused
}
