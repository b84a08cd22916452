package callflow

import (
	"context"
	"log/slog"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/screening"
)

// Record is what happened to one call.
type Record struct {
	At      time.Time // when Linewarden took the call
	Policy  string    // name of the policy as the dialplan gave it
	Call    screening.Call
	Verdict screening.Verdict
	Outcome screening.Outcome
	// Prompt is the first prompt that was begun to the caller, in Language; both empty if none was.
	Prompt   dialplan.Prompt
	Language string

	callID, channelID string
}

// ID names the call to people, see [dialplan.ID]. It is worked out only here, for nobody asks for that of a clean call.
func (r Record) ID() string { return dialplan.ID(r.callID, r.channelID) }

// report counts the call and tells of it. Clean calls are counted only: a log line for each would say nothing and cost much.
func (c *call) report(took time.Duration) {
	f, v := c.flow, c.verdict
	f.metrics.observe(c, took)
	if f.observe != nil {
		f.observe(Record{
			At: c.began, Policy: c.named, Call: c.subject, Verdict: v, Outcome: c.outcome, Prompt: c.prompt, Language: c.spoken,
			callID: c.ch.Data().ProtocolID, channelID: c.ch.ID(),
		})
	}
	if c.silent() && c.fault == nil && c.outcome != screening.Lost {
		return
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("id", c.id()), slog.String("direction", c.subject.Direction.String()),
		slog.String("action", v.Action.String()), slog.String("reason", v.Reason.String()),
		slog.String("outcome", c.outcome.String()), slog.Any("number", c.subject.Other().Number),
	}
	if v.Would != v.Action { // under a policy that only reports, this is what operators wait to read
		attrs = append(attrs, slog.String("would", v.Would.String()))
	}
	if c.fault != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("fault", c.fault.Error()))
	}
	f.log.LogAttrs(context.Background(), level, "call", attrs...)
}

// silent says whether the verdict is one that is only counted: the call goes on, and would under any policy.
func (c *call) silent() bool {
	return c.verdict.Action == screening.Allow && c.verdict.Would == screening.Allow && !undecided(c.verdict.Reason)
}

// undecided says whether a reason is that of a call which went on because it could not be decided.
func undecided(r screening.Reason) bool {
	return r.OccursWith(screening.Allow) && r.OccursWith(screening.Block)
}
