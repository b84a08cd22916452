package intake

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

func TestUsers(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	w := anna.do(http.MethodPost, "/v1/users", `{"name": "Rita@Helpline.Example", "role": "reviewer", "language": "fr"}`)
	want(t, w, http.StatusCreated)
	made := read[SetupBody](t, w)
	if made.User.Name != "rita@helpline.example" || made.User.Role != "reviewer" || made.User.RoleBy != "anna" || !made.User.MustChange || made.Setup == "" {
		t.Errorf("made %+v", made)
	}
	path := "/v1/users/" + made.User.Name
	one := anna.do(http.MethodGet, path, "")
	want(t, one, http.StatusOK)
	if strings.Contains(one.Body.String(), made.Setup) || strings.Contains(one.Body.String(), "argon2id") {
		t.Errorf("the password can be read: %s", one.Body)
	}
	if one.Header().Get("ETag") != w.Header().Get("ETag") || one.Header().Get("ETag") == "" {
		t.Errorf("ETag %q, was %q", one.Header().Get("ETag"), w.Header().Get("ETag"))
	}
	wantProblem(t, anna.do(http.MethodPost, "/v1/users", `{"name": "RITA@helpline.example", "role": "auditor"}`), http.StatusConflict)
	wantProblem(t, anna.do(http.MethodPost, "/v1/users", `{"name": "ann", "role": "auditor"}`), http.StatusConflict) // a config token's
	h.machine(t, "bank", RoleReporter)
	wantProblem(t, anna.do(http.MethodPost, "/v1/users", `{"name": "bank", "role": "auditor"}`), http.StatusConflict)
	wantProblem(t, anna.do(http.MethodGet, "/v1/users/nobody", ""), http.StatusNotFound)
	for _, line := range []string{"anna as administrator: user_added user rita@helpline.example"} {
		if h.inChain(t, line) != 1 {
			t.Errorf("%q is not once in the chain: %q", line, h.chain(t))
		}
	}
}

// TestUserFaults wants each wrong field named at once, and nothing stored.
func TestUserFaults(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	for name, tc := range map[string]struct{ body, fields string }{
		"nothing":         {`{}`, "[body.name body.role]"},
		"wrong types":     {`{"name": 7, "role": ["reviewer"]}`, "[body.name body.role]"},
		"a slash":         {`{"name": "anna/laptop", "role": "reviewer"}`, "[body.name]"},
		"HTML":            {`{"name": "<script>alert(1)</script>", "role": "reviewer", "language": "<b>"}`, "[body.name body.language]"},
		"a formula":       {`{"name": "=cmd", "role": "reviewer"}`, "[body.name]"},
		"control":         {`{"name": "a\u0000b", "role": "reviewer"}`, "[body.name]"},
		"looks alike":     {`{"name": "аnna", "role": "reviewer"}`, "[body.name]"},
		"over-long":       {`{"name": "` + strings.Repeat("a", 65) + `", "role": "reviewer"}`, "[body.name]"},
		"far too long":    {`{"name": "` + strings.Repeat("a", 5000) + `", "role": "reviewer"}`, "[body.name]"},
		"a machine's":     {`{"name": "eve", "role": "feed"}`, "[body.role]"},
		"an unknown role": {`{"name": "eve", "role": "king"}`, "[body.role]"},
		"a password":      {`{"name": "eve", "role": "reviewer", "password": "mine"}`, "[body.password]"},
	} {
		if _, fields := wantProblem(t, anna.do(http.MethodPost, "/v1/users", tc.body), http.StatusUnprocessableEntity); fmt.Sprint(fields) != tc.fields {
			t.Errorf("%s: named %v, want %s", name, fields, tc.fields)
		}
	}
	if users, err := h.directory.Users(t.Context()); err != nil || len(users) != 1 {
		t.Errorf("stored %v, %v", users, err)
	}
}

