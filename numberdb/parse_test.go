package numberdb

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

var (
	fromUS   = Origin{Region: "US"}
	fromGB   = Origin{Region: "GB"}
	fromFR   = Origin{Region: "FR"}
	fromDE   = Origin{Region: "DE"}
	bareUS   = Origin{Region: "US", Bare: BareE164}
	nowhere  = Origin{}
	usNumber = Parsed{KindE164, 12025550143}
	gbNumber = Parsed{KindE164, 442079460123}
	frNumber = Parsed{KindE164, 33199001234}
)

func TestParse(t *testing.T) {
	unparsable, withheld, short := Parsed{}, Parsed{Kind: KindWithheld}, Parsed{Kind: KindShort}
	for _, tc := range []struct {
		name   string
		origin Origin
		text   string
		want   Parsed
	}{
		{"E.164", fromUS, "+12025550143", usNumber},
		{"E.164 of another country", fromUS, "+442079460123", gbNumber},
		{"E.164 without a region", nowhere, "+33199001234", frNumber},
		{"E.164 with separators", fromUS, "+1 (202) 555-0143", usNumber},
		{"two pluses", fromUS, "++12025550143", usNumber},
		{"of no country", fromUS, "+80012345678", Parsed{KindE164, 80012345678}},
		{"unassigned", fromUS, "+11232223333", Parsed{KindE164, 11232223333}},
		{"zeros as a forged caller ID", fromUS, "0000000000", Parsed{KindE164, 10000000000}},
		{"unassigned country code", fromUS, "+999123456789", unparsable},
		{"plus and zero", fromUS, "+0", unparsable},
		{"plus alone", fromUS, "+", unparsable},
		{"plus and no country code", fromUS, "+02025550143", unparsable},
		{"too long for its country", fromUS, "+1202555014377", unparsable},
		{"too short for its country", fromUS, "+1202555", unparsable},
		{"two numbers", fromUS, "+12025550143+12025550144", unparsable},

		{"bare national", fromUS, "2025550143", usNumber},
		{"bare national with its prefix", fromUS, "12025550143", usNumber},
		{"bare national with trunk zero", fromFR, "0199001234", frNumber},
		{"bare national without trunk zero", fromFR, "199001234", frNumber},
		{"bare with the own country code", fromGB, "442079460123", gbNumber},
		{"bare of another country is not guessed", fromFR, "12025550143", unparsable},
		{"local number without area code", fromUS, "5550143", unparsable},
		{"bare without a region", nowhere, "2025550143", unparsable},
		{"bare E.164", bareUS, "12025550143", usNumber},
		{"bare E.164 of another country", bareUS, "33199001234", frNumber},
		{"bare E.164 with separators", bareUS, "44 20 7946 0123", gbNumber},
		{"bare E.164 trunk, plus", bareUS, "+442079460123", gbNumber},
		{"bare E.164 trunk, short", bareUS, "411", short},
		{"bare E.164 trunk, dialled form", bareUS, "01133199001234", frNumber},
		{"bare E.164 of impossible length", bareUS, "1202555014377", unparsable},

		{"national prefix behind the country code", fromUS, "+44 (0)20 7946 0123", gbNumber},
		{"national prefix of North America behind its code", fromUS, "+112025550143", usNumber},
		{"Italian zero stays", fromUS, "+" + exampleOf("IT", phonenumbers.FIXED_LINE), Parsed{KindE164, 390212345678}},
		{"011 in the US", fromUS, "011442079460123", gbNumber},
		{"00 in the US", fromUS, "00442079460123", gbNumber},
		{"00 in France", fromFR, "0012025550143", usNumber},
		{"011 in France", fromFR, "01112025550143", usNumber},
		{"0011 in Australia", Origin{Region: "AU"}, "001112025550143", usNumber},
		{"810 in Russia", Origin{Region: "RU"}, "8~10 1 202 555 0143", usNumber},
		{"010 in Japan", Origin{Region: "JP"}, "010-1-202-555-0143", usNumber},
		{"00 without a region", nowhere, "0012025550143", usNumber},
		{"00 and no country code", fromUS, "00999123456789", unparsable},

		{"tel", fromFR, "tel:+1-202-555-0143", usNumber},
		{"tel in capitals", fromFR, "TEL:+12025550143", usNumber},
		{"tel with extension", fromFR, "tel:+1-202-555-0143;ext=12", usNumber},
		{"tel with subaddress", fromFR, "tel:+12025550143;isub=1411", usNumber},
		{"tel, local to a country", fromFR, "tel:2025550143;phone-context=+1", usNumber},
		{"tel, local to an area", fromFR, "tel:555-0143;phone-context=+1-202", usNumber},
		{"tel, local with trunk zero", fromUS, "tel:02079460123;phone-context=+44", gbNumber},
		{"tel, local to a domain", fromUS, "tel:2025550143;phone-context=example.com", usNumber},
		{"tel, short number of a country", fromUS, "tel:3975;phone-context=+33", short},
		{"tel with an empty context", fromUS, "tel:2025550143;phone-context=+", usNumber},
		{"tel with a broken context", fromUS, "tel:2025550143;phone-context=+%", usNumber},
		{"tel, context of no country", fromUS, "tel:2025550143;phone-context=+999", unparsable},
		{"tel, empty", fromUS, "tel:", withheld},

		{"sip", fromFR, "sip:+12025550143@192.0.2.7:5060;user=phone;transport=udp", usNumber},
		{"sips", fromFR, "sips:+12025550143@example.com", usNumber},
		{"sip national", fromUS, "sip:2025550143@example.com", usNumber},
		{"sip with escapes", fromFR, "sip:%2B1%32025550143@example.com", usNumber},
		{"sip with password", fromUS, "sip:2025550143:secret99@example.com", usNumber},
		{"sip with parameters in the user", fromFR, "sip:2025550143;phone-context=+1;npdi@example.com;user=phone", usNumber},
		{"sip with context behind the host", fromFR, "sip:2025550143@example.com;user=phone;phone-context=+1", usNumber},
		{"sip with headers", fromUS, "sip:2025550143@example.com?subject=a@b", usNumber},
		{"sip without scheme", fromUS, "2025550143@example.com", usNumber},
		{"sip without user", fromUS, "sip:example.com", withheld},
		{"sip with empty user", fromUS, "sip:@example.com", withheld},
		{"sip of an address", fromUS, "sip:192.0.2.1:5060", withheld},
		{"sip with a name", fromUS, "sip:alice@example.com", unparsable},
		{"sip with a name and digits", fromUS, "sip:alice2025550143@example.com", unparsable},
		{"sip with label", fromUS, "sip:tel 2025550143@example.com", unparsable},
		{"sip with a broken escape", fromUS, "sip:%zz2025550143@example.com", unparsable},
		{"sip with two at signs", fromUS, "sip:+12025550143@evil@example.com", unparsable},

		{"name-addr", fromUS, `"Bob" <sip:2025550143@example.com>;tag=9`, usNumber},
		{"name-addr without quotes", fromUS, `Bob <sip:2025550143@example.com>`, usNumber},
		{"name-addr with a trap in the name", fromUS, `"\"<sip:911@x>" <sip:2025550143@example.com>`, usNumber},
		{"Asterisk's CALLERID(all)", fromUS, `"Bob" <2025550143>`, usNumber},
		{"quoted number", fromUS, `"2025550143"`, usNumber},
		{"name and number", fromUS, `"Bob" 2025550143`, usNumber},
		{"name without number", fromUS, `"Bob" <>`, withheld},
		{"unclosed", fromUS, `"Bob`, unparsable},

		{"extension x", fromUS, "202-555-0143 x12", usNumber},
		{"extension ext.", fromUS, "202-555-0143 ext. 12", usNumber},
		{"extension glued", fromUS, "2025550143x12", usNumber},
		{"extension behind hash", fromUS, "202-555-0143 #12", usNumber},
		{"digits sent after a pause", fromUS, "2025550143,,1234", usNumber},
		{"end of dialling", fromUS, "2025550143#", usNumber},
		{"vanity", fromUS, "1-800-FLOWERS", Parsed{KindE164, 18003569377}},
		{"vanity with plus", fromFR, "+1 800 flowers", Parsed{KindE164, 18003569377}},
		{"a letter or two is a slip", fromUS, "20255501q3", unparsable},
		{"label", fromUS, "Tel.: 202 555 0143", usNumber},
		{"label in Cyrillic", fromUS, "тел. +1 202 555 0143", usNumber},
		{"label glued", fromUS, "alice2025550143", unparsable},

		{"short number", fromFR, "3975", short},
		{"short number in the US", fromUS, "411", short},
		{"directory enquiries", fromDE, "11833", short},
		{"short without region", nowhere, "411", unparsable},
		{"service code", fromUS, "*611", short},
		{"USSD", fromFR, "*100#", short},
		{"withhold my number, US", fromUS, "*672025550143", usNumber},
		{"withhold my number, GSM", fromFR, "#31#0199001234", frNumber},
		{"service code and an unreadable rest", fromFR, "*99991", short},

		{"empty", fromUS, "", withheld},
		{"blank", fromUS, " \t\r\n", withheld},
		{"invisible", fromUS, "\u200b\ufeff", withheld},
		{"anonymous", fromUS, "anonymous", withheld},
		{"Anonymous", fromUS, "Anonymous", withheld},
		{"restricted", fromUS, "Restricted", withheld},
		{"unavailable", fromUS, "UNAVAILABLE", withheld},
		{"private", fromUS, "private", withheld},
		{"unknown", fromUS, "<unknown>", withheld},
		{"no caller ID", fromUS, "No Caller-ID", withheld},
		{"P of GR-31", fromUS, "P", withheld},
		{"RFC 3323", fromUS, `"Anonymous" <sip:anonymous@anonymous.invalid>`, withheld},
		{"RFC 3323 in capitals", fromUS, `<SIP:Anonymous@Anonymous.Invalid>;tag=1`, withheld},
		{"hidden user", fromUS, "sip:c8oqz84zk7z@anonymous.invalid", withheld},
		{"3GPP unavailable", fromUS, "sip:unavailable@unknown.invalid", withheld},
		{"anonymous by name only", fromUS, `"Anonymous" <sip:2025550143@example.com>`, usNumber},
		{"a number at anonymous.invalid", fromUS, "sip:+12025550143@anonymous.invalid", usNumber},
		{"anonymous tel", fromUS, "tel:anonymous", withheld},

		{"full-width digits", fromUS, "＋１　２０２（５５５）０１４３", usNumber},
		{"Arabic-Indic digits", fromUS, "٢٠٢٥٥٥٠١٤٣", usNumber},
		{"Persian digits", fromUS, "+۱۲۰۲۵۵۵۰۱۴۳", usNumber},
		{"Devanagari digits", fromUS, "२०२५५५०१४३", usNumber},
		{"bold mathematical digits", fromUS, "𝟐𝟎𝟐𝟓𝟓𝟓𝟎𝟏𝟒𝟑", usNumber},
		{"copied from a contact", fromUS, "\u202a+1\u00a0202\u2011555\u20110143\u202c", usNumber},
		{"with a telephone sign", fromUS, "☎ 202 555 0143", usNumber},
		{"soft hyphen", fromUS, "202\u00ad5550143", usNumber},

		{"200 letters", fromUS, strings.Repeat("A", 200), unparsable},
		{"200 digits", fromUS, strings.Repeat("7", 200), unparsable},
		{"200 digits with plus", fromUS, "+" + strings.Repeat("1", 200), unparsable},
		{"a megabyte", fromUS, strings.Repeat("+12025550143 ", 80_000), unparsable},
		{"shell", fromUS, "${SHELL(id)}", unparsable},
		{"shell behind a number", fromUS, "2025550143$(id)", unparsable},
		{"bytes that are not UTF-8", fromUS, "2025550143\xff", unparsable},
		{"replacement character", fromUS, "2025550143\ufffd", unparsable},
		{"NUL", fromUS, "202555\x000143", unparsable},
		{"NUL behind", fromUS, "+12025550143\x00", unparsable},
		{"escaped NUL", fromUS, "sip:2025550143%00@example.com", unparsable},
		{"CRLF", fromUS, "2025550143\r\nX-Evil: 1", unparsable},
		{"escaped CRLF", fromUS, "sip:202555%0d%0a0143@example.com", unparsable},
		{"web address", fromUS, "https://example.com/2025550143", unparsable},
		{"other URN", fromUS, "urn:uuid:2025550143", unparsable},
		{"brackets alone", fromUS, "<<<>>>", unparsable},
		{"context bomb", fromUS, "tel:1" + strings.Repeat(";phone-context=+1", 14), unparsable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.origin.Parse(tc.text); got != tc.want {
				t.Errorf("%+v.Parse(%q) = %v %d, want %v %d", tc.origin, tc.text, got.Kind, got.Number, tc.want.Kind, tc.want.Number)
			}
		})
	}
}

