package dialplan

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan/testbed"
)

const (
	ariUser     = "linewarden"
	ariPassword = "not-a-secret"
	clean       = "+12025550143"
	subscriber  = "+12025550100"
)

// An exchange is the real Asterisk with the exchange of PBX, and a phone on each side of it.
type exchange struct {
	*testbed.Asterisk
	subscriberPort, carrierPort   int
	subscriber, carrier, helpline *rawPhone
	ari                           string
}

// newExchange starts one. The settings override those of the settings file; more is appended to extensions.conf.
func newExchange(ctx context.Context, t *testing.T, settings map[string]string, more string) *exchange {
	t.Helper()
	return newExchangeWith(ctx, t, PBXOptions{Settings: settings}, nil, func(files map[string][]byte) {
		files["extensions.conf"] = append(files["extensions.conf"], more...)
	})
}

// newExchangeWith starts one with further options, sounds, and files changed at will.
func newExchangeWith(ctx context.Context, t *testing.T, o PBXOptions, sounds fs.FS, change func(map[string][]byte)) *exchange {
	t.Helper()
	x := &exchange{subscriber: newRawPhone(t), carrier: newRawPhone(t), helpline: newRawPhone(t)}
	var err error
	x.Asterisk, err = testbed.StartAsterisk(ctx, testbed.AsteriskOptions{
		Files: func(p testbed.Ports) (map[string][]byte, error) {
			x.subscriberPort, x.carrierPort = p.SIP[0], p.SIP[1]
			x.ari = fmt.Sprintf("http://127.0.0.1:%d/ari", p.HTTP)
			o.SubscriberPort, o.CarrierPort, o.HTTPPort = x.subscriberPort, x.carrierPort, p.HTTP
			o.RTPFirst, o.RTPLast, o.ARIUser, o.ARIPassword = p.RTPFirst, p.RTPLast, ariUser, ariPassword
			o.Carrier, o.Subscriber, o.Helpline = x.carrier.addr(), x.subscriber.addr(), x.helpline.addr()
			files, err := PBX(o)
			if err == nil {
				change(files)
			}
			return files, err
		},
		Sounds: sounds,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("asterisk's log ends with:\n%s", x.Log(150))
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// set changes a setting of the running exchange.
func (x *exchange) set(ctx context.Context, t *testing.T, name, value string) {
	t.Helper()
	if _, err := x.CLI(ctx, fmt.Sprintf("dialplan set global %s %q", name, value)); err != nil {
		t.Fatal(err)
	}
}

// rings waits until the phone was called.
func rings(ctx context.Context, t *testing.T, p *rawPhone) *rawMessage {
	t.Helper()
	select {
	case m := <-p.rang:
		return m
	case <-ctx.Done():
		t.Fatalf("the phone did not ring: %v", ctx.Err())
		return nil
	}
}

// verdictOf is the action and reason that the exchange shows to the called side.
func verdictOf(m *rawMessage) string {
	return VerdictExtension(m.header.Get("X-Linewarden-Action"), m.header.Get("X-Linewarden-Reason"))
}

// expectIdle waits until no channel is left, as it must be once all calls have ended.
func (x *exchange) expectIdle(ctx context.Context, t *testing.T) {
	t.Helper()
	for {
		channels, err := x.CLI(ctx, "core show channels count")
		if err != nil {
			t.Fatalf("calls are left after the test: %v", err)
		}
		if strings.HasPrefix(channels, "0 active channels") {
			return
		}
	}
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// silent is how long the dialplan of these tests waits for an application that takes no call; as everywhere, nothing depends on it.
var silent = map[string]string{"LINEWARDEN_TIMEOUT": "50"}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	for _, mode := range []string{"broadcast", "stasis"} {
		t.Run(mode, func(t *testing.T) {
			x := newExchange(ctx, t, map[string]string{"LINEWARDEN_TIMEOUT": "50", "LINEWARDEN_MODE": mode}, "")
			out := func(called string) *rawCall { return x.subscriber.place(x.subscriberPort, called, rawFrom(subscriber)) }
			in := func(lines ...string) *rawCall {
				return x.carrier.place(x.carrierPort, subscriber, rawFrom(clean), lines...)
			}
			expect := func(c *rawCall, other *rawPhone, want string) {
				t.Helper()
				if got := c.final(ctx); got != 200 {
					t.Fatalf("the call ended with %d, want 200", got)
				}
				m := rings(ctx, t, other)
				if got := verdictOf(m); got != want {
					t.Errorf("verdict %s, want %s", got, want)
				}
				if got, want := m.header.Get("X-Linewarden-Id"), ID(c.id, ""); got != want {
					t.Errorf("LINEWARDEN_ID %q, want %q", got, want)
				}
				c.bye()
			}
			expect(out(clean), x.carrier, "allow_unavailable")
			expect(in(), x.subscriber, "allow_unavailable")

			x.set(ctx, t, "LINEWARDEN_FAIL_INBOUND", "closed")
			expect(out(clean), x.carrier, "allow_unavailable")
			if got := in().final(ctx); got != 503 {
				t.Errorf("fail closed, inbound: %d, want 503", got)
			}
			expect(in("Priority: PSAP-Callback"), x.subscriber, "allow_psap_callback")
			x.set(ctx, t, "LINEWARDEN_PSAP_CALLBACK", "ignore")
			if got := in("Priority: psap-callback").final(ctx); got != 503 {
				t.Errorf("a psap-callback that is not believed: %d, want 503", got)
			}

			x.set(ctx, t, "LINEWARDEN_FAIL_OUTBOUND", "closed")
			if got := out(clean).final(ctx); got != 503 {
				t.Errorf("fail closed, outbound: %d, want 503", got)
			}
			for _, emergency := range []string{"112", "911", "999", "000", "15", "+112", "sos"} {
				expect(out(emergency), x.carrier, "allow_emergency")
			}
			x.expectIdle(ctx, t)
		})
	}
}

// An Asterisk that has neither StasisBroadcast nor PJSIPHangup, nor even Stasis: the calls go on all the same.
func TestApplicationsMissing(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, silent, "")
	for _, module := range []string{"app_stasis_broadcast.so", "app_stasis.so"} {
		if _, err := x.CLI(ctx, "module unload "+module); err != nil {
			t.Fatal(err)
		}
		c := x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber))
		if got := c.final(ctx); got != 200 {
			t.Errorf("without %s: %d, want 200", module, got)
		}
		if got := verdictOf(rings(ctx, t, x.carrier)); got != "allow_unavailable" {
			t.Errorf("without %s: %s", module, got)
		}
		c.bye()
	}
}

