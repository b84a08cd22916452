package redisstore

import (
	"context"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Sweep removes from a partition what has ended: each role in which nothing holds any more, and the listings of which nothing is left.
// It returns how many listings it changed. Call it now and then, such as daily, for the sake of memory. A listing that changes meanwhile
// stays as it is.
func (s *Store) Sweep(ctx context.Context, partition int) (swept int, err error) {
	began := time.Now()
	swept, err = s.sweep(ctx, partition, numberdb.DayOf(s.options.Now()))
	return swept, s.observe("sweep", began, err)
}

func (s *Store) sweep(ctx context.Context, partition int, today numberdb.Day) (swept int, err error) {
	var ended []numberdb.Change
	_, err = s.load(ctx, partition, func(changes []numberdb.Change) {
		for _, c := range changes {
			if withoutEnded(c.Listing, today) != c.Listing {
				ended = append(ended, c)
			}
		}
	})
	if err != nil {
		return 0, err
	}
	list, err := s.list(ctx)
	if err != nil {
		return 0, err
	}
	byBucket := map[int][]any{}
	for _, c := range ended {
		before, err := c.Listing.AppendBinary(nil)
		if err != nil {
			return 0, err
		}
		after, err := withoutEnded(c.Listing, today).AppendBinary(nil)
		if err != nil {
			return 0, err
		}
		p := placeOf(c.Target, list.partitions)
		byBucket[p.bucket] = append(byBucket[p.bucket], p.field, before, after)
	}
	for bucket, listings := range byBucket {
		err := s.step(ctx, func(ctx context.Context) error {
			keys := []string{s.keys.bucket(partition, bucket), s.keys.changes(partition)}
			n, err := s.scripts.sweep.Run(ctx, s.client, keys, append([]any{s.options.Changes}, listings...)...).Int()
			swept += n
			return err
		})
		if err != nil {
			return swept, err
		}
	}
	return swept, nil
}

// withoutEnded is a listing without the roles in which nothing holds any more.
func withoutEnded(l numberdb.Listing, today numberdb.Day) numberdb.Listing {
	for role := range l.Roles {
		if l.Roles[role].At(today) == numberdb.StandingNone {
			l.Roles[role] = numberdb.RoleListing{}
		}
	}
	return l
}