// exampleOf is the example number of a kind of line in a region, in E.164 form without the plus.
func exampleOf(region string, kind phonenumbers.PhoneNumberType) string {
	return phonenumbers.Format(phonenumbers.GetExampleNumberForType(region, kind), phonenumbers.E164)[1:]
}

// possible says whether a number's plan has numbers of its length that can be called from abroad.
func (n Number) possible() bool {
	return phonenumbers.IsPossibleNumberWithReason(n.phone()) == phonenumbers.IS_POSSIBLE
}

// exampleNumbers are the example numbers of all plans in E.164 form without the plus.
func exampleNumbers(t testing.TB) []string {
	var all []string
	add := func(phone *phonenumbers.PhoneNumber) {
		if phone.GetCountryCode() != 0 {
			all = append(all, phonenumbers.Format(phone, phonenumbers.E164)[1:])
		}
	}
	for region := range phonenumbers.GetSupportedRegions() {
		for kind := phonenumbers.FIXED_LINE; kind <= phonenumbers.VOICEMAIL; kind++ {
			if phone := phonenumbers.GetExampleNumberForType(region, kind); phone != nil {
				add(phone)
			}
		}
	}
	for code := range phonenumbers.GetSupportedGlobalNetworkCallingCodes() {
		add(phonenumbers.GetExampleNumberForNonGeoEntity(code))
	}
	if len(all) < 500 {
		t.Fatalf("only %d example numbers", len(all))
	}
	return all
}

