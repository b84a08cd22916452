package pages

import (
	"net/http"
	"net/url"
	"time"

	"github.com/linewarden/linewarden/dialplan"
)

// rulings are what a decision can give, in the order in which the form offers them.
var rulings = []string{"block", "warn", "watch", "cleared", "protected", "none"}

var classes = []string{"analytics", "do_not_originate", "subscriber_request"}

// impact is what a decision would have touched.
type impact struct {
	Calls       int       `json:"calls"`
	Subscribers int       `json:"subscribers"`
	Days        int       `json:"days"`
	Complete    bool      `json:"complete"`
	Since       time.Time `json:"since"`
}

// decideForm is the page on which a decision is proposed.
type decideForm struct {
	Form                      *form
	Target                    string
	N                         *numberBody
	Standings, Roles, Classes []option
	Brands                    []option
	Brake                     bool // softening a block to a warning, which one person may
	Impact                    *impact
	Token                     string
}

// showDecide asks for a decision. With ?preview=1 the form comes back with what it would touch.
func showDecide(v *visit) error {
	f := &form{Values: v.r.Form}
	d, err := v.decideForm(f)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "decide", v.words.text("decide.title", prettyNumber(d.Target)), d)
}

func (v *visit) decideForm(f *form) (*decideForm, error) {
	d := &decideForm{Form: f, Target: v.r.PathValue("number"), Token: formToken(f), Brake: v.form("brake") != ""}
	if n, err := v.number(); err == nil {
		d.N, d.Target = n, v.target(n)
	} else if !isRange(d.Target) {
		return nil, err
	}
	standing, roles := v.form("standing"), v.r.Form["roles"]
	if d.Brake && standing == "" {
		standing = "warn"
		if d.N != nil && d.N.Standing.Callback == "block" {
			roles = append(roles, "callback")
		}
		if d.N != nil && d.N.Standing.CallerID == "block" {
			roles = append(roles, "caller_id")
		}
	}
	if standing == "" {
		standing = "block"
	}
	if len(roles) == 0 && v.r.Method == http.MethodGet {
		roles = []string{"callback"}
	}
	d.Standings = v.options("standing", rulings, standing)
	d.Roles = v.options("part", parts, roles...)
	d.Classes = v.options("class", classes, orElse(v.form("class"), "analytics"))
	brand := v.form("brand")
	if brand == "" && d.N != nil && v.r.Method == http.MethodGet {
		brand = d.N.Brand
	}
	d.Brands = []option{{"", v.words.text("report.brand.none"), brand == ""}}
	for _, b := range dialplan.Brands() {
		d.Brands = append(d.Brands, option{b.Slug, b.Name, b.Slug == brand})
	}
	return d, nil
}

func (v *visit) decisionBody() map[string]any {
	body := map[string]any{"standing": v.form("standing"), "roles": v.r.Form["roles"], "reason": v.form("reason")}
	if body["roles"] == nil {
		body["roles"] = []string{}
	}
	for _, field := range []string{"class", "brand"} {
		if text := v.form(field); text != "" {
			body[field] = text
		}
	}
	if until := v.form("until"); until != "" {
		body["until"] = until + "T00:00:00Z"
	}
	return body
}

// decide previews what a decision would touch, or sends it.
func decide(v *visit) error {
	f := &form{Values: v.r.Form}
	at := "/v1/numbers/" + url.PathEscape(v.r.PathValue("number")) + "/decisions"
	body := v.decisionBody()
	if v.form("preview") != "" {
		var found struct {
			Impact *impact `json:"impact"`
		}
		if v.form("reason") == "" {
			body["reason"] = "-" // a preview stores nothing, so it needs no reason yet
		}
		return v.againDecide(f, v.send(http.MethodPost, at+"?preview=true", body, &found), found.Impact)
	}
	var result struct {
		Applied  bool      `json:"applied"`
		Proposal *proposal `json:"proposal"`
	}
	err := v.send(http.MethodPost, at, body, &result, "Idempotency-Key", idempotencyKey(v.form("token"), "decide"))
	switch {
	case err != nil:
		return v.againDecide(f, err, nil)
	case result.Applied || result.Proposal == nil:
		return v.to("/numbers/"+url.PathEscape(v.r.PathValue("number")), "decided")
	}
	return v.to("/approvals/"+url.PathEscape(result.Proposal.ID), "proposed")
}

func (v *visit) againDecide(f *form, err error, found *impact) error {
	refused, err := v.refusedForm(err)
	if err != nil {
		return err
	}
	d, err := v.decideForm(refused)
	if err != nil {
		return err
	}
	d.Impact = found
	status := http.StatusOK
	if refused.Wrong() {
		status = http.StatusUnprocessableEntity
	}
	return v.show(status, "decide", v.words.text("decide.title", prettyNumber(d.Target)), d)
}

// options are words of a set as choices.
func (v *visit) options(set string, words []string, chosen ...string) []option {
	list := make([]option, len(words))
	for i, w := range words {
		list[i] = option{Value: w, Text: v.words.code(set, w)}
		for _, c := range chosen {
			list[i].Chosen = list[i].Chosen || c == w
		}
	}
	return list
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func isRange(target string) bool { return len(target) > 0 && target[len(target)-1] == '*' }
