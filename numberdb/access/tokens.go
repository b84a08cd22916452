package access

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// ErrTooMany says that a person has as many tokens as one may have.
var ErrTooMany = fmt.Errorf("there are %d tokens already: revoke one that is not used", MaxOwnTokens)

// NewToken is a token to be made.
type NewToken struct {
	Name string
	// Role and Source are a machine's; an own token has its owner's.
	Role   Role
	Source numberdb.Source
	// Life is how long it is good, RateLimit how many requests it may send in a minute; [DefaultTokenLife] and [DefaultRateLimit] if zero.
	Life      time.Duration
	RateLimit int
	Approval  Approval
}

// tokenState is what the audit chain shows of a token.
type tokenState struct {
	Role      Role            `json:"role,omitempty"`
	Source    numberdb.Source `json:"source,omitzero"`
	Expires   time.Time       `json:"expires"`
	RateLimit int             `json:"rate_limit"`
}

func stateOfToken(t *StoredToken) tokenState {
	return tokenState{t.Role, t.Source, t.Expires, t.RateLimit}
}

// MakeToken makes a token for a machine. Its text is shown once and kept nowhere. Faults are an error of type [numberdb.Faults];
// [ErrTaken] says that the name is somebody's, [ErrSecondPerson] that a trusted source takes two people.
func (d *Directory) MakeToken(ctx context.Context, by Principal, n NewToken) (t StoredToken, text string, err error) {
	faults := checkNewToken(&n)
	if !n.Role.ForMachines() {
		faults = append(faults, numberdb.Fault{Field: "role", Problem: "is not a role of machines",
			Remedy: fmt.Sprintf("use one of %q; who reviews or administers is a person, and signs in", MachineRoles)})
	}
	for _, f := range n.Source.Check() {
		faults = append(faults, numberdb.Fault{Field: "source." + f.Field, Problem: f.Problem, Remedy: f.Remedy})
	}
	if n.Source.Organisation == "" {
		faults = append(faults, numberdb.Fault{Field: "source.organisation", Problem: "is missing", Remedy: "write 1 to 32 of a-z, 0-9 and hyphen"})
	}
	if faults != nil {
		return StoredToken{}, "", faults
	}
	if d.isTaken(n.Name) {
		return StoredToken{}, "", ErrTaken
	}
	if err := d.freeName(ctx, n.Name); err != nil {
		return StoredToken{}, "", err
	}
	if n.Source.Trusted() {
		if err := d.wantSecond(ctx, by, n.Approval); err != nil {
			return StoredToken{}, "", err
		}
	}
	return d.makeToken(ctx, by, StoredToken{Name: n.Name, Role: n.Role, Source: n.Source, Proposal: n.Approval.Proposal}, n)
}

// MakeOwnToken makes a token with which a person works on the command line. It ends with the person's epoch.
func (d *Directory) MakeOwnToken(ctx context.Context, by Principal, n NewToken) (t StoredToken, text string, err error) {
	if faults := checkNewToken(&n); faults != nil {
		return StoredToken{}, "", faults
	}
	u, err := d.store.User(ctx, by.Name)
	if err != nil {
		return StoredToken{}, "", fmt.Errorf("make a token: %w", err)
	}
	own, err := d.OwnTokens(ctx, by)
	switch {
	case err != nil:
		return StoredToken{}, "", err
	case len(own) >= MaxOwnTokens:
		return StoredToken{}, "", ErrTooMany
	case d.isTaken(ownTokenName(u.Name, n.Name)):
		return StoredToken{}, "", ErrTaken
	}
	return d.makeToken(ctx, by, StoredToken{Name: ownTokenName(u.Name, n.Name), Owner: u.Name, Epoch: u.Epoch}, n)
}

