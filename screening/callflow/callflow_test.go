package callflow_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/callflow"
)

const (
	clean    numberdb.Number = 12025550142
	fake     numberdb.Number = 12025550143 // warn as callback, block as caller ID
	bad      numberdb.Number = 12025550144 // block as callback, warn as caller ID
	unwanted numberdb.Number = 12025550145 // block as caller ID at a subscriber's request
)

const far = numberdb.Day(60000) // in the year 2134

func listed(callback, callerID numberdb.Standing, class numberdb.Class) numberdb.Listing {
	var l numberdb.Listing
	for role, standing := range map[numberdb.Role]numberdb.Standing{numberdb.RoleCallback: callback, numberdb.RoleCallerID: callerID} {
		r := &l.Roles[role]
		r.Brand, r.Class = "amazon", class
		switch standing {
		case numberdb.StandingWarn:
			r.WarnUntil = far
		case numberdb.StandingBlock:
			r.BlockUntil = far
		}
	}
	return l
}

var testList = list{
	fake:     listed(numberdb.StandingWarn, numberdb.StandingBlock, numberdb.ClassAnalytics),
	bad:      listed(numberdb.StandingBlock, numberdb.StandingWarn, numberdb.ClassAnalytics),
	unwanted: listed(numberdb.StandingNone, numberdb.StandingBlock, numberdb.ClassSubscriberRequest),
}

func withPatience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// warning is the clips of the warning that names Amazon.
func warning(rest ...string) []string {
	return append([]string{"warn-before", "brand/amazon", "warn-after"}, rest...)
}

func TestOutbound(t *testing.T) {
	requireKey := usPolicy
	requireKey.RequireKey = true
	reportOnly := usPolicy
	reportOnly.Screening.ReportOnly = true
	noHelpline := usPolicy
	noHelpline.Helpline = false
	for name, c := range map[string]struct {
		policy  callflow.Policy
		to      numberdb.Number
		press   string // once the choices are heard
		arrives string // at which phone; none if it is refused
		status  int    // where it is refused
		action  screening.Action
		reason  screening.Reason
		outcome screening.Outcome
		heard   []string
	}{
		"clean": {
			policy: usPolicy, to: clean, arrives: "carrier", reason: screening.ReasonClean, outcome: screening.Passed,
		},
		"warned, no key": {
			policy: usPolicy, to: fake, arrives: "carrier", action: screening.Warn, reason: screening.ReasonListedWarn,
			outcome: screening.WentOn, heard: warning("choices", "advice"),
		},
		"warned, skips": {
			policy: usPolicy, to: fake, press: "1", arrives: "carrier", action: screening.Warn, reason: screening.ReasonListedWarn,
			outcome: screening.Skipped, heard: warning("choices"),
		},
		"warned, helpline": {
			policy: usPolicy, to: fake, press: "2", arrives: "helpline", action: screening.Warn, reason: screening.ReasonListedWarn,
			outcome: screening.Helpline, heard: warning("choices"),
		},
		"warned, no helpline to go to": {
			policy: noHelpline, to: fake, press: "2", arrives: "carrier", action: screening.Warn, reason: screening.ReasonListedWarn,
			outcome: screening.WentOn, heard: warning("choices-no-helpline", "advice"),
		},
		"key required and not pressed": {
			policy: requireKey, to: fake, status: 603, action: screening.Warn, reason: screening.ReasonListedWarn,
			outcome: screening.NoKey, heard: warning("choices-key", "advice"),
		},
		"key required and pressed": {
			policy: requireKey, to: fake, press: "1", arrives: "carrier", action: screening.Warn, reason: screening.ReasonListedWarn,
			outcome: screening.Skipped, heard: warning("choices-key"),
		},
		"blocked": {
			policy: usPolicy, to: bad, status: 603, action: screening.Block, reason: screening.ReasonListedBlock,
			outcome: screening.Refused, heard: []string{"blocked-before", "brand/amazon", "blocked-after", "blocked-choice"},
		},
		"blocked, helpline": {
			policy: usPolicy, to: bad, press: "2", arrives: "helpline", action: screening.Block, reason: screening.ReasonListedBlock,
			outcome: screening.Helpline, heard: []string{"blocked-before", "brand/amazon", "blocked-after", "blocked-choice"},
		},
		"listed as caller ID only": {
			policy: usPolicy, to: unwanted, arrives: "carrier", reason: screening.ReasonClean, outcome: screening.Passed,
		},
		"report only": {
			policy: reportOnly, to: bad, arrives: "carrier", reason: screening.ReasonReportOnly, outcome: screening.Passed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := withPatience(t)
			if c.press == "1" || c.press == "2" && c.policy.Helpline {
				c.policy.KeyWait = patience // on a machine that stalls, the key may come late
			}
			s := seize(t).start(t, callflow.Options{List: testList, Policies: map[string]callflow.Policy{"default": c.policy}})
			call := s.dial(ctx, screening.Outbound, testbed.Invite{To: c.to.String(), From: "+12025550111"})
			if c.press != "" {
				if _, err := call.WaitHeard(ctx, s.sounds, c.heard[3]); err != nil {
					t.Fatalf("the choices were not heard: %v\n%s", err, s.log)
				}
				if err := call.Press(ctx, c.press); err != nil {
					t.Fatal(err)
				}
			}
			if c.arrives != "" {
				s.arrives(ctx, call, c.arrives)
				if c.arrives == "carrier" {
					s.stored(ctx, call)
				}
			} else {
				if err := call.WaitEnd(ctx); err != nil {
					t.Fatal(err)
				}
				if final := call.Final(); final == nil || final.Status != c.status || call.Answered() {
					t.Errorf("the caller got %v (answered: %v), want %d", final, call.Answered(), c.status)
				}
			}
			r := s.record(ctx)
			if r.Verdict.Action != c.action || r.Verdict.Reason != c.reason || r.Outcome != c.outcome {
				t.Errorf("got %v, %v, %v, want %v, %v, %v", r.Verdict.Action, r.Verdict.Reason, r.Outcome, c.action, c.reason, c.outcome)
			}
			if glanced := s.handled.Load() == 0; glanced != (c.reason == screening.ReasonClean) {
				t.Errorf("decided at a glance: %v", glanced)
			}
			if want := dialplan.ID(call.CallID(), ""); r.ID() != want {
				t.Errorf("the call's id is %q, its Call-ID makes it %q", r.ID(), want)
			}
			heard := s.heard(call)
			if c.press != "" && len(heard) == len(c.heard)+1 {
				heard = heard[:len(c.heard)] // the key came late: some of the advice was heard too
			}
			if played := len(c.heard) > 0; played != (r.Prompt != "") || played != (r.Language == "en") {
				t.Errorf("the record says that %q was played in %q", r.Prompt, r.Language)
			}
			if !slices.Equal(heard, c.heard) {
				t.Errorf("the caller heard %q, want %q", heard, c.heard)
			}
			if c.reason == screening.ReasonReportOnly { // the log is written after the record
				await(t, "a log line that says what the call would have got", func() bool {
					return strings.Contains(s.log.String(), "reason=report_only") && strings.Contains(s.log.String(), "would=block")
				}, s.log)
			}
			if strings.Contains(s.log.String(), "12025550") {
				t.Errorf("the log names a number:\n%s", s.log)
			}
		})
	}
}

