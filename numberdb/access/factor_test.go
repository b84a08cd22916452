package access

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

func newTestFactorKey(t testing.TB) *FactorKey {
	t.Helper()
	k, err := NewFactorKey(strings.Repeat("k", numberdb.MinSealingKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rfcSecret is that of RFC 6238 appendix B, in base32.
const rfcSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// TestCodes holds codes to the vectors of RFC 6238 appendix B, of which we show the last six digits.
func TestCodes(t *testing.T) {
	for second, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if step, ok := stepOf(rfcSecret, code, time.Unix(second, 0)); !ok || step != second/30 {
			t.Errorf("at %d the code %s is of step %d, %v", second, code, step, ok)
		}
	}
	code, begin := "050471", int64(1111111110)
	for after, want := range map[int64]bool{-31: false, -30: true, -1: true, 0: true, 29: true, 30: true, 59: true, 60: false} {
		step, ok := stepOf(rfcSecret, code, time.Unix(begin+after, 0))
		if ok != want || ok && step != begin/30 {
			t.Errorf("%d s after its begin the code is of step %d, %v", after, step, ok)
		}
	}
	for _, wrong := range []string{"", "050472", "50471", "0504710", "05047१", "050471 ", "-50471", strings.Repeat("0", 5000)} {
		if _, ok := stepOf(rfcSecret, wrong, time.Unix(begin, 0)); ok && wrong != "050471 " {
			t.Errorf("%.20q is a code", wrong)
		}
	}
	if got := tidyCode(" 050\u00a0471\n"); got != "050471" {
		t.Errorf("tidied to %q", got)
	}
}

func TestNewSecrets(t *testing.T) {
	secret, uri, err := newSecret("Linewarden helpline", "ann+x@helpline.example")
	if err != nil || len(secret) != secretSize*8/5 {
		t.Fatalf("secret %s, %v", secret, err)
	}
	if want := "otpauth://totp/Linewarden%20helpline:ann+x@helpline.example?algorithm=SHA1&digits=6&issuer=Linewarden%20helpline&period=30&secret=" + secret; uri != want {
		t.Errorf("got %s\nwant %s", uri, want)
	}
	if other, _, err := newSecret("Linewarden helpline", "ann"); err != nil || other == secret {
		t.Errorf("another is %s, %v", other, err)
	}
}

func TestFactorKey(t *testing.T) {
	k := newTestFactorKey(t)
	sealed := k.seal("ann", rfcSecret)
	if got, err := k.open("ann", sealed); got != rfcSecret || err != nil {
		t.Errorf("opened %q, %v", got, err)
	}
	if strings.Contains(sealed, rfcSecret) || sealed == k.seal("ann", rfcSecret) {
		t.Errorf("sealed as %s", sealed)
	}
	other, err := NewFactorKey(strings.Repeat("o", numberdb.MinSealingKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (string, error){
		"another key":   func() (string, error) { return other.open("ann", sealed) },
		"no key":        func() (string, error) { return (*FactorKey)(nil).open("ann", sealed) },
		"another's":     func() (string, error) { return k.open("bob", sealed) },
		"cut":           func() (string, error) { return k.open("ann", sealed[:20]) },
		"empty":         func() (string, error) { return k.open("ann", "") },
		"not in base64": func() (string, error) { return k.open("ann", rfcSecret+"?") },
	} {
		if got, err := open(); got != "" || err == nil || !strings.Contains(err.Error(), "sealing_key_file") {
			t.Errorf("%s: opened %q, %v", name, got, err)
		}
	}
	if _, err := NewFactorKey("short"); err == nil || !strings.Contains(err.Error(), fmt.Sprint(numberdb.MinSealingKey)) {
		t.Errorf("a short key: %v", err)
	}
}

// FuzzFactorKey wants nothing to open but what was sealed: records in Redis may be anybody's writing.
func FuzzFactorKey(f *testing.F) {
	k := newTestFactorKey(f)
	sealed := k.seal("ann", rfcSecret)
	f.Add("ann", sealed)
	f.Add("bob", sealed)
	f.Add("ann", "")
	f.Fuzz(func(t *testing.T, name, text string) {
		if secret, err := k.open(name, text); err == nil && (name != "ann" || secret != rfcSecret) {
			t.Errorf("%q opened %q as %q", name, text, secret)
		}
	})
}
