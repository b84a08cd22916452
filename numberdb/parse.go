package numberdb

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Origin says how the place that a number text comes from writes numbers: a trunk, a form, a file. It is small, comparable and
// meant to be passed by value.
type Origin struct {
	// Region is the ISO 3166-1 alpha-2 code, in capitals, of the country whose national form and dialling prefixes apply, such as
	// "US" (see [KnownRegion]). Without one, only international forms and 112 and 911 can be read.
	Region string
	// Bare says what digits without a plus or an international prefix are.
	Bare Bare
	// ExtraEmergency lists what this network treats as emergency calls beyond the numbers that are known for the region: digits
	// as dialled, parted by spaces or commas, such as "1122 116123". A number dialled in several forms is listed in each.
	ExtraEmergency string
}

// Bare is a trunk's rule for digits without a plus or an international prefix.
type Bare uint8

const (
	BareNational Bare = iota // a national number of the origin's region
	BareE164                 // an international number without its plus
)

// Kind is what a number text turned out to be.
type Kind uint8

const (
	KindUnparsable Kind = iota // not a telephone number, or one that no numbering plan can have
	KindWithheld               // nothing given, anonymous, restricted, unavailable
	KindE164                   // an international number
	KindShort                  // a short number or service code of the origin's region, other than an emergency number
	KindEmergency              // an emergency number of the origin's region
)

var kindNames = [...]string{"unparsable", "withheld", "e164", "short", "emergency"}

// String is the kind's name in lower case: unparsable, withheld, e164, short or emergency.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[KindUnparsable]
}

// Parsed is a number text after reading. Number is zero unless Kind is [KindE164].
type Parsed struct {
	Kind   Kind
	Number Number
}

// maxText is the longest text in bytes that is looked at. A SIP URI with all its parameters is shorter; what is longer is hostile.
const maxText = 256

// maxShort is the most digits that a short number is taken to have when the plan's data does not say so by name.
const maxShort = 6

// maxRewrites is how often a number text is read again until it reads as itself.
const maxRewrites = 8

// worldPrefixes are the international prefixes that people and misconfigured switches dial in other regions too: that of ITU-T
// E.164 and that of North America.
var worldPrefixes = [...]string{"00", "011"}

// KnownRegion says whether there is numbering plan data for a region, an ISO 3166-1 alpha-2 code in capitals.
func KnownRegion(region string) bool { return phonenumbers.GetCountryCodeForRegion(region) != 0 }

// Parse reads what a network or a person wrote: +E.164, national and dialled forms, tel:, sip: and sips: URIs, SIP name-addr,
// numbers with letters or an extension, digits of any script. It never fails: every text has a defined [Kind].
//
// A number that its country's plan could have by length, but has not assigned, is a [KindE164] all the same, since forged caller
// IDs often are such. What can only be dialled within an area, a local number without its area code, is unparsable.
//
// Canonical +E.164 (and bare digits where Bare is [BareE164]) takes about 20 ns, digits as most people of the region dial them for numbers
// there and abroad about 50 ns, both without allocation; other forms take tens of microseconds. The time is bounded for any text.
func (o Origin) Parse(raw string) Parsed {
	if n := o.canonical(raw); n != 0 {
		return Parsed{KindE164, n}
	}
	if n := o.national(raw); n != 0 {
		return Parsed{KindE164, n}
	}
	return o.parseAny(raw)
}

// parseAny reads every form, also those that canonical would have read.
func (o Origin) parseAny(raw string) Parsed {
	if len(raw) > maxText {
		return Parsed{}
	}
	a, ok := splitAddress(raw)
	switch {
	case !ok:
		return Parsed{}
	case a.emergencyService:
		return Parsed{Kind: KindEmergency}
	case a.user == "" || saysWithheld(a.user):
		return Parsed{Kind: KindWithheld}
	}
	p := o.parseUser(a)
	if p.Kind == KindUnparsable && a.hidesHost() {
		return Parsed{Kind: KindWithheld}
	}
	return p
}

func (o Origin) parseUser(a address) Parsed {
	d, ok := readDialled(a.user, !a.uri)
	switch {
	case !ok:
		return Parsed{}
	case d.digits == "": // a service code alone
		return Parsed{Kind: KindShort}
	}
	p := o.parseDialled(d, a.context)
	if p.Kind == KindUnparsable && d.serviceCode {
		return Parsed{Kind: KindShort}
	}
	return p
}

