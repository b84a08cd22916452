package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Decide makes a decision and returns what the list now says about its target alone. Faults of the decision are an error of type
// [numberdb.Faults]; one that would replace what takes two people, without an approver, is [ErrNeedsApprover]; nothing is stored then.
func (s *Store) Decide(ctx context.Context, d numberdb.Decision) (numberdb.Listing, error) {
	now := s.options.Now()
	if faults := d.Check(now); faults != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, decide: %w", faults)
	}
	body, err := json.Marshal(d)
	if err != nil {
		return numberdb.Listing{}, fmt.Errorf("number list, writing a decision: %w", err)
	}
	refused := ""
	for current := numberdb.StandingNone; current <= numberdb.StandingProtected; current++ {
		if !d.Approved() && numberdb.NeedsApprover(current, d.Standing) {
			refused += fmt.Sprint(uint8(current))
		}
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
			p.field, string(ruling.Brand), body, refused,
			int(numberdb.DayOf(now)), int(d.Roles), int(ruling.Standing), int(ruling.Until), int(ruling.After.Warn), int(ruling.After.Watch),
			int(ruling.Class), s.options.Changes,
		), &corrupt)
		s.noteDamage(ctx, p, corrupt)
		return err
	})
	return listing, err
}

// Mark puts a target on one of the operator's own lists, or takes it off; who did it and why is kept. Faults are an error of type
// [numberdb.Faults].
func (s *Store) Mark(ctx context.Context, t numberdb.Target, mark numberdb.Marks, on bool, author, reason string, at time.Time) error {
	m := numberdb.Marking{Target: t, Mark: mark, On: on, Author: author, Reason: reason, At: at}
	if faults := m.Check(s.options.Now()); faults != nil {
		return fmt.Errorf("number list, mark: %w", faults)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("number list, writing a mark: %w", err)
	}
	return s.call(ctx, "mark", func(ctx context.Context) error {
		p, _, err := s.lookup(ctx, t, nil)
		if err != nil {
			return err
		}
		keys := []string{s.keys.listing(p), s.keys.changes(p.partition), s.keys.decisions(p)}
		var corrupt int64
		_, err = answer(s.scripts.mark.Run(ctx, s.client, keys, p.field, body, int(mark), on, s.options.Changes), &corrupt)
		s.noteDamage(ctx, p, corrupt)
		return err
	})
}

// noteDamage tells that a script found a listing damaged.
func (s *Store) noteDamage(ctx context.Context, p place, corrupt int64) {
	if corrupt != 0 {
		s.unreadable(ctx, "listing", p.partition, fmt.Errorf("%w: it was begun anew with what was sent now", numberdb.ErrCorruptListing))
	}
}

// Entry is one thing that people did to a target: one of its fields is set.
type Entry struct {
	Decision *numberdb.Decision
	Marking  *numberdb.Marking
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
			if !yield(e, nil) {
				return
			}
		}
	}
}
