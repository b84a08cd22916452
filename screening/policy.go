package screening

import "github.com/linewarden/linewarden/numberdb"

// Policy is an operator's choice of how a trunk's calls are screened.
type Policy struct {
	// ReportOnly runs everything and changes nothing.
	ReportOnly bool
}

// Decide gives the verdict on a call. The first of these that applies decides: emergency, emergency centre calling back, genuine
// line, the subscriber's opt-out, the operator's allow list, the standing. other and subscriber are what the list says about the
// numbers of [Call.Other] and [Call.Subscriber]; the zero Listing where there is no number. It does not allocate.
func (p Policy) Decide(c Call, other, subscriber numberdb.Listing, today numberdb.Day) Verdict {
	if c.Direction == Outbound && c.Called.Kind == numberdb.KindEmergency {
		return Verdict{Reason: ReasonEmergency}
	}
	if c.Direction == Inbound && c.PSAPCallback {
		return Verdict{Reason: ReasonPSAPBack}
	}
	switch {
	case genuine(&other, c.Direction.Role(), today):
		return Verdict{Reason: ReasonProtected, Standing: numberdb.StandingProtected}
	case subscriber.Marks&numberdb.MarkOptOut != 0:
		return Verdict{Reason: ReasonOptOut}
	case other.Marks&numberdb.MarkAllowed != 0:
		return Verdict{Reason: ReasonAllowList}
	}
	l := &other.Roles[c.Direction.Role()]
	v := Verdict{Standing: l.At(today), Class: l.Class, Brand: l.Brand}
	switch v.Standing {
	case numberdb.StandingCleared:
		v.Reason = ReasonCleared
	case numberdb.StandingWatch:
		v.Reason = ReasonWatched
	case numberdb.StandingWarn:
		v.Reason, v.Action = ReasonListedWarn, Warn
		if c.Direction == Inbound {
			v.Action = Label
		}
	case numberdb.StandingBlock:
		v.Reason, v.Action = ReasonListedBlock, Block
	default:
		return Verdict{Reason: reasonWithoutNumber(c.Other().Kind)}
	}
	v.Would = v.Action
	if p.ReportOnly && v.Action != Allow {
		v.Action, v.Reason = Allow, ReasonReportOnly
	}
	return v
}

// genuine says whether the number is a genuine line for a call in which it plays the given role.
//
// A line is genuine whichever way a call goes: a hospital protected as one that people dial must not be labelled a scam when it calls
// them, because somebody forged its number and that was reported. So protection in any role counts in all. One thing stands above
// that: a number that by its own holder's word never makes calls (do not originate), such as a bank's support line. It is protected
// for those who dial it, and for that very reason every call that shows it is forged.
func genuine(l *numberdb.Listing, role numberdb.Role, today numberdb.Day) bool {
	own := &l.Roles[role]
	switch own.At(today) {
	case numberdb.StandingProtected:
		return true
	case numberdb.StandingWarn, numberdb.StandingBlock:
		if role == numberdb.RoleCallerID && own.Class == numberdb.ClassDoNotOriginate {
			return false
		}
	}
	for r := range l.Roles {
		if l.Roles[r].At(today) == numberdb.StandingProtected {
			return true
		}
	}
	return false
}

// reasonWithoutNumber is the reason for letting a call pass about whose other party the list says nothing.
func reasonWithoutNumber(k numberdb.Kind) Reason {
	switch k {
	case numberdb.KindE164:
		return ReasonClean
	case numberdb.KindWithheld:
		return ReasonWithheld
	case numberdb.KindShort, numberdb.KindEmergency:
		return ReasonShort
	}
	return ReasonUnparsable
}
