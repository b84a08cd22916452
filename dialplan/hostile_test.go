package dialplan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing that a caller sends may be evaluated, break an argument, or keep the call from going on.
func TestHostileCallerIDs(t *testing.T) { withAndWithoutPrefilter(t, hostileCallerIDs) }

func hostileCallerIDs(t *testing.T, prefilter func(context.Context, *testing.T, *exchange, ...string)) {
	ctx := testContext(t)
	proof := filepath.Join(t.TempDir(), "evaluated")
	shell := "${SHELL(touch " + proof + ")}"
	x := newExchange(ctx, t, nil, "")
	prefilter(ctx, t, x, "inbound/120255")
	app := newRawApp(ctx, t, x.ari, true)

	for name, tc := range map[string]struct {
		from  string
		lines []string
		want  string // the calling number that arrives; "*" for any

		wantName string // the name that the called person sees; empty for any
	}{
		"200 characters":     {from: rawFrom("+" + strings.Repeat("12025550", 25)), want: "+" + strings.Repeat("12025550", 25)[:63]},
		"escaped code":       {from: "<sip:%24%7BSHELL(touch%20" + strings.ReplaceAll(proof, "/", "%2F") + ")%7D@127.0.0.1>;tag=t", want: "*"},
		"code as a name":     {from: `"` + shell + `" <sip:+12025550143@127.0.0.1>;tag=t`, want: clean},
		"expression":         {from: "<sip:%22%5D%20%7C%20$%5B1+1%22@127.0.0.1>;tag=t", want: "1+1"},
		"comma and colon":    {from: "<sip:1,2%3A3@127.0.0.1>;tag=t", want: "123"},
		"parentheses":        {from: "<sip:))1((2%3A)@127.0.0.1>;tag=t", want: "12"},
		"quotes":             {from: "<sip:%22%27%601%5C2@127.0.0.1>;tag=t", want: "12"},
		"UTF-8":              {from: `"Ünïcødé ☎" <sip:%D9%A1%D9%A212@127.0.0.1>;tag=t`, want: "12"},
		"invalid UTF-8":      {from: "<sip:%FF%FE12@127.0.0.1>;tag=t", want: "12"},
		"a name in Latin-1":  {from: "\"M\xfcller\" <sip:+12025550143@127.0.0.1>;tag=t", want: clean, wantName: "M\ufffdller"},
		"a hidden name":      {from: "\"x):0:0 \xff\" <sip:+12025550143@127.0.0.1>;tag=t", want: clean},
		"a hidden number":    {from: "<sip:1)%3A0%3A0%FF@127.0.0.1>;tag=t", want: "100"},
		"an endless number":  {from: "<sip:" + strings.Repeat("1", 100) + ")%3A0%3A300@127.0.0.1>;tag=t", want: strings.Repeat("1", 64)},
		"a name in UTF-8":    {from: `"Müller ☎" <sip:+12025550143@127.0.0.1>;tag=t`, want: clean, wantName: "Müller ☎"},
		"escaped NUL":        {from: "<sip:1%002@127.0.0.1>;tag=t", want: "*"},
		"escaped line break": {from: "<sip:1%0D%0AX-Evil%3A%202@127.0.0.1>;tag=t", want: "1X-Evil2"},
		"no user":            {from: "<sip:127.0.0.1>;tag=t", want: ""},
		"anonymous":          {from: `"Anonymous" <sip:anonymous@anonymous.invalid>;tag=t`, want: "anonymous"},
		"asserted identity":  {from: rawFrom("anonymous"), lines: []string{"P-Asserted-Identity: <sip:%24%7Bx%7D,+12025550144@127.0.0.1>"}, want: "x+12025550144"},
		"telephone number":   {from: "<tel:+12025550143>;tag=t", want: clean},
		"parameters":         {from: "<sip:+12025550143;isub=1@127.0.0.1;user=phone>;tag=t", want: "*"},
		"hostile Priority":   {from: rawFrom(clean), lines: []string{`Priority: ${SHELL(id)},"psap-callback"` + strings.Repeat("x", 100)}, want: clean},
	} {
		c := x.carrier.place(x.carrierPort, subscriber, tc.from, tc.lines...)
		got := app.next(ctx)
		args, err := ParseArgs(got.args)
		if err != nil {
			t.Errorf("%s: %q: %v", name, got.args, err)
		}
		if args.Direction != Inbound || args.Policy != "default" || args.Called != subscriber {
			t.Errorf("%s: other arguments were moved: %q", name, got.args)
		}
		if tc.want != "*" && args.Calling != tc.want {
			t.Errorf("%s: calling %q, want %q", name, args.Calling, tc.want)
		}
		if args.Priority == PriorityPSAPCallback {
			t.Errorf("%s: priority %q", name, args.Priority)
		}
		got.verdict(ctx, ActionAllow, "clean")
		if status := c.final(ctx); status != 200 {
			t.Errorf("%s: %d, want 200", name, status)
		}
		m := rings(ctx, t, x.subscriber)
		if verdictOf(m) != "allow_clean" {
			t.Errorf("%s: verdict %s, want allow_clean", name, verdictOf(m))
		}
		if shown := m.header.Get("From"); tc.wantName != "" && !strings.HasPrefix(shown, `"`+tc.wantName+`" <`) {
			t.Errorf("%s: From %q, want the name %q", name, shown, tc.wantName)
		}
		c.bye()
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("a caller's text was evaluated")
	}
	x.expectIdle(ctx, t)
}

