package redisstore

import (
	"context"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Summaries says in short what is known about some numbers, in their order, and of which of them a reporter's own report counts. It asks
// Redis once for all; a few hundred numbers are a good measure.
func (s *Store) Summaries(ctx context.Context, numbers []numberdb.Number, source numberdb.Source, reporter string) ([]numberdb.Summary, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	summaries := make([]numberdb.Summary, len(numbers))
	today := numberdb.DayOf(s.options.Now())
	err := s.call(ctx, "summaries", func(ctx context.Context) error {
		list, err := s.list(ctx)
		if err != nil {
			return err
		}
		pipe := s.client.Pipeline()
		markers := map[int]*redis.StringCmd{}
		asked := make([]inquiry, len(numbers))
		for i, n := range numbers {
			asked[i] = s.inquire(ctx, pipe, n, list.partitions, markers, sourceKind(source)+":"+source.Organisation+":"+reporter)
		}
		_, _ = pipe.Exec(ctx) // each answer has its own error
		for partition, marker := range markers {
			if err := s.holds(list, partition, marker); err != nil {
				return err
			}
		}
		for i := range asked {
			if summaries[i], err = s.summary(ctx, &asked[i], today); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return summaries, nil
}

// inquiry is a question about one number, on its way to Redis with others.
type inquiry struct {
	places  []place
	found   []*redis.StringCmd
	own     place
	record  *redis.SliceCmd // the folded record, if there is one
	counts  []*redis.IntCmd
	fields  []string // by which the reporter is counted
	counted *redis.SliceCmd
}

func (s *Store) inquire(ctx context.Context, pipe redis.Pipeliner, n numberdb.Number, partitions int, markers map[int]*redis.StringCmd, who string) inquiry {
	var q inquiry
	for _, t := range append(rangesAround(n), numberdb.Target{Number: n}) {
		p := placeOf(t, partitions)
		if markers[p.partition] == nil {
			markers[p.partition] = pipe.Get(ctx, s.keys.marker(p.partition))
		}
		q.places = append(q.places, p)
		q.found = append(q.found, pipe.HGet(ctx, s.keys.listing(p), p.field))
	}
	own := q.places[len(q.places)-1]
	q.own = own
	q.record = pipe.MGet(ctx, s.keys.evidence(own))
	q.counts = []*redis.IntCmd{pipe.LLen(ctx, s.keys.reports(own)), pipe.XLen(ctx, s.keys.oldReports(own))}
	for role := range numberdb.RoleCount {
		q.fields = append(q.fields, strconv.Itoa(role)+"c"+who, strconv.Itoa(role)+"f"+who)
	}
	q.counted = pipe.HMGet(ctx, s.keys.reporters(own), q.fields...)
	return q
}

func (s *Store) summary(ctx context.Context, q *inquiry, today numberdb.Day) (sum numberdb.Summary, err error) {
	if sum.Listing, err = s.merge(ctx, q.places, q.found, today); err != nil {
		return sum, err
	}
	for _, c := range q.counts {
		n, err := c.Result()
		if err != nil {
			return sum, err
		}
		sum.Reports += int(n)
	}
	if err := q.record.Err(); err != nil {
		return sum, err
	}
	if text, isFolded := q.record.Val()[0].(string); isFolded {
		sum.Reports++
		f, err := parseFolded(text)
		if err != nil {
			s.unreadable(ctx, "evidence", q.own.partition, err)
		} else if r, ok := s.readReport(ctx, q.own, f.report); ok {
			sum.Own = slices.ContainsFunc(f.reporters(&r.Report), func(name string) bool { return slices.Contains(q.fields, name) })
		}
	}
	days, err := q.counted.Result()
	for _, day := range days {
		sum.Own = sum.Own || day != nil
	}
	return sum, err
}
