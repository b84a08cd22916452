package numberdb

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

// Region is the ISO 3166-1 alpha-2 code of the number's country, such as "US"; empty for numbers of no country (+800 and such)
// and where countries share a code and none has assigned the number. It takes microseconds and allocates: not for the way of a call.
func (n Number) Region() string {
	phone := n.phone()
	if phone == nil {
		return ""
	}
	region := phonenumbers.GetRegionCodeForNumber(phone)
	if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY {
		return ""
	}
	return region
}

// CountryCode is the country code of a region of ISO 3166-1, such as "44" for "GB"; empty if there is none.
func CountryCode(region string) string {
	if code := phonenumbers.GetCountryCodeForRegion(region); code != 0 {
		return strconv.Itoa(code)
	}
	return ""
}
