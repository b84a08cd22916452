package ami

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// manager is the other end of a connection: it answers each action with what answer gives for it, byte for byte.
type manager struct {
	listener net.Listener
	greeting string
	answer   func(name string, fields map[string]string) string
	ended    chan struct{}
	seen     chan map[string]string // the actions, Login excepted
}

func newManager(t *testing.T, answer func(name string, fields map[string]string) string) *manager {
	t.Helper()
	return newManagerThatSays(t, "Asterisk Call Manager/11.0.0\r\n", answer)
}

func newManagerThatSays(t *testing.T, greeting string, answer func(name string, fields map[string]string) string) *manager {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{listener: l, greeting: greeting, answer: answer, ended: make(chan struct{}), seen: make(chan map[string]string, 10_000)}
	go func() {
		defer close(m.ended)
		conn, err := l.Accept()
		if err != nil {
			return // closed
		}
		defer conn.Close()
		m.serve(conn)
	}()
	t.Cleanup(func() {
		l.Close()
		<-m.ended
	})
	return m
}

func (m *manager) serve(conn net.Conn) {
	fmt.Fprint(conn, m.greeting)
	in := bufio.NewScanner(conn)
	fields := map[string]string{}
	for in.Scan() {
		if line := in.Text(); line != "" {
			name, value, _ := strings.Cut(line, ": ")
			fields[name] = value
			continue
		}
		answer := ok(fields)
		if fields["Action"] != "Login" {
			m.seen <- fields
			answer = m.answer(fields["Action"], fields)
		} else if fields["Secret"] != "right" {
			answer = said(fields, "Response: Error", "Message: Authentication failed")
		}
		fmt.Fprint(conn, answer)
		fields = map[string]string{}
	}
}

// said is a response to an action.
func said(fields map[string]string, lines ...string) string {
	return strings.Join(append(lines, "ActionID: "+fields["ActionID"]), "\r\n") + "\r\n\r\n"
}

func ok(fields map[string]string) string { return said(fields, "Response: Success", "Message: well") }

func (m *manager) config(secret string) Config {
	return Config{Address: m.listener.Addr().String(), Username: "u", Secret: secret, Timeout: time.Minute}
}

func dial(t *testing.T, m *manager) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), m.config("right"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDial(t *testing.T) {
	m := newManager(t, nil)
	_, err := Dial(t.Context(), m.config("wrong"))
	if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong secret: %v", err)
	}
	m = newManagerThatSays(t, "SSH-2.0-OpenSSH_9.2\r\n", nil)
	if _, err := Dial(t.Context(), m.config("right")); !errors.Is(err, ErrProtocol) {
		t.Errorf("another server: %v", err)
	}
	m.listener.Close()
	if _, err := Dial(t.Context(), m.config("right")); err == nil || !strings.Contains(err.Error(), "manager.conf") {
		t.Errorf("no server: %v", err)
	}
}

// TestDo makes thousands of requests at once, and wants each response once, in order, refusals among them.
func TestDo(t *testing.T) {
	m := newManager(t, func(_ string, f map[string]string) string {
		if strings.HasSuffix(f["Key"], "7") {
			return said(f, "Response: Error", "Message: Database entry not found")
		}
		return said(f, "Response: Success", "Val: "+f["Key"]) + "Event: PeerStatus\r\nPeer: x\r\n\r\n"
	})
	c := dial(t, m)
	const n = 5000
	i := 0
	err := c.Do(t.Context(), func(yield func(Action) bool) {
		for i := range n {
			if !yield(New("DBGet", "Family", "f", "Key", fmt.Sprint(i))) {
				return
			}
		}
	}, func(r Response) error {
		want := fmt.Sprint(i)
		if missing := strings.HasSuffix(want, "7"); r.Missing() != missing || !missing && (r.Get("val") != want || r.Err() != nil) {
			t.Fatalf("the response to %s: %+v", want, r)
		}
		i++
		return nil
	})
	if err != nil || i != n {
		t.Fatalf("%d responses of %d: %v", i, n, err)
	}

	// A refusal that matters ends it, and leaves the connection of use.
	if _, err := c.Request(t.Context(), New("DBGet", "Key", "7")); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a refusal: %v", err)
	}
	if r, err := c.Request(t.Context(), New("DBGet", "Key", "8")); err != nil || r.Get("Val") != "8" {
		t.Errorf("after a refusal: %+v %v", r, err)
	}
}

func TestDoNothing(t *testing.T) {
	c := dial(t, newManager(t, nil))
	if err := c.Do(t.Context(), func(func(Action) bool) {}, func(Response) error { return errors.New("a response") }); err != nil {
		t.Error(err)
	}
}

