package screening

import (
	"testing"

	"github.com/linewarden/linewarden/numberdb"
)

// today is the day of all tests.
const today numberdb.Day = 20_000

var (
	subscriberNumber = numberdb.Parsed{Kind: numberdb.KindE164, Number: 12025550101}
	otherNumber      = numberdb.Parsed{Kind: numberdb.KindE164, Number: 12025550143}
	emergencyNumber  = numberdb.Parsed{Kind: numberdb.KindEmergency}
)

// inbound and outbound are ordinary calls between the two numbers.
func inbound() Call {
	return Call{Direction: Inbound, Calling: otherNumber, Called: subscriberNumber}
}

func outbound() Call {
	return Call{Direction: Outbound, Calling: subscriberNumber, Called: otherNumber}
}

// standing is a listing with a standing in one role.
func standing(r numberdb.Role, s numberdb.Standing) (l numberdb.Listing) {
	l.Roles[r] = numberdb.RoleListing{Override: s, Brand: "amazon"}
	return l
}

// marked is a listing with only a mark.
func marked(m numberdb.Marks) numberdb.Listing { return numberdb.Listing{Marks: m} }

// both adds up what two listings say.
func both(a, b numberdb.Listing) numberdb.Listing {
	for r := range b.Roles {
		if b.Roles[r] != (numberdb.RoleListing{}) {
			a.Roles[r] = b.Roles[r]
		}
	}
	a.Marks |= b.Marks
	return a
}

func TestDecide(t *testing.T) {
	const callback, callerID = numberdb.RoleCallback, numberdb.RoleCallerID
	parsed := func(k numberdb.Kind) numberdb.Parsed { return numberdb.Parsed{Kind: k} }
	for _, tc := range []struct {
		name       string
		call       Call
		other      numberdb.Listing
		subscriber numberdb.Listing
		action     Action
		reason     Reason
	}{
		{"inbound, nothing known", inbound(), numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonClean},
		{"outbound, nothing known", outbound(), numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonClean},
		{"inbound watch", inbound(), standing(callerID, numberdb.StandingWatch), numberdb.Listing{}, Allow, ReasonWatched},
		{"outbound watch", outbound(), standing(callback, numberdb.StandingWatch), numberdb.Listing{}, Allow, ReasonWatched},
		{"inbound warn", inbound(), standing(callerID, numberdb.StandingWarn), numberdb.Listing{}, Label, ReasonListedWarn},
		{"outbound warn", outbound(), standing(callback, numberdb.StandingWarn), numberdb.Listing{}, Warn, ReasonListedWarn},
		{"inbound block", inbound(), standing(callerID, numberdb.StandingBlock), numberdb.Listing{}, Block, ReasonListedBlock},
		{"outbound block", outbound(), standing(callback, numberdb.StandingBlock), numberdb.Listing{}, Block, ReasonListedBlock},
		{"inbound cleared", inbound(), standing(callerID, numberdb.StandingCleared), numberdb.Listing{}, Allow, ReasonCleared},
		{"outbound cleared", outbound(), standing(callback, numberdb.StandingCleared), numberdb.Listing{}, Allow, ReasonCleared},
		{"inbound protected", inbound(), standing(callerID, numberdb.StandingProtected), numberdb.Listing{}, Allow, ReasonProtected},
		{"outbound protected", outbound(), standing(callback, numberdb.StandingProtected), numberdb.Listing{}, Allow, ReasonProtected},

		{"a forged caller ID never touches calls to its owner",
			outbound(), standing(callerID, numberdb.StandingBlock), numberdb.Listing{}, Allow, ReasonClean},
		{"a callback number never touches calls that show it",
			inbound(), standing(callback, numberdb.StandingBlock), numberdb.Listing{}, Allow, ReasonClean},

		{"inbound withheld", Call{Calling: parsed(numberdb.KindWithheld), Called: subscriberNumber},
			numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonWithheld},
		{"inbound unparsable", Call{Calling: parsed(numberdb.KindUnparsable), Called: subscriberNumber},
			numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonUnparsable},
		{"inbound from a short number", Call{Calling: parsed(numberdb.KindShort), Called: subscriberNumber},
			numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonShort},
		{"inbound showing an emergency number is no emergency call", Call{Calling: emergencyNumber, Called: subscriberNumber},
			numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonShort},
		{"outbound to a short number", Call{Direction: Outbound, Calling: subscriberNumber, Called: parsed(numberdb.KindShort)},
			numberdb.Listing{}, numberdb.Listing{}, Allow, ReasonShort},
		{"outbound from a withheld number to a listed one", Call{Direction: Outbound, Calling: parsed(numberdb.KindWithheld), Called: otherNumber},
			standing(callback, numberdb.StandingWarn), numberdb.Listing{}, Warn, ReasonListedWarn},

		{"the subscriber's own listing does not matter", outbound(), numberdb.Listing{},
			both(standing(callback, numberdb.StandingBlock), standing(callerID, numberdb.StandingBlock)), Allow, ReasonClean},
		{"the other party's opt-out is not the subscriber's",
			inbound(), both(standing(callerID, numberdb.StandingWarn), marked(numberdb.MarkOptOut)), numberdb.Listing{}, Label, ReasonListedWarn},
		{"the subscriber on the allow list is still screened",
			inbound(), standing(callerID, numberdb.StandingWarn), marked(numberdb.MarkAllowed), Label, ReasonListedWarn},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Policy{}.Decide(tc.call, tc.other, tc.subscriber, today)
			if v.Action != tc.action || v.Reason != tc.reason {
				t.Errorf("got %v because of %v, want %v because of %v", v.Action, v.Reason, tc.action, tc.reason)
			}
			if v.Would != v.Action {
				t.Errorf("would is %v, the action %v", v.Would, v.Action)
			}
		})
	}
}

