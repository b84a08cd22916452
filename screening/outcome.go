package screening

import "fmt"

// Outcome is what became of a call. The set is closed. The journal stores these values: add new ones at the end.
type Outcome uint8

const (
	Passed   Outcome = iota // went on, nothing was played to the caller
	Labelled                // went on with a warning as the caller's name
	WentOn                  // heard the warning to its end, pressed nothing, went on
	Skipped                 // pressed 1 and went on
	Helpline                // pressed 2
	NoKey                   // had to press 1 to go on, and did not
	Refused                 // blocked
	HungUp                  // the caller hung up before the call was handed back
	Lost                    // could not be handed back: the connection to Asterisk was lost
	outcomeCount
)

// outcomes is the one table of outcomes: name, and a sentence for staff.
var outcomes = [outcomeCount]struct{ label, text string }{
	Passed:   {"passed", "The call went on; nothing was played."},
	Labelled: {"labelled", "The call went on with a warning as the caller's name."},
	WentOn:   {"went_on", "The caller heard the warning and went on."},
	Skipped:  {"skipped", "The caller pressed 1 and went on."},
	Helpline: {"helpline", "The caller pressed 2 and was sent to the helpline."},
	NoKey:    {"no_key", "The caller had to press 1 to go on, and did not."},
	Refused:  {"refused", "The call was refused."},
	HungUp:   {"hung_up", "The caller hung up before the call went on."},
	Lost:     {"lost", "The connection to the exchange was lost; what became of the call is not known."},
}

// Outcomes are all outcomes, in their order.
func Outcomes() []Outcome {
	all := make([]Outcome, outcomeCount)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}

// String is the outcome's name, such as hung_up; "invalid" for a value outside the set.
func (o Outcome) String() string {
	if o < outcomeCount {
		return outcomes[o].label
	}
	return "invalid"
}

// Text is one plain sentence for staff; empty for a value outside the set.
func (o Outcome) Text() string {
	if o < outcomeCount {
		return outcomes[o].text
	}
	return ""
}

// MarshalText implements [encoding.TextMarshaler] with String. It fails for a value outside the set.
func (o Outcome) MarshalText() ([]byte, error) {
	if o >= outcomeCount {
		return nil, fmt.Errorf("screening: there is no outcome %d", uint8(o))
	}
	return []byte(o.String()), nil
}
