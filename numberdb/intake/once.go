package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Answers remembers answers to requests that may be sent again: numberdb/redisstore is one. Its methods are called by many goroutines at
// once.
type Answers interface {
	// Reserve puts a value under a name for some time, unless there is one: then it gives that one, and changes nothing.
	Reserve(ctx context.Context, name string, value []byte, hold time.Duration) (there []byte, err error)
	// Keep puts a value under a name for some time, whatever was there.
	Keep(ctx context.Context, name string, value []byte, hold time.Duration) error
	// Release removes what is under a name.
	Release(ctx context.Context, name string) error
}

const (
	onceHeader = "Idempotency-Key"
	// onceFor is for how long an answer is remembered, onceHold how long a request that is being worked on keeps others out. A node that dies
	// at work leaves the request to be sent again after that.
	onceFor  = 24 * time.Hour
	onceHold = 2 * storeTimeout
	// onceLimit is how many characters a key has at most.
	onceLimit = 255
)

// remembered is what lies under the name of a request: who is at work on it, or its answer.
type remembered struct {
	// Request is the SHA-256 of what was asked, so that a key cannot be taken for another request.
	Request string            `json:"request"`
	Status  int               `json:"status,omitempty"` // zero while somebody is at work
	Header  map[string]string `json:"header,omitempty"`
	Body    []byte            `json:"body,omitempty"`
}

// once makes an operation that stores something take a key (draft-ietf-httpapi-idempotency-key-header-07): sent again within a day with the
// same key by the same principal, it gives the first answer and stores nothing. What was refused may be corrected and sent with the same
// key. It comes after [API.allow], and is not for operations that answer with a secret.
func (a *API) once(op huma.Operation) huma.Operation {
	longest := onceLimit
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: onceHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
		Description: "Names this request, such as a random UUID: sent again within a day, it gives the first answer and is not stored again.",
	})
	op.Errors = append(op.Errors, http.StatusConflict)
	op.Middlewares = append(op.Middlewares, a.answerOnce)
	return op
}

func (a *API) answerOnce(ctx huma.Context, next func(huma.Context)) {
	key := strings.Trim(strings.TrimSpace(ctx.Header(onceHeader)), `"`) // a string of RFC 9651, or bare
	if key == "" {
		next(ctx)
		return
	}
	if len(key) > onceLimit || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		a.refuse(ctx, http.StatusBadRequest, fmt.Sprintf("The header %s must have 1 to %d printable ASCII characters, such as a random UUID.", onceHeader, onceLimit))
		return
	}
	op := ctx.Operation()
	if err := ctx.SetReadDeadline(time.Now().Add(op.BodyReadTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		a.refuse(ctx, http.StatusInternalServerError, "The connection cannot bound the time for a request; nothing was stored.")
		return
	}
	body, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), op.MaxBodyBytes+1))
	if err != nil {
		a.refuse(ctx, http.StatusBadRequest, "The body ended early or came too slowly; nothing was stored. Send it again.")
		return
	}
	url := ctx.URL()
	asked := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", ctx.Method(), url.RequestURI(), body))
	mine := remembered{Request: hex.EncodeToString(asked[:])}
	who := sha256.Sum256([]byte(reporterID(principalOf(ctx.Context())) + "\x00" + op.OperationID + "\x00" + key))
	name := hex.EncodeToString(who[:])
	there, err := a.reserve(ctx.Context(), name, mine)
	switch {
	case err != nil:
		noteFrom(ctx.Context()).cause = err
		ctx.SetHeader("Retry-After", retryAfter)
		a.refuse(ctx, http.StatusServiceUnavailable, "Nothing was stored, for it cannot be known whether it was before. Keep it and send it again.")
	case there == nil:
		id := base32.StdEncoding.EncodeToString(who[:])[:26]
		answer := &recording{parent: huma.WithValue(ctx, onceKey{}, id), request: io.MultiReader(bytes.NewReader(body), ctx.BodyReader()), answer: &mine}
		finished := false
		defer func() { a.remember(ctx.Context(), name, mine, finished) }()
		next(answer)
		finished = true
	case there.Request != mine.Request:
		a.refuse(ctx, http.StatusUnprocessableEntity, "The "+onceHeader+" was used for another request: choose a new one for each. Nothing was stored.")
	case there.Status == 0:
		ctx.SetHeader("Retry-After", "1")
		a.refuse(ctx, http.StatusConflict, "A request with this "+onceHeader+" is being worked on. Send it again in a moment to get its answer.")
	default:
		for name, value := range there.Header {
			ctx.SetHeader(name, value)
		}
		ctx.SetStatus(there.Status)
		_, _ = ctx.BodyWriter().Write(there.Body) // the asker has gone away: nobody is left to tell
	}
}

// reserve says what is known of a request; nil if it is ours to do.
func (a *API) reserve(ctx context.Context, name string, mine remembered) (*remembered, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	text, err := json.Marshal(mine)
	if err != nil {
		return nil, err
	}
	before, err := a.answers.Reserve(ctx, name, text, onceHold)
	if err != nil || before == nil {
		return nil, err
	}
	var there remembered
	if err := json.Unmarshal(before, &there); err != nil {
		return nil, fmt.Errorf("what is remembered of a request cannot be read: %w", err)
	}
	return &there, nil
}

// remember keeps the answer of a request that was done, and lets one that failed be sent again. Where neither can be written, the reservation
// ends by itself. It does not end with the request: who has gone away may come back for the answer.
func (a *API) remember(ctx context.Context, name string, answer remembered, finished bool) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	var err error
	if finished && answer.Status >= 200 && answer.Status < 300 {
		var text []byte
		if text, err = json.Marshal(answer); err == nil {
			err = a.answers.Keep(bounded, name, text, onceFor)
		}
	} else {
		err = a.answers.Release(bounded, name)
	}
	if err != nil && noteFrom(ctx).cause == nil {
		noteFrom(ctx).cause = fmt.Errorf("remember the answer to a request: %w", err)
	}
}

type onceKey struct{}

// onceID is a name of 26 of A-Z and 2-7 for what the request makes, the same each time that it is sent; empty for one without a key.
func onceID(ctx context.Context) string {
	id, _ := ctx.Value(onceKey{}).(string)
	return id
}

// parent is the library's context under a name that its own methods do not have.
type parent = huma.Context

// recording is the context of a request whose body was read already and whose answer is written down.
type recording struct {
	parent
	request io.Reader
	answer  *remembered
}

func (r *recording) BodyReader() io.Reader { return r.request }

func (r *recording) SetStatus(code int) {
	r.answer.Status = code
	r.parent.SetStatus(code)
}

func (r *recording) SetHeader(name, value string) {
	if r.answer.Header == nil {
		r.answer.Header = map[string]string{}
	}
	r.answer.Header[name] = value
	r.parent.SetHeader(name, value)
}

func (r *recording) BodyWriter() io.Writer {
	return io.MultiWriter(r.parent.BodyWriter(), (*recordedBody)(r.answer))
}

// recordedBody appends to the body of an answer.
type recordedBody remembered

func (b *recordedBody) Write(p []byte) (int, error) {
	b.Body = append(b.Body, p...)
	return len(p), nil
}
