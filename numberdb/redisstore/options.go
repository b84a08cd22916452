package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/linewarden/linewarden/numberdb"
)

// Connection says how to reach Redis.
type Connection struct {
	// Addrs are host:port of the server; of the Sentinels, if Master is set; or of some nodes of a Cluster.
	Addrs []string
	// Master is the name by which the Sentinels know the server.
	Master string
	// Cluster says that Addrs are a Cluster's. Several addresses without Master say so too.
	Cluster bool

	Username, Password                 string
	SentinelUsername, SentinelPassword string
	// TLS is used if it is not nil.
	TLS *tls.Config
	// DB is the database of a server that is not a Cluster.
	DB int
	// PoolSize is the most connections to each server; zero is 64. On a Cluster each follower holds one per partition besides.
	PoolSize int
}

// Client is a client that fails fast while Redis is in trouble, as REDIS.md measured it: contexts bound every call, and nothing is retried
// behind the caller's back, for a repeated report would be stored twice.
func (c Connection) Client() redis.UniversalClient {
	pool := c.PoolSize
	if pool == 0 {
		pool = 64
	}
	if c.Cluster || len(c.Addrs) > 1 && c.Master == "" {
		pool += defaultPartitions
	}
	return redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: c.Addrs, MasterName: c.Master, IsClusterMode: c.Cluster, DB: c.DB, ClientName: "linewarden",
		Username: c.Username, Password: c.Password,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword, TLSConfig: c.TLS,
		ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second, PoolSize: pool,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Options are what a [Store] can be told. The zero value of each field stands for its default.
type Options struct {
	// Rules turn reports into listings; the default is [numberdb.DefaultRules]. All writers of a list should have the same.
	Rules *numberdb.Rules
	// Prefix begins every key; the default is "lw". Lists with different prefixes can share a Redis.
	Prefix string
	// Partitions is how many a list gets that this store creates, 1 to 1024; the default is 64. It never changes afterwards.
	Partitions int
	// Actor and Role are who does, in the audit chain, what nobody signs for, such as creating the list, and in which role all that is done
	// through this store is done where the context does not say who acts (access.With). The defaults are "linewarden" and "program".
	Actor string
	Role  string
	// CallerKey seals the numbers of victims. Without one, a report that holds such a number is refused.
	CallerKey *CallerKey
	// Changes is how many changes each partition's stream keeps at least, for nodes that were away; the default is 16384, which
	// takes about 32 MB of memory in all.
	Changes int
	// Retention is how long reports are kept after the last one about a number; the default is two years.
	Retention time.Duration
	// Timeout bounds a call, LoadTimeout each step of reading a whole partition; the defaults are 3 and 15 seconds.
	Timeout     time.Duration
	LoadTimeout time.Duration
	// Now is the clock; the default is time.Now.
	Now func() time.Time
	// Logger gets a line for each thing in Redis that cannot be read, and what the Redis library says ([New]); the default is slog.Default().
	Logger *slog.Logger
	// Registerer gets the metrics; without it nobody sees them.
	Registerer prometheus.Registerer
}

func (o *Options) setDefaults() error {
	if o.Rules == nil {
		rules := numberdb.DefaultRules()
		o.Rules = &rules
	}
	if faults := o.Rules.Check(); faults != nil {
		return fmt.Errorf("the rules: %w", faults)
	}
	setDefault(&o.Prefix, "lw")
	setDefault(&o.Actor, "linewarden")
	setDefault(&o.Role, "program")
	setDefault(&o.Partitions, defaultPartitions)
	setDefault(&o.Changes, 16384)
	setDefault(&o.Retention, 2*365*24*time.Hour)
	setDefault(&o.Timeout, 3*time.Second)
	setDefault(&o.LoadTimeout, 15*time.Second)
	switch {
	case o.Partitions < 1 || o.Partitions > mostPartitions:
		return fmt.Errorf("partitions: is %d: write 1 to %d", o.Partitions, mostPartitions)
	case o.Changes < 1:
		return errors.New("changes: keep at least 1, or leave it out")
	case o.Retention < time.Second || o.Timeout < 0 || o.LoadTimeout < 0:
		return errors.New("retention and time-outs: write a positive time, or leave them out")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return nil
}

const mostPartitions = 1024

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}
