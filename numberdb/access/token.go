package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Hash is the SHA-256 of a random text: of a token, a session or a known browser. The text itself is kept nowhere.
type Hash = [sha256.Size]byte

// Token is a machine's right to use the API, as the config names it.
type Token struct {
	Principal
	Hash Hash
}

// MinTokenLength is the shortest text that can be a token: shorter ones could be guessed from their hash.
const MinTokenLength = 20

// HashToken is the hash under which a token is kept.
func HashToken(text string) Hash { return sha256.Sum256([]byte(text)) }

// ParseTokenHash reads a hash that is written as 64 hex digits, as sha256sum prints it.
func ParseTokenHash(s string) (h Hash, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(h) {
		return h, errors.New("not a SHA-256: write the 64 hex digits that sha256sum prints for the token without a line end")
	}
	copy(h[:], b)
	return h, nil
}

// StoredToken is a token that was made at the intake: a machine's, or a person's own for the command line.
type StoredToken struct {
	// Name is unique. That of a person's own token begins with the person's name and a slash.
	Name string `json:"name"`
	// Owner is the person whose own token it is, as whom it acts with their role of that moment; empty for a machine's.
	Owner string `json:"owner,omitempty"`
	// Epoch is the owner's when it was made: the token ends with it.
	Epoch int64 `json:"epoch,omitempty"`
	// Role and Source are a machine's; an own token has its owner's.
	Role   Role            `json:"role,omitempty"`
	Source numberdb.Source `json:"source,omitzero"`
	Hash   string          `json:"hash"` // in hex
	// Expires is when it ends, RateLimit how many requests it may send in a minute of the clock.
	Expires   time.Time `json:"expires"`
	RateLimit int       `json:"rate_limit"`
	Made      time.Time `json:"made"`
	MadeBy    string    `json:"made_by"`
	// Proposal is the one by which it was made ([Approval]); empty if none was needed.
	Proposal string `json:"proposal,omitempty"`
	Audit    uint64 `json:"audit"` // entry in the audit chain of its making
}

// Bounds of stored tokens.
const (
	DefaultTokenLife = 90 * 24 * time.Hour
	MaxTokenLife     = 2 * 365 * 24 * time.Hour
	DefaultRateLimit = 600 // requests a minute
	MaxRateLimit     = 1_000_000
	// MaxOwnTokens is how many tokens one person may have.
	MaxOwnTokens = 20
)

// tokenPrefix begins every token that we make, so that tools that look for leaked secrets know one when they see it.
const tokenPrefix = "lw_"

// newToken is the text of a new token: 260 random bits or so.
func newToken() string { return tokenPrefix + rand.Text() + rand.Text() }

// looksLikeToken says whether a text could be one of ours: others need not be looked up.
func looksLikeToken(text string) bool {
	return strings.HasPrefix(text, tokenPrefix) && len(text) <= 2*len(newToken())
}

// ownTokenName is the full name of a person's own token.
func ownTokenName(owner, label string) string { return owner + "/" + label }

// Label is the name of an own token without its owner's; the whole name of any other.
func (t *StoredToken) Label() string { return strings.TrimPrefix(t.Name, t.Owner+"/") }

// principal is as whom a machine's token acts.
func (t *StoredToken) principal() Principal {
	return Principal{Name: t.Name, Source: t.Source, Role: t.Role}
}
