package redisstore

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Listing is what the list says about a number today, the ranges around it included, as [numberdb.Index.Lookup] has it.
func (s *Store) Listing(ctx context.Context, n numberdb.Number) (numberdb.Listing, error) {
	return s.Around(ctx, numberdb.Target{Number: n})
}

// Around is [Store.Listing] for a number or a range: what holds for it today by its own listing and those of the ranges around it.
func (s *Store) Around(ctx context.Context, t numberdb.Target) (l numberdb.Listing, err error) {
	targets := append(rangesBeyond(t), t)
	err = s.call(ctx, "listing", func(ctx context.Context) (err error) {
		_, l, err = s.lookup(ctx, t, targets)
		return err
	})
	return l, err
}

// rangesAround are the ranges that may hold a listing for a number, the broadest first: all of its beginnings of 6 to 14 digits.
func rangesAround(n numberdb.Number) []numberdb.Target {
	var targets []numberdb.Target
	for ; n >= shortestRange; n /= 10 {
		if n <= longestRange {
			targets = append(targets, numberdb.Target{Number: n, Prefix: true})
		}
	}
	slices.Reverse(targets)
	return targets
}

// rangesBeyond are the ranges that may hold a listing for a target, itself not among them.
func rangesBeyond(t numberdb.Target) []numberdb.Target {
	around := rangesAround(t.Number)
	if n := len(around); t.Prefix && n > 0 && around[n-1] == t {
		return around[:n-1]
	}
	return around
}

// The least number of [numberdb.MinPrefixDigits] digits, and the greatest of 14.
const (
	shortestRange numberdb.Number = 100_000
	longestRange  numberdb.Number = 99_999_999_999_999
)

// lookup merges the listings of targets of which each is more specific than the one before. It gives the place of home besides, and checks on
// the way that its partition and those of the targets are still the list's.
func (s *Store) lookup(ctx context.Context, home numberdb.Target, targets []numberdb.Target) (place, numberdb.Listing, error) {
	var merged numberdb.Listing
	today := numberdb.DayOf(s.options.Now())
	list, err := s.list(ctx)
	if err != nil {
		return place{}, merged, err
	}
	at := placeOf(home, list.partitions)
	pipe := s.client.Pipeline()
	markers := map[int]*redis.StringCmd{at.partition: pipe.Get(ctx, s.keys.marker(at.partition))}
	found := make([]*redis.StringCmd, len(targets))
	places := make([]place, len(targets))
	for i, t := range targets {
		p := placeOf(t, list.partitions)
		places[i] = p
		if markers[p.partition] == nil {
			markers[p.partition] = pipe.Get(ctx, s.keys.marker(p.partition))
		}
		found[i] = pipe.HGet(ctx, s.keys.listing(p), p.field)
	}
	_, _ = pipe.Exec(ctx) // each answer has its own error
	for partition, marker := range markers {
		if err := s.holds(list, partition, marker); err != nil {
			return at, merged, err
		}
	}
	merged, err = s.merge(ctx, places, found, today)
	return at, merged, err
}

// merge reads listings of which each is more specific than the one before, and merges them.
func (s *Store) merge(ctx context.Context, places []place, found []*redis.StringCmd, today numberdb.Day) (merged numberdb.Listing, err error) {
	for i, cmd := range found {
		raw, err := cmd.Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return merged, err
		}
		var l numberdb.Listing
		if err := l.UnmarshalBinary(raw); err != nil {
			s.unreadable(ctx, "listing", places[i].partition, err)
			continue
		}
		l.Fill(&merged, today)
		merged = l
	}
	return merged, nil
}

// Marked goes through all targets that have a mark, in no order. It reads the whole list: it is for people at a command line. A
// pair with an error is the last one.
func (s *Store) Marked(ctx context.Context, mark numberdb.Marks) iter.Seq2[numberdb.Target, error] {
	return func(yield func(numberdb.Target, error) bool) {
		_, partitions, err := s.Identity(ctx)
		if err != nil {
			yield(numberdb.Target{}, err)
			return
		}
		for p := range partitions {
			var marked []numberdb.Target
			_, err := s.Load(ctx, p, func(changes []numberdb.Change) {
				for _, c := range changes {
					if c.Listing.Marks&mark != 0 {
						marked = append(marked, c.Target)
					}
				}
			})
			if err != nil {
				yield(numberdb.Target{}, err)
				return
			}
			for _, t := range marked {
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}
