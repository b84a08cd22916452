package journal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/linewarden/linewarden/numberdb"
)

// Pseudonym stands for a subscriber: calls of the same one have the same, as long as the key stays. The zero value stands for a call
// whose subscriber has no number.
//
// It is the first 16 bytes of HMAC-SHA-256 (RFC 2104, FIPS 180-4) over a fixed text and the number in E.164 form.
type Pseudonym [16]byte

// String is the pseudonym in 32 hexadecimal digits; empty for the zero value.
func (p Pseudonym) String() string {
	if p == (Pseudonym{}) {
		return ""
	}
	return hex.EncodeToString(p[:])
}

// MarshalText implements [encoding.TextMarshaler] with String.
func (p Pseudonym) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MinKeyLength is the fewest bytes of a key. There are so few telephone numbers that a key which can be guessed protects nobody.
const MinKeyLength = 32

// Key makes pseudonyms. Its methods may be used by many goroutines at once. Printing one shows nothing of it.
type Key struct{ secret func() []byte }

// NewKey makes a key of a secret text of at least [MinKeyLength] bytes, the same on all nodes.
func NewKey(secret string) (Key, error) {
	if len(secret) < MinKeyLength {
		return Key{}, fmt.Errorf("a key for pseudonyms of %d bytes is too short: use at least %d", len(secret), MinKeyLength)
	}
	return Key{func() []byte { return []byte(secret) }}, nil
}

// RandomKey makes a key that nobody knows and that ends with the process: pseudonyms made with it cannot be linked to those of another
// node, or of this one after a restart.
func RandomKey() Key {
	secret := make([]byte, sha256.Size)
	rand.Read(secret) // never fails
	return Key{func() []byte { return secret }}
}

// pseudonymUse begins what is hashed, so that the same key used for anything else gives other values.
const pseudonymUse = "linewarden journal subscriber\x00"

// Of is the pseudonym of a number; the zero one for no number.
func (k Key) Of(n numberdb.Number) (p Pseudonym) {
	if n == 0 || k.secret == nil {
		return p
	}
	mac := hmac.New(sha256.New, k.secret())
	mac.Write([]byte(pseudonymUse + n.String())) // a hash never fails
	copy(p[:], mac.Sum(nil))
	return p
}
