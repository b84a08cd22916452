package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// Decide makes a decision and returns what the list now says about its target alone. Faults of the decision are an error of type
// [numberdb.Faults]; one that would replace what takes two people, without an approver, is [ErrNeedsApprover]; nothing is changed then, and
// who tried to do alone what takes two is in the audit chain. So is every decision before it is made, or the error is [ErrAudit].
func (s *Store) Decide(ctx context.Context, d numberdb.Decision) (numberdb.Listing, error) {
	now := s.options.Now()
	body, err := json.Marshal(d)
	if err != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, writing a decision: %w", err)
	}
	entry := s.auditOf(ctx, numberdb.AuditDecided, d.Target, now, d.Author, d.Reason, body)
	if faults := d.Check(now); faults != nil {
		err := fmt.Errorf("number list, decide: %w", faults)
		if faults.Has("approver") && entry.Check() == nil {
			err = s.refused(ctx, entry, err)
		}
		return numberdb.Listing{}, err
	}
	current, err := s.current(ctx, "decide", d.Target)
	if err != nil {
		return numberdb.Listing{}, err
	}
	today := numberdb.DayOf(now)
	entry.Before = standings(&current, today)
	refused := ""
	for standing := numberdb.StandingNone; standing <= numberdb.StandingProtected; standing++ {
		if !d.Approved() && numberdb.NeedsApprover(standing, d.Standing) {
			refused += fmt.Sprint(uint8(standing))
		}
	}
	for role := range current.Roles {
		if d.Roles.Has(numberdb.Role(role)) && strings.Contains(refused, fmt.Sprint(uint8(current.Roles[role].At(today)))) {
			return numberdb.Listing{}, s.refused(ctx, entry, fmt.Errorf("number list, decide: %w", ErrNeedsApprover))
		}
	}
	audit, err := s.auditFirst(ctx, entry)
	if err != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, decide: %w", err)
	}
	ruling := s.options.Rules.Ruling(&d)
	var listing numberdb.Listing
	err = s.call(ctx, "decide", func(ctx context.Context) error {
		p, _, err := s.lookup(ctx, d.Target, nil)
		if err != nil {
			return err
		}
		keys := []string{s.keys.listing(p), s.keys.changes(p.partition), s.keys.evidence(p), s.keys.decisions(p)}
		var corrupt int64
		listing, err = answer(s.scripts.decide.Run(ctx, s.client, keys,
			p.field, string(ruling.Brand), body, refused, audit,
			int(today), int(d.Roles), int(ruling.Standing), int(ruling.Until), int(ruling.After.Warn), int(ruling.After.Watch),
			int(ruling.Class), s.options.Changes,
		), &corrupt)
		s.noteDamage(ctx, p, corrupt)
		return err
	})
	if errors.Is(err, ErrNeedsApprover) { // somebody else was faster, and what they decided takes two to replace
		err = s.refused(ctx, entry, fmt.Errorf("entry %d was not made: %w", audit, err))
	}
	return listing, err
}

// Mark puts a target on one of the operator's own lists, or takes it off; who did it and why is kept, and in the audit chain before it is
// done, or the error is [ErrAudit]. Faults are an error of type [numberdb.Faults].
func (s *Store) Mark(ctx context.Context, t numberdb.Target, mark numberdb.Marks, on bool, author, reason string, at time.Time) error {
	now := s.options.Now()
	m := numberdb.Marking{Target: t, Mark: mark, On: on, Author: author, Reason: reason, At: at}
	if faults := m.Check(now); faults != nil {
		return fmt.Errorf("number list, mark: %w", faults)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("number list, writing a mark: %w", err)
	}
	current, err := s.current(ctx, "mark", t)
	if err != nil {
		return err
	}
	entry := s.auditOf(ctx, numberdb.AuditMarked, t, now, author, reason, body)
	entry.Before = standings(&current, numberdb.DayOf(now))
	audit, err := s.auditFirst(ctx, entry)
	if err != nil {
		return fmt.Errorf("number list, mark: %w", err)
	}
	return s.call(ctx, "mark", func(ctx context.Context) error {
		p, _, err := s.lookup(ctx, t, nil)
		if err != nil {
			return err
		}
		keys := []string{s.keys.listing(p), s.keys.changes(p.partition), s.keys.decisions(p)}
		var corrupt int64
		_, err = answer(s.scripts.mark.Run(ctx, s.client, keys, p.field, body, audit, int(mark), on, s.options.Changes), &corrupt)
		s.noteDamage(ctx, p, corrupt)
		return err
	})
}

// auditOf is the entry of a change of a target, in the role of whoever acts in the context, or else in that of the program.
func (s *Store) auditOf(ctx context.Context, action numberdb.AuditAction, t numberdb.Target, at time.Time, who, reason string, after []byte) numberdb.AuditEntry {
	role := s.options.Role
	if p, ok := access.From(ctx); ok {
		role = string(p.Role)
	}
	return numberdb.AuditEntry{At: at, Who: who, Role: role, Action: action, Object: t.String(), After: string(after), Reason: reason}
}

// current is the listing of a target alone.
func (s *Store) current(ctx context.Context, name string, t numberdb.Target) (l numberdb.Listing, err error) {
	err = s.call(ctx, name, func(ctx context.Context) error {
		_, l, err = s.lookup(ctx, t, []numberdb.Target{t})
		return err
	})
	return l, err
}

// standings are what a listing says, as the audit chain shows it.
func standings(l *numberdb.Listing, today numberdb.Day) string {
	return fmt.Sprintf(`{"callback":%q,"caller_id":%q,"marks":%q}`,
		l.Roles[numberdb.RoleCallback].At(today), l.Roles[numberdb.RoleCallerID].At(today), l.Marks)
}

// noteDamage tells that a script found a listing damaged.
func (s *Store) noteDamage(ctx context.Context, p place, corrupt int64) {
	if corrupt != 0 {
		s.unreadable(ctx, "listing", p.partition, fmt.Errorf("%w: it was begun anew with what was sent now", numberdb.ErrCorruptListing))
	}
}

// Entry is one thing that people did to a target: a decision or a marking.
type Entry struct {
	Decision *numberdb.Decision
	Marking  *numberdb.Marking
	// Audit is its entry in the audit chain; zero for one from before there was a chain.
	Audit uint64
}

// History goes through what people have decided about a target, the latest first. A pair with an error is the last one.
func (s *Store) History(ctx context.Context, t numberdb.Target) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for stored, err := range s.entries(ctx, "history", t, s.keys.decisions) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			var e Entry
			if _, isMark := stored.Values["m"]; isMark {
				err = stored.decode("m", &e.Marking)
			} else {
				err = stored.decode("d", &e.Decision)
			}
			if err != nil {
				s.unreadable(ctx, "decision", stored.partition, err)
				continue
			}
			audit, _ := stored.Values["a"].(string)
			e.Audit, _ = strconv.ParseUint(audit, 10, 64) // one from before the chain has none
			if !yield(e, nil) {
				return
			}
		}
	}
}