func TestInbound(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: testList})
	t.Run("labelled", func(t *testing.T) {
		call := s.dial(ctx, screening.Inbound, testbed.Invite{To: "+12025550111", From: bad.String(), DisplayName: "Amazon"})
		taken := s.arrives(ctx, call, "subscriber")
		if name := taken.Invite().From.Name; name != "Fraud? Fake Amazon" {
			t.Errorf("the subscriber is shown %q", name)
		}
		s.stored(ctx, call) // DB() is what Asterisk refuses where an application has set a variable
		if got, want := s.heard(taken), []string{"whisper-before", "brand/amazon", "whisper-after"}; !slices.Equal(got, want) {
			t.Errorf("the subscriber heard %q, want %q", got, want)
		}
		if r := s.record(ctx); r.Verdict.Action != screening.Label || r.Outcome != screening.Labelled {
			t.Errorf("got %v, %v", r.Verdict, r.Outcome)
		}
	})
	for name, c := range map[string]struct {
		from   numberdb.Number
		status int
	}{
		"blocked":                           {fake, 603},
		"blocked at a subscriber's request": {unwanted, 607},
	} {
		t.Run(name, func(t *testing.T) {
			call := s.dial(ctx, screening.Inbound, testbed.Invite{To: "+12025550111", From: c.from.String()})
			if err := call.WaitEnd(ctx); err != nil {
				t.Fatal(err)
			}
			if final := call.Final(); final == nil || final.Status != c.status || slices.Contains(call.Statuses(), 180) || call.EarlyMedia() {
				t.Errorf("the caller got %v after %v, want %d before it rings", final, call.Statuses(), c.status)
			}
			if r := s.record(ctx); r.Outcome != screening.Refused {
				t.Errorf("got %v, %v", r.Verdict, r.Outcome)
			}
		})
	}
	t.Run("an emergency centre calls back", func(t *testing.T) {
		call := s.dial(ctx, screening.Inbound, testbed.Invite{
			To: "+12025550111", From: fake.String(), Headers: map[string]string{"Priority": "psap-callback"},
		})
		taken := s.arrives(ctx, call, "subscriber")
		if reason := taken.Invite().Header("X-Linewarden-Reason"); reason != "psap_callback" {
			t.Errorf("the reason is %q", reason)
		}
	})
}