// fact is one thing that decides, and the verdict that it gives when it alone is true. A fact holds for a call by changing it.
type fact struct {
	name   string
	holds  func(c *Call, other, subscriber *numberdb.Listing)
	reason Reason
}

// TestOrder takes every pair of facts that decide: where both hold, the one that comes first in DESIGN.md's order decides, however
// the two were written down; and each alone decides for itself, so that no pair passes because a fact does nothing.
func TestOrder(t *testing.T) {
	listed := func(r numberdb.Role, s numberdb.Standing) func(*Call, *numberdb.Listing, *numberdb.Listing) {
		return func(_ *Call, other, _ *numberdb.Listing) { other.Roles[r].Override = s }
	}
	// Of the two roles of a listing only one has the call's standing, so protection is told in the other one here.
	protectedOther := func(r numberdb.Role) func(*Call, *numberdb.Listing, *numberdb.Listing) {
		return listed(1-r, numberdb.StandingProtected)
	}
	optOut := func(_ *Call, _, subscriber *numberdb.Listing) { subscriber.Marks |= numberdb.MarkOptOut }
	allowed := func(_ *Call, other, _ *numberdb.Listing) { other.Marks |= numberdb.MarkAllowed }
	for name, facts := range map[string][]fact{
		"inbound": {
			{"psap-callback", func(c *Call, _, _ *numberdb.Listing) { c.PSAPCallback = true }, ReasonPSAPBack},
			{"protected", protectedOther(numberdb.RoleCallerID), ReasonProtected},
			{"opt-out", optOut, ReasonOptOut},
			{"allow list", allowed, ReasonAllowList},
			{"standing", listed(numberdb.RoleCallerID, numberdb.StandingBlock), ReasonListedBlock},
			{"allow", func(*Call, *numberdb.Listing, *numberdb.Listing) {}, ReasonClean},
		},
		"outbound": {
			{"emergency", func(c *Call, _, _ *numberdb.Listing) { c.Called = emergencyNumber }, ReasonEmergency},
			{"protected", protectedOther(numberdb.RoleCallback), ReasonProtected},
			{"opt-out", optOut, ReasonOptOut},
			{"allow list", allowed, ReasonAllowList},
			{"standing", listed(numberdb.RoleCallback, numberdb.StandingBlock), ReasonListedBlock},
			{"allow", func(*Call, *numberdb.Listing, *numberdb.Listing) {}, ReasonClean},
		},
	} {
		decide := func(facts ...fact) Reason {
			c, other, subscriber := inbound(), numberdb.Listing{}, numberdb.Listing{}
			if name == "outbound" {
				c = outbound()
			}
			for _, f := range facts {
				f.holds(&c, &other, &subscriber)
			}
			return Policy{}.Decide(c, other, subscriber, today).Reason
		}
		for i, first := range facts {
			if got := decide(first); got != first.reason {
				t.Errorf("%s: %s alone gives %v, want %v", name, first.name, got, first.reason)
			}
			for _, second := range facts[i+1:] {
				for _, got := range []Reason{decide(first, second), decide(second, first)} {
					if got != first.reason {
						t.Errorf("%s: %s and %s give %v, want %v", name, first.name, second.name, got, first.reason)
					}
				}
			}
		}
	}
}

