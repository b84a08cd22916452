package asterisk

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// wsTransport sends requests as RESTRequest messages on the events' websocket (res/ari/ari_websocket_requests.c). Asterisk
// handles one after the other; replies are matched by request id. One goroutine writes, so that a caller's deadline holds while
// the network does not take bytes, and never tears the connection down for the others.
type wsTransport struct {
	conn    *websocket.Conn
	lost    <-chan struct{} // closed when the connection has ended
	out     chan *[]byte    // messages to write; full only while the network is stuck
	slots   chan struct{}   // one for each request in flight
	metrics *metrics

	mu       sync.Mutex
	next     uint64
	inFlight map[uint64]*pending
}

// pending waits for one reply.
type pending struct {
	op    operation
	reply chan reply // room for one, so that the reader never waits
	timer *time.Timer
}

var pendings = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &pending{reply: make(chan reply, 1), timer: t}
}}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func newWSTransport(conn *websocket.Conn, lost <-chan struct{}, maxInFlight int, m *metrics) *wsTransport {
	return &wsTransport{
		conn: conn, lost: lost, metrics: m,
		out:      make(chan *[]byte, 64),
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

	id := t.add(p)
	r, err := t.exchange(ctx, p, encodeRequest(id, rq))
	if err != nil && !t.remove(id) {
		// The reader took the request off the list first: the answer is there, or will be at once.
		return <-p.reply, nil
	}
	return r, err
}

// exchange hands the message to the writer and waits for the reply.
func (t *wsTransport) exchange(ctx context.Context, p *pending, msg *[]byte) (reply, error) {
	out := t.out
	for {
		select {
		case out <- msg:
			out = nil // written once; from here on only the reply is missing
		case r := <-p.reply:
			return r, nil
		case <-ctx.Done():
			return reply{}, ctx.Err()
		case <-p.timer.C:
			return reply{}, context.DeadlineExceeded
		case <-t.lost:
			return reply{}, ErrConnectionLost
		}
	}
}

func (t *wsTransport) add(p *pending) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	t.inFlight[t.next] = p
	return t.next
}

// remove takes a request off the list and says whether it still was there.
func (t *wsTransport) remove(id uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.inFlight[id]
	delete(t.inFlight, id)
	return ok
}

// deliver gives a reply to the request that waits for it. The reader calls it.
func (t *wsTransport) deliver(r wireReply) {
	id, err := strconv.ParseUint(r.id, 10, 64)
	if err != nil {
		t.metrics.lateReplies.Inc()
		return
	}
	t.mu.Lock()
	p, ok := t.inFlight[id]
	delete(t.inFlight, id)
	t.mu.Unlock()
	if !ok {
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
	p.reply <- rp
}

// write sends what do hands over until the connection ends, with one write each.
func (t *wsTransport) write() error {
	for {
		select {
		case msg := <-t.out:
			err := t.conn.Write(context.Background(), websocket.MessageText, *msg)
			buffers.Put(msg)
			if err != nil {
				return err
			}
		case <-t.lost:
			return nil
		}
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
