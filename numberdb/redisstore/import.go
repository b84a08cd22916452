package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/numberdb"
)

// Importer takes in reports by the thousand, by the rules of [Store.Report] and with the same result, except that each reporter counts
// once for a number however the report differs: a reporter of an import stands for one row of one list ([numberdb.Report.Reporter]).
// So an import that was broken off can be made again, from the start, and changes nothing twice.
//
// It knows the protected and cleared ranges as they were at most a minute ago. An Importer is not safe for concurrent use.
type Importer struct {
	store  *Store
	source numberdb.Source

	ranges   *numberdb.Index // of the list's ranges alone
	rangesAt time.Time
}

// Imported says what became of reports.
type Imported struct {
	Reports   int // all of them
	Repeats   int // had been taken in before, and changed nothing
	Forgeries int // are about a genuine or cleared number: kept, and earn it nothing
}

func (i *Imported) add(o Imported) {
	i.Reports += o.Reports
	i.Repeats += o.Repeats
	i.Forgeries += o.Forgeries
}

// Bounds of an import. A script of 200 reports keeps Redis busy for some milliseconds, in which nobody else is served.
const (
	reportsPerScript = 200
	scriptsAtOnce    = 4
	rangesFor        = time.Minute
)

// Importer makes an importer for reports of one source.
func (s *Store) Importer(source numberdb.Source) *Importer {
	return &Importer{store: s, source: source}
}

// Take takes in reports, each with the importer's source. They are stored when it returns without an error. Faults of a report are an
// error of type [numberdb.Faults], and none is stored. After any other error some of the reports may have been stored: taking them in
// again counts each once. Portions of ten thousand or more are quickest: those of one partition go to Redis together.
func (im *Importer) Take(ctx context.Context, reports []numberdb.Report) (Imported, error) {
	began := time.Now()
	total, err := im.take(ctx, reports)
	return total, im.store.observe("import", began, err)
}

func (im *Importer) take(ctx context.Context, reports []numberdb.Report) (Imported, error) {
	s := im.store
	now := s.options.Now()
	for i := range reports {
		if reports[i].Source != im.source {
			return Imported{}, errors.New("a report is of another source than the import")
		}
		if faults := reports[i].Check(now); faults != nil {
			return Imported{}, faults
		}
	}
	if err := im.refreshRanges(ctx); err != nil {
		return Imported{}, err
	}
	list, err := s.listInTime(ctx)
	if err != nil {
		return Imported{}, err
	}
	batches, err := im.batches(reports, list, numberdb.DayOf(now))
	if err != nil {
		return Imported{}, err
	}
	results := make([]Imported, list.partitions)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(scriptsAtOnce)
	for partition, ofPartition := range batches {
		group.Go(func() error {
			for _, b := range ofPartition { // in order, so that every import of a list sums up the same way
				one, err := im.send(ctx, list, b)
				if err != nil {
					return err
				}
				results[partition].add(one)
			}
			return nil
		})
	}
	err = group.Wait()
	var total Imported
	for _, r := range results {
		total.add(r)
	}
	return total, err
}

// batch is what one script takes in: reports of one partition.
type batch struct {
	partition int
	count     int
	keys      []string
	args      []any
}

// batches parts reports by partition, in their order.
func (im *Importer) batches(reports []numberdb.Report, list identity, today numberdb.Day) ([][]*batch, error) {
	s := im.store
	kind, received := sourceKind(im.source), s.options.Now().UnixMilli()
	all := make([][]*batch, list.partitions)
	for i := range reports {
		r := &reports[i]
		body, err := json.Marshal(filed{ID: rand.Text(), Received: received, Report: *r})
		if err != nil {
			return nil, fmt.Errorf("writing a report: %w", err)
		}
		p := placeOf(numberdb.Target{Number: r.Number}, list.partitions)
		begun := all[p.partition]
		if len(begun) == 0 || begun[len(begun)-1].count == reportsPerScript {
			begun = append(begun, &batch{
				partition: p.partition, keys: []string{s.keys.changes(p.partition)},
				args: []any{0, kind, im.source.Organisation, int(today), s.options.Changes, seconds(evidenceTTL(s.options.Rules)), seconds(s.options.Retention)},
			})
			all[p.partition] = begun
		}
		b := begun[len(begun)-1]
		b.count++
		b.args[0] = b.count
		b.keys = append(b.keys, s.keys.listing(p), s.keys.evidence(p), s.keys.reporters(p), s.keys.reports(p))
		around := genuine(im.ranges.Lookup(r.Number, today), today)
		b.args = append(b.args, p.field, string(r.Brand), r.Reporter, body, strconv.Itoa(int(numberdb.DayOf(r.At))), int(r.Roles), int(around))
		if b.args, err = appendFirst(b.args, s.options.Rules, r, around, today); err != nil {
			return nil, fmt.Errorf("writing a report: %w", err)
		}
	}
	return all, nil
}