func (o Origin) parseDialled(d dialled, context string) Parsed {
	if d.plus {
		return o.international(d.digits)
	}
	if context != "" {
		return o.inContext(d.digits, context)
	}
	return o.local(d.digits)
}

// inContext reads digits that are local to the numbers which begin with code (RFC 3966 section 5.1.5).
func (o Origin) inContext(digits, code string) Parsed {
	there := Origin{ExtraEmergency: o.ExtraEmergency}
	if plan := planOf(code + "00"); plan != nil && plan.codeLen <= len(code) {
		there.Region = phonenumbers.GetRegionCodeForCountryCode(plan.code)
	}
	if o.IsEmergency(digits) || there.IsEmergency(digits) {
		return Parsed{Kind: KindEmergency}
	}
	if p := o.international(code + digits); p.Kind != KindUnparsable {
		return p
	}
	return there.local(digits)
}

// international reads the digits that followed a plus or an international prefix.
func (o Origin) international(digits string) Parsed {
	if o.listsEmergency(digits) {
		return Parsed{Kind: KindEmergency}
	}
	n := readE164("+"+digits, "")
	if o.emergencyBehindCode(digits) && !n.Valid() {
		return Parsed{Kind: KindEmergency}
	}
	return e164(n)
}

// local reads digits without a plus.
func (o Origin) local(digits string) Parsed {
	if o.IsEmergency(digits) {
		return Parsed{Kind: KindEmergency}
	}
	// No international number begins with 0 or is as short as a short number, so those are dialled forms on any trunk.
	if o.Bare == BareE164 && digits[0] != '0' && len(digits) > maxShort {
		if p := o.international(digits); p.Kind != KindUnparsable {
			return p
		}
		return o.orEmergency(digits, Parsed{})
	}
	return o.dialledAtHome(digits)
}

// dialledAtHome reads digits as a subscriber of the region dials them.
func (o Origin) dialledAtHome(digits string) Parsed {
	n := readE164(digits, o.Region)
	if n.Valid() {
		return Parsed{KindE164, n}
	}
	switch {
	case o.isShort(digits):
		return o.orEmergency(digits, Parsed{Kind: KindShort})
	case n != 0:
		return o.orEmergency(digits, e164(n))
	}
	for _, prefix := range worldPrefixes {
		if rest, ok := strings.CutPrefix(digits, prefix); ok {
			if p := o.international(rest); p.Kind != KindUnparsable {
				return o.orEmergency(digits, p)
			}
		}
	}
	return o.orEmergency(digits, Parsed{})
}

// orEmergency is p, unless the network might connect the digits to an emergency service and p is no assigned number.
func (o Origin) orEmergency(digits string, p Parsed) Parsed {
	if o.mightBeEmergency(digits) && !p.Number.Valid() {
		return Parsed{Kind: KindEmergency}
	}
	return p
}

// isShort says whether the digits can be a short number of the region.
func (o Origin) isShort(digits string) bool {
	short := phoneOf(phonenumbers.GetCountryCodeForRegion(o.Region), digits)
	if len(digits) <= maxShort {
		return phonenumbers.IsPossibleShortNumberForRegion(short, o.Region)
	}
	return phonenumbers.IsValidShortNumberForRegion(short, o.Region)
}

// e164 is the outcome of reading an international number: unparsable for none.
func e164(n Number) Parsed {
	if n == 0 {
		return Parsed{}
	}
	return Parsed{KindE164, n}
}

// readE164 reads digits, or a plus and digits, by the numbering plans of all countries. It gives zero where no plan has a number
// of that length that can be called from abroad.
func readE164(text, region string) Number {
	// Reading may take away a national prefix that stood behind a country code (+44020…), and there may be another, so that a
	// number is only final when it reads as itself.
	for range maxRewrites {
		phone, err := phonenumbers.Parse(text, region)
		if err != nil || phonenumbers.IsPossibleNumberWithReason(phone) != phonenumbers.IS_POSSIBLE {
			return 0
		}
		before := text
		region, text = "", phonenumbers.Format(phone, phonenumbers.E164)
		if text == before || canonicalE164(text[1:]) != 0 {
			n, _ := ParseE164(text) // fails, with zero, for fewer than 7 or more than 15 digits
			return n
		}
	}
	return 0
}
