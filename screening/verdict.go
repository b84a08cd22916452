package screening

import "github.com/linewarden/linewarden/numberdb"

// Action is what is done to a call.
type Action uint8

const (
	Allow  Action = iota // the call goes on untouched
	Label                // inbound: the caller's name becomes a warning, and the called person hears a whisper before being connected
	Warn                 // outbound: the caller hears a warning before the call goes on
	Block                // the call is refused
)

// Reason is why a call got its action. The set is closed.
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

// Verdict is the decision on one call.
type Verdict struct {
	Action Action
	Reason Reason
	// Would is what the call would have got if the policy did not only report; otherwise it equals Action.
	Would Action
	// Standing, Class and Brand are those of the listing that decided, zero if none did.
	Standing numberdb.Standing
	Class    numberdb.Class
	Brand    numberdb.Brand
}
