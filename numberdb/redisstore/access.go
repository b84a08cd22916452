package redisstore

import (
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb/access"
)

// People, tokens, sessions and failed attempts, for numberdb/access, whose store this is. They are kept beside the list and know nothing of it. They
// are few, and all on one slot, so that a script can look at people and tokens at once.

//go:embed user_put.lua
var userPutLua string

//go:embed token_put.lua
var tokenPutLua string

//go:embed token_use.lua
var tokenUseLua string

//go:embed token_drop.lua
var tokenDropLua string

//go:embed attempt.lua
var attemptLua string

var (
	userPut   = redis.NewScript(userPutLua)
	tokenPut  = redis.NewScript(tokenPutLua)
	tokenUse  = redis.NewScript(tokenUseLua)
	tokenDrop = redis.NewScript(tokenDropLua)
	attempt   = redis.NewScript(attemptLua)
)

// accessAnswers are the words of the scripts.
var accessAnswers = map[string]error{
	"ok": nil, "taken": access.ErrTaken, "changed": access.ErrChanged, "administrator": access.ErrHasAdministrator,
}

// accessAnswer is what a script has said. Not getting what one wants is no failure of Redis.
func (s *Store) accessAnswer(ctx context.Context, name string, script *redis.Script, keys []string, args ...any) error {
	var said string
	err := s.call(ctx, name, func(ctx context.Context) (err error) {
		said, err = script.Run(ctx, s.client, keys, args...).Text()
		return err
	})
	if err != nil {
		return err
	}
	answer, known := accessAnswers[said]
	if !known {
		return fmt.Errorf("number list, %s: a script answered %.40q", name, said)
	}
	return answer
}

// User implements [access.UserStore].
func (s *Store) User(ctx context.Context, name string) (u access.User, err error) {
	var record string
	err = s.call(ctx, "user", func(ctx context.Context) (err error) {
		record, err = s.client.HGet(ctx, s.keys.users(), name).Result()
		return absent(err)
	})
	switch {
	case err != nil:
		return u, err
	case record == "":
		return u, access.ErrNotFound
	}
	if err := json.Unmarshal([]byte(record), &u); err != nil {
		return access.User{}, fmt.Errorf("the record of a person is damaged: restore the key %q from a backup: %w", s.keys.users(), err)
	}
	return u, nil
}

// Users implements [access.UserStore]. A record that is damaged is counted as unreadable and left out.
func (s *Store) Users(ctx context.Context) ([]access.User, error) {
	return records[access.User](ctx, s, "users", s.keys.users())
}

// PutUser implements [access.UserStore].
func (s *Store) PutUser(ctx context.Context, u access.User) error { return s.putUser(ctx, u, -1) }

// PutAdministrator implements [access.UserStore].
func (s *Store) PutAdministrator(ctx context.Context, u access.User, others int) error {
	return s.putUser(ctx, u, max(others, 0))
}

// putUser stores a person while no more than so many people are administrators; a negative number is no condition.
func (s *Store) putUser(ctx context.Context, u access.User, administrators int) error {
	record, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("number list, writing a person: %w", err)
	}
	return s.accessAnswer(ctx, "put_user", userPut, []string{s.keys.users(), s.keys.tokens(), s.keys.reviewers()}, u.Name, u.Version, record, administrators)
}

// HadTwoReviewers implements [access.ReviewerStore]. People who were reviewers before such were remembered, and still are, count too.
func (s *Store) HadTwoReviewers(ctx context.Context) (bool, error) {
	var names []string
	err := s.call(ctx, "reviewers", func(ctx context.Context) (err error) {
		names, err = s.client.SMembers(ctx, s.keys.reviewers()).Result()
		return err
	})
	if err != nil || len(names) >= 2 {
		return len(names) >= 2, err
	}
	users, err := s.Users(ctx)
	for i := range users {
		if users[i].Role == access.RoleReviewer && !slices.Contains(names, users[i].Name) {
			names = append(names, users[i].Name)
		}
	}
	return len(names) >= 2, err
}

// UseToken implements [access.TokenStore].
func (s *Store) UseToken(ctx context.Context, hash access.Hash, at time.Time) (use access.TokenUse, err error) {
	text := hex.EncodeToString(hash[:])
	keys := []string{s.keys.users(), s.keys.tokens(), s.keys.tokenHashes(), s.keys.tokenUses(text, at)}
	var answer []any
	err = s.call(ctx, "use_token", func(ctx context.Context) (err error) {
		answer, err = tokenUse.Run(ctx, s.client, keys, text).Slice()
		return err
	})
	switch {
	case err != nil:
		return use, err
	case len(answer) == 0:
		return use, access.ErrNotFound
	case len(answer) != 3:
		return use, fmt.Errorf("number list, use_token: a script answered with %d values instead of 3", len(answer))
	}
	record, ok := answer[0].(string)
	owner, ok2 := answer[1].(string)
	count, ok3 := answer[2].(int64)
	if !ok || !ok2 || !ok3 {
		return use, errors.New("number list, use_token: a script answered with values of other types")
	}
	use.Count = count
	err = json.Unmarshal([]byte(record), &use.Token)
	if err == nil && owner != "" {
		err = json.Unmarshal([]byte(owner), &use.Owner)
	}
	if err != nil {
		return access.TokenUse{}, fmt.Errorf("the record of a token or its owner is damaged: restore the keys %q and %q from a backup: %w", s.keys.tokens(), s.keys.users(), err)
	}
	return use, nil
}

