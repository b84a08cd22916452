package asterisk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// httpTransport sends each request by HTTP on pooled connections: for Asterisk before 20.14, 21.9 and 22.4, for what is asked
// before the websocket is up, and for the last look after it is closed.
type httpTransport struct {
	client             *http.Client
	base               string // ARI URL without a slash at the end
	username, password string
	maxBody            int64
	lost               <-chan struct{} // closed when the session has ended; nil outside one
}

// newHTTPClient makes the client for requests and for the websocket's handshake. It uses no proxy and follows no redirect:
// the password goes to the configured host only.
func newHTTPClient(connectTimeout time.Duration, idle int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: connectTimeout,
			MaxIdleConns:        idle,
			MaxIdleConnsPerHost: idle,
			IdleConnTimeout:     10 * time.Second, // below Asterisk's session_keep_alive (15 s), which would break a request
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (t *httpTransport) do(ctx context.Context, rq request, timeout time.Duration) (reply, error) {
	select {
	case <-t.lost:
		return reply{}, ErrConnectionLost
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body io.Reader
	if rq.body != nil {
		body = bytes.NewReader(rq.body)
	}
	hr, err := http.NewRequestWithContext(ctx, operations[rq.op].method, t.base+"/"+rq.uri, body)
	if err != nil {
		return reply{}, errors.New("the request cannot be written as a URL")
	}
	hr.SetBasicAuth(t.username, t.password)
	if rq.body != nil {
		hr.Header.Set("Content-Type", "application/json")
	}
	resp, err := t.client.Do(hr)
	if err != nil {
		return reply{}, withoutURL(err)
	}
	defer resp.Body.Close()
	// Read to the end, so that the connection can be used again.
	text, err := io.ReadAll(io.LimitReader(resp.Body, t.maxBody+1))
	if err != nil {
		return reply{}, fmt.Errorf("read the answer: %w", withoutURL(err))
	}
	if int64(len(text)) > t.maxBody {
		return reply{}, fmt.Errorf("the answer is longer than %d bytes", t.maxBody)
	}
	rp := reply{code: resp.StatusCode}
	if (operations[rq.op].body || rp.code >= 300) && json.Valid(text) {
		rp.body = string(text)
	}
	return rp, nil
}

// withoutURL drops the URL that net/http puts into its errors: it holds channel ids and variable values.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
