package numberdb

import (
	"sync/atomic"

	"github.com/nyaruka/phonenumbers"
)

// Most calls carry +E.164, and most of those texts are already what the numbering plan makes of them. This file knows which ones,
// so that they need neither regular expressions nor memory. All others, such as those with a national prefix behind the country
// code (+44020…), are left to the reading by plan.

// minPlanDigits is the fewest digits behind the country code that are read here. Emergency numbers behind a country code are
// shorter.
const minPlanDigits = 7

// canonical reads canonical +E.164, and the same without the plus where bare digits are that; zero if raw is anything else.
func (o Origin) canonical(raw string) Number {
	digits := raw
	if len(raw) > 0 && raw[0] == '+' {
		digits = raw[1:]
	} else if o.Bare != BareE164 {
		return 0
	}
	n := canonicalE164(digits)
	if n != 0 && o.ExtraEmergency != "" && o.listsEmergency(digits) {
		return 0
	}
	return n
}

// canonicalE164 reads the digits of a number that its country's plan could have by length and would not rewrite; zero if they are
// anything else.
func canonicalE164(digits string) Number {
	if len(digits) < 1+minPlanDigits || len(digits) > 15 {
		return 0
	}
	var n Number
	for i := 0; i < len(digits); i++ {
		d := digits[i] - '0'
		if d > 9 {
			return 0
		}
		n = n*10 + Number(d)
	}
	if p := planOf(digits); p != nil && p.takes(digits[p.codeLen:]) {
		return n
	}
	return 0
}

// takes says whether the national digits are a number that the plan could have by length and would not rewrite.
func (p *plan) takes(national string) bool {
	return len(national) >= minPlanDigits && p.codeLen+len(national) <= 15 && p.lengths&(1<<len(national)) != 0 &&
		!p.rewrites.has(leadOf(national))
}

// plan is what canonicalE164 needs to know of the numbers of one country code.
type plan struct {
	code      int // the country code, such as 44
	codeLen   int // its digits
	lengths   uint32
	emergency uint32  // bit i is set if an emergency number of a region with the code might have i digits
	rewrites  leadSet // the first three national digits with which numbers might be rewritten
}

// leadSet is a set of three-digit numbers.
type leadSet [1000/64 + 1]uint64

func (s *leadSet) has(lead int) bool { return s[lead/64]&(1<<(lead%64)) != 0 }

// addAll adds the leads from lo up to, not including, hi.
func (s *leadSet) addAll(lo, hi int) {
	for lead := lo; lead < hi; lead++ {
		s[lead/64] |= 1 << (lead % 64)
	}
}

// leadOf is the number that the first three of the digits form.
func leadOf(digits string) int {
	return int(digits[0]-'0')*100 + int(digits[1]-'0')*10 + int(digits[2]-'0')
}

// plans holds the plan of each three leading digits of E.164 once it was asked for, so that starting up costs nothing.
var plans [1000]atomic.Pointer[plan]

// noPlan stands for leading digits that are no country code.
var noPlan = new(plan)

// planOf is the plan of the numbers that begin with the digits, of which there are at least three; nil if no country has them.
func planOf(digits string) *plan {
	slot := &plans[leadOf(digits)]
	p := slot.Load()
	if p == nil {
		p = newPlan(digits[:3])
		slot.Store(p) // another goroutine may have stored an equal one
	}
	if p == noPlan {
		return nil
	}
	return p
}

func newPlan(lead string) *plan {
	meta, codeLen := metadataOf(lead)
	if meta == nil {
		return noPlan
	}
	p := &plan{code: int(meta.GetCountryCode()), codeLen: codeLen}
	p.lengths = lengthSet(meta.GetGeneralDesc().GetPossibleLength())
	p.emergency = emergencyLengths(p.code)
	if prefix := meta.GetNationalPrefixForParsing(); prefix != "" {
		markRewrites(&p.rewrites, prefix)
	}
	return p
}

// lengthSet has bit i set for a length i among those given.
func lengthSet(lengths []int32) (set uint32) {
	for _, l := range lengths {
		if l > 0 && l < 32 {
			set |= 1 << l
		}
	}
	return set
}

// metadataOf finds the plan data by which phonenumbers reads international numbers that begin with lead: those of the main region
// of the country code. No country code is the beginning of another, so the shortest is it.
func metadataOf(lead string) (*phonenumbers.PhoneMetadata, int) {
	all, err := phonenumbers.MetadataCollection()
	if err != nil || lead[0] == '0' { // an error cannot happen: the data was loaded when the program started
		return nil, 0
	}
	code := 0
	for i := range lead {
		code = code*10 + int(lead[i]-'0')
		region := phonenumbers.GetRegionCodeForCountryCode(code)
		if region == phonenumbers.UNKNOWN_REGION {
			continue
		}
		for _, meta := range all.GetMetadata() {
			if meta.GetId() == region && int(meta.GetCountryCode()) == code {
				return meta, i + 1
			}
		}
	}
	return nil, 0
}

// markRewrites adds to the set all leads of national numbers at whose beginning the pattern of a national prefix might match.
func markRewrites(set *leadSet, prefix string) {
	p, err := newPattern(prefix)
	if err != nil {
		set.addAll(0, 1000)
		return
	}
	p.walk(3, func(lo, hi int, m leadMatch) {
		if !m.none() {
			set.addAll(lo, hi)
		}
	})
}
