package asterisk

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// outboxPair is an outbox and the connection at its other end.
func outboxPair(t *testing.T) (*outbox, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOutbox(near)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		far.Close()
		o.Close()
	})
	if err := far.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return o, far
}

// TestOutboxNeverWaits: the other side reads nothing until all is written, far more than the kernel keeps.
func TestOutboxNeverWaits(t *testing.T) {
	o, far := outboxPair(t)
	if err := o.Conn.(*net.TCPConn).SetWriteBuffer(4096); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	lingered := false
	for i := 0; want.Len() < 3<<20; i++ {
		message := bytes.Repeat([]byte{byte(i)}, 999)
		want.Write(message)
		if n, err := o.Write(message); n != len(message) || err != nil {
			t.Fatalf("write %d: %d bytes, %v", i, n, err)
		}
		o.mu.Lock()
		lingered = lingered || o.lingers
		o.mu.Unlock()
	}
	if !lingered {
		t.Error("the network took all at once: this test shows nothing")
	}
	got := make([]byte, want.Len())
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("what was read is not what was written: %v", err)
	}
}

func TestOutboxHolds(t *testing.T) {
	o, far := outboxPair(t)
	o.hold()
	for _, part := range []string{"one ", "two"} {
		if _, err := o.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if string(o.waiting) != "one two" {
		t.Errorf("held: %q", o.waiting)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := o.Read(make([]byte, 1))
		answered <- err
	}()
	got := make([]byte, len("one two"))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != "one two" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := far.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, "answer", answered); err != nil {
		t.Error(err)
	}
	if _, err := o.Write([]byte(" three")); err != nil {
		t.Fatal(err)
	}
	got = make([]byte, len(" three"))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != " three" {
		t.Errorf("read %q, %v: the hold did not end with the read", got, err)
	}
}

func TestOutboxIsBounded(t *testing.T) {
	o, _ := outboxPair(t)
	var err error
	for range mostUnwritten>>10 + 64<<10 { // and what the kernel takes
		if _, err = o.Write(make([]byte, 1<<10)); err != nil {
			break
		}
	}
	if !errors.Is(err, errUnwritten) {
		t.Fatalf("the outbox took all: %v", err)
	}
	if _, err := o.Write([]byte("more")); !errors.Is(err, errUnwritten) {
		t.Errorf("after that: %v", err)
	}
	if err := o.Close(); err != nil { // and does not hang, although a goroutine still writes
		t.Error(err)
	}
}

func TestOutboxTellsOfALostConnection(t *testing.T) {
	o, far := outboxPair(t)
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Read(make([]byte, 1)); err == nil {
		t.Error("read from a closed connection")
	}
	if err := o.Conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write([]byte("x")); err == nil {
		t.Error("wrote to a closed connection")
	}
}