func TestEmergencyBelongsToTheDialledNumber(t *testing.T) {
	block := standing(numberdb.RoleCallback, numberdb.StandingBlock)
	c := outbound()
	c.PSAPCallback = true // a subscriber's own Priority header buys nothing
	if v := (Policy{}).Decide(c, block, numberdb.Listing{}, today); v.Action != Block {
		t.Errorf("an outbound call with Priority: psap-callback got %v because of %v, want block", v.Action, v.Reason)
	}
}

func TestProtectionAcrossRoles(t *testing.T) {
	const callback, callerID = numberdb.RoleCallback, numberdb.RoleCallerID
	dno := func(r numberdb.Role, s numberdb.Standing) numberdb.Listing {
		l := standing(r, s)
		l.Roles[r].Class = numberdb.ClassDoNotOriginate
		return l
	}
	for _, tc := range []struct {
		name   string
		call   Call
		other  numberdb.Listing
		reason Reason
	}{
		{"a hospital's line, forged and reported", inbound(),
			both(standing(callback, numberdb.StandingProtected), standing(callerID, numberdb.StandingBlock)), ReasonProtected},
		{"a genuine caller, reported as a callback number", outbound(),
			both(standing(callerID, numberdb.StandingProtected), standing(callback, numberdb.StandingWarn)), ReasonProtected},
		{"a genuine line about which the role says nothing", inbound(), standing(callback, numberdb.StandingProtected), ReasonProtected},
		{"a bank's line that never calls, shown by a caller", inbound(),
			both(standing(callback, numberdb.StandingProtected), dno(callerID, numberdb.StandingBlock)), ReasonListedBlock},
		{"a bank's line that never calls, only warned about", inbound(),
			both(standing(callback, numberdb.StandingProtected), dno(callerID, numberdb.StandingWarn)), ReasonListedWarn},
		{"a bank's line that never calls, being dialled", outbound(),
			both(standing(callback, numberdb.StandingProtected), dno(callerID, numberdb.StandingBlock)), ReasonProtected},
		{"do not originate says nothing about dialling", outbound(),
			both(standing(callerID, numberdb.StandingProtected), dno(callback, numberdb.StandingBlock)), ReasonProtected},
		{"do not originate that has ended", inbound(), func() numberdb.Listing {
			l := both(standing(callback, numberdb.StandingProtected), dno(callerID, numberdb.StandingBlock))
			l.Roles[callerID].OverrideUntil = today
			return l
		}(), ReasonProtected},
		{"protection that has ended", inbound(), func() numberdb.Listing {
			l := both(standing(callback, numberdb.StandingProtected), standing(callerID, numberdb.StandingBlock))
			l.Roles[callback].OverrideUntil = today
			return l
		}(), ReasonListedBlock},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Policy{}.Decide(tc.call, tc.other, numberdb.Listing{}, today)
			if v.Reason != tc.reason {
				t.Errorf("got %v because of %v, want %v", v.Action, v.Reason, tc.reason)
			}
			if v.Reason == ReasonProtected && v.Standing != numberdb.StandingProtected {
				t.Errorf("the verdict's standing is %v, want protected", v.Standing)
			}
		})
	}
}

