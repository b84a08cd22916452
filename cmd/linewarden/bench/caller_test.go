package bench

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The load source: a SIP client and a SIP server that know no more of SIP than the calls of this benchmark need, so that they take
// a small part of the processor, and time with the clock of the moment at which a message was sent or had come in.

// caller places calls from one UDP port to one of Asterisk's. Its methods may be called from any goroutine.
type caller struct {
	conn    *net.UDPConn
	target  string // host:port
	self    string
	run     string // in each Call-ID, so that no two callers' are alike
	repeats atomic.Int64
	ended   sync.WaitGroup
	closed  chan struct{}

	mu    sync.Mutex
	calls map[uint64]*placed
	last  uint64
}

// placed is one call.
type placed struct {
	id     uint64
	number string // that is dialled
	from   string

	sent   time.Time // of the INVITE
	setUp  time.Duration
	status int // of the final answer; 0 if none came

	state  placedState
	to     []byte // To with the other side's tag, as its answers have it
	remote []byte // its Contact, to which requests within the call go
	resend []byte // what is sent again if no answer comes
	due    time.Time
	wait   time.Duration
	over   func(*placed)
}

type placedState uint8

const (
	inviteSent placedState = iota
	proceeding             // a provisional answer came
	byeSent
)

// firstWait is T1 of RFC 3261, after which a request is sent again; giveUp is 64 of them.
const (
	firstWait = 500 * time.Millisecond
	giveUp    = 64 * firstWait
)

func newCaller(target string) (*caller, error) {
	addr, err := net.ResolveUDPAddr("udp4", target)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp4", nil, addr)
	if err != nil {
		return nil, fmt.Errorf("open a port for calls: %w", err)
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		return nil, err
	}
	c := &caller{conn: conn, target: target, self: conn.LocalAddr().String(), run: rand.Text()[:10],
		calls: map[uint64]*placed{}, closed: make(chan struct{})}
	c.ended.Go(c.read)
	c.ended.Go(c.repeat)
	return c, nil
}

func (c *caller) close() error {
	close(c.closed)
	err := c.conn.Close()
	c.ended.Wait()
	return err
}

// place begins a call. over is called when it has ended, on another goroutine, which it must not hold up.
func (c *caller) place(from, number string, over func(*placed)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	p := &placed{id: c.last, from: from, number: number, over: over, wait: firstWait}
	p.to = fmt.Appendf(nil, "<sip:%s@%s>", number, c.target)
	p.resend = c.invite(p)
	p.sent = time.Now()
	p.due = p.sent.Add(p.wait)
	c.calls[p.id] = p
	c.write(p.resend)
}

// write sends a message. What the network does not take is lost, as on any network, and sent again.
func (c *caller) write(message []byte) { _, _ = c.conn.Write(message) }

const sdpOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 9 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"

func (c *caller) head(p *placed, method, uri, branch string) []byte {
	b := make([]byte, 0, 1024)
	return fmt.Appendf(b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d%s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s@%s>;tag=%d\r\nTo: %s\r\nCall-ID: %d-%s@127.0.0.1\r\n",
		method, uri, c.self, p.id, branch, p.from, c.self, p.id, p.to, p.id, c.run)
}

func (c *caller) invite(p *placed) []byte {
	b := c.head(p, "INVITE", "sip:"+p.number+"@"+c.target, "i")
	return fmt.Appendf(b, "CSeq: 1 INVITE\r\nContact: <sip:bench@%s>\r\nAllow: INVITE, ACK, CANCEL, BYE\r\n"+
		"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", c.self, len(sdpOffer), sdpOffer)
}

// ack acknowledges a final answer: a refusal within the INVITE's transaction, an acceptance in one of its own.
func (c *caller) ack(p *placed) []byte {
	uri, branch := "sip:"+p.number+"@"+c.target, "i"
	if p.status < 300 {
		uri, branch = string(p.remote), "a"
	}
	return append(c.head(p, "ACK", uri, branch), "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"...)
}

func (c *caller) bye(p *placed) []byte {
	return append(c.head(p, "BYE", string(p.remote), "b"), "CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"...)
}

// read takes in what Asterisk sends until the caller is closed.
func (c *caller) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.conn.Read(buf)
		if err != nil {
			select {
			case <-c.closed:
				return
			default:
				continue // an ICMP error: Asterisk is not there for a moment
			}
		}
		c.receive(buf[:n], time.Now())
	}
}

func (c *caller) receive(message []byte, now time.Time) {
	status, isAnswer := statusOf(message)
	if !isAnswer {
		return
	}
	number, _, _ := bytes.Cut(header(message, "Call-ID"), []byte("-"))
	id, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil {
		return
	}
	invite := bytes.HasSuffix(header(message, "CSeq"), []byte("INVITE"))
	c.mu.Lock()
	p := c.calls[id]
	switch {
	case p == nil || invite && status >= 200 && p.state == byeSent:
		// An answer that came before. A call that is over was acknowledged, and its acknowledgement may have been late.
		c.repeats.Add(1)
		if p != nil {
			c.write(c.ack(p))
		}
		p = nil
	case invite && status < 200:
		p.state = proceeding
		p = nil
	case invite:
		p.status, p.setUp = status, now.Sub(p.sent)
		p.to = bytes.Clone(header(message, "To"))
		if status >= 300 {
			c.write(c.ack(p))
			delete(c.calls, id)
			break
		}
		contact := header(message, "Contact")
		contact = contact[bytes.IndexByte(contact, '<')+1:]
		contact, _, _ = bytes.Cut(contact, []byte(">"))
		p.remote = bytes.Clone(contact)
		c.write(c.ack(p))
		p.state, p.resend, p.wait = byeSent, c.bye(p), firstWait
		p.due = now.Add(p.wait)
		c.write(p.resend)
		p = nil
	case status < 200:
		p = nil
	default:
		delete(c.calls, id) // the BYE is answered
	}
	c.mu.Unlock()
	if p != nil {
		p.over(p)
	}
}

// repeat sends again what was not answered in time, and gives up calls that are never answered.
func (c *caller) repeat() {
	tick := time.NewTicker(firstWait / 10)
	defer tick.Stop()
	for {
		var lost []*placed
		select {
		case <-c.closed:
			return
		case now := <-tick.C:
			c.mu.Lock()
			for id, p := range c.calls {
				switch {
				case now.Sub(p.sent) > giveUp:
					delete(c.calls, id)
					lost = append(lost, p)
				case p.state != proceeding && now.After(p.due):
					c.repeats.Add(1)
					c.write(p.resend)
					p.wait *= 2
					p.due = now.Add(p.wait)
				}
			}
			c.mu.Unlock()
		}
		for _, p := range lost {
			p.over(p)
		}
	}
}

// statusOf is the status of a response; requests have none.
func statusOf(message []byte) (int, bool) {
	rest, ok := bytes.CutPrefix(message, []byte("SIP/2.0 "))
	if !ok || len(rest) < 3 {
		return 0, false
	}
	status, err := strconv.Atoi(string(rest[:3]))
	return status, err == nil
}

// header is the value of the first header field of that name, written as Asterisk writes it.
func header(message []byte, name string) []byte {
	at := bytes.Index(message, []byte("\r\n"+name+": "))
	if at < 0 {
		return nil
	}
	value, _, _ := bytes.Cut(message[at+len(name)+4:], []byte("\r\n"))
	return value
}
