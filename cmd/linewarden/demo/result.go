package demo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Result is what one sample call got.
type Result struct {
	Case      string   `json:"case"`
	Direction string   `json:"direction"`
	Calling   string   `json:"calling"`
	Called    string   `json:"called"`
	Action    string   `json:"action"`
	Reason    string   `json:"reason"`
	SIPStatus int      `json:"sip_status"` // final answer to the phone that placed the call
	Heard     []string `json:"heard"`      // prompts that the subscriber's phone heard, in order
	Answered  bool     `json:"answered"`
	ID        string   `json:"id"` // empty for a clean call

	ConnectedTo string `json:"connected_to"` // phone whose voice the other side heard, if any
	CallerName  string `json:"caller_name"`  // name that the called phone was shown, if any
	List        string `json:"list"`         // what the list says about the other party

	about string
}

// text is the result in words for people.
func (r Result) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s\n", capital(r.about))
	line("call", "%s, from %s to %s", r.Direction, r.Calling, r.Called)
	line("list", "%s", r.List)
	verdict := fmt.Sprintf("%s, because: %s", r.Action, r.Reason)
	if r.ID != "" {
		verdict += fmt.Sprintf(" (id %s)", r.ID)
	}
	line("verdict", "%s", verdict)
	answer := fmt.Sprint(r.SIPStatus)
	if r.ConnectedTo != "" {
		answer += ", connected to the " + r.ConnectedTo
	}
	line("answer", "%s", answer)
	if r.CallerName != "" {
		line("shown", "%q as the caller's name", r.CallerName)
	}
	if len(r.Heard) > 0 {
		line("heard", "%s", strings.Join(r.Heard, ", "))
	}
	return b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// differs says in what the result is not as wanted.
func (r Result) differs(w Want) error {
	var errs []error
	check := func(what string, ok bool, got, want any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	check("the action", r.Action == w.Action, r.Action, w.Action)
	check("the reason", r.Reason == w.Reason, r.Reason, w.Reason)
	check("the SIP answer", r.SIPStatus == w.SIPStatus, r.SIPStatus, w.SIPStatus)
	check("the phone at the other end", r.ConnectedTo == w.ConnectedTo, r.ConnectedTo, w.ConnectedTo)
	heard := r.Heard
	if n := len(heard); n > 0 && w.Late != "" && heard[n-1] == w.Late {
		heard = heard[:n-1]
	}
	check("what was heard", slices.Equal(heard, w.Heard), r.Heard, w.Heard)
	return errors.Join(errs...)
}
