// Package replica keeps a [numberdb.Index] in a screening node's memory equal to the store, so that no call waits for a Redis.
//
// A [Replica] loads the list from a [Source], follows its changes, resumes where it was after a disconnect, loads anew where a gap
// could be, and says how old its knowledge is. While the source is away, hung or empty it serves the last good list. Another list, such as one
// that was begun after the source had lost its data, takes its place by itself only if it has at least half as much in it: else people have to
// confirm it ([ErrReplaced]). A snapshot on disk lets a node start while the source is away.
//
//	r, err := replica.New(store, replica.Options{SnapshotPath: "/var/lib/linewarden/list", Logger: log, Metrics: registry})
//	go r.Run(ctx)            // owns everything that the replica does, until ctx ends
//	listing := r.Lookup(n, today) // any goroutine, at any time, without waiting
//
// Why there is never a gap: the position in a partition's stream of changes is taken before the partition is read, and following
// begins at it. A change in between is seen twice, which does no harm, as every change is a target's whole listing. A new list is
// loaded beside the one in use, follows until it has caught up, and then takes its place in one step; so readers never see a list that
// is empty, half filled or older than the one before, and a number that went away while nobody followed is gone from the new one.
package replica
