package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Limits of sessions.
const (
	DefaultSessionIdle = 30 * time.Minute
	DefaultSessionLife = 12 * time.Hour
	// seenEvery is how often a session notes that it is used: once a minute at most, so that most requests write nothing.
	seenEvery = time.Minute
)

// ErrNoSession says that a request names a session that is not there, or no longer.
var ErrNoSession = errors.New("no such session: sign in")

// What a session holds. Its times are by our clock, in milliseconds; the library's deadline only lets the store forget it.
const (
	sessionUser  = "user"
	sessionEpoch = "epoch"
	sessionAgent = "agent"
	sessionBegan = "began"
	sessionSeen  = "seen"
)

// session is one that has not ended by itself.
type session struct {
	user  string
	epoch int64
	agent string
}

// sessions keeps who is signed in. The library makes the tokens and keeps only their hashes.
type sessions struct {
	library    *scs.SessionManager
	idle, life time.Duration
	now        func() time.Time
}

func newSessions(store SessionStore, idle, life time.Duration, now func() time.Time) *sessions {
	library := scs.New()
	library.Store = sessionStore{store}
	library.HashTokenInStore = true
	library.Lifetime = life
	return &sessions{library: library, idle: idle, life: life, now: now}
}

// begin makes a session with a token of its own, whatever token the browser has sent, and gives its cookie.
func (s *sessions) begin(ctx context.Context, u *User, v Visit) (*http.Cookie, error) {
	ctx, err := s.library.Load(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	now := s.now().UnixMilli()
	s.library.Put(ctx, sessionUser, u.Name)
	s.library.Put(ctx, sessionEpoch, u.Epoch)
	s.library.Put(ctx, sessionAgent, v.agent)
	s.library.Put(ctx, sessionBegan, now)
	s.library.Put(ctx, sessionSeen, now)
	token, _, err := s.library.Commit(context.WithValue(ctx, beginning{}, true))
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	return newCookie(SessionCookie, token, 0), nil
}

// find is the session that a request names, or ErrNoSession. It notes that the session is used.
func (s *sessions) find(ctx context.Context, v Visit) (session, error) {
	if v.session == "" {
		return session{}, ErrNoSession
	}
	ctx, err := s.library.Load(ctx, v.session)
	var away storeError
	switch {
	case errors.As(err, &away):
		return session{}, fmt.Errorf("look a session up: %w", away.error)
	case err != nil: // bytes that are no session: somebody wrote them there
		return session{}, ErrNoSession
	}
	found := session{
		user: s.library.GetString(ctx, sessionUser), epoch: s.library.GetInt64(ctx, sessionEpoch), agent: s.library.GetString(ctx, sessionAgent),
	}
	now := s.now()
	began, seen := s.time(ctx, sessionBegan), s.time(ctx, sessionSeen)
	switch {
	case found.user == "":
		return session{}, ErrNoSession
	case now.Sub(began) >= s.life || now.Sub(seen) >= s.idle:
		return session{}, errors.Join(ErrNoSession, s.end(ctx, v))
	case now.Sub(seen) >= seenEvery:
		s.library.Put(ctx, sessionSeen, now.UnixMilli())
		if _, _, err := s.library.Commit(ctx); err != nil {
			return session{}, fmt.Errorf("note that a session is used: %w", err)
		}
	}
	return found, nil
}

func (s *sessions) time(ctx context.Context, name string) time.Time {
	return time.UnixMilli(s.library.GetInt64(ctx, name))
}

// end ends the session that a request names, if it does.
func (s *sessions) end(ctx context.Context, v Visit) error {
	if v.session == "" {
		return nil
	}
	ctx, err := s.library.Load(ctx, v.session)
	if err == nil && s.library.Token(ctx) != "" {
		err = s.library.Destroy(ctx)
	}
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// beginning marks the context in which a session is stored for the first time.
type beginning struct{}

// sessionStore is a [SessionStore] as the library wants it.
type sessionStore struct{ SessionStore }

// storeError is one of the store, as opposed to bytes in it that are no session.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// FindCtx implements [scs.CtxStore].
func (s sessionStore) FindCtx(ctx context.Context, id string) ([]byte, bool, error) {
	data, err := s.Session(ctx, id)
	if err != nil {
		return nil, false, storeError{err}
	}
	return data, data != nil, nil
}

// CommitCtx implements [scs.CtxStore].
func (s sessionStore) CommitCtx(ctx context.Context, id string, data []byte, end time.Time) error {
	if ctx.Value(beginning{}) != nil {
		return s.AddSession(ctx, id, data, end)
	}
	return s.UpdateSession(ctx, id, data, end)
}

// DeleteCtx implements [scs.CtxStore].
func (s sessionStore) DeleteCtx(ctx context.Context, id string) error { return s.DropSession(ctx, id) }

// The library's interface has these too, and never calls them where there are those with a context.

func (s sessionStore) Find(id string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), id)
}
func (s sessionStore) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }
func (s sessionStore) Commit(id string, data []byte, end time.Time) error {
	return s.CommitCtx(context.Background(), id, data, end)
}
