package access

import (
	"context"
	"errors"
	"time"
)

// Errors of a [Store].
var (
	// ErrNotFound says that there is no person or token of that name.
	ErrNotFound = errors.New("there is none of that name")
	// ErrTaken says that a name is somebody else's.
	ErrTaken = errors.New("the name is taken")
	// ErrChanged says that somebody else has changed it meanwhile.
	ErrChanged = errors.New("somebody else has changed it meanwhile: look at it again")
	// ErrHasAdministrator says that there is an administrator already.
	ErrHasAdministrator = errors.New("there is an administrator already, who can add people and reset passwords")
	// ErrEnoughAdministrators says that nobody needs to be rescued.
	ErrEnoughAdministrators = errors.New("two administrators can sign in: one of them proposes, the other approves; if one of them is lost, say who")
)

// UserStore keeps people.
type UserStore interface {
	// User is a person, or ErrNotFound.
	User(ctx context.Context, name string) (User, error)
	// Users are all people, by name.
	Users(ctx context.Context) ([]User, error)
	// PutUser stores a person whose version is one above the stored one's, 1 for a new one; else ErrChanged, or ErrTaken for a new one,
	// also where a token has the name.
	PutUser(ctx context.Context, u User) error
	// PutAdministrator is PutUser while no more than so many people are administrators ([User.IsAdministrator]); else ErrHasAdministrator.
	PutAdministrator(ctx context.Context, u User, others int) error
}

// ReviewerStore remembers who has ever been a reviewer.
type ReviewerStore interface {
	// HadTwoReviewers says whether two people have ever had the role, whatever has become of them.
	HadTwoReviewers(ctx context.Context) (bool, error)
}

// TokenUse is what a store knows of a token that is being used.
type TokenUse struct {
	Token StoredToken
	// Owner is the token's, if it has one; the zero value if that person is gone.
	Owner User
	// Count is how often the token was used in this minute, this use included.
	Count int64
}

// TokenStore keeps the tokens that were made at the intake.
type TokenStore interface {
	// UseToken counts a use of the token with a hash in the minute of at, or is ErrNotFound.
	UseToken(ctx context.Context, hash Hash, at time.Time) (TokenUse, error)
	// Tokens are all, by name.
	Tokens(ctx context.Context) ([]StoredToken, error)
	// PutToken stores a new one, or is ErrTaken, also where a person has the name.
	PutToken(ctx context.Context, t StoredToken) error
	// DropToken removes one, or is ErrNotFound.
	DropToken(ctx context.Context, name string) error
}

// AttemptStore counts attempts to guess something, and knows browsers in which somebody has signed in.
type AttemptStore interface {
	// Attempt counts one under a key as if it had failed, or says how long there may be none: see [Lockout].
	Attempt(ctx context.Context, key string, l Lockout, at time.Time) (wait time.Duration, err error)
	// Forgive forgets the attempts under a key.
	Forgive(ctx context.Context, key string) error
	// RememberBrowser keeps a browser's owner until a time; BrowserOwner is empty if there is none.
	RememberBrowser(ctx context.Context, hash Hash, owner string, until time.Time) error
	BrowserOwner(ctx context.Context, hash Hash) (string, error)
}

// SessionStore keeps sessions, as bytes that mean nothing to it.
type SessionStore interface {
	// Session is nil if there is none.
	Session(ctx context.Context, id string) ([]byte, error)
	// AddSession stores one until its end. UpdateSession replaces one, and does nothing if it is gone: who signs out while another request
	// is on its way stays signed out.
	AddSession(ctx context.Context, id string, data []byte, end time.Time) error
	UpdateSession(ctx context.Context, id string, data []byte, end time.Time) error
	DropSession(ctx context.Context, id string) error
}

// BriefStore keeps what is over in minutes.
type BriefStore interface {
	// KeepBriefly stores a text under a key for a while, whatever was there.
	KeepBriefly(ctx context.Context, key, text string, life time.Duration) error
	// Brief is what is there, empty if nothing is.
	Brief(ctx context.Context, key string) (string, error)
	// Once is true for whoever is the first to ask with a key for a while.
	Once(ctx context.Context, key string, life time.Duration) (first bool, err error)
}

// Store is all that a [Directory] needs to keep. Its methods are called by many goroutines at once; what they return is on disk.
type Store interface {
	UserStore
	ReviewerStore
	TokenStore
	AttemptStore
	SessionStore
	BriefStore
}
