package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Record is what is on record about a number. It costs two round trips, and one more for each 500 reports.
func (s *Store) Record(ctx context.Context, n numberdb.Number) (numberdb.Record, error) {
	r := numberdb.Record{Number: n}
	err := s.call(ctx, "record", func(ctx context.Context) error {
		list, err := s.list(ctx)
		if err != nil {
			return err
		}
		pipe := s.client.Pipeline()
		markers := map[int]*redis.StringCmd{}
		targets := append(rangesAround(n), numberdb.Target{Number: n})
		slices.Reverse(targets)
		found := make([]*redis.StringCmd, len(targets))
		for i, t := range targets {
			p := placeOf(t, list.partitions)
			if markers[p.partition] == nil {
				markers[p.partition] = pipe.Get(ctx, s.keys.marker(p.partition))
			}
			found[i] = pipe.HGet(ctx, s.keys.listing(p), p.field)
		}
		own := placeOf(targets[0], list.partitions)
		asked := s.askEvidence(ctx, pipe, own)
		old, oldFirst := pipe.XLen(ctx, s.keys.oldReports(own)), pipe.XRangeN(ctx, s.keys.oldReports(own), "-", "+", 1)
		_, _ = pipe.Exec(ctx) // each answer has its own error
		for partition, marker := range markers {
			if err := s.holds(list, partition, marker); err != nil {
				return err
			}
		}
		if r.Listed, err = s.listed(ctx, targets, found, list.partitions); err != nil {
			return err
		}
		known, err := s.evidence(ctx, own, &asked)
		if err := errors.Join(err, old.Err(), oldFirst.Err()); err != nil {
			return err
		}
		r.Evidence = known.evidence
		r.Reports.Total = known.reports + int(old.Val())
		if known.oldest != "" {
			if report, ok := s.readReport(ctx, own, known.oldest); ok {
				r.Reports.Oldest = report.Received
			}
		}
		for _, m := range oldFirst.Val() {
			r.Reports.Oldest = streamEntry{m, own.partition}.time()
		}
		return nil
	})
	if err != nil || r.Reports.Total == 0 {
		return r, err
	}
	return r, s.countReports(ctx, &r)
}

// listed are the listings that were found of some targets.
func (s *Store) listed(ctx context.Context, targets []numberdb.Target, found []*redis.StringCmd, partitions int) (changes []numberdb.Change, err error) {
	for i, cmd := range found {
		raw, err := cmd.Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c := numberdb.Change{Target: targets[i]}
		if err := c.Listing.UnmarshalBinary(raw); err != nil {
			s.unreadable(ctx, "listing", placeOf(targets[i], partitions).partition, err)
			continue
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// countReports counts the newest reports by source.
func (s *Store) countReports(ctx context.Context, r *numberdb.Record) error {
	counted := 0
	for f, err := range s.Reports(ctx, r.Number) {
		if err != nil {
			return err
		}
		if counted == 0 {
			r.Reports.Newest = f.Received
		}
		if int(f.Report.Source.Kind) < len(r.Reports.BySource) {
			r.Reports.BySource[f.Report.Source.Kind]++
		}
		if counted++; counted == numberdb.MostCounted {
			break
		}
	}
	return nil
}

// oldCursor begins the cursors of pages of reports that lie in a stream; other cursors are how many of the oldest reports are still to be given.
const oldCursor = "s"

// ReportPage gives stored reports about a number, the newest first: at most limit, from a cursor on that the page before named, or from the
// beginning if it is empty. A page may hold fewer than there are, and even none; next is empty after the last one. A cursor that no
// page can have named is [numberdb.ErrBadCursor].
func (s *Store) ReportPage(ctx context.Context, n numberdb.Number, cursor string, limit int) (reports []numberdb.Filed, next string, err error) {
	t := numberdb.Target{Number: n}
	if id, old := strings.CutPrefix(cursor, oldCursor); old {
		entries, next, err := s.entryPage(ctx, "reports", t, s.keys.oldReports, id, limit)
		for _, e := range entries {
			text, _ := e.Values["r"].(string)
			if f, ok := s.readReport(ctx, place{partition: e.partition}, text); ok {
				f.Received = e.time()
				reports = append(reports, f)
			}
		}
		if next != "" {
			next = oldCursor + next
		}
		return reports, next, err
	}
	end := int64(-1)
	if cursor != "" {
		if end, err = strconv.ParseInt(cursor, 10, 64); err != nil || end < 1 {
			return nil, "", fmt.Errorf("number list, reports: %w", numberdb.ErrBadCursor)
		}
	}
	page, p, err := s.reportsBefore(ctx, t, &end, int64(limit))
	if err != nil {
		return nil, "", err
	}
	for _, text := range slices.Backward(page) {
		if f, ok := s.readReport(ctx, p, text); ok {
			reports = append(reports, f)
		}
	}
	if end > 0 && len(page) > 0 {
		return reports, strconv.FormatInt(end, 10), nil
	}
	var old int64
	err = s.call(ctx, "reports", func(ctx context.Context) (err error) {
		old, err = s.client.XLen(ctx, s.keys.oldReports(p)).Result()
		return err
	})
	switch {
	case err != nil:
		return nil, "", err
	case old == 0:
		return reports, "", nil
	case len(page) == 0: // all there is lies in the stream
		return s.ReportPage(ctx, n, oldCursor, limit)
	}
	return reports, oldCursor, nil
}

// HistoryPage gives what people have decided about a target as [Store.History] does, in pages as those of [Store.ReportPage].
func (s *Store) HistoryPage(ctx context.Context, t numberdb.Target, cursor string, limit int) (acts []numberdb.Act, next string, err error) {
	entries, next, err := s.entryPage(ctx, "history", t, s.keys.decisions, cursor, limit)
	for _, e := range entries {
		if a, ok := s.readAct(ctx, e); ok {
			acts = append(acts, a)
		}
	}
	return acts, next, err
}

// entryPage is a page of a target's stream, read backwards from before an entry; next is empty after the last page.
func (s *Store) entryPage(ctx context.Context, name string, t numberdb.Target, key func(place) string, before string, limit int) (entries []streamEntry, next string, err error) {
	from := "+"
	if before != "" {
		if !isEntryID(before) {
			return nil, "", fmt.Errorf("number list, %s: %w", name, numberdb.ErrBadCursor)
		}
		from = "(" + before
	}
	err = s.call(ctx, name, func(ctx context.Context) error {
		list, err := s.list(ctx)
		if err != nil {
			return err
		}
		p := placeOf(t, list.partitions)
		page, err := s.client.XRevRangeN(ctx, key(p), from, "-", int64(limit)+1).Result() // one more tells whether this is the last page
		for _, m := range page {
			entries = append(entries, streamEntry{m, p.partition})
		}
		return err
	})
	if len(entries) > limit {
		entries = entries[:limit]
		next = entries[limit-1].ID
	}
	return entries, next, err
}

// isEntryID says whether a text is the ID of an entry of a stream: two numbers with a hyphen between.
func isEntryID(s string) bool {
	ms, number, found := strings.Cut(s, "-")
	_, err := strconv.ParseUint(ms, 10, 64)
	_, err2 := strconv.ParseUint(number, 10, 64)
	return found && err == nil && err2 == nil
}
