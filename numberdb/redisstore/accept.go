package redisstore

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

//go:embed accept.lua
var acceptLua string

var accept = redis.NewScript(acceptLua)

// AcceptList notes that people have looked at the list that Redis holds and want every node to use it, in the place of whatever that holds and
// however little is in it: see [Store.Accepted]. That is in the audit chain, or does not happen. It returns the list's id.
func (s *Store) AcceptList(ctx context.Context, by numberdb.Actor, reason string) (id string, err error) {
	id, _, err = s.Identity(ctx)
	if err != nil {
		return "", err
	}
	entry, err := auditOf(numberdb.AuditListAccepted, by, "list", s.options.Now(), reason, struct {
		ID string `json:"id"`
	}{id})
	if err != nil {
		return "", fmt.Errorf("number list, accept: %w", err)
	}
	audit, err := s.auditFirst(ctx, entry)
	if err != nil {
		return "", fmt.Errorf("number list, accept: %w", err)
	}
	return id, s.call(ctx, "accept", func(ctx context.Context) error {
		return accept.Run(ctx, s.client, []string{s.keys.meta()}, id, audit).Err()
	})
}

// Accepted says whether the list of this id is the one that Redis holds, and people have confirmed it.
func (s *Store) Accepted(ctx context.Context, id string) (accepted bool, err error) {
	err = s.call(ctx, "accepted", func(ctx context.Context) error {
		meta, err := s.client.HMGet(ctx, s.keys.meta(), "id", "accepted").Result()
		accepted = err == nil && meta[0] == id && meta[1] != nil
		return err
	})
	return accepted, err
}
