package prefilter

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening/ami"
)

// visit connects to Asterisk, writes what is due, and leaves. A connection that stayed would cost each call: Asterisk makes the texts of
// all events as long as anybody is connected, even one who may read none.
func (p *Prefilter) visit(ctx context.Context) error {
	conn, err := ami.Dial(ctx, p.opts.Asterisk)
	if err != nil {
		return err
	}
	defer conn.Close() // every answer that matters has been read
	clock, err := p.look(ctx, conn)
	if err != nil {
		return err
	}
	// In this order: what was confirmed is then in what is written.
	confirmed := p.opts.List.Confirmed()
	why := builtStart
	if p.built {
		changes, version, told := p.opts.List.Since(p.version)
		if told {
			if err := p.write(ctx, conn, changes, version); err != nil {
				return err
			}
		} else {
			p.built, why = false, builtList
		}
	}
	if !p.built {
		if err := p.build(ctx, conn, why); err != nil {
			return err
		}
	}
	p.seen = confirmed
	return p.renew(ctx, conn, clock, confirmed)
}

// build writes everything anew.
func (p *Prefilter) build(ctx context.Context, conn *ami.Conn, why string) error {
	began := time.Now()
	if err := p.forget(ctx, conn); err != nil {
		return err
	}
	p.content, p.day = newContent(p.name.Family()), p.opts.Today()
	_, p.version, _ = p.opts.List.Since(0)
	err := conn.Do(ctx, func(yield func(ami.Action) bool) {
		if !p.content.constant(p.opts.Origins, yield) {
			return
		}
		for c := range p.opts.List.All() {
			if !p.content.change(c, p.day, yield) {
				return
			}
		}
	}, ami.Response.Err)
	if err == nil {
		err = p.renewMark(ctx, conn)
	}
	if err != nil {
		return fmt.Errorf("fill Asterisk's database: %w", err)
	}
	p.built = true
	p.metrics.builds.WithLabelValues(why).Inc()
	p.metrics.buildSeconds.Set(time.Since(began).Seconds())
	p.metrics.keys.Set(float64(p.content.keys))
	p.log.Info("the pre-filter in Asterisk is filled", "why", why, "keys", p.content.keys, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// forget takes back the state, and then removes what was written before.
func (p *Prefilter) forget(ctx context.Context, conn *ami.Conn) error {
	p.relied.Store(0)
	p.state, p.confirmed = dialplan.PrefilterState{}, time.Time{}
	_, err := conn.Request(ctx, setState(""))
	if err == nil {
		err = conn.Do(ctx, one(ami.New("DBDelTree", "Family", p.name.Family())), func(r ami.Response) error {
			if r.Missing() {
				return nil
			}
			return r.Err()
		})
	}
	if err != nil {
		return fmt.Errorf("empty the pre-filter: %w; it needs write=system,call in manager.conf", err)
	}
	return nil
}

// write makes changes that lead to a version of the list, and at a new day removes what has ended.
func (p *Prefilter) write(ctx context.Context, conn *ami.Conn, changes []numberdb.Change, version uint64) error {
	today := p.opts.Today()
	if len(changes) == 0 && today == p.day {
		return nil
	}
	p.built = false // until all of it is written
	err := conn.Do(ctx, func(yield func(ami.Action) bool) {
		for _, c := range changes {
			if !p.content.change(c, today, yield) {
				return
			}
		}
		if today == p.day {
			return
		}
		for c := range p.opts.List.All() {
			if _, written := p.content.targets[c.Target]; written && !p.content.change(c, today, yield) {
				return
			}
		}
	}, ami.Response.Err)
	if err == nil {
		err = p.renewMark(ctx, conn)
	}
	if err != nil {
		return fmt.Errorf("write changes to Asterisk's database: %w", err)
	}
	p.built, p.version, p.day = true, version, today
	p.metrics.keys.Set(float64(p.content.keys))
	return nil
}

// mark is the value of the key that says that the content is complete. It is another after each writing, and for each process.
type mark struct {
	process string
	writing uint64
}

func newMark() mark { return mark{process: rand.Text()} }

func (m mark) String() string { return m.process + "-" + strconv.FormatUint(m.writing, 10) }

// renewMark gives the mark another value, behind all that was written before it.
func (p *Prefilter) renewMark(ctx context.Context, conn *ami.Conn) error {
	p.mark.writing++
	_, err := conn.Request(ctx, p.content.put(dialplan.PrefilterMark, p.mark.String()))
	return err
}

// clock relates Asterisk's clock to ours.
type clock struct {
	asterisk int64     // seconds since 1970
	ours     time.Time // not earlier
}

// at is a time of ours by Asterisk's clock, in seconds since 1970, early rather than late.
func (c clock) at(t time.Time) int64 { return c.asterisk + int64(math.Floor(t.Sub(c.ours).Seconds())) }

// look reads Asterisk's clock, whether all is still as it was written, and how many calls have passed.
func (p *Prefilter) look(ctx context.Context, conn *ami.Conn) (clock, error) {
	var answers []string
	err := conn.Do(ctx, func(yield func(ami.Action) bool) {
		_ = yield(ami.New("Ping")) &&
			yield(ami.New("Getvar", "Variable", dialplan.VarPrefilterPassed+string(dialplan.Inbound))) &&
			yield(ami.New("Getvar", "Variable", dialplan.VarPrefilterPassed+string(dialplan.Outbound))) &&
			yield(ami.New("DBGet", "Family", p.name.Family(), "Key", dialplan.PrefilterMark))
	}, func(r ami.Response) error {
		answers = append(answers, r.Get("Timestamp")+r.Get("Value")+r.Get("Val")) // each has one of these
		if r.Missing() {
			return nil
		}
		return r.Err()
	})
	if err != nil {
		return clock{}, fmt.Errorf("look after the pre-filter: %w; it needs write=system,call in manager.conf", err)
	}
	for d, text := range answers[1:3] {
		n, _ := strconv.ParseUint(text, 10, 64) // empty until the first call has passed
		p.metrics.passed[d].seen(n)
	}
	if p.built && answers[3] != p.mark.String() {
		p.built = false
		p.metrics.faults.Inc()
		p.log.Warn("the pre-filter is no longer in Asterisk's database as it was written, and is filled anew: Asterisk lost it, or somebody removed it")
	}
	seconds, _, _ := strings.Cut(answers[0], ".")
	now, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return clock{}, fmt.Errorf("look after the pre-filter: AMI's Ping gives no Timestamp: %w", errors.Join(ami.ErrProtocol, err))
	}
	return clock{now, time.Now()}, nil
}

// renew writes a state that stands for what the store confirmed at that time, if it is of any use.
func (p *Prefilter) renew(ctx context.Context, conn *ami.Conn, c clock, confirmed time.Time) error {
	next := dialplan.PrefilterState{
		Content: p.name, Expires: c.at(confirmed) + int64(p.opts.StaleAfter/time.Second),
		OptOuts: p.content.optOuts > 0, Bare: p.content.bare, Filling: p.content.filling,
	}
	worth := confirmed.Sub(p.confirmed) >= p.often() || next.OptOuts != p.state.OptOuts
	if !worth || next.Expires <= c.asterisk {
		return nil
	}
	if _, err := conn.Request(ctx, setState(next.String())); err != nil {
		return fmt.Errorf("renew the pre-filter's state: %w", err)
	}
	p.state, p.confirmed = next, confirmed
	p.relied.Store(confirmed.UnixNano())
	return nil
}

func setState(value string) ami.Action {
	return ami.New("Setvar", "Variable", dialplan.VarPrefilterState, "Value", value)
}

func one(a ami.Action) iter.Seq[ami.Action] { return func(yield func(ami.Action) bool) { yield(a) } }
