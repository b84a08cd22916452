package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// The audit chain is one stream in one order, whatever the number of partitions and nodes. Redis' Lua knows no SHA-256, so that the hashes
// are worked out here and a script appends only what follows the head as it then is; a writer who came too late gets the next turn, or one
// who is always a little slower than another would never append. Entries that come while others are being written
// wait and go together: one round trip appends up to auditBatch of them.
//
// What is in the chain: decisions, marks, the creation of the list, starts of nodes with their config and policies, and what was refused.
// What is not: reports, which are evidence themselves, appended to streams of their own, and by far too many for one order; and what
// the list does by itself, as a decision or its rules foresaw.

const (
	auditBatch = 256
	// auditTries is how often entries are offered while others have the turn; the deadline of a call is usually sooner.
	auditTries = 1000
	auditPause = 2 * time.Millisecond // at most, between two of them
)

// Errors about the audit chain.
var (
	// ErrAudit says that a change was not made, since it could not be written to the audit chain first.
	ErrAudit = errors.New("nothing was changed, for the audit chain could not be written")
	// ErrNotRecorded says that a change was refused, and that who tried it is not in the audit chain.
	ErrNotRecorded = errors.New("the attempt could not be written to the audit chain")
	// errAuditBusy says that too many others append at once.
	errAuditBusy = errors.New("others keep appending to the audit chain: try again")
)

// auditor appends to the chain for all callers of one store.
type auditor struct {
	name string        // of this writer among all that append to the chain
	turn chan struct{} // held by the one who writes

	mu      sync.Mutex
	waiting []*auditWaiter

	// head is the chain's, as far as known; only whoever has the turn uses it.
	head numberdb.AuditHead
}

// auditWaiter is an entry on its way into the chain.
type auditWaiter struct {
	entry numberdb.AuditEntry
	err   error
	done  chan struct{} // closed once entry.Seq or err is set
}

func newAuditor() *auditor { return &auditor{name: rand.Text(), turn: make(chan struct{}, 1)} }

// Audit appends an entry to the audit chain and returns its number. Faults are an error of type [numberdb.Faults]. After any other error
// the entry may have been written all the same: it then tells of something that was not done.
func (s *Store) Audit(ctx context.Context, e numberdb.AuditEntry) (seq uint64, err error) {
	if faults := e.Check(); faults != nil {
		return 0, fmt.Errorf("audit chain: %w", faults)
	}
	w := &auditWaiter{entry: e, done: make(chan struct{})}
	s.audit.mu.Lock()
	s.audit.waiting = append(s.audit.waiting, w)
	s.audit.mu.Unlock()
	for {
		select {
		case <-w.done:
			return w.entry.Seq, w.err
		case <-ctx.Done():
			s.audit.leave(w)
			return 0, fmt.Errorf("audit chain: %w", context.Cause(ctx))
		case s.audit.turn <- struct{}{}:
			// The one who writes does so for all who wait, so that giving up alone must not end it.
			s.writeAudit(context.WithoutCancel(ctx))
			<-s.audit.turn
		}
	}
}

// leave takes an entry back that nobody has begun to write.
func (a *auditor) leave(w *auditWaiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, other := range a.waiting {
		if other == w {
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			return
		}
	}
}

// take is the next entries to write.
func (a *auditor) take() []*auditWaiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.waiting), auditBatch)
	batch := append([]*auditWaiter(nil), a.waiting[:n]...)
	a.waiting = append(a.waiting[:0], a.waiting[n:]...)
	return batch
}

// writeAudit writes what waits. The caller has the turn.
func (s *Store) writeAudit(ctx context.Context) {
	batch := s.audit.take()
	if len(batch) == 0 {
		return
	}
	err := s.call(ctx, "audit", func(ctx context.Context) error {
		for range auditTries {
			outcome, err := s.offerAudit(ctx, batch)
			if outcome == auditAppended || err != nil {
				return err
			}
			if outcome == auditOthersTurn && !pause(ctx, mathrand.N(auditPause)) {
				return ctx.Err()
			}
		}
		return errAuditBusy
	})
	for _, w := range batch {
		w.err = err
		close(w.done)
	}
}

// auditOutcome is what became of an offer.
type auditOutcome int

const (
	auditOthersTurn auditOutcome = iota
	auditOurTurn                 // the head had moved, and waits for us
	auditAppended
)

// offerAudit appends a batch behind the head that we know, or learns of another one.
func (s *Store) offerAudit(ctx context.Context, batch []*auditWaiter) (auditOutcome, error) {
	head := s.audit.head
	args := []any{s.audit.name, head.Seq, hashText(head)}
	for _, w := range batch {
		w.entry.Seq, w.entry.Previous = head.Seq+1, head.Hash
		encoded, err := w.entry.AppendBinary(nil)
		if err != nil {
			return 0, err
		}
		head = numberdb.AuditHead{Seq: w.entry.Seq, Hash: numberdb.HashAudit(encoded)}
		args = append(args, strconv.FormatUint(head.Seq, 10)+"-0", encoded, head.Hash.String())
	}
	answer, err := s.scripts.audit.Run(ctx, s.client, []string{s.keys.audit(), s.keys.auditHead()}, args...).Slice()
	switch {
	case redis.HasErrorPrefix(err, "AUDITHEADLOST"):
		return 0, fmt.Errorf("the chain has entries, but its key %q is lost: restore it from a backup, or, once 'linewarden audit verify' finds nothing else, set it to the last entry's number and hash: HSET %s seq N hash H",
			s.keys.auditHead(), s.keys.auditHead())
	case redis.HasErrorPrefix(err, "ERR The ID specified in XADD"):
		return 0, fmt.Errorf("the audit chain holds entries behind its end, which Linewarden did not write: 'linewarden audit verify' says which: %w", err)
	case err != nil:
		return 0, err
	case len(answer) != 0 && len(answer) != 3:
		return 0, fmt.Errorf("a script answered with %d values instead of 3", len(answer))
	case len(answer) == 0:
		s.audit.head = head
		return auditAppended, nil
	}
	s.audit.head, err = parseHead(fmt.Sprint(answer[0]), fmt.Sprint(answer[1]))
	if answer[2] == int64(1) {
		return auditOurTurn, err
	}
	return auditOthersTurn, err
}

// hashText is a head's hash as the script compares it: empty for an empty chain.
func hashText(h numberdb.AuditHead) string {
	if h.Seq == 0 {
		return ""
	}
	return h.Hash.String()
}

// parseHead reads a head as Redis holds it.
func parseHead(seq, hash string) (h numberdb.AuditHead, err error) {
	if seq == "0" || seq == "" {
		return h, nil
	}
	if h, err = numberdb.ParseAuditHead(seq + ":" + hash); err != nil {
		return h, fmt.Errorf("the audit chain's head is damaged: %w", err)
	}
	return h, nil
}

// pause waits, and is false if the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// auditFirst writes the entry of a change that must not be made without it.
func (s *Store) auditFirst(ctx context.Context, e numberdb.AuditEntry) (uint64, error) {
	seq, err := s.Audit(ctx, e)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return seq, nil
}

// refused writes that a change was refused, and gives the error for whoever tried. It stays refused if that cannot be written.
func (s *Store) refused(ctx context.Context, e numberdb.AuditEntry, why error) error {
	e.Action, e.Reason = numberdb.AuditRefused, why.Error()
	if _, err := s.Audit(ctx, e); err != nil {
		return fmt.Errorf("%w; %w: %w", why, ErrNotRecorded, err)
	}
	return why
}
