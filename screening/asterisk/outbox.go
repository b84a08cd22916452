package asterisk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// outbox is a connection whose Write never waits for the network: what that does not take at once is kept, in order, and written by a
// goroutine of the outbox. So the goroutine that reads may also write, without a hand-over to another one on the way of each call, and
// nobody's deadline is missed, nor the connection torn down for the others, because Asterisk does not read for a while.
type outbox struct {
	net.Conn
	raw syscall.RawConn

	mu       sync.Mutex
	held     bool   // by the reader, until it reads again
	waiting  []byte // not written yet
	spare    []byte // of an earlier waiting, to be used again
	lingers  bool   // a goroutine writes what the network did not take at once
	err      error  // the first of a write
	finished sync.WaitGroup
}

// mostUnwritten is how many bytes may wait for the network. Config.MaxInFlight requests are far fewer.
const mostUnwritten = 4 << 20

var errUnwritten = errors.New("asterisk does not take what is sent to it")

func newOutbox(conn net.Conn) (*outbox, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a connection of type %T cannot be written to without waiting", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &outbox{Conn: conn, raw: raw}, nil
}

// Write takes all of b, or says why nothing more can be written. The bytes may be on their way only after the reader's next Read, see
// hold.
func (o *outbox) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return 0, o.err
	case len(o.waiting)+len(b) > mostUnwritten:
		o.err = errUnwritten
		return 0, o.err
	}
	o.waiting = append(o.waiting, b...)
	if !o.held {
		o.flush()
	}
	return len(b), o.err
}

// hold keeps what is written until the next Read. The reader calls it before it writes, so that the verdicts of all calls that came in
// together leave together.
func (o *outbox) hold() {
	o.mu.Lock()
	o.held = true
	o.mu.Unlock()
}

// Read sends what was held, and reads.
func (o *outbox) Read(b []byte) (int, error) {
	o.mu.Lock()
	if o.held {
		o.held = false
		o.flush()
	}
	o.mu.Unlock()
	return o.Conn.Read(b)
}

// flush writes as much as the network takes at once. The caller holds mu.
func (o *outbox) flush() {
	if o.lingers || o.err != nil || len(o.waiting) == 0 {
		return
	}
	n := 0
	err := o.raw.Write(func(fd uintptr) bool {
		var errno error
		if n, errno = syscall.Write(int(fd), o.waiting); errno != nil {
			n = 0 // it may have been interrupted, or have no room; what is worse, the next write tells
		}
		return true
	})
	if err != nil {
		o.err = err
		return
	}
	if n < len(o.waiting) {
		o.waiting = append(o.waiting[:0], o.waiting[n:]...)
		o.lingers = true
		o.finished.Go(o.linger)
		return
	}
	o.waiting = o.waiting[:0]
}

// linger writes until nothing waits, or the connection ends.
func (o *outbox) linger() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && len(o.waiting) > 0 {
		batch := o.waiting
		o.waiting = o.spare[:0]
		o.mu.Unlock()
		_, err := o.Conn.Write(batch)
		o.mu.Lock()
		o.spare = batch
		if o.err == nil {
			o.err = err
		}
	}
	o.lingers = false
}

// Close ends the connection, whatever still waits, and returns when no goroutine of the outbox runs any more.
func (o *outbox) Close() error {
	o.mu.Lock()
	if o.err == nil {
		o.err = net.ErrClosed
	}
	o.mu.Unlock()
	err := o.Conn.Close()
	o.finished.Wait()
	return err
}

// newEventsClient makes the HTTP client for one websocket, and gives its connection once that is dialled.
func newEventsClient(connectTimeout time.Duration) (client *http.Client, connection func() *outbox) {
	client = newHTTPClient(connectTimeout, 1)
	transport := client.Transport.(*http.Transport)
	dial := transport.DialContext
	var mu sync.Mutex
	var last *outbox
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		o, err := newOutbox(conn)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		mu.Lock()
		defer mu.Unlock()
		last = o
		return o, nil
	}
	return client, func() *outbox {
		mu.Lock()
		defer mu.Unlock()
		return last
	}
}