// appendFirst appends what a report makes of a number about which nothing is known, in the words of import.lua: the listing, how many words
// of evidence and of reporters follow, and these. It writes the same fields as evidence.lua, with the digits that Lua gives them.
func appendFirst(args []any, rules *numberdb.Rules, r *numberdb.Report, genuine numberdb.Roles, today numberdb.Day) ([]any, error) {
	var d numberdb.Dossier
	d.Report(rules, r, genuine, today)
	listing, err := d.Listing.AppendBinary(nil)
	if err != nil {
		return args, err
	}
	from := sourceKind(r.Source) + ":" + r.Source.Organisation
	var evidence, reporters []any
	for role := range numberdb.Role(numberdb.RoleCount) {
		if !r.Roles.Has(role) {
			continue
		}
		digit, e := strconv.Itoa(int(role)), &d.Evidence[role]
		number := func(name string, v float64) {
			if v != 0 {
				evidence = append(evidence, digit+name, strconv.FormatFloat(v, 'g', 17, 64))
			}
		}
		number("short", e.Short)
		number("long", e.Long)
		number("last", float64(e.Last))
		number("forged", float64(e.Forged))
		number("block", float64(e.Earned.Block))
		number("warn", float64(e.Earned.Warn))
		number("watch", float64(e.Earned.Watch))
		for _, day := range e.Days { // one at most
			evidence = append(evidence, digit+"days", int(day))
		}
		if e.Brand != "" {
			evidence = append(evidence, digit+"brand", string(e.Brand))
		}
		day, counted := int(numberdb.DayOf(r.At)), "c"
		if genuine.Has(role) {
			counted = "f"
		} else {
			evidence = append(evidence, digit+from, day)
		}
		reporters = append(reporters, digit+counted+from+":"+r.Reporter, day)
	}
	args = append(args, listing, len(evidence), len(reporters))
	return append(append(args, evidence...), reporters...), nil
}

// send has one script take in a batch.
func (im *Importer) send(ctx context.Context, list identity, b *batch) (Imported, error) {
	s := im.store
	var answer []int64
	err := s.step(ctx, func(ctx context.Context) (err error) {
		if err := s.holds(list, b.partition, s.client.Get(ctx, s.keys.marker(b.partition))); err != nil {
			return err
		}
		answer, err = s.scripts.imports.Run(ctx, s.client, b.keys, b.args...).Int64Slice()
		return scriptError(err)
	})
	if err != nil {
		return Imported{}, err
	}
	if len(answer) != 3 {
		return Imported{}, fmt.Errorf("a script answered with %d values instead of 3", len(answer))
	}
	for range answer[2] {
		s.noteDamage(ctx, place{partition: b.partition}, 1)
	}
	return Imported{Reports: b.count, Repeats: int(answer[0]), Forgeries: int(answer[1])}, nil
}

// refreshRanges reads the list's ranges unless they are fresh. They lie among its numbers, so that it takes reading the whole list;
// asking for the ten that may be around each report would take longer.
func (im *Importer) refreshRanges(ctx context.Context) error {
	if im.ranges != nil && time.Since(im.rangesAt) < rangesFor {
		return nil
	}
	list, err := im.store.listInTime(ctx)
	if err != nil {
		return err
	}
	ranges, began := numberdb.NewIndex(), time.Now()
	for partition := range list.partitions {
		_, err := im.store.load(ctx, partition, func(changes []numberdb.Change) {
			for _, c := range changes {
				if c.Target.Prefix {
					ranges.Apply(c)
				}
			}
		})
		if err != nil {
			return err
		}
	}
	im.ranges, im.rangesAt = ranges, began
	return nil
}