// TestList takes the events that belong to a response for part of it.
func TestList(t *testing.T) {
	m := newManager(t, func(name string, f map[string]string) string {
		if name == "Ping" {
			return ok(f)
		}
		return said(f, "Response: Success", "EventList: start", "Message: Result will follow") +
			said(f, "Event: DBGetResponse", "Val: a: b") + said(f, "Event: DBGetComplete", "EventList: Complete", "ListItems: 1")
	})
	c := dial(t, m)
	for range 3 {
		r, err := c.Request(t.Context(), New("DBGet"))
		if err != nil || r.Get("Val") != "a: b" || r.Get("Message") != "Result will follow" {
			t.Fatalf("%+v %v", r, err)
		}
		if _, err := c.Request(t.Context(), New("Ping")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileAnswers wants each of them to be told, and the connection not to be used again.
func TestHostileAnswers(t *testing.T) {
	for name, answer := range map[string]func(map[string]string) string{
		"another ActionID": func(map[string]string) string { return "Response: Success\r\nActionID: 99\r\n\r\n" },
		"no ActionID":      func(map[string]string) string { return "Response: Success\r\n\r\n" },
		"no kind":          func(f map[string]string) string { return said(f, "Message: hello") },
		"nothing":          func(map[string]string) string { return "\r\n\r\n" },
		"an endless line":  func(map[string]string) string { return strings.Repeat("x", 1<<20) },
		"endless lines":    func(map[string]string) string { return "Response: Success\r\n" + strings.Repeat("a: b\r\n", 1<<16) },
		"an endless list": func(f map[string]string) string {
			return said(f, "Response: Success", "EventList: start") + strings.Repeat(said(f, "Event: x"), 1<<14)
		},
	} {
		c := dial(t, newManager(t, func(_ string, f map[string]string) string { return answer(f) }))
		if _, err := c.Request(t.Context(), New("Ping")); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.Request(t.Context(), New("Ping")); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: the connection was used again: %v", name, err)
		}
		c.Close()
	}
}

// TestNothingIsInjected refuses what would be another line, before anything of it is sent.
func TestNothingIsInjected(t *testing.T) {
	for _, a := range []Action{
		New("Ping\r\nAction: Command"), New("DBPut", "Val", "1\r\n\r\nAction: Originate"), New("DBPut", "Val\n", "1"), New("DBPut", "Val: x", "1"),
		New("DBPut", "Val", "\x00"), New("DBPut", "Val", strings.Repeat("x", 1024)), New("DBPut", "Val"), New(""), New("DBPut", "", "x"),
	} {
		m := newManager(t, func(_ string, f map[string]string) string { return ok(f) })
		c := dial(t, m)
		if _, err := c.Request(t.Context(), a); !errors.Is(err, ErrAction) {
			t.Errorf("%q: %v", a, err)
		}
		c.Close()
		<-m.ended
		if len(m.seen) != 0 {
			t.Errorf("%q: %v was sent", a, <-m.seen)
		}
	}
}

// TestHungManager ends a request when its context does.
func TestHungManager(t *testing.T) {
	m := newManager(t, func(string, map[string]string) string { return "" })
	c := dial(t, m)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-m.seen
		cancel(cause)
	}()
	if _, err := c.Request(ctx, New("Ping")); !errors.Is(err, cause) {
		t.Errorf("a request that was cancelled: %v", err)
	}
	if _, err := c.Request(t.Context(), New("Ping")); !errors.Is(err, cause) {
		t.Errorf("the connection was used again: %v", err)
	}
	if _, err := dial(t, newManager(t, nil)).Request(ctx, New("Ping")); !errors.Is(err, cause) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// FuzzReadResponse reads what no AMI says, and wants no more than the bounds allow.
func FuzzReadResponse(f *testing.F) {
	f.Add("Response: Success\r\nActionID: 1\r\n\r\n")
	f.Add("Event: x\r\n\r\nResponse: Error\r\nActionID: 1\r\nMessage: no\r\n\r\n")
	f.Add("Response: Success\r\nActionID: 1\r\nEventList: start\r\n\r\nEvent: x\r\nEventList: Complete\r\n\r\n")
	f.Add("\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Conn{r: bufio.NewReaderSize(strings.NewReader(text), 4096)}
		r, err := c.readResponse("1")
		if len(c.lines) > mostLines {
			t.Fatalf("%d lines were kept", len(c.lines))
		}
		if err == nil && r.Get("ActionID") != "1" {
			t.Fatalf("%q is taken for the response to another action", text)
		}
	})
}
