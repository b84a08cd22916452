package prefilter_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// wire is a way to AMI that a test may break.
type wire struct {
	t        testing.TB
	to       string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	hung  bool
	cutAt int // cut a connection once so many bytes went to Asterisk; 0 for never
	conns []net.Conn
	given chan struct{} // gets something whenever a connection was given up that hung or was cut
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, to: to, listener: l, given: make(chan struct{}, 1)}
	w.running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return // closed
			}
			w.running.Go(func() { w.carry(near) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			c.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

// carry carries one connection.
func (w *wire) carry(near net.Conn) {
	defer near.Close()
	w.mu.Lock()
	w.conns = append(w.conns, near)
	hung, left := w.hung, w.cutAt
	w.mu.Unlock()
	if hung {
		_, _ = io.Copy(io.Discard, near) // until the other side gives up
		w.gaveUp()
		return
	}
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	w.running.Go(func() {
		_, _ = io.Copy(near, far)
		near.Close()
	})
	if left == 0 {
		_, _ = io.Copy(far, near)
		return
	}
	_, _ = io.CopyN(far, near, int64(left))
	w.gaveUp()
}

func (w *wire) gaveUp() {
	select {
	case w.given <- struct{}{}:
	default:
	}
}

// spoil makes each new connection hang, or be cut.
func (w *wire) spoil(hang bool, cutAt int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hung, w.cutAt = hang, cutAt
	select {
	case <-w.given:
	default:
	}
}

func (w *wire) waitGivenUp(ctx context.Context) {
	w.t.Helper()
	select {
	case <-w.given:
	case <-ctx.Done():
		w.t.Fatal("no connection was given up")
	}
}
