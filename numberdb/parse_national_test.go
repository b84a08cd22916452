package numberdb

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

var nationalTrials = flag.Int("national-trials", 300, "how many random forms of each region TestNationalAgreesWithPlans tries")

// dialledForms draws texts as they are dialled in a region, and near misses.
type dialledForms struct {
	rnd      *rand.Rand
	home     []string // national digits of assigned numbers of the region
	abroad   []string // E.164 digits of numbers anywhere
	prefixes []string
}

func newDialledForms(rnd *rand.Rand, region string, abroad []string) *dialledForms {
	f := &dialledForms{rnd: rnd, abroad: abroad}
	code := Number(phonenumbers.GetCountryCodeForRegion(region)).String()[1:]
	for kind := phonenumbers.FIXED_LINE; kind <= phonenumbers.VOICEMAIL; kind++ {
		if phone := phonenumbers.GetExampleNumberForType(region, kind); phone.GetCountryCode() != 0 {
			f.home = append(f.home, phonenumbers.GetNationalSignificantNumber(phone))
		}
	}
	meta, _ := phonenumbers.MetadataCollection()
	national := metadataOfRegion(meta, region).GetNationalPrefix()
	f.prefixes = []string{"", "", "0", "00", "011", "1", "8", "810", "0011", "010", "9", "112", "911", national, national, code, "00" + code, national + code, code + national}
	return f
}

func (f *dialledForms) draw() string {
	pick := func(list []string) string { return list[f.rnd.IntN(len(list))] }
	var digits []byte
	switch prefix := pick(f.prefixes); {
	case len(f.home) > 0 && f.rnd.IntN(3) > 0:
		digits = []byte(prefix + pick(f.home))
	case f.rnd.IntN(2) > 0:
		digits = []byte(prefix + pick(f.abroad))
	default:
		digits = []byte(prefix)
		for range 4 + f.rnd.IntN(12) {
			digits = append(digits, '0'+byte(f.rnd.IntN(10)))
		}
	}
	for range f.rnd.IntN(4) { // other digits in some places
		digits[f.rnd.IntN(len(digits))] = '0' + byte(f.rnd.IntN(10))
	}
	switch f.rnd.IntN(8) { // a digit more or fewer
	case 0:
		digits = append(digits, '0'+byte(f.rnd.IntN(10)))
	case 1:
		digits = digits[:len(digits)-1]
	}
	return string(digits)
}

// What the fast path for dialled digits accepts, the reading by plan reads alike, in every region. Millions of forms:
//
//	go test -run NationalAgrees ./numberdb -national-trials 20000 -timeout 1h
func TestNationalAgreesWithPlans(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	abroad := exampleNumbers(t)
	fast, tried := 0, 0
	for _, region := range slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions())) {
		rnd := rand.New(rand.NewPCG(seed, uint64(region[0])<<8|uint64(region[1])))
		forms := newDialledForms(rnd, region, abroad)
		origins := []Origin{{Region: region}, {Region: region, Bare: BareE164}, {Region: region, ExtraEmergency: "5550100, 0143 1122"}}
		wrong := 0
		for range *nationalTrials {
			text := forms.draw()
			o := origins[rnd.IntN(len(origins))]
			n := o.national(text)
			tried++
			if n == 0 {
				continue
			}
			fast++
			if got := o.parseAny(text); got != (Parsed{KindE164, n}) {
				if wrong++; wrong < 5 {
					t.Errorf("%+v reads %q as %d, by plan as %v %d", o, text, n, got.Kind, got.Number)
				}
			}
		}
	}
	t.Logf("of %d forms, near misses among them, %d are plain", tried, fast)
	if fast < tried/5 {
		t.Errorf("only %d of %d forms are plain", fast, tried)
	}
}

func TestLearnPrefix(t *testing.T) {
	for _, tc := range []struct {
		name            string
		kind            int
		expr, transform string
		lead            int
		want, digits    int // 0 for no prefix
	}{
		{"plain", prefixNational, "0", "", 199, prefixNational, 1},
		{"another digit", prefixNational, "0", "", 1990, prefixNone, 0},
		{"the longest", prefixNational, "0|1(?:4|55)", "", 1559, prefixNational, 3},
		{"as far as it goes", prefixNational, "0([3579])?", "", 320, prefixNational, 2},
		{"longer than a lead", prefixNational, "0(?:1[1-9]\\d{4})?", "", 120, prefixUnclear, 0},
		{"not so far", prefixNational, "0(?:1[1-9]\\d{4})?", "", 220, prefixNational, 1},
		{"digits in its place", prefixNational, "0(15)?", "9$1", 150, prefixUnclear, 0},
		{"no digits in its place", prefixNational, "0(15)?", "9$1", 160, prefixNational, 1},
		{"depends on the end", prefixNational, "12$|1", "", 1200, prefixUnclear, 0},
		{"does not depend on the end", prefixNational, "12$|0", "", 200, prefixNational, 1},
		{"the world's", prefixWorld, "00|19(?:1[124])00", "", 33, prefixWorld, 2},
		{"the world's, longer", prefixWorld, "00|19(?:1[124])00", "", 1912, prefixUnclear, 0},
		{"emergency", prefixUnclear, "112|18", "", 1890, prefixUnclear, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := new(dialPlan)
			d.setPrefix(0, len(d.leads), prefixNone<<prefixShift)
			if !d.learnPrefix(tc.kind, tc.expr, tc.transform) {
				t.Fatal("it cannot be told")
			}
			if l := d.leads[tc.lead]; l.prefix() != tc.want || l.prefixLen() != tc.digits {
				t.Errorf("with %s, %04d begins with a prefix of kind %d and %d digits, want %d and %d", tc.expr, tc.lead, l.prefix(),
					l.prefixLen(), tc.want, tc.digits)
			}
		})
	}
	for _, expr := range []string{"", "0?", "(", "(?:00)?"} {
		if new(dialPlan).learnPrefix(prefixWorld, expr, "") {
			t.Errorf("the international prefix %q can be told", expr)
		}
	}
	if !new(dialPlan).learnPrefix(prefixNational, "", "") || new(dialPlan).learnPrefix(prefixNational, ")", "") {
		t.Error("no national prefix cannot be told, or a broken one can")
	}
}