// What the fast path accepts, the slow path reads alike: for every country code, every beginning of a national number and every
// length, with digits behind it that bring out prefixes.
func TestCanonicalAgreesWithPlans(t *testing.T) {
	canonical, slow := 0, 0
	check := func(digits string) {
		n := canonicalE164(digits)
		if n == 0 {
			slow++
			return
		}
		canonical++
		if got, want := bareUS.parseAny("+"+digits), (Parsed{KindE164, n}); got != want {
			t.Errorf("+%s: by plan %v %d", digits, got.Kind, got.Number)
		}
	}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		prefix := Number(code).String()[1:]
		for lead := 0; lead < 1000; lead += 7 {
			for length := 3; length < 15; length += 3 {
				check(prefix + leadDigitsOf(lead) + strings.Repeat("1502", 4)[:length-3+lead%3])
			}
		}
	}
	for _, digits := range exampleNumbers(t) {
		check(digits)
	}
	t.Logf("%d canonical, %d not", canonical, slow)
	if canonical < 10_000 {
		t.Errorf("only %d numbers are canonical", canonical)
	}
}

func leadDigitsOf(lead int) string {
	return string([]byte{'0' + byte(lead/100), '0' + byte(lead/10%10), '0' + byte(lead%10)})
}

// The fast path is there for most numbers that there are.
func TestCanonicalCoversMostNumbers(t *testing.T) {
	for _, region := range []string{"US", "CA", "GB", "FR", "DE", "IT", "ES", "IN", "CN", "JP", "BR", "MX", "AR", "AU", "RU", "ZA", "NG"} {
		digits := exampleOf(region, phonenumbers.MOBILE)
		if canonicalE164(digits) == 0 {
			t.Errorf("+%s takes the slow path", digits)
		}
	}
	numbers, fast := exampleNumbers(t), 0
	for _, digits := range numbers {
		if canonicalE164(digits) != 0 {
			fast++
		}
	}
	if fast < len(numbers)*9/10 {
		t.Errorf("of %d example numbers only %d take the fast path", len(numbers), fast)
	}
}

