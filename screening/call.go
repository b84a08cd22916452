package screening

import (
	"fmt"

	"github.com/linewarden/linewarden/numberdb"
)

// Direction is the way that a call takes, seen from the operator's subscriber.
type Direction uint8

const (
	Inbound  Direction = iota // to a subscriber: the calling number is checked in the role caller_id
	Outbound                  // from a subscriber: the called number is checked in the role callback
)

// Role is the role in which the other party's number is checked.
func (d Direction) Role() numberdb.Role {
	if d == Outbound {
		return numberdb.RoleCallback
	}
	return numberdb.RoleCallerID
}

// String is the direction's metric label; "invalid" for a value outside the set.
func (d Direction) String() string {
	switch d {
	case Inbound:
		return "inbound"
	case Outbound:
		return "outbound"
	}
	return invalid
}

// MarshalText implements [encoding.TextMarshaler] with String. It fails for a value outside the set.
func (d Direction) MarshalText() ([]byte, error) {
	if d > Outbound {
		return nil, fmt.Errorf("screening: there is no direction %d", uint8(d))
	}
	return []byte(d.String()), nil
}

// Call is one call, its numbers already read with the rules of the trunk that it came from.
type Call struct {
	Direction Direction
	Calling   numberdb.Parsed
	Called    numberdb.Parsed
	// PSAPCallback says that the call carries "Priority: psap-callback" (RFC 7090): an emergency centre calls somebody back.
	PSAPCallback bool
}

// Other is the party whose number is checked.
func (c Call) Other() numberdb.Parsed {
	if c.Direction == Outbound {
		return c.Called
	}
	return c.Calling
}

// Subscriber is the party whom the operator serves.
func (c Call) Subscriber() numberdb.Parsed {
	if c.Direction == Outbound {
		return c.Calling
	}
	return c.Called
}
