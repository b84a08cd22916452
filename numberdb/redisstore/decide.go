package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Decide makes a decision, as said by its author or, if it was approved, by its approver, and returns what the list now says about its target
// alone. Faults of the decision are an error of type [numberdb.Faults]; one that would replace what takes two people, without an approver, is
// [numberdb.ErrNeedsApprover]; nothing is changed then, and who tried to do alone what takes two is in the audit chain. So is every decision
// before it is made, or the error is [ErrAudit].
//
// A decision that names its proposal is made once, however often it is asked for.
func (s *Store) Decide(ctx context.Context, by numberdb.Actor, d numberdb.Decision) (numberdb.Listing, error) {
	now := s.options.Now()
	entry, err := auditOf(numberdb.AuditDecided, by, d.Target.String(), now, d.Reason, d)
	if err != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, decide: %w", err)
	}
	if faults := d.Check(now); faults != nil {
		err := fmt.Errorf("number list, decide: %w", faults)
		if faults.Has("approver") && entry.Check() == nil {
			err = s.refused(ctx, entry, err)
		}
		return numberdb.Listing{}, err
	}
	if d.Proposal != "" {
		if listing, made, err := s.madeAlready(ctx, &d); made || err != nil {
			return listing, err
		}
	}
	current, err := s.replaced(ctx, &d)
	if err != nil {
		return numberdb.Listing{}, err
	}
	today := numberdb.DayOf(now)
	entry.Before = standings(&current, today)
	if !d.Approved() && d.NeedsApproverOver(&current, today) {
		return numberdb.Listing{}, s.refused(ctx, entry, fmt.Errorf("number list, decide: %w", numberdb.ErrNeedsApprover))
	}
	d.Prolong(s.options.Rules, &current)
	after, err := json.Marshal(d)
	if err != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, writing a decision: %w", err)
	}
	entry.After = string(after)
	audit, err := s.auditFirst(ctx, entry)
	if err != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, decide: %w", err)
	}
	listing, err := s.decide(ctx, &d, after, audit, today)
	if errors.Is(err, numberdb.ErrNeedsApprover) { // somebody else was faster, and what they decided takes two to replace
		err = s.refused(ctx, entry, fmt.Errorf("entry %d was not made: %w", audit, err))
	}
	return listing, err
}

// replaced is what the decision would replace: the listing of its target alone or, if one person decides, what holds by the ranges around it, too,
// for two people may have decided those.
func (s *Store) replaced(ctx context.Context, d *numberdb.Decision) (numberdb.Listing, error) {
	if d.Approved() {
		return s.current(ctx, "decide", d.Target)
	}
	return s.Around(ctx, d.Target)
}

// decide makes a decision that is in the audit chain.
func (s *Store) decide(ctx context.Context, d *numberdb.Decision, body []byte, audit uint64, today numberdb.Day) (listing numberdb.Listing, err error) {
	ruling := s.options.Rules.Ruling(d)
	err = s.call(ctx, "decide", func(ctx context.Context) error {
		var around []numberdb.Target
		if !d.Approved() {
			around = rangesBeyond(d.Target)
		}
		p, ranges, err := s.lookup(ctx, d.Target, around)
		if err != nil {
			return err
		}
		keys := []string{s.keys.listing(p), s.keys.changes(p.partition), s.keys.evidence(p), s.keys.reporters(p), s.keys.reports(p), s.keys.decisions(p)}
		var corrupt int64
		listing, err = answer(s.scripts.decide.Run(ctx, s.client, keys,
			p.field, string(ruling.Brand), body, refusedAlone(d), audit,
			int(today), int(d.Roles), int(ruling.Standing), int(ruling.Until), int(ruling.After.Warn), int(ruling.After.Watch),
			int(ruling.Class), s.options.Changes, !d.Approved(), d.Proposal,
			int(ranges.Roles[numberdb.RoleCallback].At(today)), int(ranges.Roles[numberdb.RoleCallerID].At(today)),
		), &corrupt)
		s.noteDamage(ctx, p, corrupt)
		return err
	})
	return listing, err
}

