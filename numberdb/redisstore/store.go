package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Store is a number list in Redis.
type Store struct {
	client  redis.UniversalClient
	owned   bool // by us: Close closes it
	cluster bool
	options Options
	keys    keys
	scripts scripts
	breaker breaker
	metrics metrics
	audit   *auditor

	// known is the list that Redis held when we last asked.
	known atomic.Pointer[identity]
}

// identity is what the meta key says.
type identity struct {
	id         string
	partitions int
	complete   bool   // every partition has its marker
	audit      uint64 // entry of its creation in the audit chain; zero for a list from before there was one
}

// New makes a store on a client that stays the caller's. The client should honour contexts, never retry by itself, and on a Cluster have
// a connection for each partition and follower besides those for calls: see [Connection.Client]. New does not talk to Redis.
//
// What the Redis library has to say by itself goes to Options.Logger at the level of debugging, instead of to standard error. It has one
// logger for the whole process: that of the store that was made last.
func New(client redis.UniversalClient, options Options) (*Store, error) {
	if err := options.setDefaults(); err != nil {
		return nil, fmt.Errorf("opening the number list in Redis: %w", err)
	}
	s := &Store{client: client, options: options, keys: keys{options.Prefix}, scripts: newScripts(options.Rules), audit: newAuditor()}
	_, s.cluster = client.(*redis.ClusterClient)
	if err := s.metrics.register(options.Registerer); err != nil {
		return nil, fmt.Errorf("opening the number list in Redis: %w", err)
	}
	redis.SetLogger(libraryLog{options.Logger})
	return s, nil
}

// Open makes a store on a client of its own. It does not talk to Redis yet.
func Open(connection Connection, options Options) (*Store, error) {
	client := connection.Client()
	s, err := New(client, options)
	if err != nil {
		client.Close() // nothing was sent
		return nil, err
	}
	s.owned = true
	return s, nil
}

// Close ends the connections that [Open] made. Calls must have ended before.
func (s *Store) Close() error {
	if !s.owned {
		return nil
	}
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("closing the connections to Redis: %w", err)
	}
	return nil
}

// Ping asks whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, "ping", func(ctx context.Context) error { return s.client.Ping(ctx).Err() })
}

// Init creates the list unless there is one, and checks that its format is ours. The creation is in the audit chain, or does not happen. Any number of stores may do so at once. A list
// that exists keeps its number of partitions; one whose creation was broken off is completed. The error wraps [numberdb.ErrNewerFormat]
// if a newer version made the list. If the list's meta key is lost, but not its partitions, nothing is put in their place.
func (s *Store) Init(ctx context.Context) error {
	var list identity
	err := s.call(ctx, "init", func(ctx context.Context) (err error) {
		list, err = s.readMeta(ctx)
		return err
	})
	missing := errors.Is(err, numberdb.ErrNoList)
	if err != nil && !missing || list.complete {
		return err
	}
	id, audit := rand.Text(), uint64(0)
	if missing {
		audit, err = s.auditFirst(ctx, numberdb.AuditEntry{
			At: s.options.Now(), Who: s.options.Actor, Role: s.options.Role, Action: numberdb.AuditListCreated, Object: "list",
			After: fmt.Sprintf(`{"id":%q,"format":%d,"partitions":%d}`, id, format, s.options.Partitions),
		})
		if err != nil {
			return fmt.Errorf("number list, init: %w", err)
		}
	}
	return s.call(ctx, "init", func(ctx context.Context) error {
		if missing {
			err := s.scripts.init.Run(ctx, s.client, []string{s.keys.meta()}, "format", format, "partitions", s.options.Partitions,
				"buckets", bucketCount, "id", id, "audit", audit).Err()
			if err != nil {
				return err
			}
		}
		list, err := s.readMeta(ctx)
		if err == nil && !list.complete {
			err = s.complete(ctx, list)
		}
		return err
	})
}

// Identity is the random id that the list got when it was created, and how many partitions it has. The error wraps
// [numberdb.ErrNoList] if Redis answers but holds no list, and [numberdb.ErrNewerFormat] if a newer version made it.
func (s *Store) Identity(ctx context.Context) (id string, partitions int, err error) {
	var list identity
	err = s.call(ctx, "identity", func(ctx context.Context) (err error) {
		list, err = s.identify(ctx)
		return err
	})
	return list.id, list.partitions, err
}

// identify reads the meta key and remembers what it says. If there is no answer, what we know stays.
func (s *Store) identify(ctx context.Context) (identity, error) {
	list, err := s.readMeta(ctx)
	switch {
	case err != nil:
		return identity{}, err
	case !list.complete:
		return identity{}, fmt.Errorf("%w yet: its creation was broken off, and Init completes it", numberdb.ErrNoList)
	}
	s.known.Store(&list)
	return list, nil
}

func (s *Store) readMeta(ctx context.Context) (identity, error) {
	meta, err := s.client.HGetAll(ctx, s.keys.meta()).Result()
	if err != nil {
		return identity{}, err
	}
	s.known.Store(nil)
	return parseMeta(meta)
}

func parseMeta(meta map[string]string) (identity, error) {
	if len(meta) == 0 {
		return identity{}, numberdb.ErrNoList
	}
	version, err := strconv.Atoi(meta["format"])
	if err == nil && version > format {
		return identity{}, fmt.Errorf("the list has format %d, we know %d: %w", version, format, numberdb.ErrNewerFormat)
	}
	list := identity{id: meta["id"], complete: meta["complete"] == "1"}
	partitions, err2 := strconv.Atoi(meta["partitions"])
	if err != nil || err2 != nil || version != format || list.id == "" || partitions < 1 || partitions > mostPartitions ||
		meta["buckets"] != strconv.Itoa(bucketCount) {
		return identity{}, fmt.Errorf("the list's meta key is damaged: format %.20q, partitions %.20q, buckets %.20q: restore it from a backup",
			meta["format"], meta["partitions"], meta["buckets"])
	}
	list.partitions = partitions
	list.audit, _ = strconv.ParseUint(meta["audit"], 10, 64) // a list from before the audit chain has none
	return list, nil
}

// list is the list that Redis holds, as far as we know without asking again.
func (s *Store) list(ctx context.Context) (identity, error) {
	if known := s.known.Load(); known != nil {
		return *known, nil
	}
	return s.identify(ctx)
}

// listInTime is list, within the time for a call.
func (s *Store) listInTime(ctx context.Context) (identity, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return s.list(ctx)
}
