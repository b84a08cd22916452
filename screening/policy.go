package screening

import "github.com/linewarden/linewarden/numberdb"

// Policy is an operator's choice of how a trunk's calls are screened.
type Policy struct {
	// ReportOnly runs everything and changes nothing.
	ReportOnly bool
}

// Decide gives the verdict on a call. The first of these that applies decides: emergency, emergency centre calling back, genuine
// line, the subscriber's opt-out, the operator's allow list, the standing. other and subscriber are what the list says about the
// numbers of [Call.Other] and [Call.Subscriber]; the zero Listing where there is no number.
func (p Policy) Decide(c Call, other, subscriber numberdb.Listing, today numberdb.Day) Verdict {
	if c.Direction == Outbound && c.Called.Kind == numberdb.KindEmergency {
		return Verdict{Reason: ReasonEmergency}
	}
	if c.Direction == Inbound && c.PSAPCallback {
		return Verdict{Reason: ReasonPSAPBack}
	}
	l := &other.Roles[c.Direction.Role()]
	standing := l.At(today)
	switch {
	case standing == numberdb.StandingProtected:
		return Verdict{Reason: ReasonProtected, Standing: standing}
	case subscriber.Marks&numberdb.MarkOptOut != 0:
		return Verdict{Reason: ReasonOptOut}
	case other.Marks&numberdb.MarkAllowed != 0:
		return Verdict{Reason: ReasonAllowList}
	}
	v := Verdict{Standing: standing, Class: l.Class, Brand: l.Brand}
	switch standing {
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
