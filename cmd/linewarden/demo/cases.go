package demo

import (
	"context"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
)

const reasonClean = "clean" // nothing is listed about the number

// The numbers of the demo, all of a range that is reserved for fiction.
const (
	subscriberNumber   = "+12025550111" // is called; each case in which a subscriber calls has a calling number of its own
	cleanNumber        = "+12025550142"
	fakeAmazonNumber   = "+12025550143"
	blockedNumber      = "+12025550144"
	warnedCallerNumber = "+12025550145"
	blockedCaller      = "+12025550146"
	forgedNumber       = "+12025550147"
	emergencyNumber    = "911"
)

// sample is what the demo's list is made of: who reports which number, in which role. One trusted report gives a warning, three
// from separate organisations a block.
var sample = []struct {
	number        string
	role          numberdb.Role
	brand         numberdb.Brand
	organisations int
}{
	{fakeAmazonNumber, numberdb.RoleCallback, "amazon", 1},
	{blockedNumber, numberdb.RoleCallback, "microsoft", 3},
	{warnedCallerNumber, numberdb.RoleCallerID, "paypal", 1},
	{blockedCaller, numberdb.RoleCallerID, "amazon", 3},
	{forgedNumber, numberdb.RoleCallerID, "apple", 3},
}

// The phones of the demo. Each has a voice of its own, by which a caller knows where the call went.
const (
	subscriberPhone = "subscriber"
	carrierPhone    = "carrier"
	helplinePhone   = "helpline"
)

// aCase is one sample call and what it must get. Cases are told apart by their calling numbers.
type aCase struct {
	Name      string
	About     string // in words for people
	Direction dialplan.Direction
	Calling   string
	Called    string
	Press     string // key that is pressed once the choices are heard
	before    func(*stage, context.Context) error
	Want      Want
}

// Want is what a sample call must get.
type Want struct {
	Action, Reason string
	SIPStatus      int
	ConnectedTo    string   // phone that the other side ended up with
	Heard          []string // prompts, in order, that the subscriber's phone must hear
	Late           string   // prompt that follows, and is heard too where a busy machine presses the key late
}

const (
	warn    = string(dialplan.PromptWarn)
	choices = string(dialplan.PromptChoices)
	advice  = string(dialplan.PromptAdvice)
	whisper = string(dialplan.PromptWhisper)
	blocked = string(dialplan.PromptBlocked)
	choose  = string(dialplan.PromptBlockedChoice)
)

var cases = []aCase{
	{
		Name: "outbound_clean", About: "a subscriber calls a number of which nothing is known",
		Direction: dialplan.Outbound, Calling: "+12025550121", Called: cleanNumber,
		Want: Want{dialplan.ActionAllow, reasonClean, 200, carrierPhone, nil, ""},
	},
	{
		Name: "outbound_warned", About: "a subscriber calls a fake Amazon line, hears the warning and presses nothing",
		Direction: dialplan.Outbound, Calling: "+12025550122", Called: fakeAmazonNumber,
		Want: Want{dialplan.ActionWarn, "listed_warn", 200, carrierPhone, []string{warn, "brand/amazon", choices, advice}, ""},
	},
	{
		Name: "outbound_warned_skip", About: "the same, and presses 1 to go on at once",
		Direction: dialplan.Outbound, Calling: "+12025550123", Called: fakeAmazonNumber, Press: dialplan.KeyGoOn,
		Want: Want{dialplan.ActionWarn, "listed_warn", 200, carrierPhone, []string{warn, "brand/amazon", choices}, advice},
	},
	{
		Name: "outbound_warned_helpline", About: "the same, and presses 2 for the helpline",
		Direction: dialplan.Outbound, Calling: "+12025550124", Called: fakeAmazonNumber, Press: dialplan.KeyHelpline,
		Want: Want{dialplan.ActionHelpline, "listed_warn", 200, helplinePhone, []string{warn, "brand/amazon", choices}, advice},
	},
	{
		Name: "outbound_blocked", About: "a subscriber calls a line that is blocked",
		Direction: dialplan.Outbound, Calling: "+12025550125", Called: blockedNumber,
		Want: Want{dialplan.ActionBlock, "listed_block", 603, "", []string{blocked, "brand/microsoft", choose}, ""},
	},
	{
		Name: "inbound_labelled", About: "a listed caller ID calls: the name shown warns, and a whisper is heard before the connection",
		Direction: dialplan.Inbound, Calling: warnedCallerNumber, Called: subscriberNumber,
		Want: Want{dialplan.ActionLabel, "listed_warn", 200, subscriberPhone, []string{whisper, "brand/paypal"}, ""},
	},
	{
		Name: "inbound_blocked", About: "a blocked caller ID calls: refused before the phone rings",
		Direction: dialplan.Inbound, Calling: blockedCaller, Called: subscriberNumber,
		Want: Want{dialplan.ActionBlock, "listed_block", 603, "", nil, ""},
	},
	{
		Name: "outbound_forged_caller_id", About: "a subscriber calls a number that criminals only forge as their caller ID: its owner is innocent",
		Direction: dialplan.Outbound, Calling: "+12025550126", Called: forgedNumber,
		Want: Want{dialplan.ActionAllow, reasonClean, 200, carrierPhone, nil, ""},
	},
	{
		Name: "emergency_redis_down", About: "an emergency call while Redis is down",
		Direction: dialplan.Outbound, Calling: "+12025550127", Called: emergencyNumber,
		before: (*stage).killRedis,
		Want:   Want{dialplan.ActionAllow, "emergency", 200, carrierPhone, nil, ""},
	},
	{
		Name: "outbound_linewarden_down", About: "a call to a clean number after Linewarden was killed (kill -9)",
		Direction: dialplan.Outbound, Calling: "+12025550128", Called: cleanNumber,
		before: (*stage).killNode,
		Want:   Want{dialplan.ActionAllow, "unavailable", 200, carrierPhone, nil, ""},
	},
}
