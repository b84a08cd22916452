package dialplan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A rawPhone speaks just enough SIP to place a call with any bytes in it, which a proper telephone would refuse to send, and to take one.
type rawPhone struct {
	t      *testing.T
	conn   *net.UDPConn
	answer atomic.Int64     // status with which it answers calls
	rang   chan *rawMessage // the INVITE of each call that it took
	ended  chan *rawMessage // the BYE or CANCEL of each

	mu    sync.Mutex
	calls map[string]chan *rawMessage // responses, by Call-ID
	seen  map[string]bool             // Call-IDs of calls taken, so that a retransmission counts once
}

// A rawMessage is one SIP message.
type rawMessage struct {
	start  string
	header textproto.MIMEHeader
	via    []string
	body   string
	from   *net.UDPAddr
}

func (m *rawMessage) status() int {
	fields := strings.Fields(m.start)
	if len(fields) < 2 || fields[0] != "SIP/2.0" {
		return 0
	}
	n, _ := strconv.Atoi(fields[1])
	return n
}

func newRawPhone(t *testing.T) *rawPhone {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &rawPhone{
		t: t, conn: conn, rang: make(chan *rawMessage, 100), ended: make(chan *rawMessage, 100),
		calls: make(map[string]chan *rawMessage), seen: make(map[string]bool),
	}
	p.answer.Store(200)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.listen()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return p
}

func (p *rawPhone) addr() string { return p.conn.LocalAddr().String() }

func (p *rawPhone) listen() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFromUDP(buf)
		if err != nil {
			return // closed
		}
		m := parseRaw(buf[:n])
		if m == nil {
			continue
		}
		m.from = from
		id := m.header.Get("Call-Id")
		if m.status() != 0 {
			p.mu.Lock()
			responses := p.calls[id]
			p.mu.Unlock()
			if responses != nil {
				responses <- m
			}
			continue
		}
		switch method, _, _ := strings.Cut(m.start, " "); method {
		case "INVITE":
			p.reply(m, int(p.answer.Load()))
			p.mu.Lock()
			again := p.seen[id]
			p.seen[id] = true
			p.mu.Unlock()
			if !again {
				p.rang <- m
			}
		case "BYE", "CANCEL":
			p.reply(m, 200)
			p.ended <- m
		case "ACK":
		default:
			p.reply(m, 200)
		}
	}
}

func parseRaw(b []byte) *rawMessage {
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return nil
	}
	lines := strings.Split(string(head), "\r\n")
	m := &rawMessage{start: lines[0], header: make(textproto.MIMEHeader), body: string(body)}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		m.header.Add(name, value)
		if strings.EqualFold(name, "Via") {
			m.via = append(m.via, value)
		}
	}
	return m
}

const rawSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"

func (p *rawPhone) reply(m *rawMessage, status int) {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d X\r\n", status)
	for _, via := range m.via {
		fmt.Fprintf(&b, "Via: %s\r\n", via)
	}
	to := m.header.Get("To")
	if !strings.Contains(to, ";tag=") {
		to += ";tag=raw"
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:raw@%s>\r\n",
		m.header.Get("From"), to, m.header.Get("Call-Id"), m.header.Get("Cseq"), p.addr())
	if status == 200 && strings.HasPrefix(m.start, "INVITE") {
		fmt.Fprintf(&b, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(rawSDP), rawSDP)
	} else {
		b.WriteString("Content-Length: 0\r\n\r\n")
	}
	p.send(b.String(), m.from)
}

func (p *rawPhone) send(text string, to *net.UDPAddr) {
	// At the end of a test, the phone may be closed while it answers a last BYE.
	if _, err := p.conn.WriteToUDP([]byte(text), to); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Errorf("sending SIP: %v", err)
	}
}

// A rawCall is a call that a rawPhone places.
type rawCall struct {
	p         *rawPhone
	to        *net.UDPAddr
	id        string
	uri       string
	head      string // Via, From, To without tag, Call-ID
	toTag     string
	responses chan *rawMessage
}

var rawCalls atomic.Int64

// rawFrom is the usual From of a calling number.
func rawFrom(user string) string { return "<sip:" + user + "@127.0.0.1>;tag=t" }

// place begins a call to user at the port, with the From header and further header lines as they are.
func (p *rawPhone) place(port int, user, from string, lines ...string) *rawCall {
	n := rawCalls.Add(1)
	return p.placeWithID(port, user, from, fmt.Sprintf("raw-%d-%s", n, p.addr()), lines...)
}

func (p *rawPhone) placeWithID(port int, user, from, id string, lines ...string) *rawCall {
	c := &rawCall{
		p: p, to: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, id: id,
		uri: fmt.Sprintf("sip:%s@127.0.0.1:%d", user, port), responses: make(chan *rawMessage, 100),
	}
	c.head = fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nFrom: %s\r\nCall-ID: %s\r\n", p.addr(), rawCalls.Add(1), from, id)
	p.mu.Lock()
	p.calls[id] = c.responses
	p.mu.Unlock()
	var extra strings.Builder
	for _, line := range lines {
		extra.WriteString(line + "\r\n")
	}
	p.send(fmt.Sprintf("INVITE %s SIP/2.0\r\n%sTo: <%s>\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:raw@%s>\r\n%s"+
		"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		c.uri, c.head, c.uri, p.addr(), extra.String(), len(rawSDP), rawSDP), c.to)
	return c
}

// next waits for a response of at least the given status and acknowledges it if it is a final one.
func (c *rawCall) next(ctx context.Context, least int) *rawMessage {
	c.p.t.Helper()
	for {
		select {
		case m := <-c.responses:
			if m.status() < least || !strings.HasSuffix(m.header.Get("Cseq"), "INVITE") {
				continue
			}
			if m.status() >= 200 {
				c.toTag = m.header.Get("To")
				c.request("ACK", 1)
			}
			return m
		case <-ctx.Done():
			c.p.t.Fatalf("call %s: no response of %d or more: %v", c.id, least, ctx.Err())
		}
	}
}

// final waits for the end of the call's set-up and gives the status.
func (c *rawCall) final(ctx context.Context) int {
	c.p.t.Helper()
	return c.next(ctx, 200).status()
}

func (c *rawCall) cancel() { c.toTag = ""; c.request("CANCEL", 1) }

func (c *rawCall) bye() { c.request("BYE", 2) }

func (c *rawCall) request(method string, seq int) {
	to := c.toTag
	if to == "" {
		to = "<" + c.uri + ">"
	}
	c.p.send(fmt.Sprintf("%s %s SIP/2.0\r\n%sTo: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		method, c.uri, c.head, to, seq, method), c.to)
}
