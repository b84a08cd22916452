package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// listCommand keeps the list as a whole.
type listCommand struct {
	Accept acceptList `cmd:"" help:"Confirm that all nodes shall use the list in Redis in the place of theirs, however little is in it. Without one, begin one."`
}

// acceptList is for an operator whose Redis has lost its data, and who has nothing to restore.
type acceptList struct {
	Reason string `required:"" help:"For those who later ask why."`
}

// Run says which list is confirmed.
func (cmd acceptList) Run(p *program) error {
	if strings.TrimSpace(cmd.Reason) == "" {
		return usageError{errors.New("--reason is empty: say why the list that nodes hold is given up")}
	}
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	return p.withStoreAsItIs(l, func(store *redisstore.Store) error {
		if err := store.Init(p.ctx); err != nil {
			return fmt.Errorf("%w; is Redis where redis.addresses says, %v?", err, l.Redis.Addresses)
		}
		id, err := store.AcceptList(p.ctx, numberdb.Actor{Name: operatorName(), Role: roleCommandLine}, cmd.Reason)
		if err != nil {
			return fmt.Errorf("confirm the list: %w", err)
		}
		_, err = fmt.Fprintf(p.out, "the list %s is confirmed: every node uses it within seconds\n", id)
		return err
	})
}

// errHeld says that Redis has no list, but had one.
var errHeld = errors.New("there is no list in Redis, but this machine has the snapshot of one: restore the data of Redis if they were lost, else begin a new list with 'linewarden list accept'")

// findList creates the list if there is none, unless this machine has held one: reports that were then taken into a new list, which no node
// would use, would be lost again as soon as somebody restores the one that was.
func findList(ctx context.Context, store *redisstore.Store, held bool) error {
	if !held {
		return store.Init(ctx)
	}
	_, _, err := store.Identity(ctx)
	if errors.Is(err, numberdb.ErrNoList) {
		return errHeld
	}
	return err
}

// holdsList says whether this machine has held a list, as far as its snapshot tells.
func (l *loaded) holdsList() bool {
	if l.List.Snapshot == "" {
		return false
	}
	_, err := os.Stat(l.List.Snapshot)
	return err == nil
}
