package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// golden is warned(0), as it is stored since format 1.
const golden = "01" + "00000000aaaa" + "01" + "02" + "08" + "02" + "02" + "00" + "03" + "01020300000000000000000000000000" +
	"80c49cd9ec33" + "bfaa9de62c" + "ac02" + "dc0b" + "06616d617a6f6e" + "047761726e" + "02656e" + "056e6f646531"

func TestStoredFormStays(t *testing.T) {
	e := warned(0)
	b, err := e.AppendBinary([]byte("before"))
	if err != nil || hex.EncodeToString(b[6:]) != golden {
		t.Fatalf("stored as\n%x\n%s, %v", b[6:], golden, err)
	}
	var read Entry
	if err := read.UnmarshalBinary(b[6:]); err != nil || read != e {
		t.Errorf("read as %+v, %v", read, err)
	}
}

// TestStoredSetsStay pins the values of the closed sets: entries are stored by them. New ones go to the end.
func TestStoredSetsStay(t *testing.T) {
	var standings, classes []fmt.Stringer
	for s := numberdb.StandingNone; s <= numberdb.StandingProtected; s++ {
		standings = append(standings, s)
	}
	for c := numberdb.ClassAnalytics; c <= numberdb.ClassSubscriberRequest; c++ {
		classes = append(classes, c)
	}
	for _, tc := range []struct{ got, want string }{
		{fmt.Sprint(screening.Inbound, screening.Outbound), "inbound outbound"},
		{fmt.Sprint(screening.Actions()), "[allow label warn block]"},
		{fmt.Sprint(screening.Reasons()), "[clean emergency psap_callback protected opt_out allow_list cleared watch listed_warn listed_block withheld " +
			"short unparsable report_only no_list deadline fault shutdown orphan unavailable"},
		{fmt.Sprint(standings), "[none watch warn block cleared protected]"},
		{fmt.Sprint(classes), "[analytics do_not_originate subscriber_request]"},
		{fmt.Sprint(screening.Outcomes()), "[passed labelled went_on skipped helpline no_key refused hung_up lost"},
	} {
		if !strings.HasPrefix(tc.got, tc.want) {
			t.Errorf("stored entries would change their meaning: the set is\n%s, was\n%s", tc.got, tc.want)
		}
	}
}

func TestDamagedEntries(t *testing.T) {
	sound, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range sound {
		var e Entry
		if err := e.UnmarshalBinary(sound[:cut]); !errors.Is(err, ErrCorrupt) || e != (Entry{}) {
			t.Fatalf("of the first %d bytes is read %+v, %v", cut, e, err)
		}
	}
	change := func(at int, to byte) []byte {
		b := append([]byte{}, sound...)
		b[at] = to
		return b
	}
	for name, tc := range map[string]struct {
		b    []byte
		want error
	}{
		"longer":            {append(append([]byte{}, sound...), 0), ErrCorrupt},
		"newer":             {change(0, 2), ErrNewer},
		"no version":        {change(0, 0), ErrCorrupt},
		"unknown direction": {change(7, 2), ErrCorrupt},
		"unknown action":    {change(8, 4), ErrCorrupt},
		"unknown reason":    {change(9, 200), ErrCorrupt},
		"unknown outcome":   {change(13, 200), ErrCorrupt},
		"unsound brand":     {change(len(sound)-20, ' '), ErrCorrupt},
		"endless time":      {append(sound[:30:30], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0), ErrCorrupt},
	} {
		var e Entry
		if err := e.UnmarshalBinary(tc.b); !errors.Is(err, tc.want) || e != (Entry{}) {
			t.Errorf("%s: read %+v, %v", name, e, err)
		}
	}
}

func TestUnsoundEntries(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"no id":       func(e *Entry) { e.ID = "" },
		"other id":    func(e *Entry) { e.ID = "00000001AAAA" },
		"no such day": func(e *Entry) { e.At = time.Time{} },
		"no number":   func(e *Entry) { e.Number = numberdb.MaxNumber + 1 },
		"age":         func(e *Entry) { e.ListAge = -1 },
		"brand":       func(e *Entry) { e.Verdict.Brand = "A B" },
		"standing":    func(e *Entry) { e.Verdict.Standing = 99 },
		"class":       func(e *Entry) { e.Verdict.Class = 99 },
		"language":    func(e *Entry) { e.Language = strings.Repeat("e", 65) },
	} {
		e := warned(1)
		change(&e)
		if b, err := e.AppendBinary([]byte("x")); err == nil || string(b) != "x" {
			t.Errorf("%s: stored as %x, %v", name, b, err)
		}
	}
}

// FuzzEntry wants everything to be refused, or to be written again in the same bytes.
func FuzzEntry(f *testing.F) {
	sound, err := hex.DecodeString(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound)
	f.Add([]byte{})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Entry
		if err := e.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Errorf("refused as %v", err)
			}
			return
		}
		again, err := e.AppendBinary(nil)
		if err != nil || string(again) != string(b) {
			t.Errorf("%x is read as %+v and written %x, %v", b, e, again, err)
		}
		if e.Number > numberdb.MaxNumber || !ValidID(e.ID) || e.Verdict.Reason.Text() == "" || e.Outcome.Text() == "" {
			t.Errorf("read %+v", e)
		}
	})
}

func TestPseudonyms(t *testing.T) {
	key, err := NewKey(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	// Worked out with another implementation of HMAC-SHA-256.
	if got := key.Of(12025550111).String(); got != "cc1581718f82fc07680e06df4454be4c" {
		t.Errorf("pseudonym %s", got)
	}
	if key.Of(12025550111) == key.Of(12025550112) || key.Of(0) != (Pseudonym{}) || key.Of(0).String() != "" {
		t.Error("pseudonyms do not tell numbers apart")
	}
	if a, b := RandomKey(), RandomKey(); a.Of(12025550111) == b.Of(12025550111) {
		t.Error("a random key is not random")
	}
	if _, err := NewKey(strings.Repeat("k", 31)); err == nil || strings.Contains(err.Error(), "kkk") {
		t.Errorf("a short key: %v", err)
	}
	shown := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		shown += fmt.Sprintf(verb, key)
	}
	if strings.Contains(shown, "kkkk") || strings.Contains(shown, "6b6b") {
		t.Errorf("printing a key shows it: %s", shown)
	}
}

func TestListed(t *testing.T) {
	for _, tc := range []struct {
		v    screening.Verdict
		want bool
	}{
		{screening.Verdict{Reason: screening.ReasonClean}, false},
		{screening.Verdict{Reason: screening.ReasonFault}, false},
		{screening.Verdict{Action: screening.Warn, Would: screening.Warn}, true},
		{screening.Verdict{Reason: screening.ReasonReportOnly, Would: screening.Block}, true},
		{screening.Verdict{Reason: screening.ReasonDeadline, Would: screening.Warn}, true},
		{screening.Verdict{Reason: screening.ReasonNoList, Action: screening.Block}, true},
	} {
		if Listed(tc.v) != tc.want {
			t.Errorf("%+v", tc.v)
		}
	}
}
