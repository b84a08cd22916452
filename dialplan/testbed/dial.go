package testbed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Invite says whom a phone calls, and what it says of itself.
type Invite struct {
	Server      string            // "host:port" that the call is sent to
	To          string            // the called number, as the user part of the URI; may be empty
	From        string            // the calling number; the phone's name if empty
	DisplayName string            // the calling name; none if empty
	Headers     map[string]string // further headers, such as P-Asserted-Identity
	// RawFrom is sent as the value of From, byte for byte, in place of From and DisplayName: for what no honest phone would
	// send. A tag is added if it has none.
	RawFrom string
}

// Call places a call and returns when the INVITE has been sent. ctx bounds only that; the call lasts until one side hangs up.
func (p *Phone) Call(ctx context.Context, invite Invite) (*Call, error) {
	target, err := serverURI(invite.Server, invite.To)
	if err != nil {
		return nil, err
	}
	if !p.begin() {
		return nil, errors.New("the phone is closed")
	}
	call, err := newCall(p)
	if err != nil {
		p.running.Done()
		return nil, err
	}
	request, err := call.invitation(target, invite)
	if err == nil && !p.add(call) {
		err = errors.New("the phone is closed")
	}
	var tx sip.ClientTransaction
	if err == nil {
		tx, err = p.client.TransactionRequest(ctx, request, asBuilt)
	}
	if err != nil {
		defer p.running.Done()
		err = fmt.Errorf("calling %s: %w", target.String(), err)
		p.finish(call, err)
		return nil, err
	}
	go func() {
		defer p.running.Done()
		err := call.placed(request, tx)
		p.finish(call, err)
	}()
	return call, nil
}

// asBuilt keeps the library from adding headers to a request that has all of them.
func asBuilt(*sipgo.Client, *sip.Request) error { return nil }

// invitation makes the INVITE and what later requests of its dialog take over from it.
func (c *Call) invitation(target sip.Uri, invite Invite) (*sip.Request, error) {
	d := &c.dialog
	d.callID = rand.Text()
	from := &sip.FromHeader{
		DisplayName: strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(invite.DisplayName),
		Address:     sip.Uri{Scheme: "sip", User: invite.From, Host: "127.0.0.1", Port: c.phone.Port()},
	}
	if invite.From == "" {
		from.Address.User = c.phone.name
	}
	tag := rand.Text()
	from.Params.Add("tag", tag)
	if raw := invite.RawFrom; raw != "" {
		if !strings.Contains(strings.ToLower(raw), ";tag=") {
			raw += ";tag=" + tag
		}
		c.phone.wire.disguise(d.callID, disguise{raw: raw, tidy: from.Value()})
	}
	d.local, d.remote = from, &sip.ToHeader{Address: target}
	d.establish(&sip.ContactHeader{Address: target}, nil)
	request := d.request(c.phone, sip.INVITE, 0)
	request.AppendHeader(sip.NewHeader("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY"))
	for name, value := range invite.Headers {
		request.AppendHeader(sip.NewHeader(name, value))
	}
	offer, err := describe(c.phone.codec, c.media.port(), uint64(c.media.port()))
	if err != nil {
		return nil, err
	}
	request.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	request.SetBody(offer)
	return request, nil
}

// placed runs a call from its INVITE to its end.
func (c *Call) placed(invite *sip.Request, tx sip.ClientTransaction) error {
	final, err := c.awaitFinal(invite, tx)
	if err != nil {
		tx.Terminate()
		return err
	}
	if !final.IsSuccess() { // the transaction acknowledges it, and goes on doing so
		c.finally(final)
		return nil
	}
	c.dialog.remote = sip.HeaderClone(final.To())
	c.dialog.establish(final.Contact(), headerValues(final, "Record-Route", true))
	acknowledge := func(*sip.Response) {
		// Losing an ACK is no error: the answer is then sent again, and acknowledged again.
		_ = c.phone.client.WriteRequest(c.dialog.request(c.phone, sip.ACK, invite.CSeq().SeqNo), asBuilt)
	}
	tx.OnRetransmission(acknowledge)
	acknowledge(final)
	other, err := readDescription(final.Body(), c.phone.codec)
	if err != nil {
		return errors.Join(err, c.bye())
	}
	c.media.connect(other)
	c.media.play(c.phone.voice)
	c.finally(final) // only now: who waits for the answer may press keys at once
	return c.untilGoodbye()
}

