package numberdb

import (
	"fmt"
	"math/bits"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/nyaruka/phonenumbers"
)

// Most trunks deliver and send numbers as people of their country dial them: 2025550143, 02079460123, 00442079460123. Reading these by
// plan takes a dozen regular expressions. This file learns from the same plans, once for each region, how a number must begin for
// its reading to be plain, whatever its other digits: which digits are a prefix, which are none. What is not plain is left to the
// reading by plan, and so is all that might be a short or an emergency number. Tests hold both readings to be the same.

const (
	leastDialled = 7  // digits; shorter ones may be short numbers
	mostDialled  = 19 // as many as a word holds
	leadDialled  = 4  // the digits that decide
)

// dialPlan is how the people of one region dial.
type dialPlan struct {
	code  string // the country code, such as 44
	home  *plan  // of the numbers of that code
	own   uint32 // bit i is set if the region has numbers of i digits behind the country code
	most  int    // the most digits of them, and of those that can only be dialled within an area
	leads [10_000]dialLead
}

// dialLead is what the first four digits say about the rest.
//
//	bits 0 to 2    how many of them are a prefix
//	bits 3 and 4   what prefix
//	bits 5 to 31   bit 5+i is set if the region's numbers of i digits, without a prefix, might begin so
type dialLead uint32

const (
	prefixUnclear  = iota // it depends on what follows, or the number may be for an emergency
	prefixNone            // no prefix begins so
	prefixNational        // the national prefix, and nothing else
	prefixWorld           // the international prefix, and nothing else

	prefixShift, prefixMask = 3, 3
	lengthsShift            = 5
)

func (l dialLead) prefix() int          { return int(l >> prefixShift & prefixMask) }
func (l dialLead) prefixLen() int       { return int(l & (1<<prefixShift - 1)) }
func (l dialLead) mightHave(n int) bool { return l>>(lengthsShift+n)&1 != 0 }

// dialLeadOf is the number that the first four of the digits form.
func dialLeadOf(digits string) int { return leadOf(digits)*10 + int(digits[3]-'0') }

// national reads what people of the region dial for a number anywhere; zero if that is not plain. It takes digits alone.
func (o Origin) national(raw string) Number {
	if len(raw) < leastDialled || len(raw) > mostDialled || o.Bare == BareE164 && raw[0] != '0' {
		return 0
	}
	for i := range len(raw) {
		if raw[i]-'0' > 9 {
			return 0
		}
	}
	if o.endsAsEmergency(raw) || worldEmergency(raw) {
		return 0
	}
	d := dialPlanOf(o.Region)
	if d == nil {
		return 0
	}
	lead := d.leads[dialLeadOf(raw)]
	if rest, ok := strings.CutPrefix(raw, d.code); ok && lead.prefix() != prefixWorld {
		// Their own country code without a plus, or a number that begins like it.
		restLead := d.leads[dialLeadOf(rest)]
		switch {
		case restLead.prefix() != prefixNone:
			return 0
		case len(raw) > d.most:
			return d.number(rest)
		case restLead.mightHave(len(rest)):
			return 0
		}
	}
	switch rest := raw[lead.prefixLen():]; lead.prefix() {
	case prefixNone:
		if d.home.lengths&(1<<len(raw)) != 0 {
			return d.number(raw)
		}
		return fromElsewhere(raw)
	case prefixNational:
		// What is a number of the region with the prefix may be meant as it stands.
		if !lead.mightHave(len(raw)) && d.own&(1<<len(rest)) != 0 {
			return d.number(rest)
		}
	case prefixWorld:
		return canonicalE164(rest)
	}
	return 0
}

// fromElsewhere reads digits behind an international prefix that is not the region's own.
func fromElsewhere(raw string) Number {
	for _, prefix := range worldPrefixes {
		if rest, ok := strings.CutPrefix(raw, prefix); ok {
			return canonicalE164(rest)
		}
	}
	return 0
}

