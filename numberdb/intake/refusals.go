package intake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// refusals write to the audit chain who tried what they may not. Whoever holds a token could fill the record by asking again and again, and
// without one anybody who reaches the port: of the same who, what and why, one entry a minute is written, which counts those in between.
type refusals struct {
	audit func(context.Context, numberdb.AuditEntry) (uint64, error) // nil: nobody wants to know

	mu   sync.Mutex
	seen map[refusal]*refusalCount // tokens × operations at most
}

// refusal is who was refused what, with which status.
type refusal struct {
	who, role, operation string
	status               int
}

type refusalCount struct {
	at   time.Time // of the last entry
	more int       // since then
}

// refusalEvery is how far entries of the same refusal are apart.
const refusalEvery = time.Minute

// note writes one refusal, unless there was another just now. An error means that it is not in the chain, and is to be counted and written
// with the next.
func (r *refusals) note(ctx context.Context, what refusal, now time.Time) error {
	if r.audit == nil {
		return nil
	}
	more, due := r.due(what, now)
	if !due {
		return nil
	}
	_, err := r.audit(ctx, numberdb.AuditEntry{
		At: now, Who: what.who, Role: what.role, Action: numberdb.AuditRefused, Object: what.operation,
		After:  fmt.Sprintf(`{"status":%d,"more_since_last_entry":%d}`, what.status, more),
		Reason: "this role may not do this, or the token is not valid",
	})
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen[what].more += more + 1
		return fmt.Errorf("write the refusal to the audit chain: %w", err)
	}
	return nil
}

// due says whether it is time for an entry, and how many refusals had none since the last. It counts as written from then on.
func (r *refusals) due(what refusal, now time.Time) (more int, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.seen[what]
	if c == nil {
		if r.seen == nil {
			r.seen = map[refusal]*refusalCount{}
		}
		c = &refusalCount{}
		r.seen[what] = c
	}
	if !c.at.IsZero() && now.Sub(c.at) < refusalEvery {
		c.more++
		return 0, false
	}
	more, c.more, c.at = c.more, 0, now
	return more, true
}

// refuseAudited refuses a request for want of rights; who asked is in the audit chain before the answer is sent.
func (a *API) refuseAudited(ctx huma.Context, p Principal, status int, detail string) {
	if p.Name != "" {
		noteFrom(ctx.Context()).principal = p.Name
	}
	a.noteRefusal(ctx.Context(), p, ctx.Operation().OperationID, status)
	a.refuse(ctx, status, detail)
}

// noteRefusal writes to the audit chain that somebody is about to be refused. That it cannot be written is for the log: they are refused all the same.
func (a *API) noteRefusal(ctx context.Context, p Principal, operation string, status int) {
	what := refusal{who: p.Name, role: string(p.Role), operation: operation, status: status}
	if p.Name == "" {
		what.who, what.role = "anonymous", "none"
	}
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := a.refusals.note(bounded, what, a.now()); err != nil {
		noteFrom(ctx).cause = err
	}
}
