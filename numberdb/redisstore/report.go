package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// filed is a report as it lies in Redis.
type filed struct {
	ID       string          `json:"id"`
	Received int64           `json:"received"`         // milliseconds since 1970
	Caller   bool            `json:"caller,omitempty"` // the victim's own number lies beside, sealed
	Report   numberdb.Report `json:"report"`
	Forging  bool            `json:"forging,omitempty"` // written by the script
}

// Report takes in a report. It is stored when Report returns without an error, and every follower gets what it changes. Faults of
// the report are an error of type [numberdb.Faults], and nothing is stored. After any other error the report may or may not have been
// stored; sending it again counts it once.
func (s *Store) Report(ctx context.Context, r numberdb.Report) (numberdb.Receipt, error) {
	now := s.options.Now()
	if faults := r.Check(now); faults != nil {
		return numberdb.Receipt{}, fmt.Errorf("number list, report: %w", faults)
	}
	id, chosen := r.ID, r.ID != ""
	if !chosen {
		id = rand.Text()
	}
	caller, err := s.options.CallerKey.seal(id, &r)
	if err != nil {
		return numberdb.Receipt{}, fmt.Errorf("number list, report: %w", err)
	}
	body, err := json.Marshal(filed{ID: id, Received: now.UnixMilli(), Caller: caller != nil, Report: r})
	if err != nil {
		return numberdb.Receipt{}, fmt.Errorf("number list, writing a report: %w", err)
	}
	receipt := numberdb.Receipt{ID: id}
	err = s.call(ctx, "report", func(ctx context.Context) error {
		p, ranges, err := s.lookup(ctx, numberdb.Target{Number: r.Number}, rangesAround(r.Number))
		if err != nil {
			return err
		}
		keys := []string{s.keys.listing(p), s.keys.changes(p.partition), s.keys.evidence(p), s.keys.reporters(p), s.keys.reports(p), s.keys.callers(p)}
		if chosen {
			keys = append(keys, s.keys.receipt(p, id))
		}
		today := numberdb.DayOf(now)
		var repeat, forging, corrupt int64
		listing, err := answer(s.scripts.report.Run(ctx, s.client, keys,
			p.field, string(r.Brand), sourceKind(r.Source), r.Source.Organisation, r.Reporter, body,
			int(numberdb.DayOf(r.At)), int(today), int(r.Roles), int(genuine(ranges, today)), s.options.Changes,
			seconds(evidenceTTL(s.options.Rules)), seconds(s.options.Retention), id, caller, seconds(receiptTTL),
		), &repeat, &forging, &corrupt)
		if err != nil {
			return err
		}
		s.noteDamage(ctx, p, corrupt)
		listing.Fill(&ranges, today)
		receipt.Repeat, receipt.Forging, receipt.Listing = repeat != 0, forging != 0, listing
		return nil
	})
	if err != nil {
		return numberdb.Receipt{}, err
	}
	return receipt, nil
}

// receiptTTL is for how long a report that is sent again is known to be the same.
const receiptTTL = 24 * time.Hour

// sourceKind is the kind of evidence that a source gives, by the names of evidence.lua.
func sourceKind(s numberdb.Source) string {
	if s.Trusted() {
		return "trusted"
	}
	return "source"
}