// A dialled number must not choose the policy, nor reach an application as more than one argument.
func TestHostileDialledNumbers(t *testing.T) { withAndWithoutPrefilter(t, hostileDialledNumbers) }

func hostileDialledNumbers(t *testing.T, prefilter func(context.Context, *testing.T, *exchange, ...string)) {
	ctx := testContext(t)
	// An operator who did not filter EXTEN.
	x := newExchange(ctx, t, map[string]string{"LINEWARDEN_POLICY": "fallback"}, `
[from-subscribers](+)
exten => _u!,1,Gosub(linewarden-outbound,s,1(${EXTEN:1},careless))
 same => n,Dial(PJSIP/carrier,60,b(show-verdict^s^1(${LINEWARDEN_ACTION}^${LINEWARDEN_REASON}^${LINEWARDEN_ID})))
exten => _v!,1,Gosub(linewarden-outbound,s,1(${EXTEN:1}))
 same => n,Dial(PJSIP/carrier,60,b(show-verdict^s^1(${LINEWARDEN_ACTION}^${LINEWARDEN_REASON}^${LINEWARDEN_ID})))
`)
	prefilter(ctx, t, x, "outbound/120255")
	app := newRawApp(ctx, t, x.ari, true)
	for name, tc := range map[string]struct{ user, wantCalled, wantPolicy string }{
		"a number":          {"u+12025550143", "+12025550143", "careless"},
		"a comma":           {"u12025550143,evil", "12025550143", "careless"},
		"many commas":       {"u12025550143,,,evil,", "12025550143", "careless"},
		"dialplan code":     {"u1%24%7BSHELL(id)%7D", "1SHELLid", "careless"},
		"no policy":         {"v+12025550143", "+12025550143", "fallback"},
		"200 characters":    {"u" + strings.Repeat("7", 200), strings.Repeat("7", 64), "careless"},
		"a closing bracket": {"u12025)550143", "12025550143", "careless"},
	} {
		c := x.subscriber.place(x.subscriberPort, tc.user, rawFrom(subscriber))
		got := app.next(ctx)
		args, err := ParseArgs(got.args)
		if err != nil || args.Called != tc.wantCalled || args.Policy != tc.wantPolicy {
			t.Errorf("%s: %q: %v; want called %q, policy %q", name, got.args, err, tc.wantCalled, tc.wantPolicy)
		}
		got.verdict(ctx, ActionAllow, "clean")
		if status := c.final(ctx); status != 200 {
			t.Errorf("%s: %d, want 200", name, status)
		}
		rings(ctx, t, x.carrier)
		c.bye()
	}
	x.expectIdle(ctx, t)
}

// Asterisk and Linewarden must name a call alike, whatever its Call-ID holds.
func TestHostileCallIDs(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, silent, "")
	for _, id := range []string{
		"plain@127.0.0.1", "a:b", "a)b", "a))b:1", "(a", `a"b`, "a,b", "a{b}", "a[b]?c", "a%20b", `a\b`, "${SHELL(id)}", strings.Repeat("x", 240),
		strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("x", 5000),
	} {
		c := x.carrier.placeWithID(x.carrierPort, subscriber, rawFrom(clean), id)
		if status := c.final(ctx); status != 200 {
			t.Errorf("%q: %d, want 200", id, status)
		}
		m := rings(ctx, t, x.subscriber)
		if got := m.header.Get("X-Linewarden-Id"); got != ID(id, "") {
			t.Errorf("%q: LINEWARDEN_ID %q, want %q", id, got, ID(id, ""))
		}
		c.bye()
	}
	x.expectIdle(ctx, t)
}

// A Call-ID longer than what Asterisk's functions take must not keep the dialplan from seeing that the number cannot be put into an event.
func TestLongCallIDHidesNoNumber(t *testing.T) { withAndWithoutPrefilter(t, longCallIDHidesNoNumber) }

