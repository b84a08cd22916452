package testbed

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// onInvite runs a call that comes in from its INVITE to its end.
func (p *Phone) onInvite(request *sip.Request, tx sip.ServerTransaction) {
	if to := request.To(); to == nil || request.From() == nil || request.CallID() == nil || request.Contact() == nil {
		p.respond(request, tx, sip.StatusBadRequest, "Bad Request")
		return
	} else if to.Params.Has("tag") {
		p.onReinvite(request, tx)
		return
	}
	call, err := newCall(p)
	if err != nil {
		p.respond(request, tx, sip.StatusInternalServerError, "No Port For RTP")
		return
	}
	// Only a copy of the request gets our tag: the library reads its own at the same time.
	request = request.Clone()
	request.To().Params.Add("tag", rand.Text())
	call.invite = readMessage(request)
	call.dialog.callID = request.CallID().Value()
	local, remote := request.To().AsFrom(), request.From().AsTo()
	call.dialog.local, call.dialog.remote = &local, &remote
	call.dialog.establish(request.Contact(), headerValues(request, "Record-Route", false))
	if !p.add(call) {
		p.respond(request, tx, sip.StatusLoopDetected, "Loop Detected")
		_ = call.media.close() // a call that never was
		return
	}
	err = call.taken(request, tx)
	if errors.Is(err, sip.ErrTransactionCanceled) { // the library has answered 487 by itself
		call.change(func() { call.statuses = append(call.statuses, sip.StatusRequestTerminated) })
		err = nil
	}
	p.finish(call, err)
}

// taken runs a call that came in. request carries our tag in To. It gives sip.ErrTransactionCanceled for a call that the
// other side gives up before an answer.
func (c *Call) taken(request *sip.Request, tx sip.ServerTransaction) error {
	cancelled := make(chan struct{})
	if !tx.OnCancel(func(*sip.Request) { close(cancelled) }) {
		return sip.ErrTransactionCanceled
	}
	other, err := readDescription(request.Body(), c.phone.codec)
	if err != nil {
		return errors.Join(err, c.refuse(request, tx, sip.StatusNotAcceptableHere))
	}
	reply := int(c.phone.reply.Load())
	if reply < 300 {
		if err := c.send(tx, sip.NewResponseFromRequest(request, sip.StatusRinging, "Ringing", nil)); err != nil {
			return err
		}
	}
	select {
	case c.phone.incoming <- c:
	default:
		reply = sip.StatusBusyHere
	}
	if reply >= 300 {
		return c.refuse(request, tx, reply)
	}
	if reply == 200 {
		c.Answer()
	}
	select {
	case <-c.pickUp:
	case <-c.hangUp:
		return c.refuse(request, tx, 603)
	case <-cancelled:
		return sip.ErrTransactionCanceled
	case <-tx.Done():
		return fmt.Errorf("the call vanished: %w", tx.Err())
	}
	answer, err := describe(c.phone.codec, c.media.port(), uint64(c.media.port()))
	if err != nil {
		return err
	}
	response := sip.NewSDPResponseFromRequest(request, answer)
	c.media.connect(other)
	c.media.play(c.phone.voice)
	if err := c.answer(tx, response); err != nil {
		return err
	}
	return c.untilGoodbye()
}

// refuse ends an unanswered call with a final status.
func (c *Call) refuse(request *sip.Request, tx sip.ServerTransaction, status int) error {
	reasons := map[int]string{403: "Forbidden", 404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here",
		488: "Not Acceptable Here", 503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline", 607: "Unwanted"}
	reason, known := reasons[status]
	if !known {
		reason = "Refused"
	}
	return c.send(tx, sip.NewResponseFromRequest(request, status, reason, nil))
}

// send sends a response to the call's INVITE.
func (c *Call) send(tx sip.ServerTransaction, response *sip.Response) error {
	response.AppendHeader(c.phone.contact())
	if err := tx.Respond(response); err != nil {
		return fmt.Errorf("answering %d: %w", response.StatusCode, err)
	}
	c.change(func() {
		c.statuses = append(c.statuses, response.StatusCode)
		c.answered = c.answered || response.IsSuccess()
	})
	return nil
}

// answer sends a 200 and repeats it until it is acknowledged (RFC 3261, section 13.3.1.4).
func (c *Call) answer(tx sip.ServerTransaction, response *sip.Response) error {
	if err := c.send(tx, response); err != nil {
		return err
	}
	giveUp := time.NewTimer(64 * sip.T1)
	defer giveUp.Stop()
	interval := sip.T1
	again := time.NewTimer(interval)
	defer again.Stop()
	for {
		select {
		case <-c.ackSeen:
			return nil
		case <-c.byeSeen:
			return nil
		case <-again.C:
			if err := tx.Respond(response); err != nil {
				return fmt.Errorf("answering again: %w", err)
			}
			interval = min(2*interval, sip.T2)
			again.Reset(interval)
		case <-giveUp.C:
			return errors.Join(errors.New("the answer was not acknowledged"), c.bye())
		}
	}
}

// onReinvite agrees to what the other side changes during a call, such as where its sound comes from.
func (p *Phone) onReinvite(request *sip.Request, tx sip.ServerTransaction) {
	call := p.find(request)
	if call == nil {
		p.respond(request, tx, sip.StatusCallTransactionDoesNotExists, "Call Does Not Exist")
		return
	}
	if len(request.Body()) > 0 {
		other, err := readDescription(request.Body(), p.codec)
		if err != nil {
			p.respond(request, tx, sip.StatusNotAcceptableHere, "Not Acceptable Here")
			return
		}
		call.media.connect(other)
	}
	answer, err := describe(p.codec, call.media.port(), uint64(call.media.port()))
	if err != nil {
		p.respond(request, tx, sip.StatusInternalServerError, "Internal Error")
		return
	}
	response := sip.NewSDPResponseFromRequest(request, answer)
	response.AppendHeader(p.contact())
	_ = tx.Respond(response) // if it is lost, the other side asks again or hangs up
}

// onAck takes note that the other side has our answer.
func (p *Phone) onAck(request *sip.Request, _ sip.ServerTransaction) {
	if call := p.find(request); call != nil {
		call.ackOnce.Do(func() { close(call.ackSeen) })
	}
}

// onBye ends a call that the other side hangs up.
func (p *Phone) onBye(request *sip.Request, tx sip.ServerTransaction) {
	call := p.find(request)
	if call == nil {
		p.respond(request, tx, sip.StatusCallTransactionDoesNotExists, "Call Does Not Exist")
		return
	}
	p.respond(request, tx, sip.StatusOK, "OK")
	call.byeOnce.Do(func() { close(call.byeSeen) })
}

// respond answers a request. A lost response is no error: the other side asks again.
func (p *Phone) respond(request *sip.Request, tx sip.ServerTransaction, status int, reason string) {
	_ = tx.Respond(sip.NewResponseFromRequest(request, status, reason, nil))
}
