package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
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
			return Result{}, fmt.Errorf("waiting for the choices: %w", err)
		}
		if err := placed.Press(ctx, c.Press); err != nil {
			return Result{}, err
		}
	}
	phone, taken, err := s.arrival(ctx, placed)
	if err != nil {
		return Result{}, err
	}
	if taken != nil {
		if err := s.talk(ctx, placed, taken, phone); err != nil {
			return Result{}, err
		}
	}
	return s.result(ctx, c, placed, taken, phone)
}

// place dials: a subscriber's phone from inside, the carrier's from outside.
func (s *stage) place(ctx context.Context, c aCase) (*testbed.Call, error) {
	phone, door := s.phones[subscriberPhone], s.asterisk.Ports().SIP[0]
	if c.Direction == dialplan.Inbound {
		phone, door = s.phones[carrierPhone], s.asterisk.Ports().SIP[1]
	}
	return phone.Call(ctx, testbed.Invite{Server: fmt.Sprintf("127.0.0.1:%d", door), To: c.Called, From: c.Calling})
}

// arrival waits until the call reaches a phone, or ends without having reached one.
func (s *stage) arrival(ctx context.Context, placed *testbed.Call) (phone string, taken *testbed.Call, err error) {
	select {
	case taken = <-s.phones[subscriberPhone].Incoming():
		return subscriberPhone, taken, nil
	case taken = <-s.phones[carrierPhone].Incoming():
		return carrierPhone, taken, nil
	case taken = <-s.phones[helplinePhone].Incoming():
		return helplinePhone, taken, nil
	case <-placed.Done():
		return "", nil, nil
	case <-ctx.Done():
		return "", nil, fmt.Errorf("the call neither arrived nor ended (statuses %v): %w", placed.Statuses(), ctx.Err())
	}
}

// talk lets the two sides hear each other, and hangs up.
func (s *stage) talk(ctx context.Context, placed, taken *testbed.Call, phone string) error {
	if err := placed.WaitAnswer(ctx); err != nil {
		return fmt.Errorf("waiting for the answer: %w", err)
	}
	if _, err := placed.WaitHeard(ctx, s.sounds, voiceOf(phone)); err != nil {
		return fmt.Errorf("waiting for the voice of the %s: %w", phone, err)
	}
	return errors.Join(placed.Hangup(ctx), taken.WaitEnd(ctx))
}

// result puts together what the phones, and where no other phone was reached Linewarden's log, say about a call.
func (s *stage) result(ctx context.Context, c aCase, placed, taken *testbed.Call, phone string) (Result, error) {
	r := Result{
		Case: c.Name, Direction: string(c.Direction), Calling: c.Calling, Called: c.Called,
		Answered: placed.Answered(), ConnectedTo: phone, ID: dialplan.ID(placed.CallID(), ""), about: c.About, List: s.listed(c),
	}
	if m := placed.Final(); m != nil {
		r.SIPStatus = m.Status
	}
	ear := placed
	if c.Direction == dialplan.Inbound {
		ear = taken
	}
	if ear != nil {
		r.Heard = s.heard(ear)
	}
	if taken != nil && phone != helplinePhone {
		invite := taken.Invite()
		r.Action, r.Reason = invite.Header("X-Linewarden-Action"), invite.Header("X-Linewarden-Reason")
		if id := invite.Header("X-Linewarden-Id"); id != r.ID {
			return r, fmt.Errorf("the dialplan calls this call %q, the caller's Call-ID makes it %q", id, r.ID)
		}
		if r.Action == dialplan.ActionLabel {
			r.CallerName = invite.From.Name
		}
		return r, nil
	}
	v, err := s.node.log.verdict(ctx, r.ID)
	r.Action, r.Reason = v.Action, v.Reason
	if phone == helplinePhone {
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
			return fmt.Sprintf("%s: reported as %s of a fake %s line by %d trusted organisation(s)",
				other, strings.ReplaceAll(n.role.String(), "_", " "), dialplan.BrandName(string(n.brand)), n.organisations)
		}
	}
	return other + ": nothing"
}

// awaitList waits until the node's own list holds all targets.
func (n *node) awaitList(ctx context.Context, targets int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	want := fmt.Sprintf("linewarden_list_numbers %d", targets)
	for {
		metrics, err := n.get(ctx, n.opsURL+"/metrics")
		if err == nil && slices.Contains(strings.Split(string(metrics), "\n"), want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the reports did not reach the list of calls: %w", errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
