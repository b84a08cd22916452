package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// decideCommand records a ruling. It needs the store's password, and two names: who may decide is looked after where people sign in.
type decideCommand struct {
	Number     string   `arg:"" help:"The number, as people write it, or a range such as +1809555*."`
	Standing   string   `required:"" enum:"block,warn,watch,cleared,protected,none" help:"What it gets: block, warn, watch, cleared or protected; none withdraws the decision in force."`
	Role       []string `required:"" enum:"callback,caller_id" help:"callback: people dial it; caller_id: it shows on incoming calls. Once for each."`
	By         string   `required:"" help:"Who decides."`
	ApprovedBy string   `help:"A second, different person who agrees; block, cleared, protected and ranges need one."`
	Reason     string   `required:"" help:"For those who later ask why."`
	Class      string   `enum:"analytics,do_not_originate,subscriber_request" default:"analytics" help:"What the SIP answer to a blocked call depends on: analytics, do_not_originate or subscriber_request."`
	Brand      string   `help:"Slug of the impersonated company, such as amazon."`
	Until      string   `placeholder:"DAY" help:"When it ends, such as 2027-01-31; the usual term if missing."`
	Region     string   `placeholder:"CC" help:"Country by whose rules the number is written; the config's if missing."`
}

// Run records the decision.
func (cmd decideCommand) Run(p *program) error {
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	target, err := l.target(cmd.Number, cmd.Region)
	if err != nil {
		return err
	}
	d := numberdb.Decision{
		Target: target, Brand: numberdb.Brand(cmd.Brand), Reason: cmd.Reason, Author: cmd.By, Approver: cmd.ApprovedBy, At: now(),
	}
	if d.Roles, err = rolesOf(cmd.Role); err != nil {
		return err
	}
	if err := errors.Join(d.Standing.UnmarshalText([]byte(cmd.Standing)), d.Class.UnmarshalText([]byte(cmd.Class))); err != nil {
		return usageError{err}
	}
	if cmd.Until != "" {
		if d.Until, err = time.Parse(time.DateOnly, cmd.Until); err != nil {
			return usageError{fmt.Errorf("--until %.40q is not a day: write it as 2027-01-31", cmd.Until)}
		}
	}
	if faults := d.Check(d.At); faults != nil {
		if faults.Has("approver") {
			p.recordRefusal(l, d)
		}
		return usageError{fmt.Errorf("not a sound decision: %w", faults)}
	}
	return p.withStore(l, func(store *redisstore.Store) error {
		listing, err := store.Decide(p.ctx, numberdb.Actor{Name: cmd.By, Role: roleCommandLine}, d)
		if err != nil {
			return fmt.Errorf("record the decision: %w", err)
		}
		_, err = fmt.Fprintln(p.out, shown(target, listing))
		return err
	})
}

// rolesOf reads the roles that a command line names.
func rolesOf(words []string) (roles numberdb.Roles, err error) {
	for _, w := range words {
		var r numberdb.Role
		if err := r.UnmarshalText([]byte(w)); err != nil {
			return 0, usageError{err}
		}
		roles |= numberdb.RolesOf(r)
	}
	return roles, nil
}

// target reads a number or a range.
func (l *loaded) target(text, region string) (numberdb.Target, error) {
	if t, err := numberdb.ParseTarget(text); err == nil {
		return t, nil
	}
	origin := l.Policies["default"].origin()
	if region != "" {
		origin = numberdb.Origin{Region: region}
	}
	parsed := origin.Parse(text)
	if parsed.Kind != numberdb.KindE164 {
		return numberdb.Target{}, usageError{fmt.Errorf("%.60q is no number to keep a list of (%v): write it with + and its country code", text, parsed.Kind)}
	}
	return numberdb.Target{Number: parsed.Number}, nil
}

// shown is a target and its listing on one line.
func shown(t numberdb.Target, l numberdb.Listing) string {
	today := numberdb.DayOf(now())
	line := fmt.Sprintf("%v: %v to dial, %v as a caller", t, l.Roles[numberdb.RoleCallback].At(today), l.Roles[numberdb.RoleCallerID].At(today))
	if l.Marks != 0 {
		line += ", " + l.Marks.String()
	}
	return line
}

// loadForStore is the config of a command that needs the store and a way to read numbers, nothing else.
func (p *program) loadForStore() (*loaded, error) {
	l, err := p.load()
	if err != nil {
		return nil, err
	}
	return l, l.resolveRedisSecrets()
}