// Numbers of the large networks take the fast path in every form in which trunks deliver them.
func TestNationalCoversMostNumbers(t *testing.T) {
	regions := slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions()))
	meta, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	all, fast := 0, 0
	var slow []string
	for _, region := range regions {
		national := metadataOfRegion(meta, region).GetNationalPrefix()
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE} {
			phone := phonenumbers.GetExampleNumberForType(region, kind)
			if phone.GetCountryCode() == 0 {
				continue
			}
			all++
			digits := national + phonenumbers.GetNationalSignificantNumber(phone)
			if (Origin{Region: region}).national(digits) == 0 {
				slow = append(slow, region+" "+digits)
				continue
			}
			fast++
		}
	}
	t.Logf("%d of %d; slow are %s", fast, all, strings.Join(slow, ", "))
	if fast < all*8/10 {
		t.Errorf("only %d of %d example numbers take the fast path", fast, all)
	}
	for _, tc := range []struct{ region, text string }{
		{"US", "2025550143"}, {"US", "12025550143"}, {"CA", "2025550143"}, {"GB", "02079460123"}, {"GB", "01134960123"}, {"FR", "0199001234"},
		{"US", "011442079460123"}, {"US", "00442079460123"}, {"FR", "0012025550143"}, {"DE", "00442079460123"}, {"AU", "001112025550143"},
		{"JP", "01012025550143"}, {"GB", "442079460123"}, {"FR", "199001234"},
	} {
		if (Origin{Region: tc.region}).national(tc.text) == 0 {
			t.Errorf("%s: %s takes the slow path", tc.region, tc.text)
		}
	}
	for _, region := range []string{"US", "CA", "GB", "FR", "DE", "IN", "ES", "IT", "JP", "AU", "BR", "MX", "CN", "NL", "PL", "SE", "CH", "AT", "ZA", "RU"} {
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE} {
			phone := phonenumbers.GetExampleNumberForType(region, kind)
			digits := metadataOfRegion(meta, region).GetNationalPrefix() + phonenumbers.GetNationalSignificantNumber(phone)
			if (Origin{Region: region}).national(digits) == 0 {
				t.Errorf("%s: %s takes the slow path", region, digits)
			}
		}
	}
}

// Many calls may be the first of a region at once.
func TestNationalConcurrently(t *testing.T) {
	for i := range dialPlans {
		dialPlans[i].Store(nil)
	}
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for range 100 {
				for o, text := range map[Origin]string{fromUS: "2025550143", fromGB: "02079460123", fromFR: "0012025550143"} {
					if n := o.national(text); n != 12025550143 && n != 442079460123 {
						t.Errorf("%+v reads %q as %d", o, text, n)
					}
				}
				dialPlans[rand.IntN(len(dialPlans))].Store(nil)
			}
		})
	}
	calls.Wait()
}

func TestNationalDoesNotAllocate(t *testing.T) {
	extra := Origin{Region: "GB", ExtraEmergency: "1170, 1180"}
	for _, tc := range []struct {
		origin Origin
		text   string
	}{{fromUS, "2025550143"}, {fromGB, "02079460123"}, {fromFR, "0012025550143"}, {fromUS, "00442079460123"}, {extra, "02079460123"}} {
		if got := testing.AllocsPerRun(100, func() { sinkParsed = tc.origin.Parse(tc.text) }); got != 0 {
			t.Errorf("%+v.Parse(%q) allocates %v times", tc.origin, tc.text, got)
		}
	}
}

// BenchmarkDialPlan learns how a region dials, which the first call there waits for.
func BenchmarkDialPlan(b *testing.B) {
	for _, region := range []string{"US", "GB", "DE", "BR"} {
		b.Run(region, func(b *testing.B) {
			for b.Loop() {
				newDialPlan(region)
			}
		})
	}
}
