package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb/access"
	"github.com/linewarden/linewarden/numberdb/intake"
)

// TestTwoPeopleDecide goes through what reviewers do at the command line: nobody can be two, and the chain has all of it.
func TestTwoPeopleDecide(t *testing.T) {
	t.Parallel()
	n := startNode(t, startRedis(t).Addr(), "desk", "")
	tokens := staff(t, n, map[string]access.Role{"ann": access.RoleReviewer, "bob": access.RoleReviewer, "rita": access.RoleReporter})
	id := "" // of the proposal made last
	for _, step := range []struct {
		who, args string
		status    int
		out, err  string // patterns; ID stands for that of the proposal made last
	}{
		{"ann", "decisions", 0, `^ID +STATE +ABOUT .*\n$`, `^$`},
		{"ann", "decide 2025550143 --region US --standing block --role callback --reason fake --preview", 0,
			`^\+12025550143: none to dial, none as a caller; this takes a second person; .*it would have touched.*\n$`, `^$`},
		{"ann", "decide 2025550143 --region US --standing block --role callback --brand amazon --until 2149-01-31 --reason three~victims", 0,
			`^\+12025550143: none to dial, none as a caller until a second person agrees, by 20\d\d-\d\d-\d\d: linewarden approve [0-9a-v]{26}; .*it would have touched`, `^$`},
		{"ann", "approve ID", exitFailure, `^$`, `^linewarden: cannot approve it: It is your own: a second, different person has to approve it\.\n$`},
		{"rita", "approve ID", exitFailure, `^$`, `^linewarden: cannot approve it: Your role is reporter;`},
		{"rita", "decisions", 0, `\nID +pending +\+12025550143 block as callback, amazon, until 2149-01-31 +ann +20\d\d-\d\d-\d\d +three victims\n$`, `^$`},
		{"ann", "decisions ID", 0, `^ID pending: \+12025550143 block .*\nproposed by ann on .*: three victims\nexpires on .*\n.*it would have touched.*\nyou cannot approve it: It is your own`, `^$`},
		{"bob", "approve ID --reason heard~the~recording", 0, `^ID approved: \+12025550143 block as callback, amazon, until 2149-01-31\n$`, `^$`},
		{"bob", "approve ID", exitFailure, `^$`, `It is not pending any more: it was approved\.\n$`},
		{"bob", "decisions ID", 0, `\napproved by bob on .*: heard the recording\n`, `^$`},
		{"ann", "lookup --json +12025550143", 0, `"outbound":\{"action":"block","reason":"listed_block"\}.*"list":"server"`, `^$`},
		{"bob", "decide +12025550143 --standing none --role callback --reason paid~to", 0, `^\+12025550143: block to dial, none as a caller until a second person agrees`, `^$`},
		{"ann", "reject ID --reason no", 0, `^ID rejected: \+12025550143 none as callback\n$`, `^$`},
		{"bob", "decide +1202555* --standing protected --role caller_id --reason ours --json", 0, `"target":"\+1202555\*","applied":false,"proposal":\{`, `^$`},
		{"bob", "withdraw ID --json", 0, `"state":"withdrawn"`, `^$`},
		{"bob", "decide +12025550143 --standing warn --role callback --reason brake", 0, `^\+12025550143: warn to dial, none as a caller; everybody sees that you softened it, as [0-9a-v]{26}\n$`, `^$`},
		{"rita", "decisions --state approved --kind decision --limit 1", 0, `\n[0-9a-v]{26} +softened +\+12025550143 warn as callback .*bob .*brake\nmore: --cursor [0-9a-v]{26}\n$`, `^$`},
		{"rita", "decisions --state all --json", 0, `^\{"items":\[\{"id":.*\],"next":""\}\n$`, `^$`},
		{"ann", "decide +12025550144 --standing warn --role callback --role caller_id --reason calls", 0, `^\+12025550144: warn to dial, warn as a caller\n$`, `^$`},
		{"ann", "decide 911 --region US --standing warn --role callback --brand A_B --reason x", exitFailure, `^$`, `^linewarden: not decided: .*path\.number is an emergency number.*\n$`},
		{"ann", "decide a/../b? --standing warn --role callback --reason x", exitFailure, `^$`, `^linewarden: not decided: path\.number `},
		{"ann", "approve ..", exitFailure, `^$`, `There is no such proposal\.\n$`},
		{"ann", "decisions /v1/me", exitFailure, `^$`, `There is no such proposal\.\n$`},
	} {
		patterns := [2]string{step.out, step.err}
		for i := range patterns {
			if id != "" {
				patterns[i] = strings.ReplaceAll(patterns[i], "ID ", id+" ")
			}
		}
		args := typed(strings.ReplaceAll(step.args, "ID", id))
		got := n.as(t, tokens[step.who], args...)
		if got.status != step.status || !regexp.MustCompile(patterns[0]).MatchString(got.out) || !regexp.MustCompile(patterns[1]).MatchString(got.err) {
			t.Errorf("%s, %s: %+v, want %d, %s and %s", step.who, args, got, step.status, patterns[0], patterns[1])
		}
		if m := regexp.MustCompile(`approve ([0-9a-v]{26})|"id":"([0-9a-v]{26})"`).FindStringSubmatch(got.out); args[0] == "decide" && m != nil {
			id = m[1] + m[2]
		}
	}

	var page intake.ProposalPage
	if err := json.Unmarshal([]byte(n.as(t, tokens["rita"], "decisions", "--state", "all", "--json").out), &page); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, p := range page.Items {
		states = append(states, p.Proposer+" "+p.State)
	}
	if want := "[bob approved bob withdrawn bob rejected ann approved]"; fmt.Sprint(states) != want {
		t.Errorf("the proposals are %v, want %s", states, want)
	}
	chain := linewarden(t, nil, "audit", "export", "--config", n.config)
	for _, entry := range []string{
		`"who":"ann","role":"reviewer","action":"proposed","object":"\+12025550143"`, `"who":"ann","role":"reviewer","action":"refused","object":"\+12025550143"`,
		`"who":"bob","role":"reviewer","action":"approved","object":"\+12025550143"`, `"who":"rita","role":"reporter","action":"refused","object":"approve-decision"`,
		`"who":"bob","role":"reviewer","action":"decided","object":"\+12025550143","before":".*block.*","after":".*warn.*"`,
	} {
		if !regexp.MustCompile(entry).MatchString(chain.out) {
			t.Errorf("%s is not in the chain: %s%s", entry, chain.out, chain.err)
		}
	}
	if got := linewarden(t, nil, "audit", "verify", "--config", n.config); got.status != 0 {
		t.Errorf("the chain: %+v", got)
	}
}
