package asterisk

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/CyCoreSystems/ari/v5"
	"github.com/coder/websocket"
)

// session is one connection, from dialling to its end, and the calls that came in on it. These goroutines belong to it:
// one reads and hands out events, one gives up requests without an answer, one pings, one shows signs of life, one patrols; and a few
// workers make the requests that nobody waits for and that cannot be made by the reader.
type session struct {
	c         *Client
	stop      context.Context // ends when the client is to stop; handlers get it
	conn      *websocket.Conn
	ws        *wsTransport
	rest      transport // set before ready is closed
	transport Transport
	version   string

	manyVariables atomic.Bool // Asterisk takes several variables in one request

	ready chan struct{} // closed when calls can be handled
	lost  chan struct{} // closed when the connection has ended
	once  sync.Once
	cause error // why it ended; set before lost is closed
	jobs  chan job
	wg    sync.WaitGroup

	mu     sync.Mutex
	calls  map[string]*Channel
	strays map[string]struct{} // listed by Asterisk in the last patrol round, without a handler
	round  uint64              // of the patrol

	signs map[string]bool // applications that are shown that we live, ours among them: those that have shown it since the last patrol round
}

// workers is how many claims and releases may wait for Asterisk at a time.
const workers = 8

// connect dials, chooses how requests travel, and makes the application ready for calls.
func (c *Client) connect(stop context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(stop, c.cfg.ConnectTimeout)
	defer cancel()
	s := &session{
		c: c, stop: stop,
		ready: make(chan struct{}), lost: make(chan struct{}),
		jobs:  make(chan job, 1024),
		calls: make(map[string]*Channel), strays: make(map[string]struct{}),
		transport: c.cfg.Transport,
	}
	plain := c.plainHTTP(s.lost)
	known := false
	can := abilities{}
	if c.cfg.Transport != TransportWebsocket {
		var err error
		if s.version, err = c.askVersion(ctx, plain); err != nil {
			return nil, fmt.Errorf("ask Asterisk for its version: %w", withHint(err))
		}
		can, known = abilitiesOf(s.version)
	}
	client, connection := newEventsClient(c.cfg.ConnectTimeout)
	conn, resp, err := websocket.Dial(ctx, c.events, &websocket.DialOptions{
		HTTPClient:   client,
		HTTPHeader:   http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.cfg.Username+":"+c.cfg.Password))}},
		Subprotocols: []string{"ari"},
	})
	if err != nil {
		client.CloseIdleConnections()
		if resp != nil && resp.StatusCode >= 300 {
			err = &StatusError{Method: "GET", Path: "/events", Code: resp.StatusCode}
		}
		return nil, fmt.Errorf("open the websocket: %w", withHint(withoutURL(err)))
	}
	conn.SetReadLimit(int64(c.cfg.MaxMessage))
	s.conn = conn
	s.ws = newWSTransport(conn, connection(), s.lost, s.fail, c.cfg.MaxInFlight, c.metrics)
	s.run(s.read)
	s.run(func() error { return s.ws.expire(c.cfg.RequestTimeout / 4) })
	s.run(s.ping)

	s.rest = s.ws
	switch {
	case c.cfg.Transport == TransportHTTP, c.cfg.Transport == TransportAuto && known && !can.wsRequests:
		s.rest = plain
	case !known:
		// The version is not known yet, or says nothing: try.
		s.version, err = c.askVersion(ctx, s.ws)
		if err != nil && c.cfg.Transport == TransportWebsocket {
			s.fail(fmt.Errorf("requests on the websocket are not answered (Asterisk 20.14, 21.9, 22.4 and later can): %w", err))
			return nil, s.close()
		}
		if err != nil {
			s.rest = plain
		}
		can, _ = abilitiesOf(s.version)
	}
	s.transport = TransportWebsocket
	if s.rest != s.ws {
		s.transport = TransportHTTP
	}
	s.manyVariables.Store(can.manyVariables)
	if err := s.setFilter(ctx); err != nil {
		s.fail(err)
		return nil, s.close()
	}
	close(s.ready)
	for range workers {
		s.run(s.work)
	}
	s.run(s.showSigns)
	s.run(s.patrol)
	return s, nil
}

// setFilter asks Asterisk to send only the events that are wanted. Without a filter all goes on, with more to read.
func (s *session) setFilter(ctx context.Context) error {
	body := []byte(`{"allowed":[`)
	for i, typ := range wanted {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(append(append(body, `{"type":"`...), typ...), `"}`...)
	}
	body = append(body, "]}"...)
	_, err := s.c.do(ctx, s.rest, request{op: opFilter, uri: path("applications/", s.c.cfg.App, "/eventFilter").String(), body: body})
	var status *StatusError
	if errors.As(err, &status) {
		s.c.log.Warn("Asterisk does not filter events; it sends more than needed", "error", err)
		return nil
	}
	return err
}

// withHint adds what to do about a refusal.
func withHint(err error) error {
	var status *StatusError
	if errors.As(err, &status) {
		switch status.Code {
		case 401, 403:
			return fmt.Errorf("%w: check user, password and read_only in ari.conf", err)
		case 404:
			return fmt.Errorf("%w: check the ARI URL, and enabled in ari.conf and http.conf", err)
		case 503:
			return fmt.Errorf("%w: raise sessionlimit in http.conf", err)
		}
	}
	return err
}

// plainHTTP is a transport by HTTP that ends with lost, or never if that is nil.
func (c *Client) plainHTTP(lost <-chan struct{}) *httpTransport {
	return &httpTransport{
		client: c.http, base: c.base, username: c.cfg.Username, password: c.cfg.Password,
		maxBody: int64(c.cfg.MaxMessage), lost: lost,
	}
}

