package testbed

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// dialog is what two ends of a call need to address requests to each other (RFC 3261, section 12). It is written by the
// goroutine that runs the call, and read by others only through request.
type dialog struct {
	callID        string
	local, remote sip.Header // as they stand in From and To of our requests

	mu     sync.Mutex
	target sip.Uri // the other side's Contact
	route  []string
	cseq   uint32
}

// establish takes the other side's address out of its INVITE or its response. Record-Route is listed as our requests will go.
func (d *dialog) establish(contact *sip.ContactHeader, recordRoute []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if contact != nil {
		d.target = *contact.Address.Clone()
	}
	d.route = recordRoute
}

// request makes a request within the dialog. ACK carries the number of its INVITE, cseq; other methods count on.
func (d *dialog) request(phone *Phone, method sip.RequestMethod, ackOf uint32) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	number := ackOf
	if method != sip.ACK {
		d.cseq++
		number = d.cseq
	}
	request := sip.NewRequest(method, *d.target.Clone())
	request.AppendHeader(phone.via())
	for _, route := range d.route {
		request.AppendHeader(sip.NewHeader("Route", route))
	}
	request.AppendHeader(sip.HeaderClone(d.local))
	request.AppendHeader(sip.HeaderClone(d.remote))
	request.AppendHeader(sip.NewHeader("Call-ID", d.callID))
	request.AppendHeader(&sip.CSeqHeader{SeqNo: number, MethodName: method})
	request.AppendHeader(sip.NewHeader("Max-Forwards", "70"))
	request.AppendHeader(phone.contact())
	request.SetBody(nil)
	phone.address(request)
	return request
}

// headerValues lists the values of all headers of a name, last first if reversed.
func headerValues(message interface{ GetHeaders(string) []sip.Header }, name string, reversed bool) []string {
	var values []string
	for _, header := range message.GetHeaders(name) {
		if reversed {
			values = append([]string{header.Value()}, values...)
		} else {
			values = append(values, header.Value())
		}
	}
	return values
}

// via names this phone as the place to send responses to.
func (p *Phone) via() *sip.ViaHeader {
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "127.0.0.1", Port: p.Port()}
	via.Params.Add("branch", sip.GenerateBranch())
	via.Params.Add("rport", "")
	return via
}

func (p *Phone) contact() sip.Header {
	return &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: p.name, Host: "127.0.0.1", Port: p.Port()}}
}

// address makes a request leave through this phone's one socket, so that the other side knows the phone by its port.
func (p *Phone) address(request *sip.Request) {
	request.SetTransport("UDP")
	request.Laddr = sip.Addr{IP: net.IPv4(127, 0, 0, 1).To4(), Port: p.Port()}
}

// readMessage keeps of a SIP message what tests ask for.
func readMessage(message interface {
	Headers() []sip.Header
	From() *sip.FromHeader
	To() *sip.ToHeader
}) *Message {
	m := &Message{headers: message.Headers()}
	if from := message.From(); from != nil {
		m.From = Party{unquote(from.DisplayName), from.Address.User, from.Address.String()}
	}
	if to := message.To(); to != nil {
		m.To = Party{unquote(to.DisplayName), to.Address.User, to.Address.String()}
	}
	return m
}

// unquote takes the quoting out of what stands between quotes (RFC 3261, quoted-string).
func unquote(name string) string {
	var out strings.Builder
	quoted := false
	for _, r := range name {
		if r == '\\' && !quoted {
			quoted = true
			continue
		}
		quoted = false
		out.WriteRune(r)
	}
	return out.String()
}

func serverURI(server, user string) (sip.Uri, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return sip.Uri{}, fmt.Errorf("the server's address: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return sip.Uri{}, fmt.Errorf("the server's port: %w", err)
	}
	return sip.Uri{Scheme: "sip", User: user, Host: host, Port: int(number)}, nil
}
