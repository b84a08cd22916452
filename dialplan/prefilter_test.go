package dialplan

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// rely lets the dialplan rely on a pre-filter in which the keys are listed.
func rely(ctx context.Context, t *testing.T, x *exchange, keys ...string) {
	t.Helper()
	state := PrefilterState{Content: NewPrefilterContent("test"), Expires: time.Now().Add(time.Hour).Unix(), Filling: "f1111111"}
	for _, key := range append(keys, PrefilterMark) {
		if _, err := x.CLI(ctx, fmt.Sprintf("database put %s %s 1", state.Content.Family(), key)); err != nil {
			t.Fatal(err)
		}
	}
	x.set(ctx, t, VarPrefilterState, state.String())
	x.set(ctx, t, "LINEWARDEN_PREFILTER", "on")
}

// withAndWithoutPrefilter runs a test in which the dialplan may not rely on a pre-filter, and in which it does.
func withAndWithoutPrefilter(t *testing.T, test func(*testing.T, func(context.Context, *testing.T, *exchange, ...string))) {
	t.Parallel()
	t.Run("off", func(t *testing.T) { test(t, func(context.Context, *testing.T, *exchange, ...string) {}) })
	t.Run("on", func(t *testing.T) { test(t, rely) })
}

// TestPrefilterInCalls places calls from telephones: a clean one is nobody's but Asterisk's, and what says more than its number is not taken
// for clean.
func TestPrefilterInCalls(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, silent, "")
	rely(ctx, t, x, "outbound/12025550144")
	expect := func(name string, c *rawCall, other *rawPhone, want string) {
		t.Helper()
		if got := c.final(ctx); got != 200 {
			t.Fatalf("%s: %d, want 200", name, got)
		}
		m := rings(ctx, t, other)
		if got := verdictOf(m); got != want {
			t.Errorf("%s: verdict %s, want %s", name, got, want)
		}
		id := ID(c.id, "")
		if want == "allow_clean" {
			id = "" // nothing is recorded of it
		}
		if got := m.header.Get("X-Linewarden-Id"); got != id {
			t.Errorf("%s: LINEWARDEN_ID %q, want %q", name, got, id)
		}
		c.bye()
	}
	out := func(called string) *rawCall { return x.subscriber.place(x.subscriberPort, called, rawFrom(subscriber)) }
	in := func(from string, lines ...string) *rawCall {
		return x.carrier.place(x.carrierPort, subscriber, from, lines...)
	}
	// There is no Linewarden: whatever is handed out comes back as unavailable.
	expect("clean, outbound", out(clean), x.carrier, "allow_clean")
	expect("clean, inbound", in(rawFrom(clean)), x.subscriber, "allow_clean")
	expect("listed", out("+12025550144"), x.carrier, "allow_unavailable")
	expect("listed for the other direction", in(rawFrom("+12025550144")), x.subscriber, "allow_clean")
	expect("national", out("2025550143"), x.carrier, "allow_unavailable")
	expect("emergency", out("911"), x.carrier, "allow_emergency")
	expect("called back", in(rawFrom(clean), "Priority: psap-callback"), x.subscriber, "allow_clean")
	expect("called back, withheld", in(rawFrom(clean), "P-Asserted-Identity: <sip:+12025550143@127.0.0.1>", "Privacy: id", "Priority: psap-callback"), x.subscriber, "allow_psap_callback")
	expect("withheld", in(rawFrom(clean), "P-Asserted-Identity: <sip:+12025550143@127.0.0.1>", "Privacy: id"), x.subscriber, "allow_unavailable")
	expect("a name in UTF-8", in(`"Müller" `+rawFrom(clean)), x.subscriber, "allow_clean")
	x.set(ctx, t, "LINEWARDEN_SETTINGS", "")
	expect("settings of another version", out(clean), x.carrier, "allow_unavailable")
	x.expectIdle(ctx, t)
}

// TestPrefilterWithoutState places calls while no Linewarden has said yet what it listed, as after a restart: they go the general way, those
// without any number, too.
func TestPrefilterWithoutState(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, silent, `
[from-subscribers](+)
exten => nobody,1,Gosub(linewarden-outbound,s,1)
 same => n,Dial(PJSIP/carrier,60,b(show-verdict^s^1(${LINEWARDEN_ACTION}^${LINEWARDEN_REASON}^${LINEWARDEN_ID})))
`)
	x.set(ctx, t, "LINEWARDEN_PREFILTER", "on")
	for name, tc := range map[string]struct {
		call  func() *rawCall
		other *rawPhone
	}{
		"inbound":                 {func() *rawCall { return x.carrier.place(x.carrierPort, subscriber, rawFrom(clean)) }, x.subscriber},
		"inbound, no number":      {func() *rawCall { return x.carrier.place(x.carrierPort, subscriber, "<sip:127.0.0.1>;tag=t") }, x.subscriber},
		"inbound, nothing but ()": {func() *rawCall { return x.carrier.place(x.carrierPort, subscriber, rawFrom("()")) }, x.subscriber},
		"outbound":                {func() *rawCall { return x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber)) }, x.carrier},
		"outbound, no number":     {func() *rawCall { return x.subscriber.place(x.subscriberPort, "nobody", rawFrom(subscriber)) }, x.carrier},
	} {
		c := tc.call()
		if got := c.final(ctx); got != 200 {
			t.Errorf("%s: %d, want 200", name, got)
			continue
		}
		if got := verdictOf(rings(ctx, t, tc.other)); got != "allow_unavailable" {
			t.Errorf("%s: %s, want allow_unavailable", name, got)
		}
		c.bye()
	}
	x.expectIdle(ctx, t)
}

// TestPrefilterStateChangesInTheMiddle lets the state change between the moment in which a call reads it and the look-ups, as when the
// content is filled anew: what was looked up then means nothing.
func TestPrefilterStateChangesInTheMiddle(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	const look = ",1(look),"
	for name, tc := range map[string]struct{ step, want string }{
		"it stays":   {"NoOp()", "allow_clean"},
		"it is gone": {"Set(GLOBAL(" + VarPrefilterState + ")=)", "allow_unavailable"},
		"another":    {"Set(GLOBAL(" + VarPrefilterState + ")=${LINEWARDEN_PREFILTER_STATE}x)", "allow_unavailable"},
	} {
		x := newExchangeWith(ctx, t, PBXOptions{Settings: silent}, nil, func(files map[string][]byte) {
			text := string(files[SubroutinesFile])
			if strings.Count(text, look) != 3 {
				t.Fatalf("%s is not where it was", look)
			}
			files[SubroutinesFile] = []byte(strings.ReplaceAll(text, look, ",1,"+tc.step+"\n same => n(look),"))
		})
		rely(ctx, t, x)
		c := x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber))
		if got := c.final(ctx); got != 200 {
			t.Fatalf("%s: %d, want 200", name, got)
		}
		if got := verdictOf(rings(ctx, t, x.carrier)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
		c.bye()
	}
}
