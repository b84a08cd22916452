package pages

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// call is one record of a call. The subscriber is a pseudonym in it.
type call struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	Direction  string    `json:"direction"`
	Number     string    `json:"number"`
	Subscriber string    `json:"subscriber"`
	Action     string    `json:"action"`
	Would      string    `json:"would"`
	Reason     string    `json:"reason"`
	Outcome    string    `json:"outcome"`
	Brand      string    `json:"brand"`
	Prompt     string    `json:"prompt"`
	Instance   string    `json:"instance"`
}

// tried is the answer to "what would a call get?".
type tried struct {
	Verdict struct {
		Action   string `json:"action"`
		Reason   string `json:"reason"`
		Would    string `json:"would"`
		Standing string `json:"standing"`
		Brand    string `json:"brand"`
		Class    string `json:"class"`
	} `json:"verdict"`
	Explain  string   `json:"explain"`
	Heard    []string `json:"heard"`
	Language string   `json:"language"`
	SIP      *struct {
		Code int    `json:"code"`
		Text string `json:"text"`
	} `json:"sip"`
}

// showCalls answers for a call by its id, and says what a call would get now.
func showCalls(v *visit) error {
	f := &form{Values: v.r.Form}
	d := map[string]any{"ID": v.form("id"), "Form": f, "Calls": []call(nil), "None": false, "Tried": (*tried)(nil), "Said": []string(nil),
		"Directions": v.options("direction", []string{"outbound", "inbound"}, orElse(v.form("direction"), "outbound"))}
	status := http.StatusOK
	if id := v.form("id"); id != "" {
		var found page[call]
		err := v.get("/v1/calls/"+url.PathEscape(cut(id, 64)), &found)
		var p *problem
		switch {
		case errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusUnprocessableEntity):
			d["None"] = true
		case err != nil:
			return err
		}
		d["Calls"] = found.Items
	}
	if v.form("calling")+v.form("called") != "" {
		body := map[string]string{"direction": orElse(v.form("direction"), "outbound"), "calling": v.form("calling"), "called": v.form("called")}
		var t tried
		refused, err := v.refusedForm(v.send(http.MethodPost, "/v1/screen", body, &t))
		if err != nil {
			return err
		}
		d["Form"] = refused
		if refused.Wrong() {
			status = http.StatusUnprocessableEntity
		} else {
			d["Tried"], d["Said"] = &t, promptWords(orElse(t.Language, "en"), t.Heard, t.Verdict.Brand)
		}
	}
	return v.show(status, "calls", v.words.text("calls.title"), d)
}