func TestReportOnly(t *testing.T) {
	const callback, callerID = numberdb.RoleCallback, numberdb.RoleCallerID
	for _, tc := range []struct {
		name   string
		call   Call
		other  numberdb.Listing
		would  Action
		reason Reason
	}{
		{"inbound warn", inbound(), standing(callerID, numberdb.StandingWarn), Label, ReasonReportOnly},
		{"inbound block", inbound(), standing(callerID, numberdb.StandingBlock), Block, ReasonReportOnly},
		{"outbound warn", outbound(), standing(callback, numberdb.StandingWarn), Warn, ReasonReportOnly},
		{"outbound block", outbound(), standing(callback, numberdb.StandingBlock), Block, ReasonReportOnly},
		{"what passes anyway keeps its reason", outbound(), standing(callback, numberdb.StandingWatch), Allow, ReasonWatched},
		{"nothing known", outbound(), numberdb.Listing{}, Allow, ReasonClean},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Policy{ReportOnly: true}.Decide(tc.call, tc.other, numberdb.Listing{}, today)
			if v.Action != Allow || v.Reason != tc.reason || v.Would != tc.would {
				t.Errorf("got %v because of %v, would be %v; want allow because of %v, would be %v", v.Action, v.Reason, v.Would, tc.reason, tc.would)
			}
			if tc.reason != ReasonReportOnly {
				return
			}
			inEarnest := Policy{}.Decide(tc.call, tc.other, numberdb.Listing{}, today)
			if v.Standing != inEarnest.Standing || v.Brand != inEarnest.Brand || v.Class != inEarnest.Class {
				t.Errorf("report-only says %+v about the listing, the real thing %+v", v, inEarnest)
			}
		})
	}
}

func TestVerdictTellsTheListingThatDecided(t *testing.T) {
	l := numberdb.Listing{}
	l.Roles[numberdb.RoleCallerID] = numberdb.RoleListing{
		BlockUntil: today + 1, WarnUntil: today + 90, WatchUntil: today + 180, Class: numberdb.ClassSubscriberRequest, Brand: "microsoft",
	}
	l.Roles[numberdb.RoleCallback] = numberdb.RoleListing{WarnUntil: today + 1, Brand: "amazon"}
	v := Policy{}.Decide(inbound(), l, numberdb.Listing{}, today)
	want := Verdict{Block, ReasonListedBlock, Block, numberdb.StandingBlock, numberdb.ClassSubscriberRequest, "microsoft"}
	if v != want {
		t.Errorf("got %+v, want %+v", v, want)
	}
	want = Verdict{Label, ReasonListedWarn, Label, numberdb.StandingWarn, numberdb.ClassSubscriberRequest, "microsoft"}
	if v = (Policy{}).Decide(inbound(), l, numberdb.Listing{}, today+1); v != want {
		t.Errorf("a day later: got %+v, want %+v", v, want)
	}
}

