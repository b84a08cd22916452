package numberdb

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// emergencyNumbers are all numbers of up to maxEmergencyDigits digits that are emergency numbers of a region by its data.
func emergencyNumbers(t *testing.T, meta *phonenumbers.PhoneMetadata) []string {
	var all []string
	for _, length := range meta.GetEmergency().GetPossibleLength() {
		if length < 1 {
			continue // the region has none
		}
		if length > maxEmergencyDigits {
			t.Fatalf("%s has emergency numbers of %d digits", meta.GetId(), length)
		}
		limit := int(powersOfTen[length])
		for i := range limit {
			digits := strconv.Itoa(limit + i)[1:]
			if phonenumbers.MatchNationalNumber(digits, meta.GetEmergency(), false) {
				all = append(all, digits)
			}
		}
	}
	return all
}

// Every emergency number of every region, in every form in which it may be written.
func TestEmergencyNumbersOfAllRegions(t *testing.T) {
	shorts, err := phonenumbers.ShortNumberMetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string][]string{}
	for _, meta := range shorts.GetMetadata() {
		numbers[meta.GetId()] = emergencyNumbers(t, meta)
	}
	regions, tried := phonenumbers.GetSupportedRegions(), 0
	for region := range regions {
		all := append(numbers[region], "112", "911")
		slices.Sort(all)
		code := strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region))
		for _, number := range slices.Compact(all) {
			spaced := strings.Join(strings.Split(number, ""), " ")
			for _, text := range []string{
				number, spaced, strings.ReplaceAll(spaced, " ", "-"), "*67" + number, "#31#" + number, number + "#",
				"tel:" + number, "tel:" + number + ";phone-context=+" + code, "tel:" + number + ";phone-context=example.com",
				"sip:" + number, "sip:" + number + "@example.com", "<sip:" + number + "@192.0.2.1;user=phone>",
				"sip:" + number + ";phone-context=+" + code + "@example.com", `"Help" <` + number + `>`, number + "@example.com",
				"+" + code + number, "sip:+" + code + number + "@example.com", "00" + code + number, "9" + number,
			} {
				for _, bare := range []Bare{BareNational, BareE164} {
					o := Origin{Region: region, Bare: bare}
					if got := o.Parse(text); got != (Parsed{Kind: KindEmergency}) && !got.Number.Valid() {
						t.Errorf("%+v.Parse(%q) = %v %d", o, text, got.Kind, got.Number)
					}
					tried++
				}
			}
			if !(Origin{Region: region}).IsEmergency(number) {
				t.Errorf("%s: IsEmergency(%q) is false", region, number)
			}
			// As dialled there is no doubt, valid number or not.
			for _, text := range []string{number, "tel:" + number, "sip:" + number + "@example.com"} {
				if got := (Origin{Region: region}).Parse(text); got.Kind != KindEmergency {
					t.Errorf("%s: Parse(%q) = %v", region, text, got.Kind)
				}
			}
		}
	}
	if len(regions) < 240 || tried < 10_000 {
		t.Errorf("only %d regions and %d texts", len(regions), tried)
	}
}