// Tokens implements [access.TokenStore]. A record that is damaged is counted as unreadable and left out.
func (s *Store) Tokens(ctx context.Context) ([]access.StoredToken, error) {
	return records[access.StoredToken](ctx, s, "tokens", s.keys.tokens())
}

// PutToken implements [access.TokenStore].
func (s *Store) PutToken(ctx context.Context, t access.StoredToken) error {
	record, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("number list, writing a token: %w", err)
	}
	return s.accessAnswer(ctx, "put_token", tokenPut, []string{s.keys.users(), s.keys.tokens(), s.keys.tokenHashes()}, t.Name, t.Hash, record)
}

// DropToken implements [access.TokenStore].
func (s *Store) DropToken(ctx context.Context, name string) error {
	var dropped int64
	err := s.call(ctx, "drop_token", func(ctx context.Context) (err error) {
		dropped, err = tokenDrop.Run(ctx, s.client, []string{s.keys.tokens(), s.keys.tokenHashes()}, name).Int64()
		return err
	})
	if err == nil && dropped == 0 {
		return access.ErrNotFound
	}
	return err
}

// Attempt implements [access.AttemptStore].
func (s *Store) Attempt(ctx context.Context, key string, l access.Lockout, at time.Time) (wait time.Duration, err error) {
	err = s.call(ctx, "attempt", func(ctx context.Context) error {
		ms, err := attempt.Run(ctx, s.client, []string{s.keys.attempts(key)},
			at.UnixMilli(), l.Free, l.First.Milliseconds(), l.Longest.Milliseconds(), l.Keep.Milliseconds()).Int64()
		wait = time.Duration(ms) * time.Millisecond
		return err
	})
	return wait, err
}

// Forgive implements [access.AttemptStore].
func (s *Store) Forgive(ctx context.Context, key string) error {
	return s.call(ctx, "forgive", func(ctx context.Context) error { return s.client.Del(ctx, s.keys.attempts(key)).Err() })
}

// RememberBrowser implements [access.AttemptStore].
func (s *Store) RememberBrowser(ctx context.Context, hash access.Hash, owner string, until time.Time) error {
	return s.call(ctx, "remember_browser", func(ctx context.Context) error {
		return s.client.SetArgs(ctx, s.keys.browser(hash), owner, redis.SetArgs{ExpireAt: until}).Err()
	})
}

// BrowserOwner implements [access.AttemptStore].
func (s *Store) BrowserOwner(ctx context.Context, hash access.Hash) (owner string, err error) {
	err = s.call(ctx, "browser_owner", func(ctx context.Context) (err error) {
		owner, err = s.client.Get(ctx, s.keys.browser(hash)).Result()
		return absent(err)
	})
	return owner, err
}

// Session implements [access.SessionStore].
func (s *Store) Session(ctx context.Context, id string) (data []byte, err error) {
	err = s.call(ctx, "session", func(ctx context.Context) (err error) {
		data, err = s.client.Get(ctx, s.keys.session(id)).Bytes()
		return absent(err)
	})
	return data, err
}

// AddSession implements [access.SessionStore].
func (s *Store) AddSession(ctx context.Context, id string, data []byte, end time.Time) error {
	return s.setSession(ctx, "add_session", id, data, redis.SetArgs{ExpireAt: end})
}

// UpdateSession implements [access.SessionStore].
func (s *Store) UpdateSession(ctx context.Context, id string, data []byte, end time.Time) error {
	return s.setSession(ctx, "update_session", id, data, redis.SetArgs{Mode: "XX", ExpireAt: end})
}

func (s *Store) setSession(ctx context.Context, name, id string, data []byte, args redis.SetArgs) error {
	return s.call(ctx, name, func(ctx context.Context) error {
		return absent(s.client.SetArgs(ctx, s.keys.session(id), data, args).Err())
	})
}

// DropSession implements [access.SessionStore].
func (s *Store) DropSession(ctx context.Context, id string) error {
	return s.call(ctx, "drop_session", func(ctx context.Context) error { return s.client.Del(ctx, s.keys.session(id)).Err() })
}

// KeepBriefly implements [access.BriefStore].
func (s *Store) KeepBriefly(ctx context.Context, key, text string, life time.Duration) error {
	return s.call(ctx, "keep_briefly", func(ctx context.Context) error { return s.client.Set(ctx, s.keys.brief(key), text, life).Err() })
}

// Brief implements [access.BriefStore].
func (s *Store) Brief(ctx context.Context, key string) (text string, err error) {
	err = s.call(ctx, "brief", func(ctx context.Context) (err error) {
		text, err = s.client.Get(ctx, s.keys.brief(key)).Result()
		return absent(err)
	})
	return text, err
}

// Once implements [access.BriefStore].
func (s *Store) Once(ctx context.Context, key string, life time.Duration) (first bool, err error) {
	err = s.call(ctx, "once", func(ctx context.Context) error {
		err := s.client.SetArgs(ctx, s.keys.brief(key), "", redis.SetArgs{Mode: "NX", TTL: life}).Err()
		first = err == nil
		return absent(err)
	})
	return first, err
}

// absent makes no error of there being nothing.
func absent(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// records are all values of a hash, in the order of their names.
func records[T any](ctx context.Context, s *Store, name, key string) ([]T, error) {
	var fields map[string]string
	err := s.call(ctx, name, func(ctx context.Context) (err error) {
		fields, err = s.client.HGetAll(ctx, key).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(fields))
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		var v T
		if err := json.Unmarshal([]byte(fields[field]), &v); err != nil {
			s.unreadable(ctx, name, 0, err)
			continue
		}
		all = append(all, v)
	}
	return all, nil
}
