package dialplan

import (
	"crypto/md5"
	"encoding/hex"
)

// Contexts of the dialplan. The first two are subroutines: they return only if the call is to go on.
const (
	ContextInbound  = "linewarden-inbound"
	ContextOutbound = "linewarden-outbound"
	ContextVerdict  = "linewarden-verdict"
)

// Channel variables that the dialplan sets on every call that it returns or refuses.
const (
	VarAction      = "LINEWARDEN_ACTION"       // one of the actions below
	VarReason      = "LINEWARDEN_REASON"       // why, as a metric label such as listed_warn
	VarID          = "LINEWARDEN_ID"           // what ID gives; empty for a clean call, of which no record is kept
	VarDialOptions = "LINEWARDEN_DIAL_OPTIONS" // for the options of Dial: the whisper of a labelled call, otherwise empty
)

// Actions, as they begin a verdict's extension and appear in VarAction.
const (
	ActionAllow    = "allow"    // the subroutine returns
	ActionLabel    = "label"    // the subroutine returns; the caller name is set and VarDialOptions holds the whisper
	ActionWarn     = "warn"     // the caller has heard the warning and goes on: the subroutine returns
	ActionBlock    = "block"    // the call is refused
	ActionHelpline = "helpline" // the caller asked for the helpline
	ActionHangup   = "hangup"   // the caller was warned, had to press a key to go on, and pressed none: the call ends
)

// ReasonUnavailable is the reason that the dialplan gives by itself when nobody took the call.
const ReasonUnavailable = "unavailable"

// Reasons that the dialplan gives by itself for calls that it never hands out.
const (
	ReasonEmergency = "emergency"
	ReasonPSAPBack  = "psap_callback"
)

// Classes of a listing: the operator's settings give each its SIP answer.
const (
	ClassAnalytics         = "analytics"
	ClassDoNotOriginate    = "do_not_originate"
	ClassSubscriberRequest = "subscriber_request"
)

// AppPrefix begins the name of every Linewarden's Stasis application; the instance's name follows. The dialplan's default pattern
// for StasisBroadcast is "^" + AppPrefix.
const AppPrefix = "linewarden-"

// ID names a call to people: the first 12 hexadecimal digits of the MD5 of its SIP Call-ID (which ARI calls protocol_id), or of
// its channel id where there is no Call-ID. A blocked caller can read it out.
//
// It follows from the Call-ID alone, so that the dialplan, every node and a SIP edge in front name a call alike without asking each
// other, also when no node answered. Of a long one only the first 255 bytes count, which is all that ARI tells of it. MD5 because a
// Kamailio edge has it at hand: $(ci{s.substr,0,255}{s.md5}{s.substr,0,12}). It is a name, not a secret and no proof: callers choose their
// Call-ID.
func ID(callID, channelID string) string {
	const told = 255
	if callID == "" {
		callID = channelID
	}
	if len(callID) > told {
		callID = callID[:told]
	}
	sum := md5.Sum([]byte(callID))
	return hex.EncodeToString(sum[:6])
}
