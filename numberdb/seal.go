package numberdb

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// SealingKey seals what nobody may read in a store or in a backup of it: AES-256-GCM (NIST SP 800-38D) with random nonces. It is safe for
// concurrent use.
type SealingKey struct{ aead cipher.AEAD }

// MinSealingKey is how many characters the text of a key has at least.
const MinSealingKey = 32

// ErrSealed says that something was sealed with another key or for something else, or was altered.
var ErrSealed = errors.New("it was sealed with another key, or altered")

// NewSealingKey derives a key (HKDF-SHA256, RFC 5869) from a secret text of at least [MinSealingKey] random characters. One text serves for
// several purposes: what is sealed for one does not open for another. Never change a purpose.
func NewSealingKey(secret, purpose string) (*SealingKey, error) {
	if len(secret) < MinSealingKey {
		return nil, fmt.Errorf("the key for %s has %d characters: write at least %d random ones, such as 'openssl rand -hex 32' prints", purpose, len(secret), MinSealingKey)
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "linewarden "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &SealingKey{aead}, err
}

// Seal is the text as it may be kept, bound to what it belongs to: for anything else it does not open.
func (k *SealingKey) Seal(text, belongsTo string) []byte {
	return k.aead.Seal(nil, nil, []byte(text), []byte(belongsTo))
}

// Open is the text that Seal has sealed, or [ErrSealed].
func (k *SealingKey) Open(sealed []byte, belongsTo string) (string, error) {
	text, err := k.aead.Open(nil, nil, sealed, []byte(belongsTo))
	if err != nil {
		return "", ErrSealed
	}
	return string(text), nil
}
