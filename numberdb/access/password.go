package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// Cost is what one password hash takes, of memory in KiB and of passes over it.
type Cost struct {
	Memory uint32
	Passes uint32
}

// DefaultCost is above the least that OWASP's Password Storage Cheat Sheet asks for (19 MiB, 2 passes); a hash keeps one core busy for a tenth of a second.
var DefaultCost = Cost{Memory: 32 << 10, Passes: 2}

const (
	// hashesAtOnce bounds the memory for hashes, and the cores: calls may be screened beside.
	hashesAtOnce = 2
	// hashesWaiting is how many more may wait for their turn.
	hashesWaiting = 64
	// maxCost bounds what a stored hash may ask of us, whoever wrote it.
	maxMemory, maxPasses = 256 << 10, 16
	hashLength           = 32
)

// ErrBusy says that too many passwords are being checked at once.
var ErrBusy = errors.New("too many passwords are being checked at once: try again in a few seconds")

// hasher hashes passwords, a few at a time. Its methods are safe for concurrent use.
type hasher struct {
	params *argon2id.Params
	queue  chan struct{} // who waits or works
	work   chan struct{} // who works
	decoy  string        // compared with where there is no hash, which takes as long
}

func newHasher(c Cost) (*hasher, error) {
	h := &hasher{
		params: &argon2id.Params{Memory: c.Memory, Iterations: c.Passes, Parallelism: 1, SaltLength: 16, KeyLength: hashLength},
		queue:  make(chan struct{}, hashesAtOnce+hashesWaiting),
		work:   make(chan struct{}, hashesAtOnce),
	}
	if err := sane(h.params); err != nil {
		return nil, err
	}
	var err error
	h.decoy, err = argon2id.CreateHash(rand.Text(), h.params)
	return h, err
}

// sane refuses parameters that would exhaust us, and those on which the library panics or finds everything equal.
func sane(p *argon2id.Params) error {
	if p.Memory < 8 || p.Memory > maxMemory || p.Iterations < 1 || p.Iterations > maxPasses || p.Parallelism < 1 ||
		p.SaltLength < 8 || p.KeyLength < 16 || p.KeyLength > 64 {
		return errors.New("the parameters of a password hash are out of bounds")
	}
	return nil
}

// hash is the hash of a password, in PHC form.
func (h *hasher) hash(ctx context.Context, password string) (hash string, err error) {
	turn := h.inTurn(ctx, func() { hash, err = argon2id.CreateHash(password, h.params) })
	return hash, errors.Join(turn, err)
}

// matches says whether a password has a hash. Where there is no hash it takes as long, and is false.
func (h *hasher) matches(ctx context.Context, password, hash string) (match bool, err error) {
	against := hash
	if against == "" {
		against = h.decoy
	}
	params, _, _, err := argon2id.DecodeHash(against)
	if err == nil {
		err = sane(params)
	}
	if err != nil {
		return false, fmt.Errorf("read a stored password hash: %w", err)
	}
	turn := h.inTurn(ctx, func() { match, err = argon2id.ComparePasswordAndHash(password, against) })
	return match && hash != "", errors.Join(turn, err)
}

// inTurn works when there is room for it.
func (h *hasher) inTurn(ctx context.Context, work func()) error {
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return ErrBusy
	}
	select {
	case h.work <- struct{}{}:
		defer func() { <-h.work }()
	case <-ctx.Done():
		return fmt.Errorf("wait to check a password: %w", context.Cause(ctx))
	}
	work()
	return nil
}

// MinPassword and MaxPassword are how many characters a password may have. NIST SP 800-63B asks for a minimum and no mixture of
// kinds of characters, and so do we.
const (
	MinPassword = 12
	MaxPassword = 128
)

// passwordFault is what is wrong with a password that a person wants to have; empty if nothing is.
func passwordFault(name, password string) string {
	different := map[rune]bool{}
	for _, r := range password {
		different[r] = true
	}
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return "holds characters that no keyboard has"
	case n < MinPassword:
		return fmt.Sprintf("is too short: write at least %d characters; a few words that only you put together are good", MinPassword)
	case n > MaxPassword:
		return fmt.Sprintf("is too long: write at most %d characters", MaxPassword)
	case len(different) < 5:
		return "is too simple: write at least 5 different characters"
	case len(name) >= 4 && strings.Contains(strings.ToLower(password), name):
		return "holds your name: choose one that nobody would try"
	}
	return ""
}

// newSetupPassword is a password that is used once: over 128 random bits, in letters and digits that are told apart when read aloud.
func newSetupPassword() string { return rand.Text() }