func TestSettingsNotIncluded(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, map[string]string{"LINEWARDEN_SETTINGS": "", "LINEWARDEN_EMERGENCY": ""}, "")
	app := newRawApp(ctx, t, x.ari, true)
	c := x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber))
	if got := c.final(ctx); got != 200 {
		t.Errorf("%d, want 200", got)
	}
	if got := verdictOf(rings(ctx, t, x.carrier)); got != "allow_unavailable" {
		t.Errorf("verdict %s, want allow_unavailable", got)
	}
	if len(app.calls)+len(app.seen) != 0 {
		t.Error("the call was handed out all the same")
	}
}

// A setting that is misspelt may cost speed, but no call, and an emergency call least of all.
func TestSettingsMisspelt(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, silent, "")
	for _, setting := range []string{"LINEWARDEN_PREFILTER", "LINEWARDEN_MODE"} {
		for _, value := range []string{"", "On", "off,on", "stasis,broadcast", "a)b", "a:b?c", strings.Repeat("x", 100)} {
			x.set(ctx, t, setting, value)
			expect := func(c *rawCall, other *rawPhone, want string) {
				t.Helper()
				if got := c.final(ctx); got != 200 {
					t.Errorf("%s=%s: %d, want 200", setting, value, got)
					return
				}
				if got := verdictOf(rings(ctx, t, other)); got != want {
					t.Errorf("%s=%s: %s, want %s", setting, value, got, want)
				}
				c.bye()
			}
			expect(x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber)), x.carrier, "allow_unavailable")
			expect(x.subscriber.place(x.subscriberPort, "911", rawFrom(subscriber)), x.carrier, "allow_emergency")
			expect(x.carrier.place(x.carrierPort, subscriber, rawFrom(clean), "Priority: psap-callback"), x.subscriber, "allow_psap_callback")
		}
	}
	x.expectIdle(ctx, t)
}

