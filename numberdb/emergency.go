package numberdb

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// An emergency call must never be screened, and a listed number must not escape screening because it begins with 112. So:
//
//   - What is exactly an emergency number is one: those of the region in the short number data of phonenumbers, 112 and 911
//     everywhere (ITU-T E.161.1 makes them the world's two), and the operator's own. Nothing else is asked.
//   - What could only be meant as one is one, as long as it is no assigned number of a numbering plan: an emergency number
//     followed by more digits, where the network connects those (112555); behind the digit for an outside line (9911); behind the
//     country code, as some networks rewrite dialled numbers (+1911). A number of Delhi whose digits begin with 112, or one dialled
//     from Uzbekistan as 001 and so on, where 001 is the fire brigade, is assigned, and is screened.
//   - urn:service:sos and its sub-services (RFC 5031) are emergency calls.

// maxEmergencyDigits is the most digits of any emergency number in the data; a test holds it.
const maxEmergencyDigits = 5

// IsEmergency says whether the digits, as dialled, are exactly an emergency number at this origin. [Origin.Parse] reads any way
// of writing, and gives [KindEmergency] also for what is likely meant as an emergency number.
func (o Origin) IsEmergency(digits string) bool {
	return isEmergencyIn(o.Region, digits) || o.listsEmergency(digits)
}

// isEmergencyIn says whether the digits are an emergency number of the region, or of all.
func isEmergencyIn(region, digits string) bool {
	return digits == "112" || digits == "911" ||
		len(digits) <= maxEmergencyDigits && phonenumbers.IsEmergencyNumber(digits, region)
}

// listsEmergency says whether the digits are one of the operator's own emergency numbers. It does not allocate.
func (o Origin) listsEmergency(digits string) bool {
	for rest := o.ExtraEmergency; rest != ""; {
		end := strings.IndexAny(rest, " ,")
		if end < 0 {
			return rest == digits
		}
		if rest[:end] == digits {
			return end > 0
		}
		rest = rest[end+1:]
	}
	return false
}

// mightBeEmergency says whether the network could connect the digits, as dialled, to an emergency service although they are not
// exactly an emergency number.
func (o Origin) mightBeEmergency(digits string) bool {
	if phonenumbers.ConnectsToEmergencyNumber(digits, o.Region) {
		return true
	}
	if digits[0] == '9' || digits[0] == '0' { // for an outside line
		if o.IsEmergency(digits[1:]) {
			return true
		}
	}
	for _, prefix := range worldPrefixes {
		if rest, ok := strings.CutPrefix(digits, prefix); ok && o.emergencyBehindCode(rest) {
			return true
		}
	}
	return false
}

// emergencyBehindCode says whether the digits behind a plus are an emergency number of this origin, or one behind the country code
// of a region that has it.
func (o Origin) emergencyBehindCode(digits string) bool {
	if o.IsEmergency(digits) {
		return true
	}
	const maxCodeLen = 3
	if len(digits) <= maxCodeLen || o.ExtraEmergency == "" && len(digits) > maxCodeLen+maxEmergencyDigits {
		return false
	}
	plan := planOf(digits)
	if plan == nil {
		return false
	}
	number := digits[plan.codeLen:]
	for _, region := range phonenumbers.GetRegionCodesForCountryCode(plan.code) {
		if isEmergencyIn(region, number) || region == o.Region && o.listsEmergency(number) {
			return true
		}
	}
	return false
}
