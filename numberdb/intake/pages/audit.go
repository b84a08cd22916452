package pages

import (
	"net/http"
	"net/url"
	"time"

	"github.com/linewarden/linewarden/numberdb"
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
	Fault  string    `json:"fault"` // what is wrong with it by itself
}

// verified is what the API found when it read the whole chain.
type verified struct {
	Good     bool   `json:"good"`
	Complete bool   `json:"complete"` // all of it was read; else nothing is known
	Entries  int    `json:"entries"`
	Head     string `json:"head"`
	Findings []struct {
		First  uint64 `json:"first"`
		Last   uint64 `json:"last"`
		Fault  string `json:"fault"`
		Detail string `json:"detail"`
	} `json:"findings"`
	Omitted int `json:"omitted"` // findings beyond those
}

// Outcome is one word for what was found.
func (c *verified) Outcome() string {
	switch {
	case !c.Complete:
		return "long"
	case c.Good:
		return "good"
	}
	return "bad"
}

// auditFaults are the API's words for what can be wrong in a chain.
var auditFaults = []string{"altered", "missing", "reordered", "foreign", "unreadable"}

// auditActions are what a search may be limited to, the chosen one marked.
func (v *visit) auditActions() []option {
	list := []option{{"", v.words.text("numbers.any"), v.form("action") == ""}}
	for _, a := range numberdb.AuditActions() {
		list = append(list, option{string(a), v.words.code("audited", string(a)), v.form("action") == string(a)})
	}
	return list
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
		"Values": values, "Actions": v.auditActions(), "Form": f, "Items": found.Items, "Next": v.nextPage(found.Next), "Check": check,
	})
}
