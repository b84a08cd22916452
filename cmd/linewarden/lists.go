package main

import (
	"fmt"
	"slices"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// optoutCommand keeps the list of subscribers who are not screened.
type optoutCommand struct {
	Add    addOptout    `cmd:"" help:"Stop screening a subscriber's calls."`
	Remove removeOptout `cmd:"" help:"Screen a subscriber's calls again."`
	List   listOptouts  `cmd:"" help:"Print all subscribers who are not screened."`
}

// allowCommand keeps the operator's allow list.
type allowCommand struct {
	Add    addAllowed    `cmd:"" help:"Let all calls from and to a number pass."`
	Remove removeAllowed `cmd:"" help:"Screen calls from and to a number again."`
	List   listAllowed   `cmd:"" help:"Print the allow list."`
}

type (
	addOptout     struct{ markArguments }
	removeOptout  struct{ markArguments }
	listOptouts   struct{}
	addAllowed    struct{ markArguments }
	removeAllowed struct{ markArguments }
	listAllowed   struct{}
)

func (cmd addOptout) Run(p *program) error     { return cmd.mark(p, numberdb.MarkOptOut, true) }
func (cmd removeOptout) Run(p *program) error  { return cmd.mark(p, numberdb.MarkOptOut, false) }
func (cmd listOptouts) Run(p *program) error   { return listMarked(p, numberdb.MarkOptOut) }
func (cmd addAllowed) Run(p *program) error    { return cmd.mark(p, numberdb.MarkAllowed, true) }
func (cmd removeAllowed) Run(p *program) error { return cmd.mark(p, numberdb.MarkAllowed, false) }
func (cmd listAllowed) Run(p *program) error   { return listMarked(p, numberdb.MarkAllowed) }

// markArguments are what it takes to put a number on a list or take it off.
type markArguments struct {
	Number string `arg:"" help:"The number, as people write it."`
	By     string `required:"" help:"Who does it."`
	Reason string `required:"" help:"For those who later ask why."`
	Region string `placeholder:"CC" help:"Country by whose rules the number is written; the config's if missing."`
}

// mark sets or takes off a mark.
func (m markArguments) mark(p *program, mark numberdb.Marks, on bool) error {
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	target, err := l.target(m.Number, m.Region)
	if err != nil {
		return err
	}
	return p.withStore(l, func(store *redisstore.Store) error {
		if err := store.Mark(p.ctx, target, mark, on, m.By, m.Reason, now()); err != nil {
			return fmt.Errorf("keep the list: %w", err)
		}
		state := "is on the list of " + markTitles[mark]
		if !on {
			state = "is no longer on the list of " + markTitles[mark]
		}
		_, err := fmt.Fprintf(p.out, "%v %s\n", target, state)
		return err
	})
}

// markTitles say who is on a list.
var markTitles = map[numberdb.Marks]string{
	numberdb.MarkOptOut:  "subscribers who are not screened",
	numberdb.MarkAllowed: "numbers whose calls always pass",
}

// listMarked prints all targets with a mark, one a line.
func listMarked(p *program, mark numberdb.Marks) error {
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	return p.withStore(l, func(store *redisstore.Store) error {
		var targets []string
		for t, err := range store.Marked(p.ctx, mark) {
			if err != nil {
				return err
			}
			targets = append(targets, t.String())
		}
		slices.Sort(targets)
		for _, t := range targets {
			if _, err := fmt.Fprintln(p.out, t); err != nil {
				return err
			}
		}
		return nil
	})
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
