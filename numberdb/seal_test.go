package numberdb

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSealingKey(t *testing.T) {
	secret := strings.Repeat("k", MinSealingKey)
	key := func(secret, purpose string) *SealingKey {
		k, err := NewSealingKey(secret, purpose)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k := key(secret, "tests")
	sealed := k.Seal("text", "ann")
	if again := k.Seal("text", "ann"); bytes.Equal(sealed, again) || bytes.Contains(sealed, []byte("text")) {
		t.Errorf("sealed as %q and %q", sealed, again)
	}
	if got, err := key(secret, "tests").Open(sealed, "ann"); got != "text" || err != nil {
		t.Errorf("opens as %q, %v", got, err)
	}
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	for what, open := range map[string]func() (string, error){
		"altered":         func() (string, error) { return k.Open(altered, "ann") },
		"cut":             func() (string, error) { return k.Open(sealed[:5], "ann") },
		"nothing":         func() (string, error) { return k.Open(nil, "ann") },
		"of another":      func() (string, error) { return k.Open(sealed, "bob") },
		"another purpose": func() (string, error) { return key(secret, "others").Open(sealed, "ann") },
		"another secret":  func() (string, error) { return key(secret+"x", "tests").Open(sealed, "ann") },
	} {
		if got, err := open(); got != "" || !errors.Is(err, ErrSealed) {
			t.Errorf("%s: opens as %q, %v", what, got, err)
		}
	}
	if _, err := NewSealingKey(secret[1:], "tests"); err == nil || !strings.Contains(err.Error(), "the key for tests has 31 characters") {
		t.Errorf("a short key: %v", err)
	}
}