func TestParseExampleNumbers(t *testing.T) {
	for _, digits := range exampleNumbers(t) {
		n, err := ParseE164("+" + digits)
		if err != nil || !n.possible() {
			continue // a few have 6 digits with the country code, or can only be dialled in their area
		}
		if got, want := fromUS.Parse("+"+digits), (Parsed{KindE164, n}); got != want {
			t.Errorf("+%s: %v %d", digits, got.Kind, got.Number)
		}
		if !n.Valid() || n.LineType() == LineUnknown {
			t.Errorf("+%s: Valid %v, line type %v", digits, n.Valid(), n.LineType())
		}
	}
}

func TestParseFastPathDoesNotAllocate(t *testing.T) {
	extra := Origin{Region: "US", ExtraEmergency: "1170, 1180"}
	for _, tc := range []struct {
		origin Origin
		text   string
	}{{fromUS, "+12025550143"}, {fromUS, "+442079460123"}, {bareUS, "33199001234"}, {extra, "+12025550143"}} {
		if got := testing.AllocsPerRun(100, func() { tc.origin.Parse(tc.text) }); got != 0 {
			t.Errorf("Parse(%q) allocates %v times", tc.text, got)
		}
	}
}

func TestValidAndLineType(t *testing.T) {
	for _, tc := range []struct {
		number Number
		valid  bool
		line   LineType
	}{
		{12025550143, true, LineFixedOrMobile},
		{442079460123, true, LineFixed},
		{447700900123, false, LineUnknown}, // kept for fiction
		{18003569377, true, LineTollFree},
		{11232223333, false, LineUnknown},
		{4402079460123, false, LineUnknown},
		{999123456789, false, LineUnknown},
		{1, false, LineUnknown},
		{0, false, LineUnknown},
		{math.MaxUint64, false, LineUnknown},
	} {
		if got := tc.number.Valid(); got != tc.valid {
			t.Errorf("%d: Valid %v", tc.number, got)
		}
		if got := tc.number.LineType(); got != tc.line {
			t.Errorf("%d: line type %v, want %v", tc.number, got, tc.line)
		}
	}
	mobile, err := ParseE164("+" + exampleOf("GB", phonenumbers.MOBILE))
	if err != nil || mobile.LineType() != LineMobile {
		t.Errorf("%d: line type %v, want mobile (%v)", mobile, mobile.LineType(), err)
	}
	if LineTollFree.String() != "toll_free" || LineVoicemail.String() != "voicemail" || LineType(99).String() != "unknown" {
		t.Error("line types have other names")
	}
	if KindE164.String() != "e164" || KindEmergency.String() != "emergency" || Kind(99).String() != "unparsable" {
		t.Error("kinds have other names")
	}
	if !KnownRegion("US") || KnownRegion("us") || KnownRegion("") || KnownRegion("001") {
		t.Error("other regions are known")
	}
}