// genuine is in which roles a range is a genuine line or clean.
func genuine(ranges numberdb.Listing, today numberdb.Day) (roles numberdb.Roles) {
	for role := range numberdb.Role(numberdb.RoleCount) {
		if s := ranges.Roles[role].At(today); s == numberdb.StandingProtected || s == numberdb.StandingCleared {
			roles |= numberdb.RolesOf(role)
		}
	}
	return roles
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// pageSize is how many reports or entries of a stream are read at a time.
const pageSize = 500

// Reports goes through the stored reports about a number, the newest first. A pair with an error is the last one.
func (s *Store) Reports(ctx context.Context, n numberdb.Number) iter.Seq2[numberdb.Filed, error] {
	return func(yield func(numberdb.Filed, error) bool) {
		target := numberdb.Target{Number: n}
		for end := int64(-1); end != 0; { // how many of the oldest reports are still to be given; -1 for all
			page, p, err := s.reportsBefore(ctx, target, &end, pageSize)
			if err != nil {
				yield(numberdb.Filed{}, err)
				return
			}
			for _, text := range slices.Backward(page) {
				if f, ok := s.readReport(ctx, p, text); ok && !yield(f, nil) {
					return
				}
			}
		}
		for entry, err := range s.entries(ctx, "reports", target, s.keys.oldReports) {
			if err != nil {
				yield(numberdb.Filed{}, err)
				return
			}
			text, _ := entry.Values["r"].(string)
			f, ok := s.readReport(ctx, place{partition: entry.partition}, text)
			if f.Received = entry.time(); ok && !yield(f, nil) {
				return
			}
		}
	}
}

// reportsBefore is a page of at most so many reports about a target that ends before the given place, which it moves to the page's beginning. Reports are only
// ever appended, so that places stay; the one in a folded record is behind all others, and keeps its place when it is unfolded.
func (s *Store) reportsBefore(ctx context.Context, t numberdb.Target, end *int64, most int64) (page []string, p place, err error) {
	err = s.call(ctx, "reports", func(ctx context.Context) error {
		list, err := s.list(ctx)
		if err != nil {
			return err
		}
		p = placeOf(t, list.partitions)
		first, last := -most, int64(-1)
		if *end >= 0 {
			first, last = max(0, *end-most), *end-1
		}
		pipe := s.client.TxPipeline() // a record may be unfolded at any time
		record := pipe.MGet(ctx, s.keys.evidence(p))
		length := pipe.LLen(ctx, s.keys.reports(p))
		found := pipe.LRange(ctx, s.keys.reports(p), first, last)
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		page = found.Val()
		all := length.Val()
		if text, isFolded := record.Val()[0].(string); isFolded {
			if all++; *end < 0 || *end == all {
				page = append(page, s.foldedReport(ctx, p, text))
			}
		}
		if *end < 0 {
			*end = all
			page = page[max(0, int64(len(page))-most):]
		}
		*end = max(0, *end-most)
		return nil
	})
	return page, p, err
}

// foldedReport is the report in a folded record, or the record if it cannot be read.
func (s *Store) foldedReport(ctx context.Context, p place, text string) string {
	f, err := parseFolded(text)
	if err != nil {
		s.unreadable(ctx, "evidence", p.partition, err)
		return text
	}
	return f.report
}

// readReport reads a report as it lies in Redis, or counts it as damaged.
func (s *Store) readReport(ctx context.Context, p place, text string) (numberdb.Filed, bool) {
	var f filed
	if json.Unmarshal([]byte(text), &f) != nil { // whose error would quote numbers
		s.unreadable(ctx, "report", p.partition, errors.New("it is not the JSON that we write"))
		return numberdb.Filed{}, false
	}
	return numberdb.Filed{ID: f.ID, Received: time.UnixMilli(f.Received).UTC(), HasCaller: f.Caller, Forging: f.Forging, Report: f.Report}, true
}

// streamEntry is an entry of a number's stream.
type streamEntry struct {
	redis.XMessage
	partition int
}

// decode reads a field as JSON. The error does not say what is wrong, for that would quote numbers.
func (e streamEntry) decode(field string, v any) error {
	text, ok := e.Values[field].(string)
	if !ok || json.Unmarshal([]byte(text), v) != nil {
		return fmt.Errorf("the entry has no field %q with the JSON that we write", field)
	}
	return nil
}

// time is when Redis took the entry in.
func (e streamEntry) time() time.Time {
	ms, _, _ := strings.Cut(e.ID, "-")
	n, _ := strconv.ParseInt(ms, 10, 64) // Redis made it
	return time.UnixMilli(n).UTC()
}

// entries goes through a target's stream backwards, a page at a time.
func (s *Store) entries(ctx context.Context, name string, t numberdb.Target, key func(place) string) iter.Seq2[streamEntry, error] {
	return func(yield func(streamEntry, error) bool) {
		for before := "+"; ; {
			var page []redis.XMessage
			var p place
			err := s.call(ctx, name, func(ctx context.Context) error {
				list, err := s.list(ctx)
				if err != nil {
					return err
				}
				p = placeOf(t, list.partitions)
				page, err = s.client.XRevRangeN(ctx, key(p), before, "-", pageSize).Result()
				return err
			})
			if err != nil {
				yield(streamEntry{}, err)
				return
			}
			for _, m := range page {
				if !yield(streamEntry{m, p.partition}, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			before = "(" + page[len(page)-1].ID
		}
	}
}
