package redisstore

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// asked are questions for what a number's reports are evidence for, on their way to Redis with others.
type asked struct {
	record   *redis.SliceCmd // the folded record, if it is one
	lives    *redis.DurationCmd
	reports  *redis.IntCmd
	oldest   *redis.StringCmd
	evidence *redis.MapStringStringCmd // an error, if it is a folded record
}

// known is what Redis answered.
type known struct {
	evidence [numberdb.RoleCount]numberdb.Evidence
	reports  int
	oldest   string // of the reports, as JSON; empty for none
}

// askEvidence asks for the folded record first and for the evidence last: if their answers fit, nobody has unfolded it in between.
func (s *Store) askEvidence(ctx context.Context, pipe redis.Pipeliner, p place) asked {
	return asked{
		record: pipe.MGet(ctx, s.keys.evidence(p)), lives: pipe.PTTL(ctx, s.keys.evidence(p)),
		reports: pipe.LLen(ctx, s.keys.reports(p)), oldest: pipe.LIndex(ctx, s.keys.reports(p), 0),
		evidence: pipe.HGetAll(ctx, s.keys.evidence(p)),
	}
}

// mostAsks is how often evidence is asked for at most: a record may be folded after the first question of one time and unfolded after that of the next.
const mostAsks = 3

// evidence reads the answers, and asks again if they do not fit. A key that is neither evidence nor a folded record is an error.
func (s *Store) evidence(ctx context.Context, p place, a *asked) (k known, err error) {
	for asks := 1; ; asks++ {
		if err := errors.Join(a.record.Err(), a.lives.Err(), a.reports.Err()); err != nil {
			return k, err
		}
		text, isFolded := a.record.Val()[0].(string)
		isOther := redis.HasErrorPrefix(a.evidence.Err(), "WRONGTYPE")
		if err := a.evidence.Err(); err != nil && !isOther {
			return k, err
		}
		if isFolded == isOther {
			k.reports, k.oldest = int(a.reports.Val()), a.oldest.Val()
			if isFolded {
				s.addFolded(ctx, p, &k, text, a.lives.Val())
			} else {
				k.evidence = readEvidence(a.evidence.Val())
			}
			return k, nil
		}
		if isOther && asks >= mostAsks {
			return k, a.evidence.Err()
		}
		pipe := s.client.Pipeline()
		*a = s.askEvidence(ctx, pipe, p)
		_, _ = pipe.Exec(ctx) // each answer has its own error
		if err := ctx.Err(); err != nil {
			return k, err
		}
	}
}

// addFolded adds what a folded record says, whose key lives for so long.
func (s *Store) addFolded(ctx context.Context, p place, k *known, text string, lives time.Duration) {
	k.reports++
	f, err := parseFolded(text)
	if err != nil {
		s.unreadable(ctx, "evidence", p.partition, err)
		return
	}
	if k.oldest == "" {
		k.oldest = f.report
	}
	if r, ok := s.readReport(ctx, p, f.report); ok && (lives < 0 || lives > f.earlier) {
		k.evidence = f.evidence(s.options.Rules, &r.Report)
	}
}

// readEvidence reads what evidence.lua writes, as far as it can be read.
func readEvidence(hash map[string]string) (all [numberdb.RoleCount]numberdb.Evidence) {
	for field, value := range hash {
		if field == "" {
			continue
		}
		role := int(field[0] - '0')
		if role < 0 || role >= len(all) {
			continue
		}
		e, name := &all[role], field[1:]
		number, day := readNumber(value, 1<<53), numberdb.Day(readNumber(value, math.MaxUint16))
		switch name {
		case "short":
			e.Short = number
		case "long":
			e.Long = number
		case "last":
			e.Last = day
		case "forged":
			e.Forged = int(number)
		case "block":
			e.Earned.Block = day
		case "warn":
			e.Earned.Warn = day
		case "watch":
			e.Earned.Watch = day
		case "brand":
			if b := numberdb.Brand(value); b.Valid() {
				e.Brand = b
			}
		case "days":
			for word := range strings.FieldsSeq(value) {
				d, _ := strconv.ParseUint(word, 10, 16)
				e.Days = append(e.Days, numberdb.Day(d))
			}
		}
		if organisation, ok := strings.CutPrefix(name, "trusted:"); ok {
			noteDay(&e.Trusted, organisation, day)
		} else if organisation, ok := strings.CutPrefix(name, "source:"); ok {
			noteDay(&e.Sources, organisation, day)
		}
	}
	return all
}

// readNumber takes whatever is no number that the scripts write for zero, as they do.
func readNumber(text string, most float64) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= most) {
		return 0
	}
	return n
}

func noteDay(m *map[string]numberdb.Day, organisation string, day numberdb.Day) {
	if *m == nil {
		*m = map[string]numberdb.Day{}
	}
	(*m)[organisation] = day
}
