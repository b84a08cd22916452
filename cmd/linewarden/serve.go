package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/linewarden/linewarden/numberdb/replica"
	"github.com/linewarden/linewarden/screening/asterisk"
)

// serveCommand is the server.
type serveCommand struct {
	Only string `enum:"screening,intake," default:"" placeholder:"PART" help:"Run only screening or only intake; both if missing."`
}

// stopBound is how long stopping may take: calls that hear a warning are let go within it.
const stopBound = 20 * time.Second

// Run serves until SIGINT or SIGTERM.
func (cmd serveCommand) Run(p *program) (err error) {
	run := partsOf(cmd.Only)
	l, err := p.loadSound(run)
	if err != nil {
		return err
	}
	log := l.Log.newLogger(p.err).With("instance", l.Instance)
	log.Info("starting", "version", version(), "config", l.File, "config_sha256", l.Hash, "screening", run.screening, "intake", run.intake)

	running := newServices()
	defer func() {
		log.Info("stopping")
		err = running.ends.run(stopBound, err)
	}()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(buildInfo())
	ready := newReadiness(time.Now)

	// Every listener is bound before anything serves: a port that is taken is told at once, not after calls were accepted.
	ops, err := bind("ops.listen", l.Ops.Listen)
	if err != nil {
		return err
	}
	running.ends.add("ops listener", closeListener(ops))
	var reports net.Listener
	if run.intake {
		if reports, err = bind("intake.listen", l.Intake.Listen); err != nil {
			return err
		}
		running.ends.add("intake listener", closeListener(reports))
	}
	running.serveHTTP("ops", ops, opsHandler(ready, registry, l.Ops.Pprof), "", "", log)

	store, err := l.openStore(roleNode, log, registry)
	if err != nil {
		return err
	}
	running.ends.add("redis", func(context.Context) error { return store.Close() })
	held := l.holdsList() // before there is a snapshot of this run's
	if run.intake {
		createList(store, held, log)
	}
	heads, err := l.newHeadSender(store.AuditHead, log, registry)
	if err != nil {
		return err
	}
	running.start("audit", func(ctx context.Context) error { return l.keepAudit(ctx, store, heads, run, log) })
	list, err := replica.New(store, replica.Options{SnapshotPath: l.List.Snapshot, Logger: log, Metrics: registry})
	if err != nil {
		return err
	}
	running.start("list", list.Run)
	watchList(ready, list, l.List.StaleAfter)

	key, err := l.Journal.key(log)
	if err != nil {
		return err
	}
	if run.intake {
		api, err := l.newIntake(store, list, key, log, registry)
		if err != nil {
			return err
		}
		var ship func(context.Context) (int, error)
		if l.Intake.ShipGenuineLines {
			ship = api.ShipCompanies
		}
		running.start("housekeeping", func(ctx context.Context) error { return keepHouse(ctx, store, held, ship, log) })
		running.start("proposals", func(ctx context.Context) error { return keepProposals(ctx, api, log) })
		intake, err := l.withPages(api, log)
		if err != nil {
			return err
		}
		running.serveHTTP("intake", reports, intake, l.Intake.TLSCertFile, l.Intake.TLSKeyFile, log)
	}
	var clients []*asterisk.Client
	if run.screening {
		record, err := l.newJournal(store, log, registry)
		if err != nil {
			return err
		}
		running.start("journal", record.Run) // ends after the calls do, so that it hears of the last one
		traffic, err := l.newTraffic(store, key, log, registry)
		if err != nil {
			return err
		}
		running.start("traffic", traffic.Run) // as the journal
		flow, err := l.newFlow(list, observer{record, traffic, key, l.Instance, list.State}.observe, log, registry)
		if err != nil {
			return err
		}
		for i, a := range l.Asterisk {
			config := a.client(i, l.Instance, log, registry)
			config.Glance = flow.Glance
			c, err := asterisk.New(config, flow.Handle)
			if err != nil {
				return err
			}
			clients = append(clients, c)
			ready.add(fmt.Sprintf("asterisk[%d]", i), asteriskReady(c))
			filter, err := l.newPrefilter(i, list, log, registry)
			if err != nil {
				return err
			}
			if filter != nil {
				running.start(fmt.Sprintf("prefilter[%d]", i), filter.Run)
			}
		}
		running.start("calls", func(ctx context.Context) error { return runAll(ctx, clients) })
	}
	running.start("heartbeat", l.newHeartbeat(store, run, list, clients, log).run)
	ready.complete()
	running.start("watchdog", watchdog{alive: func() { ready.Missing() }, log: log}.run)
	return running.wait(p.ctx)
}

// runAll runs the connections side by side, so that all of them let their calls go at the same time when ctx ends.
func runAll(ctx context.Context, clients []*asterisk.Client) error {
	errs := make([]error, len(clients))
	var running sync.WaitGroup
	for i, c := range clients {
		running.Go(func() { errs[i] = c.Run(ctx) })
	}
	running.Wait()
	return errors.Join(errs...)
}
