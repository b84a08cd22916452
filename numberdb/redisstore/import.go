package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/numberdb"
)

// Importer takes in reports by the thousand, by the rules of [Store.Report] and with the same result, except that each reporter counts
// once for a number however the report differs: a reporter of an import stands for one row of one list ([numberdb.Report.Reporter]).
// So an import that was broken off can be made again, from the start, and changes nothing twice.
//
// The only report about a number, and what it makes, is kept folded, in one key. Versions that do not know that fail to take a report or a
// decision about such a number, and change nothing; an import by one of them breaks off, and leaves numbers before it counted and not listed. Bring
// all nodes and importers up to date before an import.
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

// Bounds of an import. A script of so many reports keeps Redis busy for some milliseconds, in which nobody else is served.
const (
	reportsPerScript = 200
	scriptsAtOnce    = 6
	rangesFor        = time.Minute
	recordBytes      = 400 // of a usual folded record
)

// Importer makes an importer for reports of one source.
func (s *Store) Importer(source numberdb.Source) *Importer {
	return &Importer{store: s, source: source}
}

// Take takes in reports, each with the importer's source. They are stored when it returns without an error. Faults of a report are an
// error of type [numberdb.Faults], and none is stored. After any other error some of the reports may have been stored: taking them in
// again counts each once. Portions of some thousand are quickest: those of one partition go to Redis together.
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
	results := make([]Imported, list.partitions)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(scriptsAtOnce)
	for partition, ofPartition := range part(reports, list.partitions) {
		group.Go(func() error {
			for batch := range slices.Chunk(ofPartition, reportsPerScript) { // in order, so that every import of a list sums up the same way
				one, err := im.send(ctx, list, partition, batch, now)
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

// row is a report on its way to Redis.
type row struct {
	place
	report  *numberdb.Report
	genuine numberdb.Roles // by the ranges around it
}

// part parts reports by partition, in their order.
func part(reports []numberdb.Report, partitions int) [][]row {
	all := make([][]row, partitions)
	for i := range reports {
		p := placeOf(numberdb.Target{Number: reports[i].Number}, partitions)
		all[p.partition] = append(all[p.partition], row{place: p, report: &reports[i]})
	}
	return all
}

// send takes in a batch: first what is new, and then those reports about whose numbers something is known already.
func (im *Importer) send(ctx context.Context, list identity, partition int, batch []row, now time.Time) (Imported, error) {
	today := numberdb.DayOf(now)
	for i := range batch {
		batch[i].genuine = genuine(im.ranges.Lookup(batch[i].report.Number, today), today)
	}
	var fresh Imported
	known := batch
	if im.store.foldable() {
		var err error
		if fresh, known, err = im.sendFresh(ctx, list, partition, batch, now); err != nil {
			return fresh, err
		}
	}
	rest, err := im.sendKnown(ctx, list, partition, known, now)
	rest.add(fresh)
	return rest, err
}

// sendFresh has one script take in the reports about numbers of which nothing is known, and gives the others.
func (im *Importer) sendFresh(ctx context.Context, list identity, partition int, batch []row, now time.Time) (in Imported, known []row, err error) {
	s := im.store
	keys := make([]string, 0, 2+3*len(batch))
	keys = append(keys, s.keys.changes(partition), s.keys.marker(partition))
	for _, key := range []func(place) string{s.keys.evidence, s.keys.listing, s.keys.reports} {
		for i := range batch {
			keys = append(keys, key(batch[i].place))
		}
	}
	args := append(make([]any, 0, 3+3*len(batch)), list.id, s.options.Changes, s.options.Retention.Milliseconds())
	today := numberdb.DayOf(now)
	forging := make([]bool, len(batch))
	records := make([]byte, 0, recordBytes*len(batch)) // a record that no longer fits leaves those before it where they are
	for i := range batch {
		r := &batch[i]
		var d numberdb.Dossier
		forging[i] = d.Report(s.options.Rules, r.report, r.genuine, today).Forging
		listing, err := d.Listing.AppendBinary(nil)
		if err != nil {
			return in, nil, fmt.Errorf("writing a listing: %w", err)
		}
		from := len(records)
		records, err = s.appendFolded(records, &filed{ID: rand.Text(), Received: now.UnixMilli(), Report: *r.report, Forging: forging[i]}, r.genuine, &d.Evidence)
		if err != nil {
			return in, nil, fmt.Errorf("writing a report: %w", err)
		}
		args = append(args, r.field, listing, records[from:])
	}
	var answer []any
	err = s.step(ctx, func(ctx context.Context) error {
		answer, err = s.scripts.fresh.Run(ctx, s.client, keys, args...).Slice()
		if redis.HasErrorPrefix(err, "NOTOURS") {
			return errors.Join(s.holds(list, partition, s.client.Get(ctx, s.keys.marker(partition))), err)
		}
		return err
	})
	if err != nil {
		return in, nil, err
	}
	others, err := rowsOf(answer, len(batch))
	if err != nil {
		return in, nil, err
	}
	for _, i := range others[1] {
		known = append(known, batch[i])
	}
	in = Imported{Reports: len(batch) - len(known), Repeats: len(others[0])}
	for _, i := range append(others[0], others[1]...) {
		forging[i] = false
	}
	for _, is := range forging {
		if is {
			in.Forgeries++
		}
	}
	return in, known, nil
}

// rowsOf reads an answer of fresh.lua: places in a batch, of the rows that were in before and of those whose numbers are known.
func rowsOf(answer []any, count int) (places [2][]int, err error) {
	sound := len(answer) == len(places)
	for i := 0; sound && i < len(places); i++ {
		list, isList := answer[i].([]any)
		for _, v := range list {
			n, isInt := v.(int64)
			if sound = isInt && n >= 1 && n <= int64(count); !sound {
				break
			}
			places[i] = append(places[i], int(n)-1)
		}
		sound = sound && isList
	}
	if !sound {
		return places, errors.New("a script answered with values of other types")
	}
	return places, nil
}

// sendKnown has one script take in reports whatever is known about their numbers.
func (im *Importer) sendKnown(ctx context.Context, list identity, partition int, batch []row, now time.Time) (Imported, error) {
	s := im.store
	if len(batch) == 0 {
		return Imported{}, nil
	}
	keys := append(make([]string, 0, 1+4*len(batch)), s.keys.changes(partition))
	args := append(make([]any, 0, 7+7*len(batch)), len(batch), sourceKind(im.source), im.source.Organisation, int(numberdb.DayOf(now)), s.options.Changes,
		seconds(evidenceTTL(s.options.Rules)), seconds(s.options.Retention))
	for i := range batch {
		r := &batch[i]
		body, err := json.Marshal(filed{ID: rand.Text(), Received: now.UnixMilli(), Report: *r.report})
		if err != nil {
			return Imported{}, fmt.Errorf("writing a report: %w", err)
		}
		keys = append(keys, s.keys.listing(r.place), s.keys.evidence(r.place), s.keys.reporters(r.place), s.keys.reports(r.place))
		args = append(args, r.field, string(r.report.Brand), r.report.Reporter, body, int(numberdb.DayOf(r.report.At)), int(r.report.Roles), int(r.genuine))
	}
	var answer []int64
	err := s.step(ctx, func(ctx context.Context) (err error) {
		if err := s.holds(list, partition, s.client.Get(ctx, s.keys.marker(partition))); err != nil {
			return err
		}
		answer, err = s.scripts.imports.Run(ctx, s.client, keys, args...).Int64Slice()
		return scriptError(err)
	})
	if err != nil {
		return Imported{}, err
	}
	if len(answer) != 3 {
		return Imported{}, fmt.Errorf("a script answered with %d values instead of 3", len(answer))
	}
	for range answer[2] {
		s.noteDamage(ctx, place{partition: partition}, 1)
	}
	return Imported{Reports: len(batch), Repeats: int(answer[0]), Forgeries: int(answer[1])}, nil
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
