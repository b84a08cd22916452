package access

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/linewarden/linewarden/numberdb"
)

// FactorKey seals the secrets of second factors, so that whoever reads Redis or a backup of it cannot make codes ([numberdb.SealingKey]).
type FactorKey struct{ key *numberdb.SealingKey }

// NewFactorKey derives a key from a secret text of at least [numberdb.MinSealingKey] random characters, which may serve for other keys, too.
func NewFactorKey(secret string) (*FactorKey, error) {
	key, err := numberdb.NewSealingKey(secret, "second factors")
	if err != nil {
		return nil, err
	}
	return &FactorKey{key}, nil
}

// seal is a person's secret as it may be kept. Moved to another person's record, it does not open.
func (k *FactorKey) seal(name, secret string) string {
	return base64.RawStdEncoding.EncodeToString(k.key.Seal(secret, name))
}

// open is the secret that seal has sealed.
func (k *FactorKey) open(name, sealed string) (string, error) {
	if k == nil {
		return "", errors.New("without the key that sealed it, a second factor cannot be checked: name it with intake.sealing_key_file")
	}
	secret := ""
	b, err := base64.RawStdEncoding.DecodeString(sealed)
	if err == nil {
		secret, err = k.key.Open(b, name)
	}
	if err != nil {
		return "", errors.New("a second factor was sealed with another key, or altered: name the key of its time with intake.sealing_key_file, or reset the person")
	}
	return secret, nil
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
