package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// FactorKey seals the secrets of second factors, so that whoever reads Redis or a backup of it cannot make codes: AES-256-GCM (NIST SP 800-38D)
// with random nonces. It is safe for concurrent use.
type FactorKey struct{ aead cipher.AEAD }

// MinFactorKey is how many characters the text of a key has at least.
const MinFactorKey = 32

// NewFactorKey derives a key (HKDF-SHA256, RFC 5869) from a secret text of at least [MinFactorKey] random characters. The same text may
// serve for other keys: each is derived for its own purpose.
func NewFactorKey(secret string) (*FactorKey, error) {
	if len(secret) < MinFactorKey {
		return nil, fmt.Errorf("the key for second factors has %d characters: write at least %d random ones, such as 'openssl rand -hex 32' prints", len(secret), MinFactorKey)
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "linewarden second factors", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &FactorKey{aead}, err
}

// seal is a person's secret as it may be kept. Moved to another person's record, it does not open.
func (k *FactorKey) seal(name, secret string) string {
	return base64.RawStdEncoding.EncodeToString(k.aead.Seal(nil, nil, []byte(secret), []byte(name)))
}

// open is the secret that seal has sealed.
func (k *FactorKey) open(name, sealed string) (string, error) {
	if k == nil {
		return "", errors.New("without the key that sealed it, a second factor cannot be checked: name it with intake.sealing_key_file")
	}
	b, err := base64.RawStdEncoding.DecodeString(sealed)
	if err == nil {
		b, err = k.aead.Open(nil, nil, b, []byte(name))
	}
	if err != nil {
		return "", errors.New("a second factor was sealed with another key, or altered: name the key of its time with intake.sealing_key_file, or reset the person")
	}
	return string(b), nil
}

// Codes are as every authenticator application makes them (RFC 6238 with the defaults of Google Authenticator): HMAC-SHA-1, 6 digits, a
// new one every 30 seconds. SHA-1 is not weak in HMAC.
const (
	codeStep   = 30 * time.Second
	secretSize = 20 // bytes, as RFC 4226 section 4 recommends
)

var codeForm = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// newSecret is a person's new secret in base32, and the address by which an application takes it in, mostly from a picture.
func newSecret(issuer, name string) (secret, uri string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: name, SecretSize: secretSize})
	if err != nil {
		return "", "", fmt.Errorf("make the secret of a second factor: %w", err)
	}
	return key.Secret(), key.URL(), nil
}

// stepOf is the step of time that a code belongs to: the present one, or, as clocks differ and people type slowly, one beside it.
func stepOf(secret, code string, now time.Time) (step int64, ok bool) {
	present := now.Unix() / int64(codeStep/time.Second)
	for _, step := range []int64{present, present - 1, present + 1} {
		if good, err := hotp.ValidateCustom(code, uint64(step), secret, codeForm); good && err == nil {
			return step, true
		}
	}
	return 0, false
}

// tidyCode is a code without the blanks with which applications show it.
func tidyCode(code string) string { return strings.Join(strings.Fields(code), "") }
