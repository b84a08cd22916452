package journal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// TrafficKey says where lines lie in a sketch of traffic. Whoever does not have it can neither ask a sketch about a line, nor choose
// numbers so that another one seems to have their calls. Its methods may be used by many goroutines at once. Printing one shows nothing of it.
type TrafficKey struct {
	cipher func() cipher.Block
	name   string // the same for the same key: tells with which one a sketch was made
}

// trafficUse begins what is hashed, so that the same secret used for anything else gives other values.
const trafficUse = "linewarden journal traffic\x00"

// Traffic is the key of sketches that goes with a key for pseudonyms.
func (k Key) Traffic() TrafficKey {
	var secret []byte
	if k.secret != nil {
		secret = k.secret()
	}
	derived := hmac.New(sha256.New, secret)
	derived.Write([]byte(trafficUse)) // a hash never fails
	sum := derived.Sum(nil)
	block, err := aes.NewCipher(sum[:16])
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	name := sha256.Sum256(sum)
	return TrafficKey{func() cipher.Block { return block }, hex.EncodeToString(name[:8])}
}

// of maps two words to two words that nobody without the key can foresee: one block of AES-128 (FIPS 197).
func (k TrafficKey) of(a, b uint64) (high, low uint64) {
	var text [aes.BlockSize]byte
	binary.BigEndian.PutUint64(text[:8], a)
	binary.BigEndian.PutUint64(text[8:], b)
	k.cipher().Encrypt(text[:], text[:])
	return binary.BigEndian.Uint64(text[:8]), binary.BigEndian.Uint64(text[8:])
}