// number is the number of the region's country code with the national digits; zero if its plan could have none such, or would rewrite it.
func (d *dialPlan) number(national string) Number {
	if !d.home.takes(national) {
		return 0
	}
	n := Number(d.home.code)
	for i := range len(national) {
		n = n*10 + Number(national[i]-'0')
	}
	return n
}

// endsAsEmergency says whether the digits end like one of the operator's own emergency numbers, which covers all prefixes in front of it.
func (o Origin) endsAsEmergency(digits string) bool {
	for rest := o.ExtraEmergency; rest != ""; {
		number := rest
		if end := strings.IndexAny(rest, " ,"); end >= 0 {
			number, rest = rest[:end], rest[end+1:]
		} else {
			rest = ""
		}
		if number != "" && strings.HasSuffix(digits, number) {
			return true
		}
	}
	return false
}

// worldEmergency says whether digits that begin with an international prefix of any region might be for an emergency behind a country
// code, other than those that [Origin.endsAsEmergency] tells.
func worldEmergency(digits string) bool {
	if digits[0] != '0' {
		return false
	}
	for _, prefix := range worldPrefixes {
		rest, ok := strings.CutPrefix(digits, prefix)
		if !ok {
			continue
		}
		if len(rest) <= maxEmergencyDigits {
			return true
		}
		if p := planOf(rest); p != nil && p.emergency&(1<<(len(rest)-p.codeLen)) != 0 {
			return true
		}
	}
	return false
}

// anyEmergency has a bit set for each length that an emergency number can have.
const anyEmergency = 1<<(maxEmergencyDigits+1) - 1

// emergencyLengths has bit i set if an emergency number of i digits might be that of a region with the country code, or of all.
func emergencyLengths(code int) uint32 {
	set := uint32(1 << len("112"))
	shorts, err := phonenumbers.ShortNumberMetadataCollection()
	if err != nil { // cannot happen: the data was loaded when the program started
		return anyEmergency
	}
	for _, region := range phonenumbers.GetRegionCodesForCountryCode(code) {
		expr := metadataOfRegion(shorts, region).GetEmergency().GetNationalNumberPattern()
		if expr == "" {
			continue
		}
		p, err := newPattern(expr)
		if err != nil {
			return anyEmergency
		}
		set |= p.wholeLengths(p.start().might, 0)
	}
	return set
}

// dialPlans holds the plan of each region by its two letters, once it was asked for.
var dialPlans [26 * 26]atomic.Pointer[dialPlan]

// noDialPlan stands for letters that are no region.
var noDialPlan = new(dialPlan)

// dialPlanOf is how the people of a region dial, nil for a region without a plan.
func dialPlanOf(region string) *dialPlan {
	if len(region) != 2 || region[0]-'A' > 25 || region[1]-'A' > 25 {
		return nil
	}
	slot := &dialPlans[int(region[0]-'A')*26+int(region[1]-'A')]
	d := slot.Load()
	if d == nil {
		if d = newDialPlan(region); d == nil {
			d = noDialPlan
		}
		slot.Store(d) // another goroutine may have stored an equal one
	}
	if d == noDialPlan {
		return nil
	}
	return d
}

// newDialPlan learns how a region dials; nil if there is no plan for it, or one that we cannot read.
func newDialPlan(region string) *dialPlan {
	numbers, err := phonenumbers.MetadataCollection()
	shorts, shortErr := phonenumbers.ShortNumberMetadataCollection()
	if err != nil || shortErr != nil { // cannot happen: the data was loaded when the program started
		return nil
	}
	meta, short := metadataOfRegion(numbers, region), metadataOfRegion(shorts, region)
	if meta == nil {
		return nil
	}
	d := &dialPlan{code: Number(meta.GetCountryCode()).String()[1:]}
	if d.home = planOf(d.code + "00"); d.home == nil || d.home.code != int(meta.GetCountryCode()) {
		return nil
	}
	general := meta.GetGeneralDesc()
	d.own = lengthSet(general.GetPossibleLength())
	d.most = bits.Len32(d.own|lengthSet(general.GetPossibleLengthLocalOnly())) - 1
	if !d.learnLeads(meta, short) {
		return nil
	}
	return d
}

