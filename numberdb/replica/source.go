package replica

import (
	"context"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Source is the store as a replica needs it. numberdb/redisstore satisfies it. Its methods are called with contexts that have a
// deadline, Load for several partitions at once. A slice that is given to put is only read until put returns; put may be called from
// several goroutines, but not after the method has returned.
type Source interface {
	// Identity names the list that the store holds, and says into how many partitions its targets are spread. A store that was
	// replaced or emptied and filled anew has another id. If the store answers, but holds no list, the id is empty or the error wraps numberdb.ErrNoList.
	Identity(ctx context.Context) (id string, partitions int, err error)

	// Accepted says whether people have confirmed that the list of this id shall take the place of another one, however little it holds.
	Accepted(ctx context.Context, id string) (bool, error)

	// Load reads one partition whole. The position was taken before reading, so that following from it misses nothing.
	Load(ctx context.Context, partition int, put func([]numberdb.Change)) (position string, err error)

	// Follow waits up to block for changes after the positions, one per partition, and gives each partition's changes in their
	// order, with the position after them. It returns once it has given all that there were when it was called, so that success
	// confirms that nothing is missing; nothing new within block is success too: the heartbeat. lost are partitions whose stream was
	// trimmed past the position, or is behind it, and those whose position is none; put gets nothing of what comes behind such a gap. Lost
	// partitions and an error, which is about others, may come together, and keep none of the rest from being followed.
	Follow(ctx context.Context, from []string, block time.Duration,
		put func(partition int, position string, changes []numberdb.Change)) (lost []int, err error)
}
