package bench

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// answerer is a telephone that rings and answers every call at once, and never hangs up.
type answerer struct {
	conn    *net.UDPConn
	repeats atomic.Int64
	calls   atomic.Int64
	ended   sync.WaitGroup

	known map[string]struct{} // method and Call-ID of each request, since forget
	mu    sync.Mutex
}

func newAnswerer() (*answerer, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("open a port for the called telephone: %w", err)
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		return nil, err
	}
	a := &answerer{conn: conn, known: map[string]struct{}{}}
	a.ended.Go(a.serve)
	return a, nil
}

func (a *answerer) addr() string { return a.conn.LocalAddr().String() }

func (a *answerer) close() error {
	err := a.conn.Close()
	a.ended.Wait()
	return err
}

// forget lets go of what is known about calls that are over.
func (a *answerer) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.known)
}

func (a *answerer) serve() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		a.receive(buf[:n], from)
	}
}

func (a *answerer) receive(message []byte, from netip.AddrPort) {
	method, _, _ := bytes.Cut(message, []byte(" "))
	switch string(method) {
	case "INVITE":
		if a.first(message, "INVITE") {
			a.calls.Add(1)
		}
		a.answer(message, from, "180 Ringing", "")
		a.answer(message, from, "200 OK", sdpOffer)
	case "BYE", "OPTIONS":
		a.first(message, string(method))
		a.answer(message, from, "200 OK", "")
	}
}

// first says whether a request comes for the first time, and counts it if not.
func (a *answerer) first(message []byte, method string) bool {
	key := method + string(header(message, "Call-ID"))
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, again := a.known[key]; again {
		a.repeats.Add(1)
		return false
	}
	a.known[key] = struct{}{}
	return true
}

func (a *answerer) answer(request []byte, to netip.AddrPort, status, sdp string) {
	b := make([]byte, 0, 1024)
	tag := ";tag=answerer"
	if bytes.Contains(header(request, "To"), []byte(";tag=")) {
		tag = ""
	}
	b = fmt.Appendf(b, "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s>\r\n",
		status, header(request, "Via"), header(request, "From"), header(request, "To"), tag,
		header(request, "Call-ID"), header(request, "CSeq"), a.addr())
	if sdp != "" {
		b = append(b, "Content-Type: application/sdp\r\n"...)
	}
	b = fmt.Appendf(b, "Content-Length: %d\r\n\r\n%s", len(sdp), sdp)
	_, _ = a.conn.WriteToUDPAddrPort(b, to) // what is lost is asked for again
}
