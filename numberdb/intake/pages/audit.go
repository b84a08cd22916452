package pages

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// entry is one entry of the audit chain.
type entry struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Role   string    `json:"role"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	Before string    `json:"before"`
	After  string    `json:"after"`
	Reason string    `json:"reason"`
	Hash   string    `json:"hash"`
}

// verified is what the API found when it read the whole chain.
type verified struct {
	Good     bool              `json:"good"`
	Entries  int               `json:"entries"`
	Head     json.RawMessage   `json:"head"`
	Findings []json.RawMessage `json:"findings"`
}

// HeadText is the head as it is sent on, without JSON's quotation marks.
func (c *verified) HeadText() string { return bare(c.Head) }

// Found is the findings as text.
func (c *verified) Found() []string {
	list := make([]string, len(c.Findings))
	for i, f := range c.Findings {
		list[i] = bare(f)
	}
	return list
}

// bare is a JSON value as text: the text itself if it is one.
func bare(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// showAudit lists the audit chain, newest first, and checks it when asked to.
func showAudit(v *visit) error {
	q := url.Values{}
	values := map[string]string{}
	for _, name := range []string{"who", "action", "object", "cursor", "from", "until"} {
		text := v.form(name)
		values[name] = text
		if text == "" {
			continue
		}
		if name == "from" || name == "until" {
			day, err := time.Parse(time.DateOnly, text)
			if err != nil {
				continue // what is no date limits nothing; the form shows it as it is
			}
			if name == "until" {
				day = day.AddDate(0, 0, 1) // that day is meant as well
			}
			text = day.Format(time.RFC3339)
		}
		q.Set(name, text)
	}
	var found page[entry]
	err := v.get("/v1/audit?"+q.Encode(), &found)
	f, err := v.refusedForm(err)
	if err != nil {
		return err
	}
	var check *verified
	if v.form("verify") != "" {
		check = &verified{}
		if err := v.get("/v1/audit/verify", check); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, "audit", v.words.text("audit.title"), map[string]any{
		"Values": values, "Form": f, "Items": found.Items, "Next": v.nextPage(found.Next), "Check": check,
	})
}
