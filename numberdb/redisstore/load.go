package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// bucketsAtOnce is how many buckets one pipeline reads: some ten thousand listings at most sizes of a list.
const bucketsAtOnce = 128

// Load gives all listings of a partition to put, in portions. Whoever follows from the position that it returns misses nothing: it was
// taken before reading, and getting a change twice does no harm. The error wraps [numberdb.ErrNoList] if Redis holds no list,
// or no longer the data of this partition.
// Listings that cannot be read are counted, logged and left out.
func (s *Store) Load(ctx context.Context, partition int, put func([]numberdb.Change)) (position string, err error) {
	began := time.Now()
	position, err = s.load(ctx, partition, put)
	return position, s.observe("load", began, err)
}

func (s *Store) load(ctx context.Context, partition int, put func([]numberdb.Change)) (position string, err error) {
	var full []int64
	err = s.step(ctx, func(ctx context.Context) error {
		list, err := s.list(ctx)
		if err != nil {
			return err
		}
		if partition < 0 || partition >= list.partitions {
			return fmt.Errorf("there is no partition %d: the list has %d", partition, list.partitions)
		}
		pipe := s.client.Pipeline()
		marker := pipe.Get(ctx, s.keys.marker(partition))
		stream := pipe.XInfoStream(ctx, s.keys.changes(partition))
		_, _ = pipe.Exec(ctx) // each answer has its own error
		if err := s.holds(list, partition, marker); err != nil {
			return err
		}
		info, err := streamInfo(stream)
		if err != nil {
			return err
		}
		position = end(info)
		full, err = s.fullBuckets(ctx, partition)
		return err
	})
	for err == nil && len(full) > 0 {
		n := min(len(full), bucketsAtOnce)
		err = s.step(ctx, func(ctx context.Context) error { return s.readBuckets(ctx, partition, full[:n], put) })
		full = full[n:]
	}
	return position, err
}

// step bounds one step of loading.
func (s *Store) step(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.LoadTimeout)
	defer cancel()
	return do(ctx)
}

// fullBuckets are the buckets of a partition that hold anything.
func (s *Store) fullBuckets(ctx context.Context, partition int) ([]int64, error) {
	all := make([]string, bucketCount)
	for b := range all {
		all[b] = s.keys.bucket(partition, b)
	}
	return s.scripts.buckets.Run(ctx, s.client, all).Int64Slice()
}

// readBuckets gives the listings in some buckets to put.
func (s *Store) readBuckets(ctx context.Context, partition int, buckets []int64, put func([]numberdb.Change)) error {
	pipe := s.client.Pipeline()
	replies := make([]*redis.MapStringStringCmd, len(buckets))
	for i, b := range buckets {
		replies[i] = pipe.HGetAll(ctx, s.keys.bucket(partition, int(b)))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	var changes []numberdb.Change
	for _, reply := range replies {
		for field, value := range reply.Val() {
			if c, err := parseChange(field, value); err != nil {
				s.unreadable(ctx, "listing", partition, err)
			} else {
				changes = append(changes, c)
			}
		}
	}
	if len(changes) > 0 {
		put(changes)
	}
	return nil
}

// parseChange reads a target and its listing.
func parseChange(field, value string) (c numberdb.Change, err error) {
	if c.Target, err = parseField(field); err == nil {
		err = c.Listing.UnmarshalBinary([]byte(value))
	}
	return c, err
}
