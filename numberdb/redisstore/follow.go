package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

const (
	// changesAtOnce is how many changes of one partition are read at a time.
	changesAtOnce = 1000
	// waitAtOnce is the longest single wait for changes, for a wait that Redis has begun is not broken off when the context ends.
	waitAtOnce = 200 * time.Millisecond
)

// Follow gives the changes after the positions, one per partition, to put: those that there are, and those that come within block.
// Then it returns without an error, which says that nothing was missed; so block is the heartbeat of the caller, at least a millisecond.
// It returns earlier if a partition is lost or fails, and soon after the context ends.
//
// lost are the partitions that cannot be followed from their position, because their stream was trimmed past it, was restored from an
// older state and has another past, or because the position is none: they have to be loaded again. An error is about one or more partitions,
// the first of which it names; it wraps [numberdb.ErrNoList] if that has lost its data. Neither keeps the other partitions from being
// followed: a Cluster of which one server is away still gives the changes of all the others. Of a partition that is lost or fails,
// put gets nothing behind the gap, so that its position stays before it. put is never called twice at once.
//
// A single server is asked with one blocking read for all partitions. A Cluster refuses that, so each partition gets a read and a
// connection of its own.
func (s *Store) Follow(ctx context.Context, from []string, block time.Duration,
	put func(partition int, position string, changes []numberdb.Change)) (lost []int, err error) {
	list, err := s.listInTime(ctx)
	if err == nil && len(from) != list.partitions {
		err = fmt.Errorf("%d positions for %d partitions", len(from), list.partitions)
	}
	if err != nil {
		return nil, fmt.Errorf("number list, follow: %w", err)
	}
	f := follower{Store: s, list: list, positions: slices.Clone(from), until: time.Now().Add(block), put: put}
	broken := map[int]error{}
	var sound []int
	for p, position := range from {
		if isPosition(position) {
			sound = append(sound, p)
		} else {
			broken[p] = errGap
		}
	}
	if s.cluster {
		f.followEach(ctx, sound, broken)
	} else if len(sound) > 0 {
		f.follow(ctx, sound, broken)
	}
	return outcome(broken, len(from))
}

// errGap says that changes after a position are gone.
var errGap = errors.New("the stream does not go on from the position")

// outcome sums up what is wrong with partitions.
func outcome(broken map[int]error, partitions int) (lost []int, err error) {
	failed, first := 0, 0
	for p := partitions - 1; p >= 0; p-- {
		switch {
		case broken[p] == nil:
		case errors.Is(broken[p], errGap):
			lost = append(lost, p)
		default:
			failed, first = failed+1, p
		}
	}
	slices.Reverse(lost)
	if failed > 0 {
		err = fmt.Errorf("number list, follow: %d of %d partitions failed, the first of them %d: %w", failed, partitions, first, broken[first])
	}
	return lost, err
}

// follower is one call of Follow.
type follower struct {
	*Store
	list      identity
	positions []string // by partition, moving on
	until     time.Time
	put       func(int, string, []numberdb.Change)
}

// followEach follows each partition on its own, and notes what is wrong with any.
func (f *follower) followEach(ctx context.Context, partitions []int, broken map[int]error) {
	var mu sync.Mutex
	put := f.put
	f.put = func(partition int, position string, changes []numberdb.Change) {
		mu.Lock()
		defer mu.Unlock()
		put(partition, position, changes)
	}
	each := make([]map[int]error, len(partitions))
	var group sync.WaitGroup
	for i, p := range partitions {
		each[i] = map[int]error{}
		group.Go(func() { f.follow(ctx, []int{p}, each[i]) })
	}
	group.Wait()
	for i, p := range partitions {
		broken[p] = each[i][p]
	}
}

// follow follows partitions that share a slot or a server until the time has come and all that there is has been read, or until
// something is wrong with one of them, which it notes.
func (f *follower) follow(ctx context.Context, partitions []int, broken map[int]error) {
	for done := false; !done; {
		entries, err := f.read(ctx, partitions)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			for _, p := range partitions {
				broken[p] = err
			}
			return
		}
		done = !time.Now().Before(f.until)
		var suspects []int
		for _, p := range partitions {
			if len(entries[p]) > 0 {
				suspects = append(suspects, p)
				done = done && len(entries[p]) < changesAtOnce
			}
		}
		// What was read is whole only if it is sound now: looking before reading would miss what is trimmed in between.
		if done {
			suspects = partitions
		}
		f.check(ctx, suspects, broken)
		for _, p := range suspects {
			if broken[p] != nil {
				done = true
			} else if e := entries[p]; len(e) > 0 {
				f.positions[p] = e[len(e)-1].ID
				f.put(p, f.positions[p], f.readChanges(ctx, p, e))
			}
		}
	}
}

// read reads what comes after the positions, and waits for it for a while.
func (f *follower) read(ctx context.Context, partitions []int) (map[int][]redis.XMessage, error) {
	byKey := make(map[string]int, len(partitions))
	streams := make([]string, 2*len(partitions))
	for i, p := range partitions {
		streams[i], streams[len(partitions)+i] = f.keys.changes(p), f.positions[p]
		byKey[streams[i]] = p
	}
	block := max(min(time.Until(f.until), waitAtOnce), time.Millisecond) // none would be for ever
	ctx, cancel := context.WithTimeout(ctx, block+f.options.Timeout)
	defer cancel()
	answer, err := f.client.XRead(ctx, &redis.XReadArgs{Streams: streams, Count: changesAtOnce, Block: block}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	entries := make(map[int][]redis.XMessage, len(answer))
	for _, stream := range answer {
		if p, known := byKey[stream.Stream]; known {
			entries[p] = stream.Messages
		}
	}
	return entries, nil
}

// check notes which partitions are not those of our list, or have lost entries behind the position: streams lose their oldest entries
// first, so as long as that of the position is there, so are all behind it.
func (f *follower) check(ctx context.Context, partitions []int, broken map[int]error) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	pipe := f.client.Pipeline()
	markers := make([]*redis.StringCmd, len(partitions))
	there := make([]*redis.XMessageSliceCmd, len(partitions))
	for i, p := range partitions {
		markers[i] = pipe.Get(ctx, f.keys.marker(p))
		there[i] = pipe.XRangeN(ctx, f.keys.changes(p), f.positions[p], f.positions[p], 1)
	}
	_, _ = pipe.Exec(ctx) // each answer has its own error
	var unsure []int
	for i, p := range partitions {
		if err := f.holds(f.list, p, markers[i]); err != nil {
			broken[p] = err
		} else if entry, err := there[i].Result(); err != nil {
			broken[p] = err
		} else if len(entry) == 0 {
			unsure = append(unsure, p)
		}
	}
	infos := make([]*redis.XInfoStreamCmd, len(unsure))
	for i, p := range unsure {
		infos[i] = pipe.XInfoStream(ctx, f.keys.changes(p))
	}
	if len(unsure) > 0 {
		_, _ = pipe.Exec(ctx)
	}
	for i, p := range unsure {
		if info, err := streamInfo(infos[i]); err != nil {
			broken[p] = err
		} else if !goesOn(info, f.positions[p]) {
			broken[p] = errGap
		}
	}
}

// goesOn says whether a stream has all entries behind a position at which it has none: it is empty and ended there, or it has never
// lost an entry and this is its start.
func goesOn(info *redis.XInfoStream, position string) bool {
	if position == start {
		return info.EntriesAdded == info.Length
	}
	return info.Length == 0 && info.LastGeneratedID == position
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
