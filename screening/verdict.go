package screening

import "github.com/linewarden/linewarden/numberdb"

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
