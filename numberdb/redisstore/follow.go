package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/numberdb"
)

// changesAtOnce is how many changes of one partition are read at a time.
const changesAtOnce = 1000

// Follow gives the changes after the positions, one per partition, to put: those that there are, and those that come within block.
// Then it returns without an error, which says that nothing was missed; so block is the heartbeat of the caller, at least a millisecond.
//
// lost are the partitions that cannot be followed from their position, because their stream was trimmed past it, or was restored from an
// older state and has another past: they have to be loaded again, and Follow has then given nothing. put is never called twice at once. A
// context that ends is noticed when block has passed.
//
// A single server is asked with one blocking read for all partitions. A Cluster refuses that, so each partition gets a read and a
// connection of its own.
func (s *Store) Follow(ctx context.Context, from []string, block time.Duration,
	put func(partition int, position string, changes []numberdb.Change)) (lost []int, err error) {
	if lost, err = s.lost(ctx, from); err != nil || len(lost) > 0 {
		return lost, wrapFollow(err)
	}
	until := time.Now().Add(block)
	from = slices.Clone(from)
	if !s.cluster {
		all := make([]int, len(from))
		for p := range all {
			all[p] = p
		}
		return nil, wrapFollow(s.followSome(ctx, all, from, until, put))
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for p := range from {
		group.Go(func() error {
			return s.followSome(ctx, []int{p}, from[p:p+1:p+1], until, func(partition int, position string, changes []numberdb.Change) {
				mu.Lock()
				defer mu.Unlock()
				put(partition, position, changes)
			})
		})
	}
	return nil, wrapFollow(group.Wait())
}

func wrapFollow(err error) error {
	if err != nil {
		err = fmt.Errorf("number list, follow: %w", err)
	}
	return err
}

// followSome follows the given partitions, which must share a slot or a server, and moves their positions on, until the time has come and all that
// there is has been read.
func (s *Store) followSome(ctx context.Context, partitions []int, from []string, until time.Time,
	put func(int, string, []numberdb.Change)) error {
	byKey := make(map[string]int, len(partitions))
	streams := make([]string, 2*len(partitions))
	for i, p := range partitions {
		streams[i] = s.keys.changes(p)
		byKey[streams[i]] = i
	}
	for {
		block := max(time.Until(until), time.Millisecond) // none would be for ever
		copy(streams[len(partitions):], from)
		reads, cancel := context.WithTimeout(ctx, block+s.options.Timeout)
		answer, err := s.client.XRead(reads, &redis.XReadArgs{Streams: streams, Count: changesAtOnce, Block: block}).Result()
		cancel()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		more := false
		for _, stream := range answer {
			i, known := byKey[stream.Stream]
			if !known || len(stream.Messages) == 0 {
				continue
			}
			from[i] = stream.Messages[len(stream.Messages)-1].ID
			more = more || len(stream.Messages) == changesAtOnce
			put(partitions[i], from[i], s.readChanges(ctx, partitions[i], stream.Messages))
		}
		if !more && !time.Now().Before(until) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// readChanges reads entries of a change stream and leaves out what cannot be read.
func (s *Store) readChanges(ctx context.Context, partition int, entries []redis.XMessage) []numberdb.Change {
	changes := make([]numberdb.Change, 0, len(entries))
	for _, e := range entries {
		field, ok1 := e.Values["t"].(string)
		value, ok2 := e.Values["l"].(string)
		c, err := parseChange(field, value)
		if !ok1 || !ok2 {
			err = fmt.Errorf("%w: its entry lacks a field", numberdb.ErrCorruptListing)
		}
		if err != nil {
			s.unreadable(ctx, "change", partition, err)
			continue
		}
		changes = append(changes, c)
	}
	return changes
}

// lost are the partitions whose stream no longer goes on from the position: the entry there is gone, or, at the very start, the
// first entries are.
func (s *Store) lost(ctx context.Context, from []string) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	list, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	if len(from) != list.partitions {
		return nil, fmt.Errorf("%d positions for %d partitions", len(from), list.partitions)
	}
	pipe := s.client.Pipeline()
	there := make([]func() (bool, error), len(from))
	for p, position := range from {
		key := s.keys.changes(p)
		if position == start {
			info := pipe.XInfoStream(ctx, key)
			there[p] = func() (bool, error) {
				v, err := info.Result()
				if redis.HasErrorPrefix(err, "no such key") {
					return true, nil
				}
				return err == nil && v.EntriesAdded == v.Length, err
			}
			continue
		}
		entry := pipe.XRangeN(ctx, key, position, position, 1)
		there[p] = func() (bool, error) {
			v, err := entry.Result()
			return len(v) == 1, err
		}
	}
	_, _ = pipe.Exec(ctx) // each answer has its own error
	var lost []int
	for p := range there {
		ok, err := there[p]()
		if err != nil {
			return nil, err
		}
		if !ok {
			lost = append(lost, p)
		}
	}
	return lost, nil
}
