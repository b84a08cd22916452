package pages

import (
	"errors"
	"net/http"
)

// showSignIn asks for a name and a password.
func showSignIn(v *visit) error {
	next := localPath(v.form("next"))
	if v.whoAsks() == nil {
		return v.to(next, "")
	}
	f := emptyForm()
	switch v.form("elsewhere") { // what the API says of somebody who comes from the provider, and is not let in
	case "refused":
		f.General = v.words.text("signin.elsewhere.refused")
	case "away":
		f.General = v.words.text("signin.elsewhere.away")
	}
	return v.askSignIn(http.StatusOK, f, next, false)
}

func (v *visit) askSignIn(status int, f *form, next string, code bool) error {
	return v.show(status, "signin", v.words.text("signin.title"), map[string]any{
		"Form": f, "Next": next, "Code": code, "Elsewhere": v.p.elsewhere,
	})
}

// signIn starts a session. Whatever is wrong is told in the same words, but for a second factor that the right password has earned the
// question for.
func signIn(v *visit) error {
	next := localPath(v.form("next"))
	body := map[string]string{"user": v.form("user"), "password": v.r.PostFormValue("password")}
	if code := v.form("code"); code != "" {
		body["code"] = code
	}
	err := v.send(http.MethodPost, "/v1/session", body, nil)
	if err == nil {
		return v.to(next, "")
	}
	var p *problem
	if !errors.As(err, &p) || p.Status == http.StatusNotFound {
		return err
	}
	f := emptyForm()
	f.Values.Set("user", v.form("user"))
	switch {
	case p.Status == http.StatusTooManyRequests:
		f.General = v.words.text("signin.locked")
		if p.retryAfter != "" {
			v.w.Header().Set("Retry-After", p.retryAfter)
			f.General = v.words.text("signin.locked.for", p.retryAfter)
		}
	case p.CodeNeeded && body["code"] == "":
		f.add("code", v.words.text("signin.code.needed"))
	case p.CodeNeeded:
		f.add("code", v.words.text("signin.code.wrong"))
	case p.Status >= 500:
		f.General = v.words.text(v.words.problem(p.Status))
	default:
		f.General = v.words.text("signin.wrong")
	}
	return v.askSignIn(p.Status, f, next, p.CodeNeeded)
}

// signOut ends the session.
func signOut(v *visit) error {
	var p *problem
	if err := v.send(http.MethodDelete, "/v1/session", nil, nil); err != nil && !(errors.As(err, &p) && p.Status == http.StatusUnauthorized) {
		return err
	}
	return v.to("/signin", "signedout")
}
