package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/numberdb/redisstore"
	"github.com/linewarden/linewarden/numberdb/replica"
	"github.com/linewarden/linewarden/screening/asterisk"
)

// heartbeat tells the store again and again how this node is, for those who look at all nodes. It is no part of how nodes work together.
type heartbeat struct {
	store     *redisstore.Store
	fixed     intake.NodeState // what does not change
	list      func() replica.State
	asterisks []func() asterisk.Status // in the order of fixed.Asterisks
	log       *slog.Logger
}

// newHeartbeat is that of this node; connected are its connections in the order of the config.
func (l *loaded) newHeartbeat(store *redisstore.Store, run parts, list *replica.Replica, connected []*asterisk.Client, log *slog.Logger) *heartbeat {
	h := &heartbeat{store: store, list: list.State, log: log, fixed: intake.NodeState{
		Instance: l.Instance, Version: version(), Started: time.Now().UTC(), Screening: run.screening, Intake: run.intake,
	}}
	for i, c := range connected {
		h.fixed.Asterisks = append(h.fixed.Asterisks, intake.AsteriskState{Name: l.Asterisk[i].host()})
		h.asterisks = append(h.asterisks, c.Status)
	}
	return h
}

// host is where the Asterisk is: host and port.
func (a asteriskConfig) host() string {
	u, err := url.Parse(a.URL)
	if err != nil { // which the config's check has refused
		return ""
	}
	return u.Host
}

// name is this process's: the halves of an instance may run apart.
func (h *heartbeat) name() string {
	parts := []string{h.fixed.Instance}
	if !h.fixed.Intake {
		parts = append(parts, "screening")
	}
	if !h.fixed.Screening {
		parts = append(parts, "intake")
	}
	return strings.Join(parts, "/")
}

// run tells until ctx ends, and then that this node is gone.
func (h *heartbeat) run(ctx context.Context) error {
	failed := false
	for again := true; again; again = pause(ctx, intake.NodeInterval) {
		err := h.tell(ctx)
		if err != nil && ctx.Err() == nil && !failed { // once for each time that Redis is away
			h.log.Warn("cannot tell the other nodes how this one is; trying again", "error", err)
		}
		failed = err != nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := h.store.ForgetNode(ctx, h.name()); err != nil {
		h.log.Warn("this node will be shown as silent for a day", "error", err)
	}
	return nil
}

// tell tells once.
func (h *heartbeat) tell(ctx context.Context) error {
	record, err := json.Marshal(h.state())
	if err != nil {
		return fmt.Errorf("write the state of this node: %w", err)
	}
	return h.store.KeepNode(ctx, h.name(), record)
}

// state is how the node is now.
func (h *heartbeat) state() intake.NodeState {
	s, list := h.fixed, h.list()
	s.ListLoaded, s.ListAge, s.ListNumbers = list.Loaded, list.Age.Seconds(), list.Numbers+list.Prefixes
	s.Asterisks = make([]intake.AsteriskState, len(h.asterisks))
	for i, status := range h.asterisks {
		s.Asterisks[i] = intake.AsteriskState{Name: h.fixed.Asterisks[i].Name, Connected: status().Connected}
	}
	return s
}
