package redisstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// testAccess makes each call about people, tokens, sessions and attempts; what has a TTL ends at times that everyAccessKey knows.
func testAccess(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	now := time.Now()
	ann := access.User{Name: "ann", Role: access.RoleReviewer, Epoch: 1, Version: 1, Added: noon}
	if _, err := s.User(ctx, "ann"); !errors.Is(err, access.ErrNotFound) {
		t.Fatalf("nobody is %v", err)
	}
	check(t, s.PutUser(ctx, ann), nil)
	check(t, s.PutUser(ctx, ann), access.ErrTaken)
	ann.Version = 3
	check(t, s.PutUser(ctx, ann), access.ErrChanged)
	ann.Version = 2
	check(t, s.PutUser(ctx, ann), nil)
	if got, err := s.User(ctx, "ann"); err != nil || got != ann {
		t.Errorf("got %+v, %v", got, err)
	}

	testReviewers(t, s)
	hash := access.HashToken("lw_secret")
	own := access.StoredToken{Name: "ann/laptop", Owner: "ann", Hash: fmt.Sprintf("%x", hash), Expires: noon, RateLimit: 7}
	check(t, s.PutToken(ctx, own), nil)
	check(t, s.PutToken(ctx, own), access.ErrTaken)
	own.Name = "ann"
	check(t, s.PutToken(ctx, own), access.ErrTaken)
	own.Name = "ann/laptop"
	for n := range int64(3) {
		use, err := s.UseToken(ctx, hash, now)
		if err != nil || use.Token != own || use.Owner != ann || use.Count != n+1 {
			t.Errorf("use %d is %+v, %v", n, use, err)
		}
	}
	if use, err := s.UseToken(ctx, hash, now.Add(time.Minute)); err != nil || use.Count != 1 {
		t.Errorf("in the next minute %+v, %v", use, err)
	}
	if _, err := s.UseToken(ctx, access.HashToken("another"), now); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("another token is %v", err)
	}
	gone := access.StoredToken{Name: "gone", Hash: strings.Repeat("0", 64)}
	check(t, s.PutToken(ctx, gone), nil)
	check(t, s.DropToken(ctx, "gone"), nil)
	check(t, s.DropToken(ctx, "gone"), access.ErrNotFound)
	if _, err := s.UseToken(ctx, access.Hash{}, now); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a token that is gone is %v", err)
	}
	if all, err := s.Tokens(ctx); err != nil || len(all) != 1 || all[0] != own {
		t.Errorf("tokens %+v, %v", all, err)
	}

	if wait, err := s.Attempt(ctx, "ann", testLockout, noon); wait != 0 || err != nil {
		t.Errorf("the first attempt waits %v, %v", wait, err)
	}
	check(t, s.RememberBrowser(ctx, hash, "ann 1", now.Add(browserTTL)), nil)
	if owner, err := s.BrowserOwner(ctx, hash); owner != "ann 1" || err != nil {
		t.Errorf("the browser is %q's, %v", owner, err)
	}
	if owner, err := s.BrowserOwner(ctx, access.Hash{}); owner != "" || err != nil {
		t.Errorf("an unknown browser is %q's, %v", owner, err)
	}

	if text, err := s.Brief(ctx, "offer"); text != "" || err != nil {
		t.Errorf("nothing is %q, %v", text, err)
	}
	for _, text := range []string{"one", "two"} {
		check(t, s.KeepBriefly(ctx, "offer", text, briefTTL), nil)
		if got, err := s.Brief(ctx, "offer"); got != text || err != nil {
			t.Errorf("got %q, want %s, %v", got, text, err)
		}
	}
	for i, want := range []bool{true, false, false} {
		if first, err := s.Once(ctx, "code", briefTTL); first != want || err != nil {
			t.Errorf("time %d is the first: %v, %v", i, first, err)
		}
	}

	if data, err := s.Session(ctx, "id"); data != nil || err != nil {
		t.Errorf("no session is %q, %v", data, err)
	}
	check(t, s.UpdateSession(ctx, "id", []byte("late"), now.Add(sessionTTL)), nil)
	if data, err := s.Session(ctx, "id"); data != nil || err != nil {
		t.Errorf("a session that was updated before it began is %q, %v", data, err)
	}
	check(t, s.AddSession(ctx, "id", []byte("one"), now.Add(sessionTTL)), nil)
	check(t, s.UpdateSession(ctx, "id", []byte("two"), now.Add(sessionTTL)), nil)
	if data, err := s.Session(ctx, "id"); string(data) != "two" || err != nil {
		t.Errorf("the session is %q, %v", data, err)
	}
	check(t, s.AddSession(ctx, "gone", []byte("one"), now.Add(sessionTTL)), nil)
	check(t, s.DropSession(ctx, "gone"), nil)
	if data, err := s.Session(ctx, "gone"); data != nil || err != nil {
		t.Errorf("a session that was dropped is %q, %v", data, err)
	}
}

// testReviewers knows ann, who is the only one. What others become and cease to be is remembered.
func testReviewers(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	had := func(want bool) {
		t.Helper()
		if two, err := s.HadTwoReviewers(ctx); two != want || err != nil {
			t.Errorf("there were two: %v, %v", two, err)
		}
	}
	bob := access.User{Name: "bob", Role: access.RoleAdministrator, Version: 1}
	check(t, s.PutUser(ctx, bob), nil)
	had(false)
	bob.Role, bob.Version = access.RoleReviewer, 2
	check(t, s.PutUser(ctx, bob), nil)
	had(true)
	check(t, s.client.Del(ctx, s.keys.reviewers()).Err(), nil) // as a store is from before they were remembered
	had(true)
	bob.Role, bob.Disabled, bob.Version = access.RoleReporter, true, 3
	check(t, s.PutUser(ctx, bob), nil)
	had(true)
}

