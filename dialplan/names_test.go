package dialplan

import (
	"errors"
	"strings"
	"testing"
)

func TestIDIsWhatKamailioComputes(t *testing.T) {
	// $(ci{s.substr,0,255}{s.md5}{s.substr,0,12}) of the Call-ID "abc" (RFC 1321, appendix A.5, gives the MD5 of "abc").
	for name, ids := range map[string][2]string{
		"Call-ID":                   {"abc", "1700000000.1"},
		"channel id for want of it": {"", "abc"},
	} {
		if got := ID(ids[0], ids[1]); got != "900150983cd2" {
			t.Errorf("%s: ID(%q, %q) = %q, want 900150983cd2", name, ids[0], ids[1], got)
		}
	}
}

func TestParseArgs(t *testing.T) {
	good := []string{"v1", "inbound", "carrier-a", "+12025550143", "+12025550100", "allowed_not_screened", "psap-callback"}
	want := Args{
		Direction: Inbound, Policy: "carrier-a", Calling: "+12025550143", Called: "+12025550100",
		Presentation: "allowed_not_screened", Priority: PriorityPSAPCallback,
	}
	got, err := ParseArgs(good)
	if err != nil || got != want {
		t.Fatalf("ParseArgs = %+v, %v, want %+v", got, err, want)
	}
	with := func(i int, v string) []string {
		args := append([]string(nil), good...)
		args[i] = v
		return args
	}
	for name, args := range map[string][]string{
		"none":             nil,
		"another version":  with(0, "v2"),
		"too few":          good[:6],
		"too many":         append(append([]string(nil), good...), "", ""),
		"direction":        with(1, "sideways"),
		"too long":         with(3, strings.Repeat("1", MaxArg+1)),
		"newline":          with(3, "+1202\r\n555"),
		"NUL":              with(3, "+1202\x00"),
		"UTF-8":            with(3, "٤٥٦"),
		"invalid UTF-8":    with(3, "\xff"),
		"dialplan code":    with(4, "${SHELL(id)}"),
		"space":            with(2, "my policy"),
		"comma":            with(4, "1,2"),
		"unknown priority": with(6, "non urgent"),
	} {
		if got, err := ParseArgs(args); !errors.Is(err, ErrArgs) {
			t.Errorf("%s: ParseArgs(%q) = %+v, %v, want ErrArgs", name, args, got, err)
		}
	}
	// The operator's default holds where the call has no policy of its own.
	for own, policy := range map[string]string{"carrier-a": "carrier-a", "": "all"} {
		if got, err := ParseArgs(append(with(2, own), "all")); err != nil || got.Policy != policy {
			t.Errorf("policy %q, default all: %+v, %v, want %s", own, got, err, policy)
		}
	}
	// A word of the operator's that no policy can have must not let every call pass unscreened: it is a policy that there is not.
	for setting, policy := range map[string]string{"my policy": "mypolicy", "ä(,": "", strings.Repeat("x", 100): strings.Repeat("x", MaxArg)} {
		if got, err := ParseArgs(append(with(2, ""), setting)); err != nil || got.Policy != policy {
			t.Errorf("default %q: %+v, %v, want %q", setting, got, err, policy)
		}
	}
	for _, i := range []int{2, 3, 4, 5, 6} {
		if _, err := ParseArgs(with(i, "")); err != nil {
			t.Errorf("value %d empty: %v", i+1, err)
		}
	}
}

// What ParseArgs accepts must come through unchanged, and hold nothing that could break a log line or a dialplan.
func FuzzParseArgs(f *testing.F) {
	f.Add("v1", "inbound", "p", "+12025550143", "911", "prohib", "emergency")
	f.Add("v1", "outbound", "", "", "", "", "")
	f.Add("v2", "inbound", "${SHELL(id)}", "\"", "\r\n", "\x00", ",")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h string) {
		in := []string{a, b, c, d, e, g, h}
		args, err := ParseArgs(in)
		if err != nil {
			if !errors.Is(err, ErrArgs) {
				t.Fatalf("%v is not ErrArgs", err)
			}
			return
		}
		want := Args{Direction: Direction(b), Policy: c, Calling: d, Called: e, Presentation: g, Priority: h}
		if a != ArgsVersion || args != want {
			t.Fatalf("%q became %+v", in, args)
		}
		if joined := strings.Join(in, ""); strings.ContainsAny(joined, "\x00\r\n,;$`'\"\\(){}[]&|<> ") {
			t.Fatalf("accepted %q", in)
		}
	})
}
