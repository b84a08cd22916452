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