func TestVerdictsReturnToTheOperatorsDialplan(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, "")
	app := newRawApp(ctx, t, x.ari, true)
	for _, mode := range []string{"broadcast", "stasis"} {
		x.set(ctx, t, "LINEWARDEN_MODE", mode)
		for _, tc := range []struct{ action, reason, want string }{
			{ActionAllow, "clean", "allow_clean"},
			{ActionWarn, "listed_warn", "warn_listed_warn"},
			{ActionLabel, "listed_warn", "label_listed_warn"},
			{"sing", "listed_warn", "allow_unavailable"}, // a Linewarden from the future
		} {
			c := x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber))
			got := app.next(ctx)
			want := Args{Direction: Outbound, Policy: "default", Calling: subscriber, Called: clean, Presentation: "allowed_not_screened"}
			if args, err := ParseArgs(got.args); err != nil || args != want {
				t.Errorf("%s: arguments %q: %v", mode, got.args, err)
			}
			if got.callID != c.id {
				t.Errorf("%s: protocol_id %q, want %q", mode, got.callID, c.id)
			}
			got.verdict(ctx, tc.action, tc.reason)
			if status := c.final(ctx); status != 200 {
				t.Errorf("%s %s: %d, want 200", mode, tc.action, status)
			}
			m := rings(ctx, t, x.carrier)
			if got := verdictOf(m); got != tc.want {
				t.Errorf("%s %s: verdict %s, want %s", mode, tc.action, got, tc.want)
			}
			id := ID(c.id, "")
			if tc.action == ActionAllow {
				id = "" // nothing is recorded of a clean call
			}
			if got := m.header.Get("X-Linewarden-Id"); got != id {
				t.Errorf("%s %s: LINEWARDEN_ID %q, want %q", mode, tc.action, got, id)
			}
			c.bye()
		}
	}
	// A release that names no verdict, as another program might do it.
	c := x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
	got := app.next(ctx)
	app.request(ctx, "POST", "/channels/"+got.channel+"/continue", nil, nil)
	c.final(ctx)
	if got := verdictOf(rings(ctx, t, x.subscriber)); got != "allow_unavailable" {
		t.Errorf("released without a verdict: %s, want allow_unavailable", got)
	}
	c.bye()
	x.expectIdle(ctx, t)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, map[string]string{"LINEWARDEN_ANSWER_DO_NOT_ORIGINATE": "608"}, "")
	app := newRawApp(ctx, t, x.ari, true)
	for _, tc := range []struct {
		extension string
		want      int
	}{
		{BlockExtension("listed_block", ClassAnalytics), 603},
		{BlockExtension("listed_block", ClassDoNotOriginate), 608},
		{BlockExtension("listed_block", ClassSubscriberRequest), 607},
		{"block_listed_block.${SHELL(id)},.a.b", 603}, // no Linewarden sends this
		{VerdictExtension(ActionHangup, "listed_block"), 603},
	} {
		c := x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
		got := app.next(ctx)
		got.goOn(ctx, tc.extension)
		m := c.next(ctx, 200)
		if m.status() != tc.want {
			t.Errorf("%s: %d, want %d", tc.extension, m.status(), tc.want)
		}
		if reason := m.header.Get("Reason"); reason != "" {
			t.Errorf("%s: Reason %q, want none", tc.extension, reason)
		}
	}
	// A setting that is no SIP answer still refuses.
	x.set(ctx, t, "LINEWARDEN_ANSWER_ANALYTICS", "nonsense")
	c := x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
	app.next(ctx).verdict(ctx, ActionBlock, "listed_block")
	if got := c.final(ctx); got != 603 {
		t.Errorf("an impossible answer: %d, want 603", got)
	}
	if len(x.subscriber.rang) != 0 {
		t.Error("a refused call rang")
	}
	x.expectIdle(ctx, t)
}

