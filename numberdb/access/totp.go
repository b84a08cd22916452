package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Errors about second factors.
var (
	// ErrNoFactorKey says that the operator has named no key.
	ErrNoFactorKey = errors.New("no second factor can be set up here: the operator has to name a key with intake.sealing_key_file")
	// ErrHasFactor and ErrNoFactor say that a person has one, or none.
	ErrHasFactor = errors.New("a second factor is set up already: take it away first")
	ErrNoFactor  = errors.New("no second factor is set up")
	// ErrNoOffer says that there is no secret to be confirmed, or no longer.
	ErrNoOffer = errors.New("no secret waits for its first code: ask for one, and confirm it within a quarter of an hour")
	// ErrWrongCode says of a code that it is not one of the secret's now, or was used before.
	ErrWrongCode = errors.New("is not right, or was used before: wait for the next one, and see that the clock of your telephone is right")
)

const (
	// offerLife is how long a secret waits to be confirmed.
	offerLife = 15 * time.Minute
	// codeKept is how long it is remembered that a code was used: far longer than any node's clock takes it.
	codeKept = 10 * time.Minute
)

// codeLockout is for guesses at codes, of which three in a million are right at any time. Only who knows the password comes so far.
// It leaves some 4 guesses a day once they are many.
var codeLockout = Lockout{Free: 5, First: 30 * time.Second, Longest: 6 * time.Hour, Keep: 7 * 24 * time.Hour}

// OfferFactor makes the secret of a second factor for a person, and the address by which an application takes it in. It counts for nothing until a
// code of it is confirmed; another offer replaces it. They show that they know their password: whoever finds an open browser must not bind the
// person to a secret of their own. Errors are [ErrNoFactorKey], [ErrHasFactor], [ErrWrongPassword], *[LockedError] and [ErrBusy], beside those of the
// store.
func (d *Directory) OfferFactor(ctx context.Context, p Principal, password string) (secret, uri string, err error) {
	if d.factorKey == nil {
		return "", "", ErrNoFactorKey
	}
	u, err := d.store.User(ctx, p.Name)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("offer a second factor: %w", err)
	case u.HasFactor():
		return "", "", ErrHasFactor
	}
	if err := d.checkOwnPassword(ctx, &u, password); err != nil {
		return "", "", err
	}
	if secret, uri, err = newSecret("Linewarden "+d.organisation, u.Name); err != nil {
		return "", "", err
	}
	if err := d.store.KeepBriefly(ctx, offerKey(&u), d.factorKey.seal(u.Name, secret), offerLife); err != nil {
		return "", "", fmt.Errorf("offer a second factor: %w", err)
	}
	return secret, uri, nil
}

// offerKey is where a person's offer lies. What somebody was shown who has been put out since is not offered to whoever came back in.
func offerKey(u *User) string { return fmt.Sprintf("offer %s %d", u.Name, u.Epoch) }

// ConfirmFactor makes the offered secret the person's second factor, once they show a code of it. All their sessions and own tokens end, for
// none has shown a code; a new session begins in this browser, if the request came with one. Errors are [ErrWrongCode], [ErrNoOffer],
// [ErrHasFactor] and [ErrNoFactorKey], beside those of the store and the audit chain.
func (d *Directory) ConfirmFactor(ctx context.Context, v Visit, p Principal, code string) (Entry, error) {
	if d.factorKey == nil {
		return Entry{}, ErrNoFactorKey
	}
	u, err := d.store.User(ctx, p.Name)
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("confirm a second factor: %w", err)
	case u.HasFactor():
		return Entry{}, ErrHasFactor
	}
	sealed, err := d.store.Brief(ctx, offerKey(&u))
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("confirm a second factor: %w", err)
	case sealed == "":
		return Entry{}, ErrNoOffer
	}
	good, err := d.spendCode(ctx, u.Name, sealed, code)
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("confirm a second factor: %w", err)
	case !good:
		return Entry{}, ErrWrongCode
	}
	return d.setFactor(ctx, v, p, u, sealed, numberdb.AuditFactorSet)
}

// RemoveFactor takes a person's second factor away, who shows that they know the password. Sessions end as they do by [Directory.ConfirmFactor].
// Errors are [ErrNoFactor], [ErrWrongPassword], *[LockedError] and [ErrBusy], beside those of the store and the audit chain.
func (d *Directory) RemoveFactor(ctx context.Context, v Visit, p Principal, password string) (Entry, error) {
	u, err := d.store.User(ctx, p.Name)
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("remove a second factor: %w", err)
	case !u.HasFactor():
		return Entry{}, ErrNoFactor
	}
	if err := d.checkOwnPassword(ctx, &u, password); err != nil {
		return Entry{}, err
	}
	return d.setFactor(ctx, v, p, u, "", numberdb.AuditFactorRemoved)
}

// setFactor changes a person's second factor.
func (d *Directory) setFactor(ctx context.Context, v Visit, p Principal, u User, sealed string, action numberdb.AuditAction) (Entry, error) {
	before := u
	u.Factor = sealed
	u.Epoch++
	u.Version++
	var err error
	if u.Audit, err = d.record(ctx, p, action, userObject(u.Name), "", stateOf(&before), stateOf(&u)); err != nil {
		return Entry{}, err
	}
	if err := d.store.PutUser(ctx, u); err != nil {
		return Entry{}, fmt.Errorf("change a second factor: %w", err)
	}
	return d.goOn(ctx, v, &u)
}

// checkCode lets who knows a person's password pass with a code of the second factor, each code once.
func (d *Directory) checkCode(ctx context.Context, u *User, code string) error {
	if tidyCode(code) == "" {
		return ErrCodeNeeded
	}
	key := u.Name + "/code"
	if err := d.attempt(ctx, key, codeLockout, u); err != nil {
		return err
	}
	good, err := d.spendCode(ctx, u.Name, u.Factor, code)
	switch {
	case err != nil:
		return fmt.Errorf("check a code: %w", err)
	case !good:
		return &RefusedError{Who: u.principal(d.organisation), Why: "wrong code", CodeNeeded: true}
	}
	if err := d.store.Forgive(ctx, key); err != nil {
		return fmt.Errorf("check a code: %w", err)
	}
	return nil
}

// spendCode says whether a code is one of a person's sealed secret now, for the first time on all nodes.
func (d *Directory) spendCode(ctx context.Context, name, sealed, code string) (bool, error) {
	secret, err := d.factorKey.open(name, sealed)
	if err != nil {
		return false, err
	}
	step, ok := stepOf(secret, tidyCode(code), d.now())
	if !ok {
		return false, nil
	}
	of := sha256.Sum256([]byte(sealed)) // each secret has codes of its own
	return d.store.Once(ctx, "code "+hex.EncodeToString(of[:8])+" "+strconv.FormatInt(step, 10), codeKept)
}
