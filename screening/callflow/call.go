package callflow

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/asterisk"
)

// releaseTimeout bounds each try to hand a call back to the dialplan.
const releaseTimeout = 2 * time.Second

// call is one call while Linewarden holds it, owned by one goroutine.
type call struct {
	flow    *Flow
	ch      *asterisk.Channel
	began   time.Time
	policy  *Policy
	named   string // the policy's name, as the dialplan gave it
	unknown bool   // there is no such policy
	subject screening.Call
	verdict screening.Verdict

	// action and outcome say how the call is handed back, and what became of it; end acts on them.
	action  string
	outcome screening.Outcome
	// prompt is the first one that was begun to the caller, and spoken its language.
	prompt dialplan.Prompt
	spoken string
	// fault is what went wrong, if the verdict's reason is a fault.
	fault error
}

// begin takes a channel over. Until run has said otherwise, the call goes on.
func (f *Flow) begin(ch *asterisk.Channel) *call {
	return &call{
		flow: f, ch: ch, began: time.Now(), policy: f.policies[DefaultPolicy],
		action: dialplan.ActionAllow, verdict: screening.Verdict{Reason: screening.ReasonFault},
	}
}

// run decides what the call gets, and gives it.
func (c *call) run(ctx context.Context) {
	if c.ch.Adopted() {
		c.failOpen(screening.ReasonOrphan, nil)
		return
	}
	if ctx.Err() != nil {
		c.failOpen(screening.ReasonShutdown, nil)
		return
	}
	if err := c.read(); err != nil {
		c.failOpen(screening.ReasonFault, err)
		return
	}
	if !c.flow.list.Loaded() {
		c.failOpen(screening.ReasonNoList, nil)
		return
	}
	c.decide()
	if time.Since(c.began) > c.flow.deadline {
		c.failOpen(screening.ReasonDeadline, nil)
		return
	}
	switch c.verdict.Action {
	case screening.Label:
		c.action, c.outcome = dialplan.ActionLabel, screening.Labelled
	case screening.Warn:
		c.warn(ctx)
	case screening.Block:
		c.block(ctx)
	}
}

// read takes the call's numbers from what the dialplan says.
func (c *call) read() error {
	args, err := dialplan.ParseArgs(c.ch.Args())
	if err != nil {
		return err
	}
	c.named = args.Policy
	if p := c.flow.policies[args.Policy]; p != nil {
		c.policy = p
	} else {
		c.unknown = args.Policy != ""
	}
	c.subject = c.policy.read(args)
	return nil
}

// decide asks the list about both numbers, and the policy for the verdict.
func (c *call) decide() {
	var other, subscriber numberdb.Listing
	today := numberdb.DayOf(c.began)
	if n := c.subject.Other().Number; n != 0 {
		other = c.flow.list.Lookup(n, today)
	}
	if n := c.subject.Subscriber().Number; n != 0 {
		subscriber = c.flow.list.Lookup(n, today)
	}
	c.verdict = c.policy.Screening.Decide(c.subject, other, subscriber, today)
}

// warn lets the caller hear whose line this is said to be, and choose.
func (c *call) warn(ctx context.Context) {
	key, err := c.say(ctx, c.policy.KeyWait, c.prompts()...)
	switch {
	case gone(err):
		c.action, c.outcome = dialplan.ActionWarn, screening.HungUp
	case err != nil:
		c.failOpen(reasonOf(ctx, err), err)
	case key == dialplan.KeyGoOn:
		c.action, c.outcome = dialplan.ActionWarn, screening.Skipped
	case key == dialplan.KeyHelpline:
		c.action, c.outcome = dialplan.ActionHelpline, screening.Helpline
	case c.policy.RequireKey:
		c.action, c.outcome = dialplan.ActionHangup, screening.NoKey
	default:
		c.action, c.outcome = dialplan.ActionWarn, screening.WentOn
	}
}