func TestHelpline(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, "")
	app := newRawApp(ctx, t, x.ari, true)
	call := func() *rawCall {
		c := x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber))
		app.next(ctx).verdict(ctx, ActionHelpline, "listed_warn")
		return c
	}
	c := call()
	if got := c.final(ctx); got != 200 {
		t.Errorf("%d, want 200", got)
	}
	rings(ctx, t, x.helpline)
	c.bye()

	x.helpline.answer.Store(486)
	if got := call().final(ctx); got != 486 {
		t.Errorf("the helpline is busy: %d, want 486", got)
	}
	x.set(ctx, t, "LINEWARDEN_HELPLINE", "")
	if got := call().final(ctx); got != 603 {
		t.Errorf("no helpline: %d, want 603", got)
	}
	if len(x.carrier.rang) != 0 {
		t.Error("the reported number was rung")
	}
	x.expectIdle(ctx, t)
}

func TestLabelAndWhisper(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, "")
	app := newRawApp(ctx, t, x.ari, true)
	voice, named := NewVoice("acme"), func(brand string) string {
		return "linewarden/whisper-before&linewarden/brand/" + brand + "&linewarden/whisper-after"
	}
	label := func(language, slug string) string { return voice.LabelExtension("listed_warn", language, slug) }
	const whisper = "linewarden/whisper"
	for _, tc := range []struct{ extension, wantName, wantPlays string }{
		{label("en", "amazon"), "Fraud? Fake Amazon", named("amazon")},
		{label("en", "acme"), "Fraud? Fake acme", named("acme")}, // the operator has recorded it
		{label("en", "a-brand-nobody-speaks"), "Fraud? Fake a-brand-nobody-speaks", whisper},
		{label("en", ""), "Suspected fraud", whisper},
		{label("fr", "att"), "Fraude ? Faux AT&T", named("att")},
		{label("fr", ""), "Fraude possible", whisper},
		{label("es", "paypal"), "¿Fraude? Falso PayPal", named("paypal")},
		{label("es", ""), "Posible fraude", whisper},
		{label("de", "best-buy"), "Betrug? Angeblich Best Buy", named("best-buy")},
		{label("de", ""), "Betrugsverdacht", whisper},
		{label("hi", "google"), "धोखा? नकली Google", named("google")},
		{label("hi", ""), "धोखाधड़ी की आशंका", whisper},
		{label("zh", "dhl"), "疑似诈骗：假冒DHL", named("dhl")},
		{label("zh", ""), "疑似诈骗", whisper},
		{label("pt", "apple"), "Fraude? Falso Apple", named("apple")},
		{label("pt", ""), "Possível fraude", whisper},
		{label("it", "norton"), "Frode? Falso Norton", named("norton")},
		{label("it", ""), "Sospetta frode", whisper},
		{label("xx", "mcafee"), "Fraud? Fake McAfee", named("mcafee")},
		// What no Linewarden of this age sends.
		{"label_listed_warn", "Suspected scam", whisper},
		{"label_listed_warn.en.../..,^&${SHELL(id)}.", "Fraud? Fake ...&SHELLid.", whisper},
	} {
		name := tc.extension
		c := x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
		got := app.next(ctx)
		got.goOn(ctx, tc.extension)
		m := rings(ctx, t, x.subscriber)
		if from := m.header.Get("From"); !strings.HasPrefix(from, `"`+tc.wantName+`" <sip:`+clean+"@") {
			t.Errorf("%s: From %s, want the name %s", name, from, tc.wantName)
		}
		step := app.step(ctx, "Playback", func(s dialStep) bool { return s.app == "Playback" })
		if step.data != tc.wantPlays || step.channel == got.channel {
			t.Errorf("%s: channel %s plays %q, want %q to the called person", name, step.channel, step.data, tc.wantPlays)
		}
		if got := c.final(ctx); got != 200 {
			t.Errorf("%s: %d, want 200", name, got)
		}
		c.bye()
	}
	x.expectIdle(ctx, t)
}
