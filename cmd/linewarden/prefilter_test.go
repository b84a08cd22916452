package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
)

// TestServeFillsThePrefilter is the whole program beside a real Asterisk: what is reported is in Asterisk's own database, and the dialplan
// may rely on it as long as Redis confirms the list.
func TestServeFillsThePrefilter(t *testing.T) {
	redis := startRedis(t)
	asterisk := testbed.AsteriskFor(t, testbed.AsteriskOptions{Files: func(p testbed.Ports) (map[string][]byte, error) {
		t.Setenv("LINEWARDEN_ASTERISK_0_URL", fmt.Sprintf("http://127.0.0.1:%d", p.HTTP))
		t.Setenv("LINEWARDEN_ASTERISK_0_PASSWORD", "of-a-test")
		t.Setenv("LINEWARDEN_ASTERISK_0_PREFILTER_MANAGER", fmt.Sprintf("127.0.0.1:%d", p.Manager))
		t.Setenv("LINEWARDEN_ASTERISK_0_PREFILTER_USERNAME", "linewarden")
		t.Setenv("LINEWARDEN_ASTERISK_0_PREFILTER_PASSWORD", "of-a-test")
		t.Setenv("LINEWARDEN_ASTERISK_0_PREFILTER_STALE_AFTER", "5s")
		return dialplan.PBX(dialplan.PBXOptions{
			SubscriberPort: p.SIP[0], CarrierPort: p.SIP[1], HTTPPort: p.HTTP, ManagerPort: p.Manager, RTPFirst: p.RTPFirst, RTPLast: p.RTPLast,
			ARIUser: "linewarden", ARIPassword: "of-a-test",
		})
	}})
	n := startNode(t, redis.Addr(), "a", "")
	state := func() string {
		text, err := asterisk.CLI(t.Context(), "dialplan show globals")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(text, dialplan.VarPrefilterState+"=")
		state, _, _ := strings.Cut(after, "\n")
		return strings.TrimSpace(state)
	}
	eventually(t, "the dialplan has a state", func() bool { return strings.HasPrefix(state(), "v1-") })

	got := linewarden(t, []string{"LINEWARDEN_TOKEN=" + serveToken, "LINEWARDEN_SERVER=" + n.intake},
		"report", "+12025550143", "--role", "callback", "--brand", "amazon")
	if got.status != 0 {
		t.Fatalf("report: %+v", got)
	}
	key := func(role dialplan.PrefilterRole) string {
		text, err := asterisk.CLI(t.Context(), "database get "+dialplan.NewPrefilterContent("a").Family()+" "+role.Key(12025550143))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	eventually(t, "the number is in Asterisk's database", func() bool { return key(dialplan.PrefilterOutbound) == "Value: 1" })
	if got := key(dialplan.PrefilterInbound); !strings.Contains(got, "not found") {
		t.Errorf("it is there for inbound calls, too: %s", got)
	}

	last := state()
	eventually(t, "the state is renewed", func() bool { return state() != last })
	if err := redis.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the list is no longer confirmed", func() bool { return n.metric(t, `linewarden_prefilter_age_seconds{asterisk="0"}`) > 5 })
}
