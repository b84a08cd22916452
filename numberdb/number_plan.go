package numberdb

import (
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

// What the numbering plans say about a number. All of it takes microseconds and allocates, so it is not for the way of a call.

// Valid says whether the number lies in a range that its numbering plan has assigned. Whether it is in use nobody can tell.
func (n Number) Valid() bool {
	phone := n.phone()
	return phone != nil && phonenumbers.IsValidNumber(phone)
}

// LineType is the kind of line that a numbering plan has assigned a number's range to.
type LineType uint8

const (
	LineUnknown       LineType = iota // not assigned, or the plan does not say
	LineFixed                         // fixed line
	LineMobile                        // mobile
	LineFixedOrMobile                 // the plan does not tell fixed from mobile, as in North America
	LineTollFree                      // free for the caller
	LinePremium                       // premium rate
	LineSharedCost                    // the caller pays part of it
	LineVoIP                          // over the internet
	LinePersonal                      // personal number, routed to where its owner is
	LinePager                         // pager
	LineCompany                       // universal access number of a company
	LineVoicemail                     // voicemail access
)

var lineTypeNames = [...]string{
	"unknown", "fixed_line", "mobile", "fixed_line_or_mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal", "pager",
	"company", "voicemail",
}

// String is the line type's name in lower case, such as toll_free.
func (t LineType) String() string {
	if int(t) < len(lineTypeNames) {
		return lineTypeNames[t]
	}
	return lineTypeNames[LineUnknown]
}

var lineTypes = map[phonenumbers.PhoneNumberType]LineType{
	phonenumbers.FIXED_LINE:           LineFixed,
	phonenumbers.MOBILE:               LineMobile,
	phonenumbers.FIXED_LINE_OR_MOBILE: LineFixedOrMobile,
	phonenumbers.TOLL_FREE:            LineTollFree,
	phonenumbers.PREMIUM_RATE:         LinePremium,
	phonenumbers.SHARED_COST:          LineSharedCost,
	phonenumbers.VOIP:                 LineVoIP,
	phonenumbers.PERSONAL_NUMBER:      LinePersonal,
	phonenumbers.PAGER:                LinePager,
	phonenumbers.UAN:                  LineCompany,
	phonenumbers.VOICEMAIL:            LineVoicemail,
}

// LineType is the kind of line that the number's range is assigned to.
func (n Number) LineType() LineType {
	phone := n.phone()
	if phone == nil {
		return LineUnknown
	}
	return lineTypes[phonenumbers.GetNumberType(phone)]
}

// phone is the number in the terms of phonenumbers, nil if it has no country code that is in use.
func (n Number) phone() *phonenumbers.PhoneNumber {
	digits := strconv.FormatUint(uint64(n), 10)
	if len(digits) < 4 {
		return nil
	}
	plan := planOf(digits)
	if plan == nil || n > MaxNumber {
		return nil
	}
	return phoneOf(plan.code, digits[plan.codeLen:])
}

// phoneOf is a number of a country code and national digits, of which there are at most 32.
func phoneOf(code int, national string) *phonenumbers.PhoneNumber {
	value, _ := strconv.ParseUint(national, 10, 64) // more than 19 digits give the largest value, which is no number
	phone := &phonenumbers.PhoneNumber{CountryCode: new(int32(code)), NationalNumber: &value}
	// Zeros at the beginning belong to the number, as in Italy; the last digit of all zeros is its value.
	zeros := 0
	for zeros < len(national)-1 && national[zeros] == '0' {
		zeros++
	}
	if zeros > 0 {
		phone.ItalianLeadingZero, phone.NumberOfLeadingZeros = new(true), new(int32(zeros))
	}
	return phone
}
