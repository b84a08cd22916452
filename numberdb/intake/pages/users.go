package pages

import (
	"net/http"
	"net/url"
	"time"
)

// user is a person who may sign in.
type user struct {
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	RoleSince time.Time `json:"role_since"`
	RoleBy    string    `json:"role_by"`
	Disabled  bool      `json:"disabled"`
	TOTP      bool      `json:"totp"`
	// MustChange says that they have yet to replace a one-time password.
	MustChange bool `json:"must_change"`
	// Rescue is why they were made an administrator past the second person; empty for all others.
	Rescue  string    `json:"rescue"`
	Added   time.Time `json:"added"`
	AddedBy string    `json:"added_by"`
}

var staffRoles = []string{"reporter", "reviewer", "auditor", "administrator"}

// showUsers lists who may sign in.
func showUsers(v *visit) error { return v.users(http.StatusOK, emptyForm()) }

func (v *visit) users(status int, f *form) error {
	var found page[user]
	if err := v.get("/v1/users?limit=200", &found); err != nil {
		return err
	}
	return v.show(status, "users", v.words.text("users.title"), map[string]any{
		"Items": found.Items, "Form": f, "Roles": v.options("role", staffRoles, orElse(f.Get("role"), "reporter")), "Token": formToken(f),
	})
}

// secretAnswer is what the API answers once: a password or token that nobody can ever see again. A change that waits for a second person
// has none yet.
type secretAnswer struct {
	User     user      `json:"user"`
	Setup    string    `json:"setup"` // one-time password of the person
	Token    token     `json:"token"`
	Text     string    `json:"text"` // of the token
	Proposal *proposal `json:"proposal"`
}

// showSecret shows a secret in the answer to the form itself: an address that a redirection would lead to must not hold it.
func (v *visit) showSecret(what, name, secret, back string) error {
	return v.show(http.StatusOK, "secret", v.words.text("secret."+what), map[string]any{
		"What": what, "Name": name, "Secret": secret, "Back": back,
	})
}

// addUser makes a person who may sign in.
func addUser(v *visit) error {
	var a secretAnswer
	err := v.send(http.MethodPost, "/v1/users", map[string]string{"name": v.form("name"), "role": v.form("role"), "reason": v.form("reason")}, &a,
		"Idempotency-Key", idempotencyKey(v.form("token"), "user"))
	f, err := v.refusedForm(err)
	switch {
	case err != nil:
		return err
	case f.Wrong():
		return v.users(http.StatusUnprocessableEntity, f)
	case a.Setup == "" && a.Proposal != nil:
		return v.to("/approvals/"+url.PathEscape(a.Proposal.ID), "proposed")
	}
	return v.showSecret("setup", v.form("name"), a.Setup, "/users")
}

// showUser shows one person, to be changed by those who may.
func showUser(v *visit) error { return v.user(http.StatusOK, emptyForm()) }

func (v *visit) user(status int, f *form) error {
	a, err := v.p.ask(v.r, http.MethodGet, "/v1/users/"+url.PathEscape(v.r.PathValue("name")), nil, nil)
	if err != nil {
		return err
	}
	var u user
	if err := a.into(&u); err != nil {
		return err
	}
	return v.show(status, "user", u.Name, map[string]any{
		"U": &u, "Form": f, "Roles": v.options("role", staffRoles, u.Role), "ETag": a.header.Get("ETag"),
	})
}

// changeUser gives a person another role, closes or opens their account, or resets how they sign in.
func changeUser(v *visit) error {
	name := v.r.PathValue("name")
	body := map[string]any{"reason": v.form("reason")}
	switch v.form("change") {
	case "role":
		body["role"] = v.form("role")
	case "disable":
		body["disabled"] = true
	case "enable":
		body["disabled"] = false
	case "reset":
		body["reset"] = true
	default:
		return &problem{Status: http.StatusBadRequest}
	}
	var a secretAnswer
	err := v.send(http.MethodPatch, "/v1/users/"+url.PathEscape(name), body, &a, "If-Match", v.form("etag"))
	f, err := v.refusedForm(err)
	switch {
	case err != nil:
		return err
	case f.Wrong():
		return v.user(http.StatusConflict, f)
	case a.Setup != "":
		return v.showSecret("setup", name, a.Setup, "/users/"+url.PathEscape(name))
	case a.Proposal != nil:
		return v.to("/approvals/"+url.PathEscape(a.Proposal.ID), "proposed")
	}
	return v.to("/users/"+url.PathEscape(name), "saved")
}

// token is a machine's or a person's right to use the API.
type token struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Source  source    `json:"source"`
	Expires time.Time `json:"expires"`
	Rate    int       `json:"rate_limit"` // requests a minute
	Made    time.Time `json:"made"`
	MadeBy  string    `json:"made_by"`
}

// source is for whom a report was sent, and how far that is trusted.
type source struct {
	Kind         string `json:"kind"`
	Organisation string `json:"organisation"`
}

var (
	machineRoles = []string{"feed", "reporter", "auditor"}
	sourceKinds  = []string{"feed", "partner", "staff", "public"}
)

// showTokens lists the tokens of machines.
func showTokens(v *visit) error { return v.tokens(http.StatusOK, emptyForm()) }

func (v *visit) tokens(status int, f *form) error {
	var found page[token]
	if err := v.get("/v1/tokens?limit=200", &found); err != nil {
		return err
	}
	return v.show(status, "tokens", v.words.text("tokens.title"), map[string]any{
		"Items": found.Items, "Form": f, "Roles": v.options("role", machineRoles, orElse(f.Get("role"), "feed")),
		"Kinds": v.options("source", sourceKinds, orElse(f.Get("source"), "feed")), "Token": formToken(f),
	})
}

// addToken makes a token for a machine.
func addToken(v *visit) error {
	body := map[string]any{"name": v.form("name"), "role": v.form("role"), "reason": v.form("reason"),
		"source": map[string]string{"kind": v.form("source"), "organisation": v.form("organisation")}}
	if expires := v.form("expires"); expires != "" {
		body["expires"] = expires + "T00:00:00Z"
	}
	var a secretAnswer
	err := v.send(http.MethodPost, "/v1/tokens", body, &a, "Idempotency-Key", idempotencyKey(v.form("form"), "token"))
	f, err := v.refusedForm(err)
	switch {
	case err != nil:
		return err
	case f.Wrong():
		return v.tokens(http.StatusUnprocessableEntity, f)
	case a.Text == "" && a.Proposal != nil:
		return v.to("/approvals/"+url.PathEscape(a.Proposal.ID), "proposed")
	}
	return v.showSecret("token", v.form("name"), a.Text, "/tokens")
}

// deleteToken ends a machine's token.
func deleteToken(v *visit) error {
	if err := v.send(http.MethodDelete, "/v1/tokens/"+url.PathEscape(v.r.PathValue("name")), nil, nil); err != nil {
		return err
	}
	return v.to("/tokens", "deleted")
}
