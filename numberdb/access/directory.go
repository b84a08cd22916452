package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// Options is what a [Directory] is made of.
type Options struct {
	Store Store
	// Audit appends to the audit chain and returns the entry's number.
	Audit func(context.Context, numberdb.AuditEntry) (uint64, error)
	// Organisation is for whom the people of this installation report, a slug: all for the same one, so that nobody can be several.
	Organisation string
	// Taken are names that neither people nor tokens may have, such as those of the config's tokens.
	Taken []string
	// SessionIdle and SessionLife are after how long a session ends that is not used, and that is used; [DefaultSessionIdle] and
	// [DefaultSessionLife] if zero.
	SessionIdle, SessionLife time.Duration
	// Cost is that of new password hashes; [DefaultCost] if zero.
	Cost Cost
	// Answer is how long a sign-in that fails takes at least, so that neither hash nor audit chain tell by their time whether a name
	// exists; half a second if zero, negative for none.
	Answer time.Duration
	// FactorKey seals the secrets of second factors; none can be set up if nil. The same on all nodes.
	FactorKey *FactorKey
	// OIDC is the provider at which people may sign in instead of with a password; none if nil.
	OIDC *OIDC
	// Now is the clock; [time.Now] if nil.
	Now func() time.Time
}

// Directory keeps people and tokens, and says who sends a request. Its methods are safe for concurrent use.
type Directory struct {
	store        Store
	appendAudit  func(context.Context, numberdb.AuditEntry) (uint64, error)
	organisation string
	taken        []string
	answer       time.Duration
	hashes       *hasher
	factorKey    *FactorKey
	oidc         *OIDC
	sessions     *sessions
	now          func() time.Time
}

const defaultAnswer = 500 * time.Millisecond

// New makes a directory. It does not talk to the store yet.
func New(o Options) (*Directory, error) {
	if o.Store == nil || o.Audit == nil {
		return nil, errors.New("access: no store or no audit chain given")
	}
	if o.Organisation == "" || !numberdb.Brand(o.Organisation).Valid() {
		return nil, fmt.Errorf("access: %.40q is not an organisation: write 1 to 32 of a-z, 0-9 and hyphen", o.Organisation)
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost
	}
	hashes, err := newHasher(o.Cost)
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	d := &Directory{
		store: o.Store, appendAudit: o.Audit, organisation: o.Organisation, answer: o.Answer, hashes: hashes,
		factorKey: o.FactorKey, oidc: o.OIDC, now: o.Now,
	}
	for _, name := range o.Taken {
		d.taken = append(d.taken, strings.ToLower(name))
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.answer == 0 {
		d.answer = defaultAnswer
	}
	setDefault(&o.SessionIdle, DefaultSessionIdle)
	setDefault(&o.SessionLife, DefaultSessionLife)
	d.sessions = newSessions(o.Store, o.SessionIdle, o.SessionLife, d.now)
	return d, nil
}

func setDefault(d *time.Duration, fallback time.Duration) {
	if *d == 0 {
		*d = fallback
	}
}

// Organisation is for whom the people here report.
func (d *Directory) Organisation() string { return d.organisation }

// isTaken says whether a name belongs to the config.
func (d *Directory) isTaken(name string) bool { return slices.Contains(d.taken, strings.ToLower(name)) }

// ErrNotRecorded says that nothing was done, since it could not be written to the audit chain first.
var ErrNotRecorded = errors.New("nothing was done, for the audit chain could not be written")

// record writes to the audit chain what is about to be done. before and after are shown as JSON; nil is nothing.
func (d *Directory) record(ctx context.Context, by Principal, action numberdb.AuditAction, object, reason string, before, after any) (uint64, error) {
	e := numberdb.AuditEntry{At: d.now(), Who: by.Name, Role: string(by.Role), Action: action, Object: object, Reason: reason}
	for _, part := range []struct {
		text *string
		of   any
	}{{&e.Before, before}, {&e.After, after}} {
		if part.of == nil {
			continue
		}
		b, err := json.Marshal(part.of)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrNotRecorded, err)
		}
		*part.text = string(b)
	}
	seq, err := d.appendAudit(ctx, e)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	return seq, nil
}

// userState is what the audit chain shows of a person.
type userState struct {
	Role     Role `json:"role"`
	Disabled bool `json:"disabled"`
	Factor   bool `json:"second_factor,omitempty"`
	// Account is that at the sign-in provider, hashed.
	Account string `json:"account,omitempty"`
	Epoch   int64  `json:"epoch"`
}

func stateOf(u *User) userState {
	return userState{u.Role, u.Disabled, u.HasFactor(), u.Account, u.Epoch}
}

// visitState is what the audit chain shows of a browser.
type visitState struct {
	Address string `json:"address"`
}

func userObject(name string) string  { return "user " + name }
func tokenObject(name string) string { return "token " + name }

// sessionObject is what sign-ins and sign-outs are about in the audit chain.
const sessionObject = "session"
