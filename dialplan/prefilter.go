package dialplan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// The pre-filter: screening/prefilter keeps what is listed in Asterisk's own database, and the dialplan's context linewarden-prefilter
// lets calls pass as clean about which nothing is there. Here is how both sides name things.

// Global variables of Asterisk.
const (
	// VarPrefilterState holds a PrefilterState. Without it, or with an expired one, no call is taken for clean by the dialplan.
	VarPrefilterState = "LINEWARDEN_PREFILTER_STATE"
	// VarPrefilterPassed and the direction name a count of the calls that the dialplan took for clean since Asterisk was started.
	VarPrefilterPassed = "LINEWARDEN_PREFILTER_PASSED_"
)

// PrefilterContent is what one Linewarden keeps in one Asterisk's database, named after its instance: each has its own, so that none
// depends on what another does. It is eight hexadecimal digits.
type PrefilterContent string

// NewPrefilterContent is the content of an instance.
func NewPrefilterContent(instance string) PrefilterContent {
	sum := sha256.Sum256([]byte(instance))
	return PrefilterContent(hex.EncodeToString(sum[:4]))
}

// Family is the family of the database below which all of the content lies.
func (c PrefilterContent) Family() string { return "linewarden/" + string(c) }

// PrefilterRole is a part of the content: what is listed for the calls of a direction, and who opted out.
type PrefilterRole string

const (
	PrefilterInbound  = PrefilterRole(Inbound)  // calling numbers that inbound calls are not clean with
	PrefilterOutbound = PrefilterRole(Outbound) // called numbers that outbound calls are not clean with
	PrefilterOptOut   = PrefilterRole("optout") // subscribers who are not screened
)

// PrefilterLead is how many digits a listed range's key has: a number is looked for by all its digits, and by its first ones.
const PrefilterLead = 6

// Keys below the family.
const (
	// PrefilterMark is there while the content is complete.
	PrefilterMark = "complete"
	prefilterOdd  = "odd/"
	prefilterBare = "bare/"
)

// Key is the key of a number, or of the first PrefilterLead digits of a range: E.164 digits without plus.
func (r PrefilterRole) Key(digits uint64) string {
	return string(strconv.AppendUint(append([]byte(r), '/'), digits, 10))
}

// PrefilterOddKey marks numbers of so many digits that begin with lead, of three or four digits, as perhaps not what they look like.
func PrefilterOddKey(digits int, lead string) string {
	return prefilterOdd + strconv.Itoa(digits) + "/" + lead
}

// PrefilterBareKey marks a policy whose trunks write E.164 numbers without plus.
func PrefilterBareKey(policy string) string { return prefilterBare + policy }

// PrefilterState says which content holds, and until when.
type PrefilterState struct {
	Content PrefilterContent
	// Expires is when it is no longer to be relied on, by Asterisk's clock, in seconds since 1970.
	Expires int64
	// OptOuts says that some subscriber is not screened.
	OptOuts bool
	// Bare says that there is a policy whose trunks write E.164 numbers without plus.
	Bare bool
	// Filling is another word of eight characters for each filling of the content, so that no state comes back which was there before one.
	Filling string
}

// String is the value of VarPrefilterState, of 35 characters, in which the dialplan finds each part by its place.
func (s PrefilterState) String() string {
	return fmt.Sprintf("v1-%010d-%s-%d-%d-%s", s.Expires, s.Content, digit(s.OptOuts), digit(s.Bare), s.Filling)
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