// finally takes note of the final response to the INVITE.
func (c *Call) finally(final *sip.Response) {
	c.change(func() {
		c.statuses = append(c.statuses, final.StatusCode)
		c.final = readMessage(final)
		c.final.Status, c.final.Reason = final.StatusCode, final.Reason
		c.answered = final.IsSuccess()
	})
}

// awaitFinal follows an INVITE to its final response, and cancels it when the phone hangs up.
func (c *Call) awaitFinal(invite *sip.Request, tx sip.ClientTransaction) (*sip.Response, error) {
	hangUp := c.hangUp
	var ringing, cancelled bool
	cancelAnswered := make(chan error, 1)
	var patience <-chan time.Time
	for {
		select {
		case response := <-tx.Responses():
			if !response.IsProvisional() {
				return response, nil
			}
			c.provisional(response)
			ringing = true
		case <-tx.Done():
			return nil, fmt.Errorf("the INVITE got no final response: %w", tx.Err())
		case <-hangUp:
			hangUp = nil
		case err := <-cancelAnswered:
			if err != nil {
				return nil, fmt.Errorf("cancelling: %w", err)
			}
			patience = time.After(64 * sip.T1) // RFC 3261, section 9.1
		case <-patience:
			return nil, errors.New("the call was cancelled, but its INVITE got no final response")
		}
		// A CANCEL may go out only after a provisional response.
		if hangUp == nil && ringing && !cancelled {
			cancelled = true
			c.phone.running.Go(func() { cancelAnswered <- c.phone.do(cancelOf(invite), nil) })
		}
	}
}

// provisional takes note of a 1xx response and of the sound that it may open.
func (c *Call) provisional(response *sip.Response) {
	other, err := readDescription(response.Body(), c.phone.codec)
	early := err == nil
	if early {
		c.media.connect(other)
	}
	c.change(func() {
		if len(c.statuses) == 0 || c.statuses[len(c.statuses)-1] != response.StatusCode {
			c.statuses = append(c.statuses, response.StatusCode)
		}
		c.early = c.early || early
	})
}

// untilGoodbye holds an answered call until one side hangs up.
func (c *Call) untilGoodbye() error {
	select {
	case <-c.byeSeen:
		return nil
	case <-c.hangUp:
		return c.bye()
	}
}

// bye ends an answered call. The other side may do so in the same moment, and then need not answer.
func (c *Call) bye() error {
	if err := c.phone.do(c.dialog.request(c.phone, sip.BYE, 0), c.byeSeen); err != nil {
		return fmt.Errorf("hanging up: %w", err)
	}
	return nil
}

// do sends a request other than INVITE and waits for its final response, whatever it says, or until it is needless.
func (p *Phone) do(request *sip.Request, needless <-chan struct{}) error {
	tx, err := p.client.TransactionRequest(context.Background(), request, asBuilt)
	if err != nil {
		return err
	}
	defer tx.Terminate()
	for {
		select {
		case response := <-tx.Responses():
			if !response.IsProvisional() {
				return nil
			}
		case <-needless:
			return nil
		case <-tx.Done():
			return fmt.Errorf("%s got no final response: %w", request.Method, tx.Err())
		}
	}
}

// cancelOf makes the CANCEL of an INVITE (RFC 3261, section 9.1).
func cancelOf(invite *sip.Request) *sip.Request {
	request := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	request.AppendHeader(invite.Via().Clone())
	for _, header := range []sip.Header{invite.From(), invite.To(), invite.CallID()} {
		request.AppendHeader(sip.HeaderClone(header))
	}
	request.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	request.AppendHeader(sip.NewHeader("Max-Forwards", "70"))
	request.SetBody(nil)
	request.SetTransport(invite.Transport())
	request.Laddr = invite.Laddr
	return request
}