func metadataOfRegion(all *phonenumbers.PhoneMetadataCollection, region string) *phonenumbers.PhoneMetadata {
	for _, meta := range all.GetMetadata() {
		if meta.GetId() == region {
			return meta
		}
	}
	return nil
}

// learnLeads fills in what leads say, and says whether the expressions of the plan could be read.
func (d *dialPlan) learnLeads(meta, short *phonenumbers.PhoneMetadata) bool {
	general, err := newPattern(meta.GetGeneralDesc().GetNationalNumberPattern())
	if err != nil {
		return false
	}
	general.walk(leadDialled, func(lo, hi int, m leadMatch) {
		lengths := dialLead(general.wholeLengths(m.after.might, leadDialled)) << lengthsShift
		for lead := lo; lead < hi; lead++ {
			d.leads[lead] = lengths | prefixNone<<prefixShift
		}
	})
	// Later ones win: what begins like an international prefix is taken for one before a national prefix is looked for.
	return d.learnPrefix(prefixNational, meta.GetNationalPrefixForParsing(), meta.GetNationalPrefixTransformRule()) &&
		d.learnPrefix(prefixWorld, meta.GetInternationalPrefix(), "") &&
		d.learnPrefix(prefixUnclear, short.GetEmergency().GetNationalNumberPattern(), "") &&
		d.learnShort(short)
}

// learnShort makes those leads unclear with which a short number of so many digits as are read here might begin.
func (d *dialPlan) learnShort(short *phonenumbers.PhoneMetadata) bool {
	long := lengthSet(short.GetGeneralDesc().GetPossibleLength()) &^ (1<<leastDialled - 1)
	if long == 0 {
		return true
	}
	p, err := newPattern(short.GetShortCode().GetNationalNumberPattern())
	if err != nil {
		return false
	}
	p.walk(leadDialled, func(lo, hi int, m leadMatch) {
		if p.wholeLengths(m.after.might, leadDialled)&long != 0 {
			d.setPrefix(lo, hi, prefixUnclear)
		}
	})
	return true
}

// setPrefix sets what leads from lo up to, not including, hi say about a prefix.
func (d *dialPlan) setPrefix(lo, hi int, prefix dialLead) {
	for lead := lo; lead < hi; lead++ {
		d.leads[lead] = d.leads[lead]&^(1<<lengthsShift-1) | prefix
	}
}

// learnPrefix fills in which leads begin with a kind of prefix, and says whether that can be told at all. transform says what takes the place
// of a prefix of which the last group matched something; where it does, the lead is unclear.
func (d *dialPlan) learnPrefix(kind int, expr, transform string) bool {
	if expr == "" {
		return kind != prefixWorld // the reading by plan would find an empty one before every number
	}
	p, err := newPattern(expr)
	if err != nil || kind == prefixWorld && p.matchesNothing() {
		return false
	}
	prefix, err := regexp.Compile("^(?:" + expr + ")")
	if err != nil {
		return false
	}
	p.walk(leadDialled, func(lo, hi int, m leadMatch) {
		if m.none() {
			return
		}
		found := dialLead(prefixUnclear)
		if kind != prefixUnclear && m.settled() {
			groups := prefix.FindStringSubmatchIndex(fmt.Sprintf("%04d", lo))
			if len(groups) > 0 && groups[1] > 0 && (transform == "" || groups[len(groups)-2] < 0) {
				found = dialLead(kind<<prefixShift | groups[1])
			}
		}
		d.setPrefix(lo, hi, found)
	})
	return true
}
