package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// What nodes tell of themselves, for whoever looks after them. How long ago that was is told by the clock of Redis: those of nodes differ.

const (
	// nodeTTL is for how long a node that tells nothing more is remembered: a day, in which somebody should have seen that it is gone.
	nodeTTL = 24 * time.Hour
	// mostNodes bounds what [Store.Nodes] reads.
	mostNodes = 1000
)

// KeepNode keeps what a node tells of itself, in place of what it told before.
func (s *Store) KeepNode(ctx context.Context, name string, record []byte) error {
	return s.call(ctx, "keep_node", func(ctx context.Context) error {
		return s.scripts.node.Run(ctx, s.client, []string{s.keys.node(name), s.keys.nodes()}, name, seconds(nodeTTL), record).Err()
	})
}

// ForgetNode ends the memory of a node that goes in order.
func (s *Store) ForgetNode(ctx context.Context, name string) error {
	return s.call(ctx, "forget_node", func(ctx context.Context) error {
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Del(ctx, s.keys.node(name))
			pipe.ZRem(ctx, s.keys.nodes(), name)
			return nil
		})
		return err
	})
}

// Nodes gives what the nodes told of themselves in the last day and how long ago that was, to the second, by the names under which they did; of more
// than a thousand, those that told it last.
func (s *Store) Nodes(ctx context.Context) (told map[string][]byte, ago map[string]time.Duration, err error) {
	err = s.call(ctx, "nodes", func(ctx context.Context) error {
		pipe := s.client.Pipeline()
		clock := pipe.Time(ctx)
		index := pipe.ZRevRangeWithScores(ctx, s.keys.nodes(), 0, mostNodes-1)
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		told, ago = map[string][]byte{}, map[string]time.Duration{}
		pipe = s.client.Pipeline()
		records := map[string]*redis.StringCmd{}
		for _, z := range index.Val() {
			name, _ := z.Member.(string) // as all members are
			ago[name] = time.Duration(max(0, clock.Val().Unix()-int64(z.Score))) * time.Second
			records[name] = pipe.Get(ctx, s.keys.node(name))
		}
		_, _ = pipe.Exec(ctx) // each answer tells
		for name, record := range records {
			text, err := record.Bytes()
			switch {
			case err == redis.Nil: // forgotten in this moment
				delete(ago, name)
			case err != nil:
				return err
			default:
				told[name] = text
			}
		}
		return nil
	})
	return told, ago, err
}
