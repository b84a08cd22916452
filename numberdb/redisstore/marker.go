package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Every partition has a marker that says to which list it belongs. The servers of a Cluster lose their data one by one; without its marker, a
// partition that was emptied would look like one in which nothing is listed: nodes would forget its numbers, and reports would be
// acknowledged into it that no node sees.

// holds checks the answer to a question for a partition's marker. If it is not the list's, the error wraps [numberdb.ErrNoList].
func (s *Store) holds(list identity, partition int, marker *redis.StringCmd) error {
	id, err := marker.Result()
	if err == nil && id == list.id {
		return nil
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	s.known.Store(nil) // it may be the list that was replaced
	if err == nil {
		return fmt.Errorf("partition %d: %w that we know, but another: try again", partition, numberdb.ErrNoList)
	}
	return fmt.Errorf("partition %d: %w there, its data was lost: restore it, or accept the loss with SET %s %s",
		partition, numberdb.ErrNoList, s.keys.marker(partition), list.id)
}

// complete sets the markers of a list that was just created, and then notes that they are set: from then on a missing one is a loss.
func (s *Store) complete(ctx context.Context, list identity) error {
	pipe := s.client.Pipeline()
	markers := make([]*redis.StringCmd, list.partitions)
	for p := range markers {
		key := s.keys.marker(p)
		pipe.SetArgs(ctx, key, list.id, redis.SetArgs{Mode: "NX"})
		markers[p] = pipe.Get(ctx, key)
	}
	_, _ = pipe.Exec(ctx) // each answer has its own error
	for p, marker := range markers {
		id, err := marker.Result()
		if err != nil {
			return fmt.Errorf("marking partition %d: %w", p, err)
		}
		if id != list.id {
			return fmt.Errorf("partition %d still belongs to the list %q, whose key %q was lost: restore that, or delete all keys that begin with %q to begin anew",
				p, id, s.keys.meta(), s.keys.prefix+":")
		}
	}
	return s.scripts.complete.Run(ctx, s.client, []string{s.keys.meta()}, list.id).Err()
}
