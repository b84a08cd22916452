package asterisk

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// wsTransport sends requests as RESTRequest messages on the events' websocket (res/ari/ari_websocket_requests.c). Asterisk
// handles one after the other; replies are matched by request id. Whoever makes a request writes it: the connection below is an
// [outbox], which never waits.
type wsTransport struct {
	conn    *websocket.Conn
	out     *outbox
	lost    <-chan struct{} // closed when the connection has ended
	fail    func(error)     // ends it
	slots   chan struct{}   // one for each request in flight
	metrics *metrics

	mu       sync.Mutex
	next     uint64
	inFlight map[uint64]*pending
	over     bool // nothing is sent any more
}

// pending is a request without a reply: somebody waits for it, or then is called with it.
type pending struct {
	op    operation
	reply chan reply // room for one, so that the reader never waits
	timer *time.Timer

	then func(reply, error)
	due  time.Time // for a request with then: when it is given up
}

var pendings = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &pending{reply: make(chan reply, 1), timer: t}
}}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func newWSTransport(conn *websocket.Conn, out *outbox, lost <-chan struct{}, fail func(error), maxInFlight int, m *metrics) *wsTransport {
	return &wsTransport{
		conn: conn, out: out, lost: lost, fail: fail, metrics: m,
		slots:    make(chan struct{}, maxInFlight),
		inFlight: make(map[uint64]*pending),
	}
}

func (t *wsTransport) do(ctx context.Context, rq request, timeout time.Duration) (reply, error) {
	p := pendings.Get().(*pending)
	defer pendings.Put(p)
	p.op = rq.op
	p.timer.Reset(timeout)
	defer p.timer.Stop()

	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return reply{}, ctx.Err()
	case <-p.timer.C:
		return reply{}, context.DeadlineExceeded
	case <-t.lost:
		return reply{}, ErrConnectionLost
	}

	id, ok := t.add(p)
	if !ok {
		return reply{}, ErrConnectionLost
	}
	t.send(id, rq)
	var err error
	select {
	case r := <-p.reply:
		return r, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.timer.C:
		err = context.DeadlineExceeded
	case <-t.lost:
		err = ErrConnectionLost
	}
	if t.remove(id) == nil {
		// The reader took the request off the list first: the answer is there, or will be at once.
		return <-p.reply, nil
	}
	return reply{}, err
}

// start makes a request for which nobody waits; only the reader calls it. then is called once with what came of it, by the reader or
// by the goroutine that gives requests up, and must not block. false means that too many requests are in flight, and then is not called.
func (t *wsTransport) start(rq request, timeout time.Duration, then func(reply, error)) bool {
	select {
	case t.slots <- struct{}{}:
	default:
		return false
	}
	id, ok := t.add(&pending{op: rq.op, then: then, due: time.Now().Add(timeout)})
	if !ok {
		<-t.slots
		return false
	}
	t.out.hold()
	t.send(id, rq)
	return true
}

// send writes a request. If that fails, the connection has ended, and the request with it.
func (t *wsTransport) send(id uint64, rq request) {
	msg := encodeRequest(id, rq)
	err := t.conn.Write(context.Background(), websocket.MessageText, *msg)
	buffers.Put(msg)
	if err != nil {
		t.fail(fmt.Errorf("%w: %w", ErrConnectionLost, err))
	}
}

// add puts a request on the list, unless the connection has ended.
func (t *wsTransport) add(p *pending) (id uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return 0, false
	}
	t.next++
	t.inFlight[t.next] = p
	return t.next, true
}

// remove takes a request off the list; nil if it is not there any more.
func (t *wsTransport) remove(id uint64) *pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.inFlight[id]
	delete(t.inFlight, id)
	return p
}

// deliver gives a reply to the request that waits for it. The reader calls it.
func (t *wsTransport) deliver(r wireReply) {
	id, err := strconv.ParseUint(r.id, 10, 64)
	if err != nil {
		t.metrics.lateReplies.Inc()
		return
	}
	p := t.remove(id)
	if p == nil {
		t.metrics.lateReplies.Inc()
		return
	}
	rp := reply{code: r.code}
	if operations[p.op].body || r.code >= 300 {
		// The body is JSON inside a JSON string. What is not is read as an empty body.
		if body := stringOf(r.body); json.Valid([]byte(body)) {
			rp.body = body
		}
	}
	if p.then != nil {
		<-t.slots
		p.then(rp, nil)
		return
	}
	p.reply <- rp
}

// expire gives up requests for which nobody waits and whose time has passed, until the connection ends; then all of them.
func (t *wsTransport) expire(every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			t.giveUp(context.DeadlineExceeded, func(p *pending) bool { return now.After(p.due) })
		case <-t.lost:
			t.mu.Lock()
			t.over = true
			t.mu.Unlock()
			t.giveUp(ErrConnectionLost, func(*pending) bool { return true })
			return nil
		}
	}
}

func (t *wsTransport) giveUp(why error, which func(*pending) bool) {
	var given []*pending
	t.mu.Lock()
	for id, p := range t.inFlight {
		if p.then != nil && which(p) {
			delete(t.inFlight, id)
			given = append(given, p)
		}
	}
	t.mu.Unlock()
	for _, p := range given {
		<-t.slots
		p.then(reply{}, why)
	}
}

// encodeRequest makes the message. URIs are escaped by [path] and hold nothing that JSON would escape.
func encodeRequest(id uint64, rq request) *[]byte {
	buf := buffers.Get().(*[]byte)
	b := (*buf)[:0]
	b = append(b, `{"type":"RESTRequest","request_id":"`...)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, `","method":"`...)
	b = append(b, operations[rq.op].method...)
	b = append(b, `","uri":"`...)
	b = append(b, rq.uri...)
	b = append(b, '"')
	if rq.body != nil {
		b = append(b, `,"content_type":"application/json","message_body":`...)
		b = appendJSON(b, string(rq.body))
	}
	*buf = append(b, '}')
	return buf
}