// TestChangingSomebodyEndsTheirSessions does everything that one can do to somebody.
func TestChangingSomebodyEndsTheirSessions(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	rita := h.in(t, "rita", RoleReporter)
	own := read[MadeTokenBody](t, rita.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`)).Text
	path := "/v1/users/rita"
	change := func(body string) SetupBody {
		t.Helper()
		etag := anna.do(http.MethodGet, path, "").Header().Get("ETag")
		w := anna.do(http.MethodPatch, path, body, "If-Match", etag)
		want(t, w, http.StatusOK)
		return read[SetupBody](t, w)
	}
	wantProblem(t, anna.do(http.MethodPatch, path, `{"disabled": true}`), http.StatusPreconditionRequired)
	wantProblem(t, anna.do(http.MethodPatch, path, `{"disabled": true}`, "If-Match", `"v1"`), http.StatusPreconditionFailed)
	wantProblem(t, anna.do(http.MethodPatch, path, `{"disabled": true}`, "If-Match", `*`), http.StatusPreconditionFailed)
	wantProblem(t, anna.do(http.MethodPatch, path, `{"role": "feed"}`, "If-Match", `"v2"`), http.StatusUnprocessableEntity)
	if !rita.signedIn() {
		t.Fatal("nothing was changed, and the session has ended")
	}
	if change(`{"role": "reporter"}`); !rita.signedIn() {
		t.Error("the session has ended for nothing")
	}
	got := change(`{"role": "reviewer"}`)
	if got.User.Role != "reviewer" || got.User.RoleBy != "anna" || got.Setup != "" {
		t.Errorf("changed to %+v", got)
	}
	if rita.signedIn() || h.bearer(t, http.MethodGet, "/v1/me", own, "").Code != http.StatusUnauthorized {
		t.Error("session or token go on after a change of role")
	}
	want(t, rita.signIn(goodPassword), http.StatusOK)
	if me := read[MeBody](t, rita.do(http.MethodGet, "/v1/me", "")); me.Role != "reviewer" || len(me.Tokens) != 0 {
		t.Errorf("I am %+v", me)
	}
	if change(`{"disabled": true}`); rita.signedIn() || rita.signIn(goodPassword).Code != http.StatusUnauthorized {
		t.Error("somebody who is disabled is in")
	}
	if change(`{"disabled": false}`); rita.signedIn() {
		t.Error("the session has come back to life")
	}
	want(t, rita.signIn(goodPassword), http.StatusOK)
	got = change(`{"reset": true}`)
	if rita.signedIn() || rita.signIn(goodPassword).Code != http.StatusUnauthorized || got.Setup == "" {
		t.Error("session or password go on after a reset")
	}
	if me := read[MeBody](t, rita.signIn(got.Setup)); !me.MustChange {
		t.Errorf("I am %+v", me)
	}
	u, err := h.directory.User(t.Context(), "rita")
	if err != nil || u.ResetBy != "anna" || !u.ResetAt.Equal(h.clock.Now()) {
		t.Errorf("reset by %q at %v: %v", u.ResetBy, u.ResetAt, err)
	}
	for line, n := range map[string]int{"anna as administrator: user_changed user rita": 3, "anna as administrator: user_reset user rita": 1} {
		if got := h.inChain(t, line); got != n {
			t.Errorf("%q is %d times in the chain, want %d: %q", line, got, n, h.chain(t))
		}
	}
	own2 := anna.do(http.MethodGet, "/v1/users/anna", "").Header().Get("ETag")
	wantProblem(t, anna.do(http.MethodPatch, "/v1/users/anna", `{"role": "reviewer"}`, "If-Match", own2), http.StatusForbidden)
	wantProblem(t, anna.do(http.MethodPatch, "/v1/users/ANNA", `{"reset": true}`, "If-Match", own2), http.StatusForbidden)
	if h.inChain(t, "anna as administrator: refused change-user") != 1 {
		t.Errorf("the chain is %q", h.chain(t))
	}
}

// TestTwoChangesAtOnce wants one of two changes of the same state to be made.
func TestTwoChangesAtOnce(t *testing.T) {
	h := newHouse(t)
	h.person(t, "rita", RoleReporter)
	u, err := h.directory.User(t.Context(), "rita")
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 8)
	for i := range cap(errs) {
		go func() {
			role := access.PeopleRoles[1+i%3]
			_, _, err := h.directory.ChangeUser(t.Context(), root, "rita", u.Version, access.Change{Role: &role})
			errs <- err
		}()
	}
	made := 0
	for range cap(errs) {
		if err := <-errs; err == nil {
			made++
		} else if !strings.Contains(err.Error(), access.ErrChanged.Error()) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d changes were made", made)
	}
}

func TestUserPages(t *testing.T) {
	h := newHouse(t)
	auditor := h.in(t, "olga", RoleAuditor)
	for i := range 5 {
		h.person(t, fmt.Sprint("person", i), RoleReporter)
	}
	var names []string
	cursor := ""
	for pages := 0; pages == 0 || cursor != ""; pages++ {
		list := read[UserListBody](t, auditor.do(http.MethodGet, "/v1/users?limit=4&cursor="+cursor, ""))
		for _, u := range list.Items {
			names = append(names, u.Name)
		}
		cursor = list.Next
	}
	if got := strings.Join(names, " "); got != "olga person0 person1 person2 person3 person4" {
		t.Errorf("people %s", got)
	}
	if list := read[UserListBody](t, auditor.do(http.MethodGet, "/v1/users?cursor=zzz", "")); len(list.Items) != 0 || list.Next != "" {
		t.Errorf("behind the last is %+v", list)
	}
	wantProblem(t, auditor.do(http.MethodGet, "/v1/users?limit=1000", ""), http.StatusUnprocessableEntity)
}

func TestMachineTokens(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	const ask = `{"name": "Bank", "role": "reporter", "source": {"kind": "partner", "organisation": "a-bank"}, "rate_limit": 3}`
	w := anna.do(http.MethodPost, "/v1/tokens", ask)
	want(t, w, http.StatusCreated)
	made := read[MadeTokenBody](t, w)
	if made.Token.Name != "bank" || made.Token.MadeBy != "anna" || made.Token.Source.Kind != "partner" || !strings.HasPrefix(made.Text, "lw_") ||
		!made.Token.Expires.Equal(h.clock.Now().Add(access.DefaultTokenLife)) {
		t.Errorf("made %+v", made)
	}
	wantProblem(t, anna.do(http.MethodPost, "/v1/tokens", ask), http.StatusConflict)
	list := anna.do(http.MethodGet, "/v1/tokens", "")
	if strings.Contains(list.Body.String(), made.Text) || len(read[TokenListBody](t, list).Items) != 1 {
		t.Errorf("the list is %s", list.Body)
	}
	h.nowhere(t, made.Text)

	me := func() int { return h.bearer(t, http.MethodGet, "/v1/me", made.Text, "").Code }
	if got := read[MeBody](t, h.bearer(t, http.MethodGet, "/v1/me", made.Text, "")); got.Name != "bank" || got.Organisation != "a-bank" || got.Person {
		t.Errorf("I am %+v", got)
	}
	want(t, h.bearer(t, http.MethodPost, "/v1/reports", made.Text, `{"number": "+12025550143", "roles": ["callback"]}`), http.StatusCreated)
	if r := h.bench.store.stored()[0]; r.Source != (numberdb.Source{Kind: numberdb.SourcePartner, Organisation: "a-bank"}) {
		t.Errorf("reported for %+v", r.Source)
	}
	if me() != http.StatusOK {
		t.Error("three requests are too many")
	}
	h.clock.move(15 * time.Second)
	if got := retryAfterOf(t, h.bearer(t, http.MethodGet, "/v1/me", made.Text, "")); got != 45*time.Second {
		t.Errorf("to wait for %v", got)
	}
	h.clock.move(45 * time.Second)
	if me() != http.StatusOK {
		t.Error("the next minute does not count anew")
	}
	want(t, anna.do(http.MethodDelete, "/v1/tokens/bank", ""), http.StatusNoContent)
	if me() != http.StatusUnauthorized {
		t.Error("a revoked token works")
	}
	wantProblem(t, anna.do(http.MethodDelete, "/v1/tokens/bank", ""), http.StatusNotFound)
	for _, line := range []string{
		"anna as administrator: token_made token bank", "anna as administrator: token_revoked token bank", "bank as reporter: refused get-me",
	} {
		if h.inChain(t, line) == 0 {
			t.Errorf("%q is not in the chain: %q", line, h.chain(t))
		}
	}
}

// nowhere wants a secret to be neither in Redis nor in the log.
func (h *house) nowhere(t *testing.T, secret string) {
	t.Helper()
	for _, key := range h.redis.Keys(t.Context(), "*").Val() {
		value := ""
		switch h.redis.Type(t.Context(), key).Val() {
		case "hash":
			value = fmt.Sprint(h.redis.HGetAll(t.Context(), key).Val())
		case "string":
			value = h.redis.Get(t.Context(), key).Val()
		case "stream":
			value = fmt.Sprint(h.redis.XRange(t.Context(), key, "-", "+").Val())
		}
		if strings.Contains(key+value, secret) {
			t.Errorf("the secret is in %s", key)
		}
	}
	if strings.Contains(h.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestTokenExpires(t *testing.T) {
	h := newHouse(t)
	token := h.machine(t, "feed", RoleFeed, func(n *access.NewToken) { n.Life = time.Hour })
	h.clock.move(time.Hour - time.Second)
	want(t, h.bearer(t, http.MethodGet, "/v1/me", token, ""), http.StatusOK)
	h.clock.move(time.Second)
	want(t, h.bearer(t, http.MethodGet, "/v1/me", token, ""), http.StatusUnauthorized)
}

func TestTokenFaults(t *testing.T) {
	h := newHouse(t)
	anna := h.in(t, "anna", RoleAdministrator)
	const source = `"source": {"kind": "feed", "organisation": "a-feed"}`
	for name, tc := range map[string]struct{ body, fields string }{
		"nothing":        {`{}`, "[body.name body.role body.source]"},
		"a reviewer":     {`{"name": "bot", "role": "reviewer", ` + source + `}`, "[body.role]"},
		"administrator":  {`{"name": "bot", "role": "administrator", ` + source + `}`, "[body.role]"},
		"somebody's own": {`{"name": "anna/bot", "role": "feed", ` + source + `}`, "[body.name]"},
		"HTML":           {`{"name": "<b>", "role": "feed", "source": {"kind": "feed", "organisation": "<b>"}}`, "[body.source.organisation]"},
		"no limit":       {`{"name": "bot", "role": "feed", "rate_limit": 0, ` + source + `}`, "[body.rate_limit]"},
		"over":           {`{"name": "bot", "role": "feed", "expires": "2020-01-01T00:00:00Z", ` + source + `}`, "[body.expires]"},
		"too long":       {`{"name": "bot", "role": "feed", "expires": "2099-01-01T00:00:00Z", ` + source + `}`, "[body.expires]"},
	} {
		if _, fields := wantProblem(t, anna.do(http.MethodPost, "/v1/tokens", tc.body), http.StatusUnprocessableEntity); fmt.Sprint(fields) != tc.fields {
			t.Errorf("%s: named %v, want %s", name, fields, tc.fields)
		}
	}
	for _, name := range []string{"ann", "anna"} { // the config's, and a person's
		wantProblem(t, anna.do(http.MethodPost, "/v1/tokens", `{"name": "`+name+`", "role": "feed", `+source+`}`), http.StatusConflict)
	}
	if tokens, err := h.directory.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("stored %v, %v", tokens, err)
	}
}

func TestOwnTokens(t *testing.T) {
	h := newHouse(t)
	rita := h.in(t, "rita", RoleReviewer)
	other := h.in(t, "rosa", RoleReviewer)
	made := read[MadeTokenBody](t, rita.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`))
	if made.Token.Name != "laptop" || made.Token.Source != nil {
		t.Errorf("made %+v", made)
	}
	if me := read[MeBody](t, h.bearer(t, http.MethodGet, "/v1/me", made.Text, "")); me.Name != "rita" || me.Role != "reviewer" || !me.Person || len(me.Tokens) != 1 {
		t.Errorf("I am %+v", me)
	}
	wantProblem(t, rita.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`), http.StatusConflict)
	want(t, other.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`), http.StatusCreated)
	wantProblem(t, other.do(http.MethodDelete, "/v1/me/tokens/rita%2Flaptop", ""), http.StatusNotFound)
	if list := read[TokenListBody](t, rita.do(http.MethodGet, "/v1/me/tokens", "")); len(list.Items) != 1 || list.Items[0].Name != "laptop" {
		t.Errorf("tokens %+v", list)
	}
	if tokens, err := h.directory.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("people's own tokens are among those of machines: %v, %v", tokens, err)
	}
	want(t, rita.do(http.MethodDelete, "/v1/me/tokens/laptop", ""), http.StatusNoContent)
	want(t, h.bearer(t, http.MethodGet, "/v1/me", made.Text, ""), http.StatusUnauthorized)

	again := read[MadeTokenBody](t, rita.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`)).Text
	want(t, rita.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{goodPassword, "four walruses sing"})), http.StatusOK)
	want(t, h.bearer(t, http.MethodGet, "/v1/me", again, ""), http.StatusUnauthorized)
	for i := range access.MaxOwnTokens {
		want(t, rita.do(http.MethodPost, "/v1/me/tokens", fmt.Sprintf(`{"name": "laptop%d"}`, i)), http.StatusCreated)
	}
	wantProblem(t, rita.do(http.MethodPost, "/v1/me/tokens", `{"name": "laptop"}`), http.StatusConflict)
}
