package callflow

import (
	"testing"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

func TestPolicyRead(t *testing.T) {
	p := Policy{Origin: numberdb.Origin{Region: "US"}}
	caller := numberdb.Parsed{Kind: numberdb.KindE164, Number: 12025550142}
	for name, c := range map[string]struct {
		args dialplan.Args
		want screening.Call
	}{
		"inbound": {
			dialplan.Args{Direction: dialplan.Inbound, Calling: "+12025550142", Called: "2025550142", Presentation: "allowed_not_screened"},
			screening.Call{Calling: caller, Called: caller},
		},
		"inbound, number not to be shown": {
			dialplan.Args{Direction: dialplan.Inbound, Calling: "+12025550142", Called: "2025550142", Presentation: "prohib_passed_screen"},
			screening.Call{Calling: numberdb.Parsed{Kind: numberdb.KindWithheld}, Called: caller},
		},
		"outbound, a subscriber who does not show their number": {
			dialplan.Args{Direction: dialplan.Outbound, Calling: "+12025550142", Called: "911", Presentation: "prohib"},
			screening.Call{Direction: screening.Outbound, Calling: caller, Called: numberdb.Parsed{Kind: numberdb.KindEmergency}},
		},
		"an emergency centre calls back": {
			dialplan.Args{Direction: dialplan.Inbound, Calling: "911", Called: "+12025550142", Priority: "psap-callback"},
			screening.Call{Calling: numberdb.Parsed{Kind: numberdb.KindEmergency}, Called: caller, PSAPCallback: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := p.read(c.args); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
