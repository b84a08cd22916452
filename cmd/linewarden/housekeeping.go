package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// How often the store is looked after. Several nodes may do it at once: each step is safe, and random waits keep them apart.
const (
	sweepEvery = 6 * time.Hour
	retryInit  = time.Second
	// finishEvery is how often approvals are looked for whose application was interrupted.
	finishEvery = 10 * time.Second
)

// createList is findList with the time that a start has for it. While Redis is away, keepHouse goes on trying.
func createList(store *redisstore.Store, held bool, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), retryInit)
	defer cancel()
	if err := findList(ctx, store, held); err != nil {
		log.Warn("no list is found in Redis yet; trying again", "error", err)
	}
}

// keepHouse finds the list or creates it (findList), has ship put into it what comes with the program (nil: nothing), and then removes from time to
// time the listings that have ended.
func keepHouse(ctx context.Context, store *redisstore.Store, held bool, ship func(context.Context) (int, error), log *slog.Logger) error {
	for err := findList(ctx, store, held); err != nil; err = findList(ctx, store, held) {
		if !pause(ctx, retryInit) {
			return nil
		}
	}
	if ship != nil {
		count, err := ship(ctx)
		for ; err != nil; count, err = ship(ctx) {
			log.Warn("the registry of genuine lines is not there yet; trying again", "error", err)
			if !pause(ctx, retryInit) {
				return nil
			}
		}
		log.Info("the registry of genuine lines is there", "new", count)
	}
	for pause(ctx, sweepEvery/2+rand.N(sweepEvery)) {
		removed, err := sweep(ctx, store)
		if err != nil {
			log.Warn("cannot remove the listings that have ended", "error", err)
			continue
		}
		log.Info("removed listings that have ended", "count", removed)
		if _, err := store.TidyProposals(ctx); err != nil {
			log.Warn("cannot remove the proposals that have ended", "error", err)
		}
	}
	return nil
}

// finisher finishes what was left undone.
type finisher interface {
	FinishProposals(context.Context) (changed int, err error)
}

// keepProposals applies what was approved and not applied, such as by a node that was killed, until ctx ends.
func keepProposals(ctx context.Context, decisions finisher, log *slog.Logger) error {
	failed := false
	for {
		changed, err := decisions.FinishProposals(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failed: // once for each time that Redis is away
			log.Warn("cannot finish proposals yet; trying again", "error", err)
		case changed > 0:
			log.Info("finished proposals", "count", changed)
		}
		failed = err != nil
		if !pause(ctx, finishEvery/2+rand.N(finishEvery)) {
			return nil
		}
	}
}

// sweep removes the listings that have ended from all partitions.
func sweep(ctx context.Context, store *redisstore.Store) (removed int, err error) {
	_, partitions, err := store.Identity(ctx)
	for p := 0; err == nil && p < partitions; p++ {
		var n int
		n, err = store.Sweep(ctx, p)
		removed += n
	}
	return removed, err
}

// pause waits, and is false if the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