// checkNewToken fills in what was left out, and says what is wrong with what all tokens have.
func checkNewToken(n *NewToken) (faults numberdb.Faults) {
	n.Name = strings.ToLower(strings.TrimSpace(n.Name))
	setDefault(&n.Life, DefaultTokenLife)
	if n.RateLimit == 0 {
		n.RateLimit = DefaultRateLimit
	}
	if !tokenName.MatchString(n.Name) {
		faults = append(faults, numberdb.Fault{Field: "name", Problem: "cannot name a token",
			Remedy: "write 1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit"})
	}
	if n.Life < time.Minute || n.Life > MaxTokenLife {
		faults = append(faults, numberdb.Fault{Field: "expires", Problem: "is too soon or too late",
			Remedy: fmt.Sprintf("let it end between a minute and %d days from now", MaxTokenLife/(24*time.Hour))})
	}
	if n.RateLimit < 1 || n.RateLimit > MaxRateLimit {
		faults = append(faults, numberdb.Fault{Field: "rate_limit", Problem: "is out of bounds",
			Remedy: fmt.Sprintf("write 1 to %d requests a minute", MaxRateLimit)})
	}
	return faults
}

func (d *Directory) makeToken(ctx context.Context, by Principal, t StoredToken, n NewToken) (StoredToken, string, error) {
	text := newToken()
	hash := HashToken(text)
	t.Hash = hex.EncodeToString(hash[:])
	t.Made, t.MadeBy = d.now(), by.Name
	t.Expires, t.RateLimit = t.Made.Add(n.Life), n.RateLimit
	var err error
	if t.Audit, err = d.record(ctx, by, numberdb.AuditTokenMade, tokenObject(t.Name), n.Approval.reason(), nil, stateOfToken(&t)); err != nil {
		return StoredToken{}, "", err
	}
	if err := d.store.PutToken(ctx, t); err != nil {
		return StoredToken{}, "", fmt.Errorf("make a token: %w", err)
	}
	return t, text, nil
}

// Tokens are those of machines that were made here, by name.
func (d *Directory) Tokens(ctx context.Context) ([]StoredToken, error) {
	return d.tokensOf(ctx, "")
}

// OwnTokens are a person's own that can be used.
func (d *Directory) OwnTokens(ctx context.Context, p Principal) ([]StoredToken, error) {
	return d.tokensOf(ctx, p.Name)
}

// tokensOf are the tokens of an owner. Own tokens of epochs that have ended are removed on the way.
func (d *Directory) tokensOf(ctx context.Context, owner string) ([]StoredToken, error) {
	all, err := d.store.Tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	var u User
	if owner != "" {
		if u, err = d.store.User(ctx, owner); err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
	}
	tokens := []StoredToken{}
	for _, t := range all {
		switch {
		case t.Owner != owner:
		case t.Owner != "" && t.Epoch != u.Epoch:
			if err := d.store.DropToken(ctx, t.Name); err != nil && !errors.Is(err, ErrNotFound) {
				return nil, fmt.Errorf("remove a token that has ended: %w", err)
			}
		default:
			tokens = append(tokens, t)
		}
	}
	return tokens, nil
}

// RevokeToken ends a machine's token, or is [ErrNotFound].
func (d *Directory) RevokeToken(ctx context.Context, by Principal, name string) error {
	tokens, err := d.Tokens(ctx)
	if err != nil {
		return err
	}
	return d.revoke(ctx, by, tokens, name)
}

// RevokeOwnToken ends one of a person's own tokens, or is [ErrNotFound].
func (d *Directory) RevokeOwnToken(ctx context.Context, by Principal, label string) error {
	tokens, err := d.OwnTokens(ctx, by)
	if err != nil {
		return err
	}
	return d.revoke(ctx, by, tokens, ownTokenName(by.Name, label))
}

func (d *Directory) revoke(ctx context.Context, by Principal, among []StoredToken, name string) error {
	for i := range among {
		t := &among[i]
		if t.Name != name {
			continue
		}
		if _, err := d.record(ctx, by, numberdb.AuditTokenRevoked, tokenObject(name), "", stateOfToken(t), nil); err != nil {
			return err
		}
		if err := d.store.DropToken(ctx, name); err != nil {
			return fmt.Errorf("revoke a token: %w", err)
		}
		return nil
	}
	return ErrNotFound
}
