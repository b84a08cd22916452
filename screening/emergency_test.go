package screening

import (
	"fmt"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/linewarden/linewarden/numberdb"
)

// TestEmergencyEverywhere dials every emergency number of two and three digits in every region that there is data for, while
// everything is listed as blocked.
func TestEmergencyEverywhere(t *testing.T) {
	var dials []string
	for i := range 1000 {
		dials = append(dials, fmt.Sprintf("%03d", i))
	}
	for i := range 100 {
		dials = append(dials, fmt.Sprintf("%02d", i))
	}
	var blocked numberdb.Listing
	for r := range blocked.Roles {
		blocked.Roles[r] = numberdb.RoleListing{Override: numberdb.StandingBlock, Class: numberdb.ClassDoNotOriginate}
	}
	want := Verdict{Action: Allow, Reason: ReasonEmergency}

	regions := phonenumbers.GetSupportedRegions()
	if len(regions) < 200 {
		t.Fatalf("there are %d regions, which cannot be all", len(regions))
	}
	for region := range regions {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			origin := numberdb.Origin{Region: region}
			found := 0
			for _, dialled := range dials {
				if dialled != "112" && dialled != "911" && !phonenumbers.IsEmergencyNumber(dialled, region) {
					continue
				}
				found++
				c := Call{Direction: Outbound, Calling: subscriberNumber, Called: origin.Parse(dialled)}
				for _, p := range []Policy{{}, {ReportOnly: true}} {
					if v := p.Decide(c, blocked, numberdb.Listing{}, today); v != want {
						t.Errorf("%s got %v because of %v", dialled, v.Action, v.Reason)
					}
				}
			}
			if found < 2 {
				t.Errorf("%d emergency numbers are found, not even 112 and 911", found)
			}
		})
	}
}
