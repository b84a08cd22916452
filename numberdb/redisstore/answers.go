package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Reserve puts a value under a name for some time, unless there is one: then it gives that one, and changes nothing.
func (s *Store) Reserve(ctx context.Context, name string, value []byte, hold time.Duration) (there []byte, err error) {
	err = s.call(ctx, "reserve", func(ctx context.Context) error {
		there, err = s.client.SetArgs(ctx, s.keys.answer(name), value, redis.SetArgs{Mode: "NX", Get: true, TTL: hold}).Bytes()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		return err
	})
	return there, err
}

// Keep puts a value under a name for some time, whatever was there.
func (s *Store) Keep(ctx context.Context, name string, value []byte, hold time.Duration) error {
	return s.call(ctx, "keep", func(ctx context.Context) error { return s.client.Set(ctx, s.keys.answer(name), value, hold).Err() })
}

// Release removes what is under a name.
func (s *Store) Release(ctx context.Context, name string) error {
	return s.call(ctx, "release", func(ctx context.Context) error { return s.client.Del(ctx, s.keys.answer(name)).Err() })
}

// quotaTTL is for how long the count of a day is kept.
const quotaTTL = 48 * time.Hour

// CountReport counts one more report of a reporter on a day, and gives how many that makes.
func (s *Store) CountReport(ctx context.Context, who string, day numberdb.Day) (count int, err error) {
	err = s.call(ctx, "quota", func(ctx context.Context) error {
		pipe := s.client.Pipeline() // one slot, one round trip; were only the first to happen, the next report sets the end
		counted := pipe.Incr(ctx, s.keys.quota(who, day))
		pipe.Expire(ctx, s.keys.quota(who, day), quotaTTL)
		_, err := pipe.Exec(ctx)
		count = int(counted.Val())
		return err
	})
	return count, err
}