func (c *Client) askVersion(ctx context.Context, t transport) (string, error) {
	rp, err := c.do(ctx, t, request{op: opInfo, uri: "asterisk/info?filter=system"})
	if err != nil {
		return "", err
	}
	for f := fieldsOf(rp.body); f.next(); {
		if f.key != "system" {
			continue
		}
		for f := fieldsOf(f.value); f.next(); {
			if f.key == "version" {
				return oneLine(stringOf(f.value), 60), nil
			}
		}
	}
	return "", nil
}

// run starts one of the session's goroutines. The first that ends with an error ends the session.
func (s *session) run(f func() error) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		if err := f(); err != nil {
			s.fail(err)
		}
	}()
}

// fail ends the connection. The first cause counts.
func (s *session) fail(cause error) {
	s.once.Do(func() {
		s.cause = cause
		close(s.lost)
		s.conn.CloseNow()
	})
}

// close ends the connection if it has not, waits for the session's goroutines, and tells the handlers. It returns why it ended.
func (s *session) close() error {
	select {
	case <-s.lost:
	default:
		s.conn.Close(websocket.StatusNormalClosure, "stopping") // an error changes nothing: the next line ends it anyway
	}
	s.fail(ErrConnectionLost)
	s.wg.Wait()
	s.mu.Lock()
	calls := s.calls
	s.calls = nil
	s.mu.Unlock()
	for _, ch := range calls {
		ch.end(ErrConnectionLost)
	}
	return s.cause
}

// ping notices a connection that is up in name only.
func (s *session) ping() error {
	interval := s.c.cfg.PingInterval
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.lost:
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), interval)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("%w: no answer to a ping within %v", ErrConnectionLost, interval)
		}
	}
}

// read hands out messages until the connection ends. Nothing that it does waits for a handler or for Asterisk.
func (s *session) read() error {
	const keep = 64 << 10 // a listing of many channels may need more; that is not kept
	var buf bytes.Buffer
	for {
		typ, r, err := s.conn.Reader(context.Background())
		if err == nil {
			buf.Reset()
			_, err = buf.ReadFrom(r)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrConnectionLost, err)
		}
		if typ != websocket.MessageText {
			s.c.metrics.events[kindMalformed].Inc()
			continue
		}
		if err := s.dispatch(buf.Bytes()); err != nil {
			return err
		}
		if buf.Cap() > keep {
			buf = bytes.Buffer{}
		}
	}
}

// maxID bounds a channel id; Asterisk's have at most 150 bytes (AST_MAX_PUBLIC_UNIQUEID).
const maxID = 256

// dispatch hands out one message. Only the end of the session is an error.
func (s *session) dispatch(raw []byte) error {
	m, err := decode(raw)
	s.c.metrics.events[m.kind].Inc()
	switch {
	case err != nil:
		s.c.log.Debug("a message from Asterisk cannot be read", "bytes", len(raw))
		return nil
	case m.kind == kindResponse:
		s.ws.deliver(m.reply)
		return nil
	case m.kind == kindUnknown || m.kind == kindUnused:
		return nil
	case m.app != "" && m.app != s.c.cfg.App:
		s.c.metrics.foreignEvents.Inc()
		return nil
	case m.kind == kindReplaced:
		return ErrReplaced
	case m.kind == kindSign:
		return s.noteSign(m.sign)
	case m.channel == "" || len(m.channel) > maxID:
		s.c.metrics.foreignEvents.Inc()
		return nil
	}
	switch m.kind {
	case kindBroadcast:
		s.offer(m.channel)
	case kindStart:
		s.take(s.newChannel(m.channel, m.data, m.args))
	case kindEnd:
		s.leave(m.channel)
	default:
		s.deliver(m.channel, m.event)
	}
	return nil
}

func (s *session) newChannel(id string, data *ChannelData, args []string) *Channel {
	return &Channel{s: s, id: id, data: data, args: args}
}

// take gives a channel to a handler.
func (s *session) take(ch *Channel) {
	s.mu.Lock()
	if s.calls == nil {
		s.mu.Unlock()
		return
	}
	if old := s.calls[ch.id]; old != nil {
		if old.adopted && !old.over() {
			// The patrol saw the channel before its StasisStart came through.
			s.mu.Unlock()
			return
		}
		old.end(ErrLeft) // it left and came again, and Asterisk did not say so
	}
	ch.born = s.round
	s.calls[ch.id] = ch
	delete(s.strays, ch.id)
	s.mu.Unlock()
	if s.c.handlers.begin() {
		if !s.atOnce(ch) {
			go s.c.handle(s.stop, ch)
		}
		return
	}
	ch.mu.Lock()
	ch.returned = true
	ch.mu.Unlock()
	s.enqueue(job{release: ch})
}

// leave notes that a channel is no longer in the application.
func (s *session) leave(id string) {
	s.mu.Lock()
	ch := s.calls[id]
	delete(s.calls, id)
	s.mu.Unlock()
	if ch == nil {
		s.c.metrics.foreignEvents.Inc()
		return
	}
	ch.end(ErrLeft)
}

func (s *session) deliver(id string, e ari.Event) {
	s.mu.Lock()
	ch := s.calls[id]
	s.mu.Unlock()
	if ch == nil {
		s.c.metrics.foreignEvents.Inc()
		return
	}
	ch.named(e)
	ch.deliver(e)
}
