package numberdb

// Dossier is all that is known about one target, and the reference for what a store does with a report or decision: the store's
// scripts are tested against it. The zero value knows nothing. A Dossier is not safe for concurrent use.
type Dossier struct {
	Listing  Listing
	Evidence [RoleCount]Evidence // by Role

	seen map[reporter]Day // the day of each reporter's newest report that counted
}

// reporter is whose reports count once. The source is part of it: nobody can use up another's report by taking their name.
type reporter struct {
	role         Role
	forging      bool
	trusted      bool
	organisation string
	name         string
}

// Report counts a report that has been checked. genuine are the roles in which a range around the number is protected or cleared,
// which a decision on the number itself outdoes.
func (d *Dossier) Report(r *Rules, rep *Report, genuine Roles, today Day) Receipt {
	receipt := Receipt{Repeat: true}
	for role := range Role(RoleCount) {
		if !rep.Roles.Has(role) {
			continue
		}
		e, l := &d.Evidence[role], &d.Listing.Roles[role]
		day := DayOf(rep.At)
		forging := l.isGenuine(today) || genuine.Has(role) && !l.inForce(today)
		who := reporter{role, forging, rep.Source.Trusted(), rep.Source.Organisation, rep.Reporter}
		before := d.seen[who]
		if d.seen == nil {
			d.seen = map[reporter]Day{}
		}
		d.seen[who] = max(before, day)
		receipt.Repeat = receipt.Repeat && before != 0
		if forging {
			receipt.Forging = true
			if before == 0 {
				e.Forged++
			}
			continue
		}
		e.add(r, rep.Source, rep.Brand, day, before)
		e.Earned = r.Earned(e)
		l.earn(e, today)
	}
	receipt.Listing = d.Listing
	return receipt
}

// Decide makes a decision that has been checked. It changes nothing and returns false if what it would replace needs an approver.
func (d *Dossier) Decide(r *Rules, decision *Decision, today Day) bool {
	if !decision.Approved() && decision.NeedsApproverOver(&d.Listing, today) {
		return false
	}
	made := *decision
	made.Prolong(r, &d.Listing)
	ruling := r.Ruling(&made)
	for role := range Role(RoleCount) {
		if !decision.Roles.Has(role) {
			continue
		}
		l, v := &d.Listing.Roles[role], ruling
		if decision.yields(l, today) {
			v = v.yielding()
		}
		l.rule(&v, &d.Evidence[role])
	}
	return true
}

// yields says whether a decision holds nothing down, where the list says l about its target in one role on a day, ranges around it included:
// a warning by one person, unless it softens a block, which is the emergency brake, or takes the place of a decision about the number itself,
// which has the word of two or is a brake. It then stands beside what reports earn, and what is graver holds, whether it is reported about
// the number or two people decide it about a range. Otherwise an insider could warn about a number before it is blocked, and so keep it from that.
func (d *Decision) yields(l *RoleListing, today Day) bool {
	return d.Standing == StandingWarn && !d.Approved() && !l.inForce(today) && l.At(today) != StandingBlock
}

// yielding is the ruling of a warning that holds nothing down.
func (v Ruling) yielding() Ruling {
	v.Standing, v.Until, v.After.Warn = StandingNone, 0, v.Until
	return v
}

// inForce says whether a decision is in force.
func (l *RoleListing) inForce(today Day) bool {
	return l.Override != StandingNone && (l.OverrideUntil == 0 || today < l.OverrideUntil)
}

// isGenuine says whether a person has found the number to be a genuine line or clean.
func (l *RoleListing) isGenuine(today Day) bool {
	s := l.At(today)
	return s == StandingProtected || s == StandingCleared
}

// earn brings the listing up to what the evidence has earned. A decision in force keeps its class and, if it named one, its brand, and that it
// keeps for as long as it has people warned beyond what reports earn; one that has ended leaves nothing else behind.
func (l *RoleListing) earn(e *Evidence, today Day) {
	inForce := l.inForce(today)
	if !inForce {
		l.Override, l.OverrideUntil, l.Class = StandingNone, 0, ClassAnalytics
	}
	warns := today < l.WarnUntil && l.WarnUntil > e.Earned.Warn
	if e.Brand != "" && (l.Brand == "" || !inForce && !warns) {
		l.Brand = e.Brand
	}
	l.setEnds(e.Earned.latest(Ends{l.BlockUntil, l.WarnUntil, l.WatchUntil}))
}

// rule puts a ruling, or with StandingNone nothing, over what the evidence has earned.
func (l *RoleListing) rule(v *Ruling, e *Evidence) {
	*l = RoleListing{Override: v.Standing, OverrideUntil: v.Until, Class: v.Class, Brand: v.Brand}
	if l.Brand == "" {
		l.Brand = e.Brand
	}
	l.setEnds(e.Earned.latest(v.After))
}

// setEnds sets the ends of what is below the override. A role about which nothing is left to say is zero.
func (l *RoleListing) setEnds(ends Ends) {
	l.BlockUntil, l.WarnUntil, l.WatchUntil = ends.Block, ends.Warn, ends.Watch
	if l.Override == StandingNone && ends == (Ends{}) {
		*l = RoleListing{}
	}
}
