package asterisk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// transport carries requests to Asterisk. It returns when there is an answer, when ctx ends, when the timeout has passed, or when
// the connection is lost; the reply may be a refusal.
type transport interface {
	do(ctx context.Context, rq request, timeout time.Duration) (reply, error)
}

// do makes a request within RequestTimeout, counts it, and turns a refusal into a [StatusError].
func (c *Client) do(ctx context.Context, t transport, rq request) (reply, error) {
	start := time.Now()
	rp, err := t.do(ctx, rq, c.cfg.RequestTimeout)
	return rp, c.conclude(rq.op, rp, err, start)
}

// conclude counts a request, and gives the error to tell of it: that of the transport, or a [StatusError] for a refusal.
func (c *Client) conclude(done operation, rp reply, err error, start time.Time) error {
	op := &operations[done]
	if err == nil && rp.code >= 300 {
		err = &StatusError{Method: op.method, Path: op.path, Code: rp.code, Message: refusal(rp.body)}
	} else if err != nil {
		err = fmt.Errorf("%s %s: %w", op.method, op.path, err)
	}
	c.metrics.request(done, err, time.Since(start))
	return err
}

// refusal is what Asterisk says in the body of an error: {"message": "…"}; older resources write "error".
func refusal(body string) string {
	for f := fieldsOf(body); f.next(); {
		if f.key == "message" || f.key == "error" {
			return oneLine(stringOf(f.value), 200)
		}
	}
	return ""
}

// outcome is the metric label for how a request ended.
func outcome(err error) int {
	if err == nil {
		return outcomeOK
	}
	var status *StatusError
	switch {
	case errors.As(err, &status):
		if status.Code >= 500 {
			return outcomeFailed
		}
		return outcomeRefused
	case errors.Is(err, context.DeadlineExceeded):
		return outcomeTimeout
	case errors.Is(err, context.Canceled):
		return outcomeCanceled
	}
	return outcomeLost
}

const (
	outcomeOK       = iota
	outcomeRefused  // status 3xx or 4xx
	outcomeFailed   // status 5xx
	outcomeTimeout  // no answer in time
	outcomeCanceled // the caller gave up
	outcomeLost     // the connection failed
	outcomeCount
)

var outcomeLabels = [outcomeCount]string{"ok", "refused", "failed", "timeout", "canceled", "lost"}
