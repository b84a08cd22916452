package numberdb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AuditEntry is one link of the audit chain: who did what, in which role, to what, and why. It is written before what it tells of is done, so
// that nothing is done unseen; a change that was applied names its entry, and an entry that no change names tells of one that failed.
//
// The entry holds the hash of the one before it, and so stands for all that came before: see [VerifyAudit].
type AuditEntry struct {
	// Seq counts from 1. Previous is the hash of the entry before; zero in the first. The store sets both.
	Seq      uint64    `json:"seq"`
	Previous AuditHash `json:"previous"`
	// At is when it was asked for, by the clock of whoever wrote the entry, to the microsecond.
	At     time.Time   `json:"at"`
	Who    string      `json:"who"`
	Role   string      `json:"role"`
	Action AuditAction `json:"action"`
	// Object is what it was done to: a [Target] in full, or a word such as "list". The chain is the record: it does not mask numbers.
	Object string `json:"object"`
	// Before and After are JSON texts, empty where there is nothing to say. Before is what held when the entry was on its way: what others do
	// in the same moment is told by their own entries.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Actor is who acts, as the audit chain names them.
type Actor struct {
	Name string `json:"name"` // of a person or a program
	Role string `json:"role"` // in which they act
}

// AuditAction is what was done. It is stored with every entry: never rename one.
type AuditAction string

const (
	AuditListCreated  AuditAction = "list_created"  // a new, empty list; After is its identity
	AuditListAccepted AuditAction = "list_accepted" // somebody confirmed that nodes shall use the list in the place of theirs; After is its identity
	AuditServeStarted AuditAction = "serve_started" // a node started; After holds the hash of its config
	AuditPolicyLoaded AuditAction = "policy_loaded" // the policies and rules of a node; After holds them
	AuditDecided      AuditAction = "decided"       // After is the [Decision]
	AuditMarked       AuditAction = "marked"        // After is the [Marking]
	AuditCallerShown  AuditAction = "caller_shown"  // somebody read the number of a victim; Object is the reported number
	AuditImported     AuditAction = "imported"      // a list of reports was being taken in; After says whose
	AuditExported     AuditAction = "exported"      // the record was printed; Object says which
	AuditRefused      AuditAction = "refused"       // somebody tried what they may not; After is what they tried
	AuditProposed     AuditAction = "proposed"      // After is the [Proposal], or its hash where that is too long
	AuditApproved     AuditAction = "approved"      // a second person agreed to a proposal
	AuditRejected     AuditAction = "rejected"      // a second person did not
	AuditWithdrawn    AuditAction = "withdrawn"     // the proposer took it back
	AuditExpired      AuditAction = "expired"       // nobody said anything in time
)

// What is done about people and tokens. Objects are "session", "user NAME" and "token NAME".
const (
	AuditSignedIn        AuditAction = "signed_in"             // After says from where and how
	AuditSignedOut       AuditAction = "signed_out"            // After says from where
	AuditUserAdded       AuditAction = "user_added"            // After is the role
	AuditUserChanged     AuditAction = "user_changed"          // role or standing; Before and After say which
	AuditUserReset       AuditAction = "user_reset"            // somebody else got a one-time password for the person
	AuditUserRescued     AuditAction = "user_rescued"          // made administrator on a machine of ours, past the second person; Who says by whom, and where
	AuditPasswordChanged AuditAction = "password_changed"      // by the person
	AuditFactorSet       AuditAction = "second_factor_set"     // by the person
	AuditFactorRemoved   AuditAction = "second_factor_removed" // by the person; a reset removes it, too
	AuditTokenMade       AuditAction = "token_made"            // After says for what; never the token
	AuditTokenRevoked    AuditAction = "token_revoked"         // Before says what it was for
)

var auditActions = []AuditAction{
	AuditListCreated, AuditListAccepted, AuditServeStarted, AuditPolicyLoaded, AuditDecided, AuditMarked, AuditCallerShown, AuditImported, AuditExported, AuditRefused,
	AuditProposed, AuditApproved, AuditRejected, AuditWithdrawn, AuditExpired,
	AuditSignedIn, AuditSignedOut, AuditUserAdded, AuditUserChanged, AuditUserReset, AuditUserRescued, AuditPasswordChanged,
	AuditFactorSet, AuditFactorRemoved, AuditTokenMade, AuditTokenRevoked,
}

// AuditActions are all actions, in their order.
func AuditActions() []AuditAction { return slices.Clone(auditActions) }

// MaxAuditText is how many bytes each text of an audit entry may have.
const MaxAuditText = 64 << 10

// Check is all that keeps the entry from being written, in the order of its fields; nil if nothing does. Seq and Previous are not looked at.
func (e *AuditEntry) Check() Faults {
	var f Faults
	if e.At.IsZero() || e.At.Before(earliest) {
		f.add("at", "is missing or too long ago", "write when it was asked for")
	}
	for _, t := range []struct{ field, text string }{{"who", e.Who}, {"role", e.Role}, {"object", e.Object}} {
		if strings.TrimSpace(t.text) == "" {
			f.add(t.field, "is missing", "say who did it, in which role, to what")
		}
	}
	if !slices.Contains(auditActions, e.Action) {
		f.add("action", "is unknown", fmt.Sprintf("use one of %q", auditActions))
	}
	for i, t := range e.texts() {
		if len(*t) > MaxAuditText || !utf8.ValidString(*t) {
			f.add(auditTexts[i], "is too long or not UTF-8", fmt.Sprintf("write at most %d bytes of UTF-8", MaxAuditText))
		}
	}
	return f
}

// AuditHash is the SHA-256 (FIPS 180-4) of an audit entry in its binary form.
type AuditHash [sha256.Size]byte

// HashAudit is the hash of an entry in binary form. It covers the hash of the entry before, which is part of that form.
func HashAudit(encoded []byte) AuditHash { return sha256.Sum256(encoded) }

// String is the hash in 64 hex digits.
func (h AuditHash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements [encoding.TextMarshaler] with [AuditHash.String].
func (h AuditHash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: it takes 64 hex digits.
func (h *AuditHash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return errors.New("not the hash of an audit entry: write 64 hex digits")
	}
	copy(h[:], b)
	return nil
}

// AuditHead names the last entry of a chain as it once was. Whoever kept a head can tell later whether anything before it was changed. The
// zero value is the head of an empty chain.
type AuditHead struct {
	Seq  uint64    `json:"seq"`
	Hash AuditHash `json:"hash"`
}

// String is the head in the form that [ParseAuditHead] reads: the entry's number, a colon and its hash.
func (h AuditHead) String() string { return strconv.FormatUint(h.Seq, 10) + ":" + h.Hash.String() }

// ParseAuditHead reads what [AuditHead.String] wrote.
func ParseAuditHead(s string) (h AuditHead, err error) {
	seq, hash, _ := strings.Cut(s, ":")
	if h.Seq, err = strconv.ParseUint(seq, 10, 64); err == nil && h.Seq > 0 {
		err = h.Hash.UnmarshalText([]byte(hash))
	} else {
		err = errors.New("it has no entry's number")
	}
	if err != nil {
		return AuditHead{}, fmt.Errorf("%.100q is no head of an audit chain: write the entry's number, a colon and 64 hex digits, as it was sent on", s)
	}
	return h, nil
}
