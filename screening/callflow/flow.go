package callflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening/asterisk"
)

// List is what the flow asks about numbers: numberdb/replica is one. Both methods are called on the way of every call, from many
// goroutines; they must not block.
type List interface {
	// Lookup is what the list says about a number on the given day.
	Lookup(n numberdb.Number, today numberdb.Day) numberdb.Listing
	// Loaded says whether there has been a list at all since the start.
	Loaded() bool
}

// DefaultDeadline is how long a call may wait for its verdict, counted from StasisStart.
const DefaultDeadline = 1500 * time.Millisecond

// DefaultPolicy is the name of the policy that applies where the dialplan names none, or one that does not exist.
const DefaultPolicy = "default"

// Options is what a [Flow] is made of.
type Options struct {
	List List
	// Policies by the name that the dialplan gives; one named [DefaultPolicy] must be there.
	Policies map[string]Policy
	// Voice knows which brands the prompts can name.
	Voice dialplan.Voice
	// Languages for which there are prompts, in the order of preference; the first stands in for all others. At least one.
	Languages []string
	// Deadline from StasisStart to the verdict; [DefaultDeadline] if zero.
	Deadline time.Duration
	// Observe is told of every call once it has been let go of; nil for nobody. It is called on the call's own goroutine,
	// or on the one that reads from Asterisk, and must not block.
	Observe func(Record)
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// Flow screens calls. Its methods may be used by many goroutines at once.
type Flow struct {
	list      List
	voice     dialplan.Voice
	policies  map[string]*Policy
	languages []string
	deadline  time.Duration
	observe   func(Record)
	log       *slog.Logger
	metrics   *metrics
}

// New checks the options and makes a flow of them.
func New(o Options) (*Flow, error) {
	f := &Flow{
		list: o.List, voice: o.Voice, languages: slices.Clone(o.Languages), deadline: o.Deadline, observe: o.Observe, log: o.Logger,
		policies: make(map[string]*Policy, len(o.Policies)),
	}
	for name, p := range o.Policies {
		f.policies[name] = p.withDefaults()
	}
	switch {
	case f.list == nil:
		return nil, errors.New("call flow: no list given")
	case f.policies[DefaultPolicy] == nil:
		return nil, fmt.Errorf("call flow: there is no policy named %q: add one under policies", DefaultPolicy)
	case len(f.languages) == 0:
		return nil, errors.New("call flow: no prompt language given: name at least one under prompts")
	}
	if f.deadline <= 0 {
		f.deadline = DefaultDeadline
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	var err error
	f.metrics, err = newMetrics(o.Metrics)
	return f, err
}

// Handle is an [asterisk.Handler]: it screens the call on ch and lets go of it.
func (f *Flow) Handle(ctx context.Context, ch *asterisk.Channel) {
	c := f.begin(ch)
	defer c.end()
	c.run(ctx)
}

// Glance is an [asterisk.Glance]: it sends clean calls on, about which there is nothing to do, to say or to log, without waiting for
// anything. All others, and those that it could not read or decide, are for Handle.
func (f *Flow) Glance(ch *asterisk.Channel) (to asterisk.Place, told func(error), ok bool) {
	c := f.begin(ch)
	if c.read() != nil || !f.list.Loaded() {
		return to, nil, false
	}
	c.decide()
	if !c.silent() {
		return to, nil, false
	}
	return c.place(), c.sentOn, true
}