// refusedAlone are the digits of the standings that the decision may not replace if one person makes it.
func refusedAlone(d *numberdb.Decision) string {
	refused := ""
	for standing := numberdb.StandingNone; standing <= numberdb.StandingProtected; standing++ {
		if numberdb.NeedsApprover(standing, d.Standing) || d.Target.Prefix && standing != numberdb.StandingBlock {
			refused += fmt.Sprint(uint8(standing))
		}
	}
	return refused
}

// madeAlready says whether the decision of a proposal has been made, as it may have been before whoever made it was killed. The script asks
// again: this is only so that the audit chain does not tell of it twice.
func (s *Store) madeAlready(ctx context.Context, d *numberdb.Decision) (l numberdb.Listing, made bool, err error) {
	entries := 0
	for e, err := range s.History(ctx, d.Target) {
		if entries++; err != nil {
			return l, false, err
		}
		if e.Decision != nil && e.Decision.Proposal == d.Proposal {
			l, err = s.current(ctx, "decide", d.Target)
			return l, true, err
		}
		if entries == madeAmong {
			break
		}
	}
	return l, false, nil
}

// madeAmong is among how many of a target's latest decisions a proposal is looked for. Those made between an approval and the end of its
// application are a handful.
const madeAmong = 1000

// Mark puts a target on one of the operator's own lists, or takes it off; who did it and why is kept, and in the audit chain before it is
// done, or the error is [ErrAudit]. Faults are an error of type [numberdb.Faults].
func (s *Store) Mark(ctx context.Context, t numberdb.Target, mark numberdb.Marks, on bool, author, reason string, at time.Time) error {
	now := s.options.Now()
	m := numberdb.Marking{Target: t, Mark: mark, On: on, Author: author, Reason: reason, At: at}
	if faults := m.Check(now); faults != nil {
		return fmt.Errorf("number list, mark: %w", faults)
	}
	current, err := s.current(ctx, "mark", t)
	if err != nil {
		return err
	}
	entry, err := auditOf(numberdb.AuditMarked, numberdb.Actor{Name: author, Role: s.options.Role}, t.String(), now, reason, m)
	if err != nil {
		return fmt.Errorf("number list, mark: %w", err)
	}
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
		_, err = answer(s.scripts.mark.Run(ctx, s.client, keys, p.field, entry.After, audit, int(mark), on, s.options.Changes), &corrupt)
		s.noteDamage(ctx, p, corrupt)
		return err
	})
}

// auditOf is the entry of a change; after, as JSON, is what is asked for.
func auditOf(action numberdb.AuditAction, by numberdb.Actor, object string, at time.Time, reason string, after any) (numberdb.AuditEntry, error) {
	text, err := json.Marshal(after)
	if err != nil {
		return numberdb.AuditEntry{}, fmt.Errorf("writing it down for the audit chain: %w", err)
	}
	return numberdb.AuditEntry{At: at, Who: by.Name, Role: by.Role, Action: action, Object: object, After: string(text), Reason: reason}, nil
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

// History goes through what people have decided about a target, the latest first. A pair with an error is the last one.
func (s *Store) History(ctx context.Context, t numberdb.Target) iter.Seq2[numberdb.Act, error] {
	return func(yield func(numberdb.Act, error) bool) {
		for stored, err := range s.entries(ctx, "history", t, s.keys.decisions) {
			if err != nil {
				yield(numberdb.Act{}, err)
				return
			}
			if act, ok := s.readAct(ctx, stored); ok && !yield(act, nil) {
				return
			}
		}
	}
}

// readAct reads an entry of a target's history, or counts it as damaged.
func (s *Store) readAct(ctx context.Context, stored streamEntry) (a numberdb.Act, ok bool) {
	var err error
	if _, isMark := stored.Values["m"]; isMark {
		err = stored.decode("m", &a.Marking)
	} else {
		err = stored.decode("d", &a.Decision)
	}
	if err != nil {
		s.unreadable(ctx, "decision", stored.partition, err)
		return a, false
	}
	audit, _ := stored.Values["a"].(string)
	a.Audit, _ = strconv.ParseUint(audit, 10, 64) // one from before the chain has none
	return a, true
}
