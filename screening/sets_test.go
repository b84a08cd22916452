package screening

import (
	"encoding"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestReasonTable(t *testing.T) {
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seenLabel, seenText := map[string]Reason{}, map[string]Reason{}
	for _, r := range Reasons() {
		if !label.MatchString(r.String()) {
			t.Errorf("reason %d: label %q is not lower-case words with underscores", r, r)
		}
		if other, twice := seenLabel[r.String()]; twice {
			t.Errorf("reasons %d and %d share the label %q", other, r, r)
		}
		seenLabel[r.String()] = r
		if !strings.HasSuffix(r.Text(), ".") || strings.ContainsAny(r.Text(), "\n_") {
			t.Errorf("%v: text %q is not a plain sentence", r, r.Text())
		}
		if other, twice := seenText[r.Text()]; twice {
			t.Errorf("%v and %v share a text", other, r)
		}
		seenText[r.Text()] = r
		occurs := false
		for _, a := range Actions() {
			occurs = occurs || r.OccursWith(a)
		}
		if !occurs {
			t.Errorf("%v occurs with no action", r)
		}
	}
}

// TestLabels holds the words that dashboards, dialplans and journals are built on.
func TestLabels(t *testing.T) {
	var got []string
	for _, r := range Reasons() {
		got = append(got, r.String())
	}
	want := "clean emergency psap_callback protected opt_out allow_list cleared watch listed_warn listed_block withheld short unparsable " +
		"report_only no_list deadline fault shutdown orphan unavailable"
	if strings.Join(got, " ") != want {
		t.Errorf("reasons are\n%s, want\n%s", strings.Join(got, " "), want)
	}
	if got := fmt.Sprint(Actions(), Inbound, Outbound); got != "[allow label warn block] inbound outbound" {
		t.Errorf("actions and directions are %s", got)
	}
}

func TestOnlyListedReasonsTouchCalls(t *testing.T) {
	for _, r := range Reasons() {
		for _, a := range []Action{Label, Warn} {
			if r.OccursWith(a) != (r == ReasonListedWarn) {
				t.Errorf("%v occurs with %v: %v", r, a, r.OccursWith(a))
			}
		}
	}
	for _, r := range []Reason{ReasonEmergency, ReasonPSAPBack, ReasonProtected, ReasonOptOut, ReasonAllowList, ReasonCleared, ReasonReportOnly} {
		if r.OccursWith(Block) {
			t.Errorf("%v occurs with block", r)
		}
	}
}

func TestMarshalText(t *testing.T) {
	type record struct {
		Direction Direction
		Action    Action
		Reason    Reason
	}
	got, err := json.Marshal(record{Outbound, Warn, ReasonListedWarn})
	if want := `{"Direction":"outbound","Action":"warn","Reason":"listed_warn"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, v := range []interface {
		encoding.TextMarshaler
		fmt.Stringer
	}{Direction(2), Direction(255), Action(actionCount), Action(255), Reason(reasonCount), Reason(255)} {
		if text, err := v.MarshalText(); err == nil {
			t.Errorf("%T outside its set is marshalled as %q", v, text)
		}
		if v.String() != invalid {
			t.Errorf("%T outside its set is %q", v, v)
		}
	}
	if Reason(reasonCount).Text() != "" || Reason(reasonCount).OccursWith(Allow) || ReasonClean.OccursWith(Action(255)) {
		t.Error("a value outside its set has a text or occurs with something")
	}
}

func TestOutcomes(t *testing.T) {
	for _, o := range Outcomes() {
		if text, err := o.MarshalText(); err != nil || string(text) != o.String() || o.Text() == "" {
			t.Errorf("%d: %q, %v", o, text, err)
		}
	}
	if _, err := outcomeCount.MarshalText(); err == nil || outcomeCount.String() != "invalid" || outcomeCount.Text() != "" {
		t.Error("there is one too many")
	}
}