func longCallIDHidesNoNumber(t *testing.T, prefilter func(context.Context, *testing.T, *exchange, ...string)) {
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, "")
	prefilter(ctx, t, x)
	app := newRawApp(ctx, t, x.ari, true)
	// The last is no mode, so calls go the general way.
	for _, mode := range []string{"broadcast", "stasis", "any"} {
		x.set(ctx, t, "LINEWARDEN_MODE", mode)
		for _, digits := range []int{3990, 4095, 9000} {
			id := mode + strings.Repeat("7", digits)
			c := x.carrier.placeWithID(x.carrierPort, subscriber, "<sip:%FF+12025550143@127.0.0.1>;tag=t", id)
			ended := make(chan int, 1)
			go func() { ended <- c.next(ctx, 200).status() }()
			select {
			case got := <-app.calls:
				if args, err := ParseArgs(got.args); err != nil || args.Calling != clean {
					t.Errorf("%s, %d: %q: %v", mode, digits, got.args, err)
				}
				if ID(got.callID, "") != ID(id, "") {
					t.Errorf("%s, %d: protocol_id of %d bytes names another call", mode, digits, len(got.callID))
				}
				got.verdict(ctx, ActionBlock, "listed_block")
				if status := <-ended; status != 603 {
					t.Errorf("%s, %d: %d, want 603", mode, digits, status)
				}
			case status := <-ended:
				t.Errorf("%s, %d: %d without having been screened", mode, digits, status)
				c.bye()
			}
		}
	}
	x.expectIdle(ctx, t)
}

// A caller who hangs up while Linewarden thinks or speaks ends in the operator's h extension, and nothing is left.
func TestCallerHangsUpInTheMiddle(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, `
[from-carrier](+)
exten => h,1,NoOp(operator-h ${LINEWARDEN_ID})
`)
	app := newRawApp(ctx, t, x.ari, true)
	for _, mode := range []string{"broadcast", "stasis"} {
		x.set(ctx, t, "LINEWARDEN_MODE", mode)
		c := x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
		app.next(ctx)
		c.next(ctx, 100)
		c.cancel()
		if got := c.final(ctx); got != 487 {
			t.Errorf("%s: %d, want 487", mode, got)
		}
		step := app.step(ctx, "the operator's h", func(s dialStep) bool { return s.app == "NoOp" })
		if want := "operator-h " + ID(c.id, ""); step.context != "from-carrier" || step.data != want {
			t.Errorf("%s: %+v, want %q", mode, step, want)
		}
	}
	// Before anybody has claimed the call.
	app.claim.Store(false)
	x.set(ctx, t, "LINEWARDEN_MODE", "broadcast")
	x.set(ctx, t, "LINEWARDEN_TIMEOUT", "60000")
	c := x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
	c.next(ctx, 100)
	c.cancel()
	if got := c.final(ctx); got != 487 {
		t.Errorf("unclaimed: %d, want 487", got)
	}
	x.expectIdle(ctx, t)
	if len(x.subscriber.rang) != 0 {
		t.Error("a call that was given up rang")
	}
}

// A Call-ID that Asterisk takes but cannot put into an event must not be a way around screening.
func TestCallIDThatIsNotUTF8(t *testing.T) { withAndWithoutPrefilter(t, callIDThatIsNotUTF8) }

func callIDThatIsNotUTF8(t *testing.T, prefilter func(context.Context, *testing.T, *exchange, ...string)) {
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, "")
	prefilter(ctx, t, x, "inbound/"+clean[1:], "outbound/"+clean[1:]) // listed, so that the call is to be handed out
	app := newRawApp(ctx, t, x.ari, true)
	c := x.carrier.placeWithID(x.carrierPort, subscriber, rawFrom(clean), "a\xff\xfeb")
	if got := c.final(ctx); got != 400 {
		t.Errorf("inbound: %d, want 400", got)
	}
	c = x.subscriber.placeWithID(x.subscriberPort, clean, rawFrom(subscriber), "a\xff\xfec")
	if got := c.final(ctx); got != 200 {
		t.Errorf("outbound: %d, want 200", got)
	}
	if got := verdictOf(rings(ctx, t, x.carrier)); got != "allow_unavailable" {
		t.Errorf("outbound: verdict %s, want allow_unavailable", got)
	}
	c.bye()
	c = x.carrier.placeWithID(x.carrierPort, subscriber, rawFrom(clean), "a\xff\xfed", "Priority: psap-callback")
	if got := c.final(ctx); got != 200 {
		t.Errorf("an emergency centre calling back: %d, want 200", got)
	}
	c.bye()
	if len(app.calls) != 0 {
		t.Error("a call reached the application after all: the refusal is not needed any more")
	}
	x.expectIdle(ctx, t)
}