// What a caller may send as a number must neither stop the call nor reach a log.
func TestHostileCallerIDs(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: testList})
	for name, c := range map[string]struct {
		from   string
		reason screening.Reason
	}{
		"200 characters":       {"<sip:" + strings.Repeat("9", 200) + "@127.0.0.1>", screening.ReasonUnparsable},
		"dialplan code":        {"<sip:$%7BSHELL(id)%7D@127.0.0.1>", screening.ReasonUnparsable},
		"UTF-8":                {"\"日本\" <sip:%E6%97%A5%E6%9C%AC@127.0.0.1>", screening.ReasonWithheld},
		"escaped NUL and CRLF": {"<sip:%00%0d%0a@127.0.0.1>", screening.ReasonWithheld},
		"anonymous":            {"\"Anonymous\" <sip:anonymous@anonymous.invalid>", screening.ReasonWithheld},
		"without a user":       {"<sip:127.0.0.1>", screening.ReasonWithheld},
	} {
		t.Run(name, func(t *testing.T) {
			call := s.dial(ctx, screening.Inbound, testbed.Invite{To: "+12025550111", RawFrom: c.from})
			s.arrives(ctx, call, "subscriber")
			if r := s.record(ctx); r.Verdict.Action != screening.Allow || r.Verdict.Reason != c.reason {
				t.Errorf("got %v, %v, want allow, %v", r.Verdict.Action, r.Verdict.Reason, c.reason)
			}
		})
	}
	for line := range strings.Lines(s.log.String()) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a log line was broken: %q", line)
		}
	}
}

func TestNoList(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: list(nil)})
	s.arrives(ctx, s.dial(ctx, screening.Outbound, testbed.Invite{To: bad.String(), From: "+12025550111"}), "carrier")
	if r := s.record(ctx); r.Verdict.Action != screening.Allow || r.Verdict.Reason != screening.ReasonNoList {
		t.Errorf("got %v", r.Verdict)
	}
	if n := strings.Count(s.log.String(), "reason=no_list"); n != 1 {
		t.Errorf("%d log lines tell of it, want 1:\n%s", n, s.log)
	}
}

func TestDeadline(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: testList, Deadline: 1}) // a nanosecond: no verdict is that fast
	s.arrives(ctx, s.dial(ctx, screening.Outbound, testbed.Invite{To: bad.String(), From: "+12025550111"}), "carrier")
	if r := s.record(ctx); r.Verdict.Action != screening.Allow || r.Verdict.Reason != screening.ReasonDeadline {
		t.Errorf("got %v", r.Verdict)
	}
}

// panicking fails on the way of a call.
type panicking struct{ list }

func (panicking) Lookup(numberdb.Number, numberdb.Day) numberdb.Listing { panic("as a bug would") }

func TestABugLetsTheCallGoOn(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: panicking{testList}})
	s.arrives(ctx, s.dial(ctx, screening.Outbound, testbed.Invite{To: bad.String(), From: "+12025550111"}), "carrier")
	if r := s.record(ctx); r.Verdict.Action != screening.Allow || r.Verdict.Reason != screening.ReasonFault {
		t.Errorf("got %v", r.Verdict)
	}
}

func TestHangingUpDuringTheWarning(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: testList})
	call := s.dial(ctx, screening.Outbound, testbed.Invite{To: fake.String(), From: "+12025550111"})
	if _, err := call.WaitHeard(ctx, s.sounds, "warn-before"); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(ctx); err != nil {
		t.Fatal(err)
	}
	if r := s.record(ctx); r.Outcome != screening.HungUp || r.Verdict.Reason != screening.ReasonListedWarn {
		t.Errorf("got %v, %v\n%s", r.Verdict, r.Outcome, s.log)
	}
}

// A Linewarden that stops lets go of its calls at once: a warning ends, and the call goes on.
func TestShutdownDuringTheWarning(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: testList})
	call := s.dial(ctx, screening.Outbound, testbed.Invite{To: fake.String(), From: "+12025550111"})
	if _, err := call.WaitHeard(ctx, s.sounds, "warn-before"); err != nil {
		t.Fatal(err)
	}
	s.stop()
	taken := s.arrives(ctx, call, "carrier")
	if reason := taken.Invite().Header("X-Linewarden-Reason"); reason != "shutdown" {
		t.Errorf("the reason is %q", reason)
	}
	if heard := s.heard(call); slices.Contains(heard, "advice") {
		t.Errorf("the warning went on to its end: %q", heard)
	}
}

// The dialplan of the exchange names the policy "default", and numbers are read by its rules.
func TestPolicyReadsNumbers(t *testing.T) {
	ctx := withPatience(t)
	s := seize(t).start(t, callflow.Options{List: testList})
	call := s.dial(ctx, screening.Outbound, testbed.Invite{To: "12025550144", From: "2025550111"})
	if err := call.WaitEnd(ctx); err != nil {
		t.Fatal(err)
	}
	r := s.record(ctx)
	if r.Policy != callflow.DefaultPolicy || r.Call.Called.Number != bad || r.Call.Calling.Number != 12025550111 {
		t.Errorf("policy %q read %v and %v", r.Policy, r.Call.Calling, r.Call.Called)
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	policies := map[string]callflow.Policy{"default": usPolicy}
	for want, o := range map[string]callflow.Options{
		"no list":         {Policies: policies, Languages: []string{"en"}},
		"no policy named": {List: testList, Languages: []string{"en"}},
		"language":        {List: testList, Policies: policies},
	} {
		if _, err := callflow.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one about %q", err, want)
		}
	}
}
