package testbed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// PhoneOptions say what kind of telephone a [Phone] is.
type PhoneOptions struct {
	// Name is the user part of its own address, and gives it the voice by which it is known.
	Name string
	// Codec is the one that it speaks; it offers and takes no other.
	Codec Codec
	// Reply is what it does with calls: 0 or 200 rings and answers, 180 rings until Answer or Hangup, 300 to 699 refuses
	// with that status.
	Reply int
}

// Phone is a SIP telephone on a UDP port of 127.0.0.1. It is safe for concurrent use, and may have any number of calls.
type Phone struct {
	name     string
	codec    Codec
	voice    []int16
	reply    atomic.Int32
	wire     *wire
	agent    *sipgo.UserAgent
	client   *sipgo.Client
	incoming chan *Call

	mu      sync.Mutex
	calls   map[string]*Call // by Call-ID, while they last
	closed  bool
	running sync.WaitGroup // calls, requests being handled, and the reader of the socket
}

// The most calls that wait to be taken from Incoming; more are refused with 486 Busy Here.
const mostWaiting = 64

// NewPhone makes a telephone that is ready to place and to take calls.
func NewPhone(ctx context.Context, options PhoneOptions) (*Phone, error) {
	var listen net.ListenConfig
	conn, err := listen.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for SIP: %w", err)
	}
	p := &Phone{name: options.Name, codec: options.Codec, voice: newVoice(options.Name), wire: newWire(conn),
		incoming: make(chan *Call, mostWaiting), calls: map[string]*Call{}}
	p.SetReply(options.Reply)
	quiet := slog.New(slog.DiscardHandler) // what matters reaches the caller as statuses and errors
	p.agent, err = sipgo.NewUA(sipgo.WithUserAgent("linewarden-testbed"),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	p.client, err = sipgo.NewClient(p.agent, sipgo.WithClientLogger(quiet))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	server, err := sipgo.NewServer(p.agent, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	server.OnInvite(p.handle(p.onInvite))
	server.OnAck(p.handle(p.onAck))
	server.OnBye(p.handle(p.onBye))
	for _, method := range []sip.RequestMethod{sip.OPTIONS, sip.UPDATE, sip.INFO, sip.NOTIFY} {
		server.OnRequest(method, p.handle(func(r *sip.Request, tx sip.ServerTransaction) { p.respond(r, tx, 200, "OK") }))
	}
	p.running.Go(func() { _ = server.ServeUDP(p.wire) }) // it ends when Close closes the socket
	<-p.wire.serving
	return p, nil
}

// handle wraps what is done with a request so that Close waits for it.
func (p *Phone) handle(do sipgo.RequestHandler) sipgo.RequestHandler {
	return func(request *sip.Request, tx sip.ServerTransaction) {
		if p.begin() {
			defer p.running.Done()
			do(request, tx)
		}
	}
}

// begin counts something that Close must wait for, unless the phone is closed.
func (p *Phone) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.running.Add(1)
	}
	return !p.closed
}

// Port is the UDP port of 127.0.0.1 to which this phone is bound for SIP, and from which it sends.
func (p *Phone) Port() int { return p.wire.LocalAddr().(*net.UDPAddr).Port }

// Addr is where calls to this phone are sent: "127.0.0.1:port".
func (p *Phone) Addr() string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(p.Port())).String()
}

// Voice is what this phone plays, over and over, once a call is answered. Give it to [Heard] as a prompt to tell whether
// somebody was really connected to this phone.
func (p *Phone) Voice() []int16 { return append([]int16{}, p.voice...) }

// SetReply changes what the phone does with calls from now on; PhoneOptions tells the values.
func (p *Phone) SetReply(status int) {
	if status == 0 {
		status = 200
	}
	p.reply.Store(int32(status))
}

// Incoming gives each call that comes in, when it starts to ring or is refused. A phone whose calls nobody takes from here
// becomes busy after 64 of them.
func (p *Phone) Incoming() <-chan *Call { return p.incoming }

// WaitCall waits for the next call that comes in.
func (p *Phone) WaitCall(ctx context.Context) (*Call, error) {
	select {
	case call := <-p.incoming:
		return call, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a call to %s: %w", p.name, context.Cause(ctx))
	}
}

// Close hangs up all calls, closes the phone's port and returns when nothing of it runs any more. ctx bounds only how long
// it waits for the other sides' goodbyes; that they do not come is no error.
func (p *Phone) Close(ctx context.Context) error {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	calls := make([]*Call, 0, len(p.calls))
	for _, call := range p.calls {
		calls = append(calls, call)
	}
	p.mu.Unlock()
	if already {
		return nil
	}
	for _, call := range calls {
		call.hangUpOnce.Do(func() { close(call.hangUp) })
	}
	for _, call := range calls {
		select {
		case <-call.done:
		case <-ctx.Done():
		}
	}
	// Ending all transactions ends whatever still waits for the other side.
	err := errors.Join(p.agent.Close(), p.wire.Close())
	p.running.Wait()
	return err
}

// add makes a call known by its Call-ID. It tells whether there was none yet.
func (p *Phone) add(call *Call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.calls[call.dialog.callID]
	if !known && !p.closed {
		p.calls[call.dialog.callID] = call
		return true
	}
	return false
}

func (p *Phone) find(request *sip.Request) *Call {
	callID := request.CallID()
	if callID == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[callID.Value()]
}

// finish ends a call for good: its sound, its place among the calls, and all who wait for it.
func (p *Phone) finish(call *Call, cause error) {
	err := errors.Join(cause, call.media.close())
	p.mu.Lock()
	delete(p.calls, call.dialog.callID)
	p.mu.Unlock()
	call.change(func() {
		call.over = true
		call.err = err
	})
	close(call.done)
}
