package main

import (
	"context"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells systemd that the process has started, and from then on that it does not hang, three times in what WatchdogSec of the
// unit allows (sd_notify(3), sd_watchdog_enabled(3)). Systemd restarts what falls silent, and the new process takes over the calls that
// wait. Without systemd it does nothing.
type watchdog struct {
	alive func() // returns unless what it looks at hangs: with readiness, the list and the connections
	log   *slog.Logger
}

// run tells until ctx ends.
func (w watchdog) run(ctx context.Context) error {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		w.log.Warn("systemd's watchdog cannot be told that this process lives", "error", err)
	}
	w.tell(daemon.SdNotifyReady)
	if within == 0 {
		<-ctx.Done()
	}
	for ; within != 0 && ctx.Err() == nil; pause(ctx, within/3) {
		w.alive()
		w.tell(daemon.SdNotifyWatchdog)
	}
	w.tell(daemon.SdNotifyStopping)
	return nil
}

func (w watchdog) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		w.log.Warn("systemd cannot be told how this process is", "state", state, "error", err)
	}
}
