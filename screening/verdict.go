package screening

import (
	"crypto/md5"
	"encoding/hex"

	"github.com/linewarden/linewarden/numberdb"
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

// VerdictID is the name by which people and systems speak of the verdict on one call: the first 12 hexadecimal digits of the MD5 of
// its SIP Call-ID, or of the channel's id where there is no Call-ID. A blocked caller can read it out, and it finds the call again in
// the journal.
//
// It follows from the Call-ID alone, so that the dialplan, every node and a SIP edge in front name a call alike without asking each
// other, also when no node answered. MD5 because that is what a Kamailio edge has at hand: $(ci{s.md5}{s.substr,0,12}). It is a
// name, not a secret and no proof: callers choose their Call-ID.
func VerdictID(callID string) string {
	sum := md5.Sum([]byte(callID))
	return hex.EncodeToString(sum[:6])
}
