package screening

import "fmt"

// Reason is why a call got its action. The set is closed; one table gives each reason its words.
type Reason uint8

const (
	ReasonClean       Reason = iota // the list says nothing about the number
	ReasonEmergency                 // an emergency call
	ReasonPSAPBack                  // an emergency centre calling back (RFC 7090)
	ReasonProtected                 // a genuine line
	ReasonOptOut                    // the subscriber asked not to be screened
	ReasonAllowList                 // on the operator's own allow list
	ReasonCleared                   // reviewed and found clean
	ReasonWatched                   // recorded, calls pass
	ReasonListedWarn                // the standing is warn
	ReasonListedBlock               // the standing is block
	ReasonWithheld                  // the other party's number is withheld
	ReasonShort                     // a short number
	ReasonUnparsable                // the other party's number cannot be read
	ReasonReportOnly                // the policy only reports: Would says what the call would have got
	ReasonNoList                    // no list has been loaded yet
	ReasonDeadline                  // no verdict in time
	ReasonFault                     // an error inside Linewarden or Asterisk
	ReasonShutdown                  // Linewarden is stopping
	ReasonOrphan                    // the call was found waiting after a reconnect or a crash
	ReasonUnavailable               // set by the dialplan: nobody answered Asterisk
	reasonCount       = iota
)

// actions is a set of actions.
type actions uint8

func of(list ...Action) (s actions) {
	for _, a := range list {
		s |= 1 << a
	}
	return s
}

// The sets of actions that reasons occur with. A call that could not be decided goes on, unless the operator chose to fail closed.
var (
	onlyAllow   = of(Allow)
	onlyWarning = of(Label, Warn)
	onlyBlock   = of(Block)
	undecided   = of(Allow, Block)
)

// reasons is the one table of reasons: metric label (lower case and underscores: it is also half of an extension in the dialplan),
// the actions that the reason occurs with, and a sentence for staff.
var reasons = [reasonCount]struct {
	label string
	with  actions
	text  string
}{
	ReasonClean:       {"clean", onlyAllow, "Nothing is known about the other party's number."},
	ReasonEmergency:   {"emergency", onlyAllow, "This was an emergency call; those are never screened."},
	ReasonPSAPBack:    {"psap_callback", onlyAllow, "An emergency centre was calling back; such calls are never screened."},
	ReasonProtected:   {"protected", onlyAllow, "The number is a genuine line, such as a company's real support or a hospital."},
	ReasonOptOut:      {"opt_out", onlyAllow, "The subscriber asked for calls not to be screened."},
	ReasonAllowList:   {"allow_list", onlyAllow, "The number is on the operator's own allow list."},
	ReasonCleared:     {"cleared", onlyAllow, "Staff reviewed the number and found it clean."},
	ReasonWatched:     {"watch", onlyAllow, "There are reports about the number, not enough for a warning."},
	ReasonListedWarn:  {"listed_warn", onlyWarning, "The number is listed: people are warned about it."},
	ReasonListedBlock: {"listed_block", onlyBlock, "The number is listed: calls with it are refused."},
	ReasonWithheld:    {"withheld", onlyAllow, "The other party withheld their number."},
	ReasonShort:       {"short", onlyAllow, "The number is a short one, such as an operator's service; those are not listed."},
	ReasonUnparsable:  {"unparsable", onlyAllow, "What the network gave as the number is not a telephone number."},
	ReasonReportOnly:  {"report_only", onlyAllow, "The number is listed, but screening only reports and changes no call here."},
	ReasonNoList:      {"no_list", undecided, "Screening had just started and had no list of numbers yet."},
	ReasonDeadline:    {"deadline", undecided, "Screening took too long to decide."},
	ReasonFault:       {"fault", undecided, "Screening failed because of a technical fault."},
	ReasonShutdown:    {"shutdown", undecided, "Screening was being stopped."},
	ReasonOrphan:      {"orphan", undecided, "The call was found waiting after screening had been interrupted."},
	ReasonUnavailable: {"unavailable", undecided, "No screening was running when the call came."},
}

// Reasons are all reasons, in their order.
func Reasons() []Reason {
	all := make([]Reason, reasonCount)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// String is the reason's metric label, such as listed_warn; "invalid" for a value outside the set.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r].label
	}
	return invalid
}

// Text is one plain sentence for staff about a call that got this reason; empty for a value outside the set.
func (r Reason) Text() string {
	if int(r) < len(reasons) {
		return reasons[r].text
	}
	return ""
}

// OccursWith says whether a call may get the action for this reason.
func (r Reason) OccursWith(a Action) bool {
	return int(r) < len(reasons) && reasons[r].with&of(a) != 0
}

// MarshalText implements [encoding.TextMarshaler] with String. It fails for a value outside the set.
func (r Reason) MarshalText() ([]byte, error) {
	if int(r) >= len(reasons) {
		return nil, fmt.Errorf("screening: there is no reason %d", uint8(r))
	}
	return []byte(reasons[r].label), nil
}