const sessionTTL, browserTTL, briefTTL = 12 * time.Hour, 180 * 24 * time.Hour, 15 * time.Minute

var testLockout = access.Lockout{Free: 3, First: time.Second, Longest: time.Minute, Keep: time.Hour}

func check(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestAttempts holds the script to [access.Lockout.Delay].
func TestAttempts(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	now := noon
	for n := 1; n < 15; n++ {
		if wait, err := s.Attempt(ctx, "ann", testLockout, now); wait != 0 || err != nil {
			t.Fatalf("attempt %d waits %v, %v", n, wait, err)
		}
		delay := testLockout.Delay(n)
		if delay == 0 {
			continue
		}
		for range 2 {
			if wait, err := s.Attempt(ctx, "ann", testLockout, now.Add(delay-time.Millisecond)); wait != time.Millisecond || err != nil {
				t.Errorf("after attempt %d the end is %v away, %v", n, wait, err)
			}
		}
		now = now.Add(delay)
	}
	if delay := testLockout.Delay(14); delay != time.Minute {
		t.Errorf("the longest delay is %v", delay)
	}
	// A clock that runs after another node's, or a damaged key, locks nobody out for longer than the longest delay.
	if wait, err := s.Attempt(ctx, "ann", testLockout, noon.AddDate(-1, 0, 0)); wait != time.Minute || err != nil {
		t.Errorf("a year before it waits %v, %v", wait, err)
	}
	check(t, s.Forgive(ctx, "ann"), nil)
	if wait, err := s.Attempt(ctx, "ann", testLockout, noon); wait != 0 || err != nil {
		t.Errorf("once forgiven it waits %v, %v", wait, err)
	}
}

// TestAttemptsAtOnce wants no more attempts to be let through side by side than one after the other.
func TestAttemptsAtOnce(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	free := make(chan bool, 50)
	for range cap(free) {
		go func() {
			wait, err := s.Attempt(ctx, "ann", testLockout, noon)
			free <- wait == 0 && err == nil
		}()
	}
	let := 0
	for range cap(free) {
		if <-free {
			let++
		}
	}
	if let != testLockout.Free {
		t.Errorf("%d attempts were let through, want %d", let, testLockout.Free)
	}
}

func TestFirstAdministrator(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx := soon(t)
	admin := func(name string, version int64) access.User {
		return access.User{Name: name, Role: access.RoleAdministrator, Version: version, Epoch: 1}
	}
	errs := make(chan error, 8)
	for i := range cap(errs) {
		go func() { errs <- s.PutAdministrator(ctx, admin(fmt.Sprint("anna", i), 1), 0) }()
	}
	made := 0
	for range cap(errs) {
		if err := <-errs; err == nil {
			made++
		} else {
			check(t, err, access.ErrHasAdministrator)
		}
	}
	if made != 1 {
		t.Fatalf("%d are the first", made)
	}
	all, err := s.Users(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("people %v, %v", all, err)
	}
	off := all[0]
	off.Disabled, off.Version = true, 2
	check(t, s.PutUser(ctx, off), nil)
	check(t, s.PutAdministrator(ctx, admin(off.Name, 3), 0), nil)
	check(t, s.PutAdministrator(ctx, admin("zora", 1), 0), access.ErrHasAdministrator)
	check(t, s.PutAdministrator(ctx, admin("zora", 1), 1), nil)
	check(t, s.PutAdministrator(ctx, admin("zoe", 1), 1), access.ErrHasAdministrator)
	check(t, s.PutAdministrator(ctx, admin("zora", 1), 2), access.ErrTaken)
}

// TestDamagedPeople wants damage to be told, not taken for somebody who is not there.
func TestDamagedPeople(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client)
	ctx := soon(t)
	check(t, s.PutUser(ctx, access.User{Name: "ann", Version: 1}), nil)
	if err := client.HSet(ctx, s.keys.users(), "bob", "{").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.User(ctx, "bob"); err == nil || errors.Is(err, access.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if all, err := s.Users(ctx); err != nil || len(all) != 1 {
		t.Errorf("people %v, %v", all, err)
	}
	if err := s.PutUser(ctx, access.User{Name: "bob", Version: 1}); err == nil {
		t.Error("a damaged record was replaced")
	}
}

// TestAuditRoleOfWhoActs wants the chain to say in which role a person decided.
func TestAuditRoleOfWhoActs(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	must[numberdb.Listing](t)(s.Decide(soon(t), numberdb.Actor{Name: "ann", Role: "reviewer"}, aDecision(exact(fiction(1)), numberdb.StandingWarn)))
	if err := s.Mark(soon(t), exact(fiction(1)), numberdb.MarkAllowed, true, "ann", "asked", noon); err != nil {
		t.Fatal(err)
	}
	var roles []string
	for r, err := range s.AuditRecords(soon(t), 2) {
		if err != nil {
			t.Fatal(err)
		}
		var e numberdb.AuditEntry
		if err := e.UnmarshalBinary(r.Encoded); err != nil {
			t.Fatal(err)
		}
		roles = append(roles, e.Role)
	}
	if got := fmt.Sprint(roles); got != "[reviewer program]" {
		t.Errorf("the roles are %s", got)
	}
}
