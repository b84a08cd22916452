package redisstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// What happened to calls, for screening/journal, whose store this is. It is kept beside the list and knows nothing of it: there need be none.
//
// Records of calls are spread over hashes of a day each by the first digits of the call's id. A day ends as a whole,
// and a call is looked for in one small hash per day, all on one slot. A record takes about 180 bytes of Redis (BenchmarkKeepCalls).

//go:embed keep.lua
var keepLua string

const (
	// callIDLength is how many hexadecimal digits name a call.
	callIDLength = 12
	// callShelf is how many of them say in which hash of a day a record is: 4096 hashes, some 25 records in each at 100,000 a day.
	callShelf = 3
	// fieldsAtOnce bounds the fields of one write: Lua can unpack 8000 values.
	fieldsAtOnce = 1000
	// recordsAtOnce is about how many records one step of a search looks at.
	recordsAtOnce = 1000
	// mostRecords bounds what a search gives: callers choose their Call-IDs, and may choose the same for every call.
	mostRecords = 1000
)

// KeepCalls stores records of one day until end, each under a name that begins with the 12 digits of the call's id. One that is there already
// is replaced, so what may have been stored can be stored again.
func (s *Store) KeepCalls(ctx context.Context, day numberdb.Day, records map[string][]byte, end time.Time) error {
	shelves := map[string][]any{}
	for name, value := range records {
		if len(name) < callIDLength {
			return fmt.Errorf("journal, keep calls: a record's name of %d bytes holds no id", len(name))
		}
		key := s.keys.calls(name, day)
		shelves[key] = append(shelves[key], name, value)
	}
	return s.call(ctx, "keep_calls", func(ctx context.Context) error { return s.keep(ctx, shelves, end) })
}

// KeepCounts sets counters of the hour that begins at the given time, and keeps all of that hour's until end.
func (s *Store) KeepCounts(ctx context.Context, hour time.Time, counts map[string]uint64, end time.Time) error {
	fields := make([]any, 0, 2*len(counts))
	for name, n := range counts {
		fields = append(fields, name, n)
	}
	return s.call(ctx, "keep_counts", func(ctx context.Context) error {
		return s.keep(ctx, map[string][]any{s.keys.counts(hour): fields}, end)
	})
}

// keep sets the fields of hashes, each hash in scripts of its own, all sent at once.
func (s *Store) keep(ctx context.Context, hashes map[string][]any, end time.Time) error {
	pipe := s.client.Pipeline()
	var answers []*redis.Cmd
	for key, fields := range hashes {
		for part := range slices.Chunk(fields, 2*fieldsAtOnce) {
			// The text, not its hash: in a pipeline there is no second try for a Redis that does not know the script yet.
			answers = append(answers, pipe.Eval(ctx, keepLua, []string{key}, append([]any{end.Unix()}, part...)...))
		}
	}
	if len(answers) == 0 {
		return nil
	}
	_, err := pipe.Exec(ctx)
	if err == nil {
		return nil
	}
	var failed error
	for _, a := range answers {
		switch {
		case a.Err() == nil:
		case strings.Contains(a.Err().Error(), "WRONGTYPE"):
			// Somebody put something else under this key. Trying again for ever would hold up all other records.
			s.unreadable(ctx, "journal", 0, errors.New("another type of key: what was to be kept there is lost"))
		case failed == nil:
			failed = a.Err()
		}
	}
	return failed
}

// Calls gives the records of the days from first to last whose names begin with the id, a thousand at most. One may come twice
// if others are stored meanwhile.
func (s *Store) Calls(ctx context.Context, id string, first, last numberdb.Day) (records [][]byte, err error) {
	if len(id) != callIDLength {
		return nil, fmt.Errorf("journal, find a call: %.20q is no id", id)
	}
	cursors := map[string]uint64{} // of the days' hashes that have more
	for day := first; day <= last; day++ {
		cursors[s.keys.calls(id, day)] = 0
	}
	for len(cursors) > 0 && len(records) < mostRecords {
		err := s.call(ctx, "calls", func(ctx context.Context) (err error) {
			records, err = s.scanCalls(ctx, id, cursors, records)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return records[:min(len(records), mostRecords)], nil
}

// scanCalls takes one step in each hash that has more, all on one slot, and appends what it finds.
func (s *Store) scanCalls(ctx context.Context, id string, cursors map[string]uint64, records [][]byte) ([][]byte, error) {
	pipe := s.client.Pipeline()
	steps := map[string]*redis.ScanCmd{}
	for _, key := range slices.Sorted(maps.Keys(cursors)) {
		steps[key] = pipe.HScan(ctx, key, cursors[key], id+"*", recordsAtOnce)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return records, err
	}
	for _, key := range slices.Sorted(maps.Keys(steps)) {
		pairs, next, err := steps[key].Result()
		if err != nil {
			return records, err
		}
		for i := 1; i < len(pairs); i += 2 {
			records = append(records, []byte(pairs[i]))
		}
		if cursors[key] = next; next == 0 {
			delete(cursors, key)
		}
	}
	return records, nil
}

// Counts gives all counters of some hours, in their order. What is no number, or lies in the place of an hour, is counted as unreadable; that hour
// then has a counter without a name.
func (s *Store) Counts(ctx context.Context, hours []time.Time) (counts []map[string]uint64, err error) {
	if len(hours) == 0 {
		return nil, nil
	}
	err = s.call(ctx, "counts", func(ctx context.Context) error {
		pipe := s.client.Pipeline()
		answers := make([]*redis.MapStringStringCmd, len(hours))
		for i, hour := range hours {
			answers[i] = pipe.HGetAll(ctx, s.keys.counts(hour))
		}
		_, _ = pipe.Exec(ctx) // each answer tells
		counts = make([]map[string]uint64, len(hours))
		for i, a := range answers {
			fields, err := a.Result()
			if err != nil && !strings.Contains(err.Error(), "WRONGTYPE") {
				return err
			}
			counts[i] = s.numbersOf(ctx, fields, err)
		}
		return nil
	})
	return counts, err
}

// numbersOf reads counters; failed is why there are none.
func (s *Store) numbersOf(ctx context.Context, fields map[string]string, failed error) map[string]uint64 {
	counts := make(map[string]uint64, len(fields))
	if failed != nil {
		s.unreadable(ctx, "journal", 0, errors.New("another type of key in the place of an hour's counters"))
		counts[""] = 0
	}
	for name, text := range fields {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			s.unreadable(ctx, "journal", 0, errors.New("a counter is no number"))
			name = ""
		}
		counts[name] = n
	}
	return counts
}
