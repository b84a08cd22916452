package bench

import (
	"fmt"
	"strings"
)

// way is one way to ask about the calling number before a call goes on.
type way struct {
	name   string // in results, short
	what   string // in the table
	helper string // whose process it is, by its name in exchange.pids; empty for none
	// ask are the steps of the dialplan that let a clean call go on to the next one and a listed call go elsewhere. They are made
	// after the helpers in ask's address are known.
	ask func(addresses map[string]string) []string
	// settings are what this way wants of Linewarden's settings, as an operator has them in the file: no step of a call's own.
	settings map[string]string
}

// refused is where the other ways send a call that is not clean.
const refused = "refused,s,1"

// The names of Linewarden's two nodes: one by default, one with plain HTTP requests as for an Asterisk without requests on the websocket.
const (
	websocketNode = "websocket"
	httpNode      = "fallback"
)

// bare is the call that nobody screens.
var bare = way{name: "bare", what: "nothing: the bare call", ask: func(map[string]string) []string { return nil }}

// ways are all that are compared, bare first. A new one is added here, and its helper in openExchange.
var ways = []way{
	bare,
	{"astdb", "AstDB, DB_EXISTS in the dialplan", "", func(map[string]string) []string {
		return []string{"GotoIf(${DB_EXISTS(list/${CALLERID(num)})}?" + refused + ")"}
	}, nil},
	{"fastagi", "FastAGI + Redis", "fastagi", func(addresses map[string]string) []string {
		return []string{"AGI(agi://" + addresses["fastagi"] + "/verdict)", unlessClean}
	}, nil},
	{"curl", "cURL + HTTP service + Redis", "http", func(addresses map[string]string) []string {
		return []string{"Set(VERDICT=${CURL(http://" + addresses["http"] + "/verdict?number=${URIENCODE(${CALLERID(num)})})})", unlessClean}
	}, nil},
	{"stock", "stock ari/v5 native client + Redis", "ari", func(map[string]string) []string {
		// Taken up again in the context stockVerdict.
		return []string{"Stasis(" + stockApp + ",${EXTEN})", "Goto(" + refused + ")"}
	}, nil},
	{"alone", "Stasis alone, which says all to Linewarden at once", websocketNode, func(map[string]string) []string {
		return []string{"Gosub(alone,s,1)"}
	}, nil},
	{"stasis", "Linewarden, Stasis", websocketNode, subroutine, map[string]string{"LINEWARDEN_MODE": "stasis"}},
	{"broadcast", "Linewarden, StasisBroadcast", websocketNode, subroutine, nil},
	{"fallback", "Linewarden, Stasis, requests by HTTP", httpNode, subroutine, map[string]string{"LINEWARDEN_MODE": "stasis", "LINEWARDEN_APP": "linewarden-" + httpNode}},
	{"prefilter", "Linewarden, pre-filter in Asterisk", websocketNode, subroutine, map[string]string{"LINEWARDEN_PREFILTER": "on"}},
}

// usual are the settings that ways differ in, as they are for all others.
var usual = map[string]string{"LINEWARDEN_MODE": "broadcast", "LINEWARDEN_APP": "linewarden-" + websocketNode, "LINEWARDEN_PREFILTER": "off"}

// subroutine is how an operator has Linewarden asked.
func subroutine(map[string]string) []string {
	return []string{"Gosub(linewarden-inbound,s,1(default))"}
}

const (
	unlessClean = `GotoIf($["${VERDICT}" != "` + clean + `"]?` + refused + `)`
)

// kind is what becomes of a call that was found clean.
type kind struct {
	name   string
	what   string
	status int    // that the caller gets
	then   string // the dialplan's last step
}

var kinds = []kind{
	{"rejected", "rejected by the dialplan, the cheapest call there is", 403, "Hangup(21)"},
	{"completed", "dialled, answered, hung up", 200, "Dial(PJSIP/subscriber,60)"},
}

// The numbers are from the range for fiction: the dialled one says which way and which kind, the calling one is clean or listed.
const (
	cleanCaller  = "+12025550190"
	listedCaller = "+12025550199"
)

func dialled(w, k int) string { return fmt.Sprintf("+120255501%d%d", w, k) }

// refusal is the status of a listed call, in all ways.
const refusal = 603

// extensions is the dialplan of all ways.
func extensions(addresses map[string]string) []byte {
	var text strings.Builder
	text.WriteString("[globals]\n#include linewarden-settings.conf\nLINEWARDEN_APP=linewarden-" + websocketNode +
		"\nLINEWARDEN_APPS=^linewarden-" + websocketNode + "\n" +
		// So that a call which Linewarden did not take is noticed.
		"LINEWARDEN_FAIL_INBOUND=closed\n\n#include linewarden.conf\n\n[from-carrier]\n")
	step := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	for i, w := range ways {
		for j, k := range kinds {
			priority := "1"
			for _, s := range append(w.ask(addresses), k.then) {
				step("exten => %s,%s,%s", dialled(i, j), priority, s)
				priority = "n"
			}
		}
	}
	// What no dialplan can be cheaper than: nothing is read or checked.
	step("\n[alone]\nexten => s,1,Stasis(linewarden-%s,v1,inbound,default,${CALLERID(num)},+12025550100,allowed,)", websocketNode)
	step("\n[refused]\nexten => s,1,PJSIPHangup(%d)", refusal)
	step("\n[%s]\nexten => _[+]X!,1,Goto(%s)", stockVerdict, refused)
	for i, w := range ways {
		for j, k := range kinds {
			if w.name == "stock" {
				step("exten => %s-%s,1,%s", dialled(i, j), clean, k.then)
			}
		}
	}
	return []byte(text.String())
}
