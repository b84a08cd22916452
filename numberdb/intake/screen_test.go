package intake

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

func TestScreen(t *testing.T) {
	h := newBoard(t, func(o *Options) {
		us := numberdb.Origin{Region: "US"}
		o.Voice = dialplan.NewVoice()
		o.Trunks = map[string]Trunk{
			DefaultTrunk: {Origin: us, Helpline: true},
			"quiet":      {Origin: us, Screening: screening.Policy{ReportOnly: true}},
			"london":     {Origin: numberdb.Origin{Region: "GB"}, RequireKey: true, Language: "fr"},
		}
	})
	decide := func(number numberdb.Number, role numberdb.Role, standing numberdb.Standing, class numberdb.Class) {
		d := numberdb.Decision{Target: numberdb.Target{Number: number}, Roles: numberdb.RolesOf(role), Standing: standing, Class: class, Brand: "amazon",
			Reason: "seen", Author: "ann", Approver: "bob", At: noon}
		if _, err := h.store.Decide(soon(t), numberdb.Actor{Name: "bob", Role: "reviewer"}, d); err != nil {
			t.Fatal(err)
		}
	}
	decide(12025550143, numberdb.RoleCallback, numberdb.StandingBlock, numberdb.ClassAnalytics)
	decide(12025550144, numberdb.RoleCallerID, numberdb.StandingBlock, numberdb.ClassSubscriberRequest)
	decide(12025550145, numberdb.RoleCallerID, numberdb.StandingWarn, numberdb.ClassAnalytics)
	decide(442079460123, numberdb.RoleCallback, numberdb.StandingWarn, numberdb.ClassAnalytics)
	if err := h.store.Mark(soon(t), numberdb.Target{Number: 12025550111}, numberdb.MarkOptOut, true, "ann", "asked", noon); err != nil {
		t.Fatal(err)
	}
	blocked := []string{"linewarden/blocked-before", "linewarden/brand/amazon", "linewarden/blocked-after", "linewarden/blocked-choice"}
	for name, tc := range map[string]struct {
		call, want string
		heard      []string
	}{
		"blocked":             {`"direction":"outbound","calling":"+12025550100","called":"202 555 0143"`, "block listed_block block block amazon analytics en 603", blocked},
		"the other role":      {`"direction":"inbound","calling":"+12025550143"`, "allow clean allow none  analytics en 0", nil},
		"blocked inbound":     {`"direction":"inbound","calling":"+12025550144"`, "block listed_block block block amazon subscriber_request en 607", nil},
		"labelled":            {`"direction":"inbound","calling":"+12025550145"`, "label listed_warn label warn amazon analytics en 0", []string{"linewarden/whisper-before", "linewarden/brand/amazon", "linewarden/whisper-after"}},
		"only reported":       {`"direction":"outbound","called":"+12025550143","policy":"quiet"`, "allow report_only block block amazon analytics en 0", nil},
		"of another trunk":    {`"direction":"outbound","called":"020 7946 0123","policy":"london"`, "warn listed_warn warn warn amazon analytics fr 0", []string{"linewarden/warn-before", "linewarden/brand/amazon", "linewarden/warn-after", "linewarden/choices-key-no-helpline", "linewarden/advice"}},
		"opted out":           {`"direction":"outbound","calling":"+12025550111","called":"+12025550143"`, "allow opt_out allow none  analytics en 0", nil},
		"emergency":           {`"direction":"outbound","called":"911"`, "allow emergency allow none  analytics en 0", nil},
		"calls back":          {`"direction":"inbound","calling":"+12025550144","priority":"PSAP-Callback"`, "allow psap_callback allow none  analytics en 0", nil},
		"later":               {`"direction":"outbound","called":"+12025550143","at":"2027-03-01T00:00:00Z"`, "warn listed_warn warn warn amazon analytics en 0", []string{"linewarden/warn-before", "linewarden/brand/amazon", "linewarden/warn-after", "linewarden/choices", "linewarden/advice"}},
		"withheld":            {`"direction":"inbound"`, "allow withheld allow none  analytics en 0", nil},
		"no telephone number": {`"direction":"inbound","calling":"${SHELL(id)}"`, "allow unparsable allow none  analytics en 0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := answer[ScreenedBody](t, h.as(t, "machine-feed", http.MethodPost, "/v1/screen", "{"+tc.call+"}"), http.StatusOK)
			v, code := b.Verdict, 0
			if b.SIP != nil {
				code = b.SIP.Code
			}
			got := fmt.Sprint(v.Action, " ", v.Reason, " ", v.Would, " ", v.Standing, " ", v.Brand, " ", v.Class, " ", b.Language, " ", code)
			if got != tc.want || !slices.Equal(b.Heard, tc.heard) || b.Heard == nil || b.Explain == "" {
				t.Errorf("got %s, %q, %q", got, b.Heard, b.Explain)
			}
		})
	}
	for body, want := range map[string][]string{
		`{"direction":"sideways","calling":5,"policy":"none","extra":1}`: {"body.calling", "body.direction", "body.extra", "body.policy"},
		`{}`:                                    {"body.direction"},
		`{"direction":"inbound","policy":"no"}`: {"body.policy"},
		`{"direction":"inbound","at":"soon"}`:   {"body.at"},
	} {
		_, fields := wantProblem(t, h.as(t, "rita", http.MethodPost, "/v1/screen", body), http.StatusUnprocessableEntity)
		if slices.Sort(fields); !slices.Equal(fields, want) {
			t.Errorf("%s: named %q", body, fields)
		}
	}
}