func TestDigitValue(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.IsDigit(r) && !unicode.IsDigit(r-1) { // the first of one or more rows
			for i := rune(0); unicode.IsDigit(r + i); i++ {
				if got := digitValue(r + i); got != byte(i%10) {
					t.Errorf("%U is %d, want %d", r+i, got, i%10)
				}
			}
		}
	}
}

func TestWithheldWordsAreSorted(t *testing.T) {
	for _, word := range withheldWords {
		if !saysWithheld(strings.ToUpper(word)) {
			t.Errorf("%q is not found", word)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"+12025550143", "12025550143", "+4402079460123", "+5491112345678", "+541115123456", "+2612021234567", "+39061234567", "911", "+1911",
		"tel:911;phone-context=+1", `"Bob" <sip:+1202%355550143;phone-context=+1@example.com>`, "1-800-FLOWERS x9", "*672025550143",
		"anonymous", "sip:a@anonymous.invalid", "٢٠٢٥٥٥٠١٤٣", "${SHELL(id)}", "\xff\x00\r\n", "urn:service:sos.fire", "#31#0199001234",
		"00442079460123", "8~10 1 202 555 0143", "+7 8 912 345-67-89", "0112025550143",
		"2025550143", "02079460123", "0199001234",
	} {
		for _, region := range []string{"US", "FR", "GB", "JP", "AR", ""} {
			f.Add(text, region, false)
			f.Add(text, region, true)
		}
	}
	f.Fuzz(func(t *testing.T, text, region string, bare bool) {
		o := Origin{Region: region}
		if bare {
			o.Bare = BareE164
		}
		got := o.Parse(text)
		if slow := o.parseAny(text); slow != got {
			t.Errorf("%+v.Parse(%q): fast %v %d, slow %v %d", o, text, got.Kind, got.Number, slow.Kind, slow.Number)
		}
		if got.Kind > KindEmergency || (got.Kind == KindE164) != (got.Number != 0) {
			t.Errorf("%+v.Parse(%q) = %v %d", o, text, got.Kind, got.Number)
		}
		if got.Kind != KindUnparsable && (!utf8.ValidString(text) || len(text) > maxText) {
			t.Errorf("%+v.Parse(%q) = %v", o, text, got.Kind)
		}
		if got.Kind == KindE164 {
			if again := o.Parse(got.Number.String()); again != got {
				t.Errorf("%+v.Parse(%q) = %d, which reads as %v %d", o, text, got.Number, again.Kind, again.Number)
			}
			got.Number.Valid()
			got.Number.LineType()
		}
	})
}

var sinkParsed Parsed

func BenchmarkParse(b *testing.B) {
	for _, bm := range []struct {
		name   string
		origin Origin
		text   string
	}{
		{"fast", fromUS, "+12025550143"},
		{"fast/bare", bareUS, "33199001234"},
		{"national/US", fromUS, "2025550143"},
		{"national/US with its code", fromUS, "12025550143"},
		{"national/GB", fromGB, "02079460123"},
		{"national/FR", fromFR, "0199001234"},
		{"national/abroad", fromUS, "00442079460123"},
		{"national/emergency of the operator's own", Origin{Region: "GB", ExtraEmergency: "1170, 1180"}, "02079460123"},
		{"slow/national", fromUS, "(202) 555-0143"},
		{"slow/sip", fromUS, "sip:+12025550143@example.com;user=phone"},
		{"slow/emergency", fromUS, "911"},
		{"slow/withheld", fromUS, "anonymous"},
		{"slow/hostile", fromUS, strings.Repeat("7", maxText)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sinkParsed = bm.origin.Parse(bm.text)
			}
		})
	}
}
