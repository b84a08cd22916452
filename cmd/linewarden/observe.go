package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/numberdb/replica"
	"github.com/linewarden/linewarden/screening/callflow"
	"github.com/linewarden/linewarden/screening/journal"
)

// newJournal is the record of calls as the config describes it.
func (l *loaded) newJournal(store journal.Store, log *slog.Logger, metrics prometheus.Registerer) (*journal.Journal, error) {
	return journal.New(journal.Options{
		Store: store, Retention: l.Journal.Retention, MostPerDay: l.Journal.MostPerDay, Logger: log, Metrics: metrics,
	})
}

// newTraffic is the sketch of all calls, by which the impact of a listing can be told.
func (l *loaded) newTraffic(store journal.TrafficStore, key journal.Key, log *slog.Logger, metrics prometheus.Registerer) (*journal.Traffic, error) {
	return journal.NewTraffic(journal.TrafficOptions{Store: store, Key: key.Traffic(), Node: l.Instance, Logger: log, Metrics: metrics})
}

// impact tells the intake what listings would have done to the calls of the last days.
func impact(b *journal.LookBack) intake.ImpactFunc {
	return func(ctx context.Context, targets []numberdb.Target, roles numberdb.Roles, days int) (numberdb.Impact, error) {
		i, err := b.Impact(ctx, targets, roles, days)
		return numberdb.Impact{Calls: int(i.Calls), Subscribers: int(i.Subscribers), Days: days, Complete: i.Complete, Since: i.Since}, err
	}
}

// key makes pseudonyms; one of this process alone if the config has none.
func (j journalConfig) key(log *slog.Logger) (journal.Key, error) {
	if !j.PseudonymKey.Set() {
		log.Warn("subscribers get pseudonyms that cannot be linked across restarts and nodes, and no impact can be told of calls before: name a key with journal.pseudonym_key_file")
		return journal.RandomKey(), nil
	}
	return journal.NewKey(j.PseudonymKey.Reveal())
}

// observer tells the journal of calls, in the journal's terms.
type observer struct {
	journal *journal.Journal
	traffic *journal.Traffic
	key     journal.Key
	node    string
	list    func() replica.State
}

// observe is on the goroutine of every call: for a clean one it only counts and hands its numbers over.
func (o observer) observe(r callflow.Record) {
	if journal.Touchable(r.Verdict) {
		o.traffic.Note(r.Call.Direction, r.Call.Other().Number, r.Call.Subscriber().Number)
	}
	if !journal.Listed(r.Verdict) {
		o.journal.Count(r.Call.Direction, r.Verdict, r.Outcome)
		return
	}
	list := o.list()
	o.journal.Record(journal.Entry{
		ID: r.ID(), At: r.At, Node: o.node, Direction: r.Call.Direction, Number: r.Call.Other().Number,
		Subscriber: o.key.Of(r.Call.Subscriber().Number), Verdict: r.Verdict,
		Prompt: string(r.Prompt), Language: r.Language, Outcome: r.Outcome,
		ListVersion: list.Version, ListAge: list.Age,
	})
}