// FuzzDecide holds what must be true whatever the list says.
func FuzzDecide(f *testing.F) {
	f.Add(uint8(1), uint8(4), uint8(0), uint8(3), uint8(3), uint8(1), uint8(0), uint8(0), uint8(0), uint16(20_000), uint16(0), false, false)
	f.Add(uint8(0), uint8(2), uint8(4), uint8(5), uint8(3), uint8(1), uint8(0), uint8(3), uint8(3), uint16(20_000), uint16(20_001), true, true)
	f.Add(uint8(0), uint8(2), uint8(2), uint8(0), uint8(5), uint8(0), uint8(2), uint8(0), uint8(0), uint16(1), uint16(1), false, true)
	f.Fuzz(func(t *testing.T, direction, calling, called, callback, callerID, callbackClass, callerIDClass, otherMarks, subscriberMarks uint8,
		day, until uint16, psap, reportOnly bool) {
		kind := func(k uint8) numberdb.Parsed {
			p := numberdb.Parsed{Kind: numberdb.Kind(k % 5)}
			if p.Kind == numberdb.KindE164 {
				p.Number = 12025550143
			}
			return p
		}
		c := Call{Direction: Direction(direction % 2), Calling: kind(calling), Called: kind(called), PSAPCallback: psap}
		other := numberdb.Listing{Marks: numberdb.Marks(otherMarks)}
		other.Roles[numberdb.RoleCallback] = numberdb.RoleListing{
			Override: numberdb.Standing(callback % 6), OverrideUntil: numberdb.Day(until), WarnUntil: numberdb.Day(until), Class: numberdb.Class(callbackClass % 3),
		}
		other.Roles[numberdb.RoleCallerID] = numberdb.RoleListing{
			Override: numberdb.Standing(callerID % 6), OverrideUntil: numberdb.Day(until), BlockUntil: numberdb.Day(until), Class: numberdb.Class(callerIDClass % 3),
		}
		subscriber := numberdb.Listing{Marks: numberdb.Marks(subscriberMarks)}
		p := Policy{ReportOnly: reportOnly}
		v := p.Decide(c, other, subscriber, numberdb.Day(day))

		if !v.Reason.OccursWith(v.Action) {
			t.Errorf("%v because of %v: the table says that this never occurs", v.Action, v.Reason)
		}
		if v.Action == Label && c.Direction != Inbound || v.Action == Warn && c.Direction != Outbound {
			t.Errorf("an %v call got %v", c.Direction, v.Action)
		}
		if reportOnly && v.Action != Allow {
			t.Errorf("report-only, but the call got %v", v.Action)
		}
		emergency := c.Direction == Outbound && c.Called.Kind == numberdb.KindEmergency || c.Direction == Inbound && psap
		if emergency && (v != Verdict{Reason: v.Reason} || v.Reason != ReasonEmergency && v.Reason != ReasonPSAPBack) {
			t.Errorf("an emergency call got %+v", v)
		}
		role := c.Direction.Role()
		own, across := other.Roles[role], other.Roles[1-role]
		protected := own.At(numberdb.Day(day)) == numberdb.StandingProtected ||
			across.At(numberdb.Day(day)) == numberdb.StandingProtected && (role == numberdb.RoleCallback || own.Class != numberdb.ClassDoNotOriginate)
		if protected && v.Would != Allow {
			t.Errorf("a genuine line would get %v because of %v", v.Would, v.Reason)
		}
		if v.Would != Allow && (subscriber.Marks&numberdb.MarkOptOut != 0 || other.Marks&numberdb.MarkAllowed != 0) {
			t.Errorf("would get %v despite opt-out or allow list", v.Would)
		}
		// What the number does in the other role matters only if it is protected there.
		if across.At(numberdb.Day(day)) != numberdb.StandingProtected {
			other.Roles[1-role] = numberdb.RoleListing{}
			if alone := p.Decide(c, other, subscriber, numberdb.Day(day)); alone != v {
				t.Errorf("the listing in the other role changes %+v to %+v", alone, v)
			}
		}
	})
}

func TestDecideDoesNotAllocate(t *testing.T) {
	other := standing(numberdb.RoleCallback, numberdb.StandingWarn)
	c := outbound()
	if n := testing.AllocsPerRun(100, func() { sink = Policy{}.Decide(c, other, numberdb.Listing{}, today) }); n != 0 {
		t.Errorf("%v allocations per decision, want 0", n)
	}
}

// sink keeps results alive, so that the compiler does not remove what is measured.
var sink Verdict

func BenchmarkDecide(b *testing.B) {
	for _, bc := range []struct {
		name  string
		call  Call
		other numberdb.Listing
	}{
		{"clean", inbound(), numberdb.Listing{}},
		{"warn", outbound(), standing(numberdb.RoleCallback, numberdb.StandingWarn)},
		{"protected", inbound(), standing(numberdb.RoleCallback, numberdb.StandingProtected)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = Policy{}.Decide(bc.call, bc.other, numberdb.Listing{}, today)
			}
		})
	}
}
