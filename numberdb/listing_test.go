package numberdb

import "testing"

// TestFill goes through what may hold of a number and of the ranges around it, on day 5.
func TestFill(t *testing.T) {
	decided := func(s Standing) RoleListing { return RoleListing{Override: s, Class: ClassDoNotOriginate} }
	none, ended := RoleListing{}, RoleListing{Override: StandingCleared, OverrideUntil: 5, Brand: "netflix"}
	watch, warn, block := RoleListing{WatchUntil: 9}, RoleListing{WarnUntil: 9, Brand: "amazon"}, RoleListing{BlockUntil: 9, Brand: "amazon"}
	branded := func(l RoleListing, b Brand) RoleListing { l.Brand = b; return l }
	steppedDown := RoleListing{Override: StandingBlock, OverrideUntil: 4, WarnUntil: 9}
	for name, tc := range map[string]struct{ own, around, want RoleListing }{
		"nothing at all":                                 {none, none, none},
		"only a range":                                   {none, decided(StandingBlock), decided(StandingBlock)},
		"only the number":                                {warn, none, warn},
		"a report in a blocked range":                    {watch, decided(StandingBlock), decided(StandingBlock)},
		"a trusted report in a blocked range":            {warn, decided(StandingBlock), branded(decided(StandingBlock), "amazon")},
		"three organisations in a blocked range":         {block, decided(StandingBlock), branded(decided(StandingBlock), "amazon")},
		"a range's own brand":                            {warn, branded(decided(StandingBlock), "microsoft"), branded(decided(StandingBlock), "microsoft")},
		"a report in a range with warnings":              {watch, decided(StandingWarn), decided(StandingWarn)},
		"three organisations in a range with warnings":   {block, decided(StandingWarn), block},
		"a trusted report in a watched range":            {warn, decided(StandingWatch), warn},
		"a report in a range of genuine lines":           {watch, decided(StandingProtected), decided(StandingProtected)},
		"three organisations in a range of genuine ones": {block, decided(StandingProtected), decided(StandingProtected)},
		"three organisations in a cleared range":         {block, decided(StandingCleared), decided(StandingCleared)},
		"blocked in a range of genuine lines":            {decided(StandingBlock), decided(StandingProtected), decided(StandingBlock)},
		"genuine in a blocked range":                     {decided(StandingProtected), decided(StandingBlock), decided(StandingProtected)},
		"watched by two people in a blocked range":       {decided(StandingWatch), decided(StandingBlock), decided(StandingWatch)},
		"a decision that has ended":                      {ended, decided(StandingWarn), decided(StandingWarn)},
		"a decision that has ended, and nothing":         {ended, none, ended},
		"a report in a range whose block has ended":      {watch, steppedDown, steppedDown},
		"a trusted report there":                         {warn, steppedDown, warn},
		"in a range about which nothing holds":           {watch, ended, watch},
	} {
		t.Run(name, func(t *testing.T) {
			var own, around Listing
			own.Roles[RoleCallerID], around.Roles[RoleCallerID] = tc.own, tc.around
			own.Marks, around.Marks = MarkOptOut, MarkAllowed
			own.Fill(&around, 5)
			if got := own.Roles[RoleCallerID]; got != tc.want || own.Roles[RoleCallback] != none || own.Marks != MarkOptOut|MarkAllowed {
				t.Errorf("got %+v, want %+v", own, tc.want)
			}
		})
	}
}

// TestFillFromTheBroadestIn has a range in a range: what was decided about the nearer one shields from the further one, even where reports are
// graver than either.
func TestFillFromTheBroadestIn(t *testing.T) {
	one := func(l RoleListing) Listing { return Listing{Roles: [RoleCount]RoleListing{l}} }
	x := NewIndex()
	x.Apply(Change{Target{1202555, true}, one(RoleListing{Override: StandingProtected})})
	x.Apply(Change{Target{12025550, true}, one(RoleListing{Override: StandingWarn})})
	x.Apply(Change{Target{12025550100, false}, one(RoleListing{BlockUntil: 9})})
	for n, want := range map[Number]Standing{12025550100: StandingBlock, 12025550101: StandingWarn, 12025551100: StandingProtected} {
		l := x.Lookup(n, 5)
		if got := l.Roles[RoleCallback].At(5); got != want {
			t.Errorf("%v is %v, want %v", n, got, want)
		}
	}
}