// block refuses the call: an inbound one before it rings, an outbound one after an announcement to our subscriber. Refusing needs
// no announcement, so that nothing that goes wrong with it lets the call through.
func (c *call) block(ctx context.Context) {
	c.action, c.outcome = dialplan.ActionBlock, screening.Refused
	prompts := c.prompts()
	if len(prompts) == 0 {
		return
	}
	wait := time.Duration(0)
	if c.policy.Helpline {
		wait = c.policy.KeyWait
	}
	key, err := c.say(ctx, wait, prompts...)
	c.note(err)
	if key == dialplan.KeyHelpline {
		c.action, c.outcome = dialplan.ActionHelpline, screening.Helpline
	}
}

// gone says whether an error only tells that the caller hung up.
func gone(err error) bool {
	return errors.Is(err, asterisk.ErrGone) || errors.Is(err, asterisk.ErrLeft)
}

// note keeps an error that does not change what the call gets.
func (c *call) note(err error) {
	if err != nil && !gone(err) {
		c.fault = errors.Join(c.fault, err)
	}
}

// failOpen lets the call go on for a reason that is not the number's.
func (c *call) failOpen(reason screening.Reason, err error) {
	c.action, c.outcome = dialplan.ActionAllow, screening.Passed
	c.verdict.Action, c.verdict.Reason = screening.Allow, reason
	c.note(err)
}

// reasonOf is the reason that goes with an error while a call was being warned.
func reasonOf(ctx context.Context, err error) screening.Reason {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return screening.ReasonDeadline
	case errors.Is(context.Cause(ctx), context.Canceled):
		return screening.ReasonShutdown
	}
	return screening.ReasonFault
}

// end hands the call back to the dialplan, once, whatever happened to run: a panic in it lets this one call go on, and leaves all
// others alone.
func (c *call) end() {
	if p := recover(); p != nil {
		c.failOpen(screening.ReasonFault, nil)
		c.flow.log.Error("a call handler failed; the call goes on unscreened: report this as a bug",
			"id", c.id(), "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack())) // not the value: it may hold a number
	}
	took := time.Since(c.began)
	if err := c.release(); gone(err) {
		c.outcome = screening.HungUp
	} else if err != nil {
		c.outcome = screening.Lost
		c.note(err)
	}
	c.report(took)
}

// sentOn ends a call that needed no more than a glance.
func (c *call) sentOn(err error) {
	took := time.Since(c.began)
	if gone(err) {
		c.outcome = screening.HungUp
	}
	c.report(took)
}

// release sends the call on its way; a prompt that still plays ends. If that fails for any other reason than that the call is gone, it is tried once more in the
// plainest form; after that the next resync finds the call waiting, or Asterisk's own bound on Stasis lets it go.
func (c *call) release() error {
	err := c.continueAt(c.place())
	if err != nil && !gone(err) {
		c.note(err)
		err = c.continueAt(asterisk.Place{})
	}
	return err
}

// place is where the dialplan acts on what was decided. All that it needs to know goes with it, so that nothing is set on the channel.
func (c *call) place() asterisk.Place {
	reason := c.verdict.Reason.String()
	switch c.action {
	case dialplan.ActionLabel:
		return verdictPlace(c.flow.voice.LabelExtension(reason, c.language(), string(c.verdict.Brand)))
	case dialplan.ActionBlock:
		return verdictPlace(dialplan.BlockExtension(reason, c.verdict.Class.String()))
	}
	return verdictPlace(dialplan.VerdictExtension(c.action, reason))
}

func verdictPlace(extension string) asterisk.Place {
	return asterisk.Place{Context: dialplan.ContextVerdict, Extension: extension, Priority: 1}
}

// OrphanPlace is where calls go on that nobody handles any more: for the connection, which releases the calls of dead instances.
var OrphanPlace = verdictPlace(dialplan.VerdictExtension(dialplan.ActionAllow, screening.ReasonOrphan.String()))

func (c *call) continueAt(p asterisk.Place) error {
	// Not under the handler's context: a call is handed back most of all when that one is cancelled.
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	return c.ch.Continue(ctx, p)
}

// id names the call to people; the dialplan and a SIP edge compute the same.
func (c *call) id() string { return dialplan.ID(c.ch.Data().ProtocolID, c.ch.ID()) }
