package pages

import (
	"strconv"
	"time"
)

// accessChange is what a proposal would do to a person, or the machine's token that it would make.
type accessChange struct {
	User     string `json:"user"`
	Token    string `json:"token"`
	Role     string `json:"role"`
	Disabled bool   `json:"disabled"`
	Reset    bool   `json:"reset"`
	Language string `json:"language"`
	Before   *struct {
		Role      string    `json:"role"`
		RoleSince time.Time `json:"role_since"`
		RoleBy    string    `json:"role_by"`
		Disabled  bool      `json:"disabled"`
		ResetAt   time.Time `json:"reset_at"`
		ResetBy   string    `json:"reset_by"`
		AddedBy   string    `json:"added_by"`
	} `json:"before"` // nil for somebody new
	Source  *source   `json:"source"`
	Expires time.Time `json:"expires"`
	Rate    int       `json:"rate_limit"`
}

// Name is the person's or the token's.
func (a *accessChange) Name() string { return orElse(a.User, a.Token) }

// changes are what a second person has to see before they agree: what changes, and who has had a hand in the account so far.
func (a *accessChange) changes(w *words) []change {
	var list []change
	add := func(field, before, after string) {
		if before != after {
			list = append(list, change{w.code("access", field), before, after})
		}
	}
	said := func(yes bool) string {
		if yes {
			return w.text("yes")
		}
		return ""
	}
	add("user", "", a.User)
	add("token", "", a.Token)
	if b := a.Before; b != nil {
		add("role", w.code("role", b.Role), w.code("role", a.Role))
		add("disabled", said(b.Disabled), said(a.Disabled))
		by := func(who string, at time.Time) string {
			if at.IsZero() {
				return who
			}
			return who + ", " + w.moment(at)
		}
		add("role_by", by(b.RoleBy, b.RoleSince), "")
		add("added_by", b.AddedBy, "")
		add("reset_by", by(b.ResetBy, b.ResetAt), "")
	} else {
		add("role", "", w.code("role", a.Role))
		add("language", "", a.Language)
	}
	add("reset", "", said(a.Reset))
	if s := a.Source; s != nil {
		add("source", "", w.code("source", s.Kind)+" · "+s.Organisation)
	}
	if !a.Expires.IsZero() {
		add("expires", "", w.day(a.Expires))
	}
	if a.Rate > 0 {
		add("rate_limit", "", strconv.Itoa(a.Rate))
	}
	return list
}
