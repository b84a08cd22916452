package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// The roles in which this program writes to the audit chain by itself.
const (
	roleNode        = "node"
	roleCommandLine = "command_line"
)

// retryAudit is how long a node waits until it tries again to write that it started.
const retryAudit = time.Second

// keepAudit writes to the audit chain that this node started, with which config and policies, and then sends the chain's heads on, until ctx
// ends. Calls do not wait for it: a node that starts while Redis is away screens with its snapshot, and says so in the chain afterwards.
func (l *loaded) keepAudit(ctx context.Context, store *redisstore.Store, heads *headSender, run parts, log *slog.Logger) error {
	entries, err := l.startEntries(run, time.Now())
	if err != nil {
		return err
	}
	told := false
	for _, e := range entries {
		for _, err := store.Audit(ctx, e); err != nil; _, err = store.Audit(ctx, e) {
			if ctx.Err() == nil && !told {
				log.Warn("cannot write the start of this node to the audit chain yet; trying again", "error", err)
				told = true
			}
			if !pause(ctx, retryAudit) {
				return nil
			}
		}
	}
	if heads != nil {
		heads.run(ctx)
	}
	<-ctx.Done()
	return nil
}

// startEntries tell of a start of this node.
func (l *loaded) startEntries(run parts, at time.Time) ([]numberdb.AuditEntry, error) {
	start, err := json.Marshal(struct {
		Config    string `json:"config"`
		SHA256    string `json:"config_sha256"`
		Version   string `json:"version"`
		Screening bool   `json:"screening"`
		Intake    bool   `json:"intake"`
	}{l.File, l.Hash, version(), run.screening, run.intake})
	if err != nil {
		return nil, fmt.Errorf("write the start down: %w", err)
	}
	policies, err := json.Marshal(struct {
		Policies policies       `json:"policies"`
		Rules    numberdb.Rules `json:"rules"`
	}{l.Policies, l.Rules})
	if err != nil {
		return nil, fmt.Errorf("write the policies down: %w", err)
	}
	if len(policies) > numberdb.MaxAuditText { // hundreds of trunks: the hash tells whether they are those of the config in a backup
		sum := sha256.Sum256(policies)
		policies = []byte(`{"sha256":"` + hex.EncodeToString(sum[:]) + `"}`)
	}
	entry := numberdb.AuditEntry{At: at, Who: l.Instance, Role: roleNode}
	started, loaded := entry, entry
	started.Action, started.Object, started.After = numberdb.AuditServeStarted, "config", string(start)
	loaded.Action, loaded.Object, loaded.After = numberdb.AuditPolicyLoaded, "policies", string(policies)
	return []numberdb.AuditEntry{started, loaded}, nil
}