func TestEmergencyForms(t *testing.T) {
	extra := Origin{Region: "US", ExtraEmergency: "1170,1122  12025550100 2025550100"}
	emergency, unparsable := Parsed{Kind: KindEmergency}, Parsed{}
	for _, tc := range []struct {
		name   string
		origin Origin
		text   string
		want   Parsed
	}{
		{"of another region by context", fromUS, "tel:18;phone-context=+33", emergency},
		{"of another region without it", fromGB, "110", Parsed{Kind: KindShort}},
		{"behind another country's code", fromUS, "+33112", emergency},
		{"behind the own country's code", fromUS, "+1911", emergency},
		{"112 behind a code whose region has it not", fromUS, "+1112", emergency},
		{"behind a plus", fromUS, "+911", emergency},
		{"without a region", nowhere, "112", emergency},
		{"of an unknown region", Origin{Region: "ZZ"}, "911", emergency},
		{"sos", nowhere, "urn:service:sos", emergency},
		{"sos in capitals", nowhere, "URN:SERVICE:SOS", emergency},
		{"sos in brackets", nowhere, "<urn:service:sos.ecall.automatic>", emergency},
		{"sos of a service", nowhere, "urn:service:sos.police", emergency},
		{"not sos", nowhere, "urn:service:sosig", unparsable},
		{"counselling is not sos", nowhere, "urn:service:counseling", unparsable},
		{"full-width", nowhere, "１１２", emergency},
		{"outside line", fromUS, "9911", emergency},
		{"outside line 0", fromDE, "0112", emergency},
		{"digits behind it", fromUS, "9111", emergency},
		{"digits behind it, no assigned number", fromGB, "1121234567", emergency},
		{"digits behind it, where it must be exact", Origin{Region: "BR"}, "1909", Parsed{Kind: KindShort}},
		{"operator's own", extra, "1170", emergency},
		{"operator's own, second", extra, "1122", emergency},
		{"operator's own of full length, canonical", extra, "+12025550100", emergency},
		{"operator's own of full length, bare", extra, "12025550100", emergency},
		{"operator's own of full length, national", extra, "(202) 555-0100", emergency},
		{"operator's own behind the country code", extra, "+11170", emergency},
		{"next to the operator's own", extra, "+12025550101", Parsed{KindE164, 12025550101}},

		{"international number that begins like 001, the fire brigade", Origin{Region: "UZ"}, "0012025550143", usNumber},
		{"E.164 that begins like 911", fromUS, "+911000000000", Parsed{KindE164, 911000000000}},
		{"bare E.164 that begins like 911", bareUS, "911000000000", Parsed{KindE164, 911000000000}},
		{"number that ends like 911", fromUS, "2025550911", Parsed{KindE164, 12025550911}},
		{"number that begins like 113, an emergency number of neighbours, without its trunk zero", Origin{Region: "GB"}, "1134960123", Parsed{KindE164, 441134960123}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.origin.Parse(tc.text); got != tc.want {
				t.Errorf("%+v.Parse(%q) = %v %d, want %v %d", tc.origin, tc.text, got.Kind, got.Number, tc.want.Kind, tc.want.Number)
			}
		})
	}
}

// No assigned number of any country passes as an emergency call, however it is dialled at home or from a neighbour.
func TestAssignedNumbersAreNoEmergency(t *testing.T) {
	for _, digits := range exampleNumbers(t) {
		n, err := ParseE164("+" + digits)
		if err != nil || n.Region() == "" || !n.possible() {
			continue // of no country, or one that only those in its area can dial
		}
		phone, err := phonenumbers.Parse("+"+digits, "")
		if err != nil {
			t.Fatal(err)
		}
		home := Origin{Region: n.Region()}
		national := phonenumbers.Format(phone, phonenumbers.NATIONAL)
		for _, o := range []Origin{home, {Region: "UZ"}, {Region: "FR", Bare: BareE164}} {
			for _, text := range []string{"+" + digits, "00" + digits, national} {
				if text == national && o != home {
					continue
				}
				got := o.Parse(text)
				if got.Kind == KindEmergency && !(o.IsEmergency(phonenumbers.NormalizeDigitsOnly(text))) {
					t.Errorf("%+v.Parse(%q) is an emergency", o, text)
				}
			}
		}
	}
}

func TestListsEmergency(t *testing.T) {
	for list, want := range map[string]bool{
		"": false, "1170": true, "117": false, "11700": false, "1 1170": true, "1170 1": true, " ,1170, ": true, "21170": false, " ": false,
	} {
		if got := (Origin{ExtraEmergency: list}).listsEmergency("1170"); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
	if (Origin{ExtraEmergency: " , "}).listsEmergency("") {
		t.Error("no digits are listed")
	}
}
