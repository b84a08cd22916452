package screening

import "fmt"

// Action is what is done to a call. The set is closed.
type Action uint8

const (
	Allow       Action = iota // the call goes on untouched
	Label                     // inbound: the caller's name becomes a warning, and the called person hears a whisper before being connected
	Warn                      // outbound: the caller hears a warning before the call goes on
	Block                     // the call is refused
	actionCount = iota
)

var actionLabels = [actionCount]string{Allow: "allow", Label: "label", Warn: "warn", Block: "block"}

// Actions are all actions, in their order.
func Actions() []Action { return []Action{Allow, Label, Warn, Block} }

// String is the action's metric label; "invalid" for a value outside the set.
func (a Action) String() string {
	if int(a) < len(actionLabels) {
		return actionLabels[a]
	}
	return invalid
}

// MarshalText implements [encoding.TextMarshaler] with String. It fails for a value outside the set.
func (a Action) MarshalText() ([]byte, error) {
	if int(a) >= len(actionLabels) {
		return nil, fmt.Errorf("screening: there is no action %d", uint8(a))
	}
	return []byte(actionLabels[a]), nil
}

// invalid is what the types of this package print for values outside their sets, so that metric labels stay closed sets.
const invalid = "invalid"
