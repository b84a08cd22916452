package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
)

// play places one sample call and tells what it got.
func (s *stage) play(ctx context.Context, c aCase) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if c.before != nil {
		if err := c.before(s, ctx); err != nil {
			return Result{}, err
		}
	}
	placed, err := s.place(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer placed.Hangup(ctx) // again, if an error came between: its own error would add nothing
	if c.Press != "" {
		if _, err := placed.WaitHeard(ctx, s.sounds, choices); err != nil {
			select {
			case at := <-s.arrivals.from(c.Calling):
				err = fmt.Errorf("it reached the %s: %w", at.phone, err)
			default:
			}
			return Result{}, fmt.Errorf("waiting for the choices: %w", err)
		}
		if err := placed.Press(ctx, c.Press); err != nil {
			return Result{}, err
		}
	}
	at, err := s.arrival(ctx, c.Calling, placed)
	if err != nil {
		return Result{}, err
	}
	if at.call != nil {
		if err := s.talk(ctx, placed, at); err != nil {
			return Result{}, err
		}
	}
	return s.result(ctx, c, placed, at)
}

// place dials: a subscriber's phone from inside, the carrier's from outside.
func (s *stage) place(ctx context.Context, c aCase) (*testbed.Call, error) {
	phone, door := s.phones[subscriberPhone], s.asterisk.Ports().SIP[0]
	if c.Direction == dialplan.Inbound {
		phone, door = s.phones[carrierPhone], s.asterisk.Ports().SIP[1]
	}
	return phone.Call(ctx, testbed.Invite{Server: fmt.Sprintf("127.0.0.1:%d", door), To: c.Called, From: c.Calling})
}

// arrival is a call that has reached a phone.
type arrival struct {
	phone string
	call  *testbed.Call
}

// arrivals sorts the calls that reach the phones by their calling numbers, so that sample calls can be played side by side.
type arrivals struct {
	mu sync.Mutex
	of map[string]chan arrival
}

// from is where calls with a calling number arrive.
func (a *arrivals) from(calling string) chan arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[string]chan arrival{}
	}
	if a.of[calling] == nil {
		a.of[calling] = make(chan arrival, 8) // nobody calls more often without being waited for
	}
	return a.of[calling]
}

// watch sorts the calls of one phone until stop is closed.
func (a *arrivals) watch(phone string, incoming <-chan *testbed.Call, stop <-chan struct{}) {
	for {
		select {
		case call := <-incoming:
			select {
			case a.from(call.Invite().From.User) <- arrival{phone, call}:
			default: // a softphone that calls again and again while the demo stays up
			}
		case <-stop:
			return
		}
	}
}

// arrival waits until the call reaches a phone; the zero arrival says that it ended without having reached one.
func (s *stage) arrival(ctx context.Context, calling string, placed *testbed.Call) (arrival, error) {
	select {
	case a := <-s.arrivals.from(calling):
		return a, nil
	case <-placed.Done():
		return arrival{}, nil
	case <-ctx.Done():
		return arrival{}, fmt.Errorf("the call neither arrived nor ended (statuses %v): %w", placed.Statuses(), ctx.Err())
	}
}

// talk lets the two sides hear each other, and hangs up.
func (s *stage) talk(ctx context.Context, placed *testbed.Call, at arrival) error {
	if err := placed.WaitAnswer(ctx); err != nil {
		return fmt.Errorf("waiting for the answer: %w", err)
	}
	if _, err := placed.WaitHeard(ctx, s.sounds, voiceOf(at.phone)); err != nil {
		return fmt.Errorf("waiting for the voice of the %s: %w", at.phone, err)
	}
	return errors.Join(placed.Hangup(ctx), at.call.WaitEnd(ctx))
}

// result puts together what the phones, and where no other phone was reached Linewarden's log, say about a call.
func (s *stage) result(ctx context.Context, c aCase, placed *testbed.Call, at arrival) (Result, error) {
	r := Result{
		Case: c.Name, Direction: string(c.Direction), Calling: c.Calling, Called: c.Called,
		Heard: []string{}, Answered: placed.Answered(), ConnectedTo: at.phone, ID: dialplan.ID(placed.CallID(), ""), about: c.About, List: s.listed(c),
	}
	if m := placed.Final(); m != nil {
		r.SIPStatus = m.Status
	}
	ear := placed
	if c.Direction == dialplan.Inbound {
		ear = at.call
	}
	if ear != nil {
		r.Heard = s.heard(ear)
	}
	if at.call != nil && at.phone != helplinePhone {
		invite := at.call.Invite()
		r.Action, r.Reason = invite.Header("X-Linewarden-Action"), invite.Header("X-Linewarden-Reason")
		if r.Reason == reasonClean {
			r.ID = "" // nothing is recorded of it
		}
		if id := invite.Header("X-Linewarden-Id"); id != r.ID {
			return r, fmt.Errorf("the dialplan calls this call %q, it should be %q", id, r.ID)
		}
		if r.Action == dialplan.ActionLabel {
			r.CallerName = invite.From.Name
		}
		return r, nil
	}
	v, err := s.node.log.verdict(ctx, r.ID)
	r.Action, r.Reason = v.Action, v.Reason
	if at.phone == helplinePhone {
		r.Action = dialplan.ActionHelpline
	}
	return r, err
}

// heard is the prompts in what a phone heard; a brand's name is told by itself. Of a prompt in two parts, the part before the brand
// counts: several prompts end with the same words.
func (s *stage) heard(c *testbed.Call) []string {
	ids := []string{}
	for _, hit := range testbed.Heard(c.Recording(), s.sounds) {
		id := hit.ID
		if strings.HasSuffix(id, "-after") {
			continue
		}
		if p, ok := dialplan.PromptOfMedia("sound:linewarden/" + id); ok {
			id = string(p)
		} else if !strings.HasPrefix(id, "brand/") {
			continue
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// listed says what was reported about the number at the other end.
func (s *stage) listed(c aCase) string {
	other := c.Called
	if c.Direction == dialplan.Inbound {
		other = c.Calling
	}
	for _, n := range sample {
		if n.number == other {
			role, by := "callback number", "one trusted organisation"
			if n.role == numberdb.RoleCallerID {
				role = "caller ID"
			}
			if n.organisations > 1 {
				by = fmt.Sprintf("%d separate trusted organisations", n.organisations)
			}
			return fmt.Sprintf("%s: %s of a fake %s line, reported by %s", other, role, dialplan.BrandName(string(n.brand)), by)
		}
	}
	return other + ": not listed"
}
