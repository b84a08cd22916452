package numberdb

import "testing"

func TestRegion(t *testing.T) {
	for _, tc := range []struct {
		number Number
		want   string
	}{
		{12025550143, "US"},
		{442079460123, "GB"},
		{33199000123, "FR"},
		{16135550143, "CA"},   // +1 is shared
		{80012345678, ""},     // international freephone: no country's
		{999999999999999, ""}, // no such country code
		{0, ""},
	} {
		if got := tc.number.Region(); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.number, got, tc.want)
		}
	}
}

func TestCountryCode(t *testing.T) {
	for region, want := range map[string]string{"US": "1", "GB": "44", "FR": "33", "DO": "1", "XX": "", "": ""} {
		if got := CountryCode(region); got != want {
			t.Errorf("%s: got %q, want %q", region, got, want)
		}
	}
}
