package redisstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Sketches of traffic, for screening/journal, whose store this is too. A block of a sketch is a field of a hash, so that what several nodes sketched
// of one line can be read together.

// KeepTraffic stores blocks of a run's sketch of a day by their numbers until end. What is there already is replaced.
func (s *Store) KeepTraffic(ctx context.Context, day numberdb.Day, run string, blocks map[int][]byte, end time.Time) error {
	hashes := make(map[string][]any, len(blocks))
	for i, b := range blocks {
		hashes[s.keys.traffic(i, day)] = []any{run, b}
	}
	return s.call(ctx, "keep_traffic", func(ctx context.Context) error { return s.keep(ctx, hashes, end) })
}

// KeepTrafficRun stores what is to be known about a run until end.
func (s *Store) KeepTrafficRun(ctx context.Context, day numberdb.Day, run string, record []byte, end time.Time) error {
	return s.call(ctx, "keep_traffic_run", func(ctx context.Context) error {
		return s.keep(ctx, map[string][]any{s.keys.trafficRuns(day): {run, record}}, end)
	})
}

// Traffic gives those blocks of a day, of each run that has them, in the order asked for. A key that holds something else is counted as unreadable
// and gives a block that nobody can read, for what was in it is missing.
func (s *Store) Traffic(ctx context.Context, day numberdb.Day, blocks []int) (found []map[string][]byte, err error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	err = s.call(ctx, "traffic", func(ctx context.Context) error {
		pipe := s.client.Pipeline()
		answers := make([]*redis.MapStringStringCmd, len(blocks))
		for i, b := range blocks {
			answers[i] = pipe.HGetAll(ctx, s.keys.traffic(b, day))
		}
		_, _ = pipe.Exec(ctx) // each answer tells
		found = make([]map[string][]byte, len(blocks))
		for i, a := range answers {
			fields, err := a.Result()
			switch {
			case err != nil && strings.Contains(err.Error(), "WRONGTYPE"):
				s.unreadable(ctx, "traffic", 0, errors.New("another type of key in the place of a block"))
				found[i] = map[string][]byte{"": nil}
			case err != nil:
				return err
			default:
				found[i] = bytesOf(fields)
			}
		}
		return nil
	})
	return found, err
}

// TrafficRuns gives what is to be known about the runs of a day.
func (s *Store) TrafficRuns(ctx context.Context, day numberdb.Day) (runs map[string][]byte, err error) {
	err = s.call(ctx, "traffic_runs", func(ctx context.Context) error {
		fields, err := s.client.HGetAll(ctx, s.keys.trafficRuns(day)).Result()
		runs = bytesOf(fields)
		return err
	})
	return runs, err
}

func bytesOf(fields map[string]string) map[string][]byte {
	m := make(map[string][]byte, len(fields))
	for name, value := range fields {
		m[name] = []byte(value)
	}
	return m
}
