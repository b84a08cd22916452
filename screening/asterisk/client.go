package asterisk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Handler owns one call. It is run in a goroutine of its own for each channel that enters the application and returns when it has
// let go of it. ctx is cancelled when the client is asked to stop: the handler then releases the call promptly, with a context of
// its own ([context.WithoutCancel]); the connection stays up until all handlers have returned, or for Config.DrainTimeout.
//
// A call that is still in the application when its handler returns or panics is released to Config.OrphanPlace.
type Handler func(ctx context.Context, ch *Channel)

// Client keeps one connection to one Asterisk. Its methods may be called from any goroutine.
type Client struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	metrics *metrics
	http    *http.Client
	base    string // ARI URL without a slash at the end
	events  string // URL of the websocket

	started  atomic.Bool
	draining atomic.Bool
	handlers handlers
	replaced int // times in a row that another process took our name; Run owns it

	mu     sync.Mutex
	status Status
}

// Status is the state of a connection.
type Status struct {
	Connected bool      // calls can be taken
	Since     time.Time // since when Connected is what it is
	Version   string    // Asterisk's version, as far as known; printable
	Transport Transport // how requests travel; TransportAuto before it is known
	Calls     int       // calls that a handler owns
	LastError error     // why there is, or last was, no connection; nil if there was no fault yet
}

// New checks the config and makes a client that does nothing before [Client.Run].
func New(cfg Config, h Handler) (*Client, error) {
	u, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, errors.New("asterisk: no handler")
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	base := strings.TrimRight(u.String(), "/")
	return &Client{
		cfg: cfg, handler: h, metrics: m,
		log:      cfg.Logger.With("app", cfg.App),
		http:     newHTTPClient(cfg.ConnectTimeout, 32),
		base:     base,
		events:   "ws" + strings.TrimPrefix(base, "http") + "/events?app=" + url.QueryEscape(strings.Join(namesOf(cfg.App), ",")),
		status:   Status{Since: time.Now(), Transport: cfg.Transport},
		handlers: handlers{most: cfg.MaxCalls},
	}, nil
}

// Run connects, and connects again whenever the connection is lost, until ctx ends. Then it claims no more calls, waits for the
// handlers, closes the connection, and releases what may still have come in. It returns nil after such an orderly stop, else an
// error that says what is left. It runs once.
func (c *Client) Run(ctx context.Context) error {
	if !c.started.CompareAndSwap(false, true) {
		return errors.New("asterisk: a client runs once: make a new one")
	}
	defer c.http.CloseIdleConnections()
	stopDraining := context.AfterFunc(ctx, func() { c.draining.Store(true) })
	defer stopDraining()

	wait := c.cfg.BackoffMin
	for ctx.Err() == nil {
		began := time.Now()
		err := c.serve(ctx)
		if ctx.Err() != nil {
			break
		}
		c.report(err)
		if errors.Is(err, ErrReplaced) {
			if time.Since(began) > 2*c.cfg.ReplacedWait {
				c.replaced = 0
			}
			c.awaitName(ctx)
			continue
		}
		if time.Since(began) > 2*c.cfg.BackoffMax {
			wait = c.cfg.BackoffMin // it held for a while: a new trouble, not the old one
		}
		sleep(ctx, wait/2+rand.N(wait/2+1))
		wait = min(2*wait, c.cfg.BackoffMax)
	}
	c.report(nil)
	return c.finish()
}

// serve holds one connection, from dialling to its end.
func (c *Client) serve(ctx context.Context) error {
	s, err := c.connect(ctx)
	if err != nil {
		c.metrics.connects.WithLabelValues("failed").Inc()
		return err
	}
	c.metrics.connects.WithLabelValues("ok").Inc()
	c.setStatus(func(st *Status) {
		st.Connected, st.Since, st.Version, st.Transport = true, time.Now(), s.version, s.transport
	})
	c.metrics.connected.Set(1)
	c.log.Info("connected to Asterisk", "version", s.version, "requests", s.transport.String())
	select {
	case <-s.lost:
	case <-ctx.Done():
		c.drain(s)
	}
	c.metrics.connected.Set(0)
	c.setStatus(func(st *Status) { st.Connected, st.Since = false, time.Now() })
	return s.close()
}

// drain waits for the handlers while the connection is up.
func (c *Client) drain(s *session) {
	timeout := time.NewTimer(c.cfg.DrainTimeout)
	defer timeout.Stop()
	select {
	case <-c.handlers.idle():
	case <-s.lost:
	case <-timeout.C:
		c.log.Warn("calls are still handled after the time to stop", "calls", c.handlers.count())
	}
}

// finish is the end of Run: nothing comes in any more, the handlers are waited for, and calls that are left are released.
func (c *Client) finish() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.DrainTimeout)
	defer cancel()
	err := c.releaseLeftovers(ctx)
	select {
	case <-c.handlers.idle():
	case <-ctx.Done():
		if n := c.handlers.count(); n > 0 {
			return errors.Join(err, fmt.Errorf("asterisk: %d handlers have not returned", n))
		}
	}
	return err
}

// handle runs the handler for one call. It is the call's goroutine.
func (c *Client) handle(ctx context.Context, ch *Channel) {
	defer c.handlers.end()
	c.metrics.calls.Inc()
	defer c.metrics.calls.Dec()
	select {
	case <-ch.s.ready:
	case <-ch.s.lost:
		return // it waits in the application until the next connection finds it
	}
	if ch.adopted && !ch.takeOver(ctx) {
		return
	}
	defer ch.abandon()
	defer func() {
		if p := recover(); p != nil {
			// Not the value: it may hold a caller's number.
			c.metrics.panics.Inc()
			c.log.Error("a call's handler panicked; the call is released",
				"channel", logID(ch.id), "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		}
	}()
	c.handler(ctx, ch)
}

// Status tells the state of the connection.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.status
	st.Calls = c.handlers.count()
	return st
}

func (c *Client) setStatus(f func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

// report notes why there is no connection. A fault that repeats is logged once.
func (c *Client) report(err error) {
	var last error
	c.setStatus(func(st *Status) {
		last = st.LastError
		if err != nil {
			st.LastError = err
		}
	})
	switch {
	case err == nil:
		c.log.Info("stopping")
	case errors.Is(err, ErrReplaced):
		c.log.Error("waiting until the application's name is free", "error", err)
	case last != nil && last.Error() == err.Error():
		c.log.Debug("still no connection to Asterisk", "error", err)
	default:
		c.log.Error("no connection to Asterisk; trying again", "error", err)
	}
}

// handlers counts running handlers.
type handlers struct {
	most int

	mu      sync.Mutex
	running int
	waiting []chan struct{}
}

// begin counts one more, unless there are as many as may be.
func (h *handlers) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running >= h.most {
		return false
	}
	h.running++
	return true
}

func (h *handlers) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running--; h.running == 0 {
		for _, w := range h.waiting {
			close(w)
		}
		h.waiting = nil
	}
}

func (h *handlers) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running
}

// idle is closed once no handler runs.
func (h *handlers) idle() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := make(chan struct{})
	if h.running == 0 {
		close(w)
	} else {
		h.waiting = append(h.waiting, w)
	}
	return w
}

// sleep waits, or less if ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
