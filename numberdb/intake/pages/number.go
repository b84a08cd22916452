package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/linewarden/linewarden/dialplan"
)

// numberBody is what the API knows about a number.
type numberBody struct {
	Number   string   `json:"number"`
	Kind     string   `json:"kind"`
	Region   string   `json:"region"`
	Country  string   `json:"country"`
	Type     string   `json:"type"`
	Range    string   `json:"range"`
	Brand    string   `json:"brand"`
	Marks    []string `json:"marks"`
	Standing standing `json:"standing"`
	Verdict  struct {
		Inbound  verdict `json:"inbound"`
		Outbound verdict `json:"outbound"`
	} `json:"verdict"`
	Explain struct {
		Callback explained `json:"callback"`
		CallerID explained `json:"caller_id"`
	} `json:"explain"`
	Reports struct {
		Total    int            `json:"total"`
		BySource map[string]int `json:"by_source"`
		Newest   time.Time      `json:"newest"`
		Oldest   time.Time      `json:"oldest"`
	} `json:"reports"`
	Decisions []decision `json:"decisions"`
	Heard     struct {
		Outbound []string `json:"outbound"`
		Language string   `json:"language"`
	} `json:"heard"`
}

// Place is the country whose number it is: its code, of which the page makes a name.
func (n *numberBody) Place() string {
	if n.Region != "" {
		return n.Region
	}
	return n.Country
}

type verdict struct {
	Action string `json:"action"`
	Reason string `json:"reason"`
}

// explained is why a number stands in a role as it does, and what becomes of that.
type explained struct {
	Standing string    `json:"standing"`
	Because  string    `json:"because"`
	Rule     string    `json:"rule"`
	Until    time.Time `json:"until"`
	After    []struct {
		Standing string    `json:"standing"`
		Until    time.Time `json:"until"`
	} `json:"after"`
	Evidence struct {
		Trusted    int       `json:"trusted_organisations"`
		Unverified int       `json:"unverified_sources"`
		Days       int       `json:"days"`
		Forged     int       `json:"forged"`
		Last       time.Time `json:"last"`
	} `json:"evidence"`
}

// decision is a ruling, or an operator's marking.
type decision struct {
	ID       string    `json:"id"`
	Target   string    `json:"target"`
	Roles    []string  `json:"roles"`
	Standing string    `json:"standing"`
	Class    string    `json:"class"`
	Brand    string    `json:"brand"`
	Mark     string    `json:"mark"`
	On       bool      `json:"on"`
	Reason   string    `json:"reason"`
	Author   string    `json:"author"`
	Approver string    `json:"approver"`
	Brake    bool      `json:"brake"` // one person softened a block, at once
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"`
}

// filed is a report as the API shows it to staff.
type filed struct {
	ID        string    `json:"id"`
	Received  time.Time `json:"received"`
	At        time.Time `json:"at"`
	Roles     []string  `json:"roles"`
	Brand     string    `json:"brand"`
	Category  string    `json:"category"`
	Arrived   string    `json:"arrived"`
	RedFlags  []string  `json:"red_flags"`
	Text      string    `json:"text"`
	Loss      float64   `json:"loss"`
	Currency  string    `json:"currency"`
	Language  string    `json:"language"`
	Source    source    `json:"source"`
	Reporter  string    `json:"reporter"`
	Forging   bool      `json:"forging"`
	Consent   bool      `json:"consent"`
	HasCaller bool      `json:"has_caller"`
}

// role is one role of the number, with what the page says of it.
type role struct {
	Name string
	explained
}

// prompt is what a caller hears, in one language.
type prompt struct {
	Language, Name, Path string
	Text                 []string
}

// showNumber shows all that is known about one number or range.
func showNumber(v *visit) error {
	n, err := v.number()
	if err != nil {
		return err
	}
	n.Explain.Callback.Standing, n.Explain.CallerID.Standing = n.Standing.Callback, n.Standing.CallerID
	d := map[string]any{"N": n, "Roles": []role{{"callback", n.Explain.Callback}, {"caller_id", n.Explain.CallerID}}}
	d["Target"], d["Timeline"] = v.target(n), (*timeline)(nil)
	at := "/v1/numbers/" + url.PathEscape(v.target(n))
	var reports page[filed]
	var decisions page[decision]
	listable := n.Kind == "e164" || isRange(v.target(n)) // what else there is, such as 911, is never listed
	mayRead := permissionsOf(v.me).Search && listable
	if mayRead {
		if err := v.get(at+"/reports?limit=200", &reports); err != nil {
			return err
		}
		if err := v.get(at+"/decisions?limit=50", &decisions); err != nil {
			return err
		}
		d["Timeline"] = v.timeline(reports.Items, decisions.Items)
	}
	const shown = 5
	d["Reports"], d["All"] = reports.Items[:min(shown, len(reports.Items))], len(reports.Items) > shown
	d["Decisions"] = decisions.Items
	d["MayRead"], d["Listable"] = mayRead, listable
	d["Prompts"] = v.promptsOf(n)
	return v.show(http.StatusOK, "number", v.words.text("number.title", prettyNumber(v.target(n))), d)
}

// number asks the API about the number in the address.
func (v *visit) number() (*numberBody, error) {
	var n numberBody
	if err := v.get("/v1/numbers/"+url.PathEscape(v.r.PathValue("number")), &n); err != nil {
		return nil, err
	}
	return &n, nil
}

// target is the number as the API writes it, or the range in the address.
func (v *visit) target(n *numberBody) string {
	if n.Number != "" && !strings.HasSuffix(v.r.PathValue("number"), "*") {
		return n.Number
	}
	return v.r.PathValue("number")
}

// promptsOf is what somebody who dials the number hears before anything else, in each language that there is sound for. The words come
// from the texts that the sounds were made from.
func (v *visit) promptsOf(n *numberBody) []prompt {
	if len(n.Heard.Outbound) == 0 {
		return nil
	}
	var list []prompt
	for _, code := range v.p.prompts {
		p := prompt{Language: code, Name: v.words.language(code), Text: promptWords(code, n.Heard.Outbound, n.Brand)}
		path := "/v1/prompts/" + code + "/" + url.PathEscape(n.Number)
		if _, err := v.p.ask(v.r, http.MethodGet, path, nil, nil); err == nil {
			p.Path = path // where no sound was built, the words alone are shown
		}
		list = append(list, p)
	}
	return list
}

// promptWords is what the clips say. A sentence with a brand is three clips: it is read once, at its first.
func promptWords(code string, clips []string, brand string) []string {
	var said []string
	for _, clip := range clips {
		clip = "linewarden/" + strings.TrimPrefix(strings.TrimPrefix(clip, "sound:"), "linewarden/")
		p, ours := dialplan.PromptOfMedia(clip)
		if !ours || strings.HasSuffix(clip, "-after") {
			continue // a brand's name, or the rest of a sentence
		}
		slug := ""
		if strings.HasSuffix(clip, "-before") {
			slug = brand
		}
		if text, err := dialplan.Text(code, p, slug); err == nil && text != "" {
			said = append(said, text)
		}
	}
	return said
}

// showNumberReports shows every report about a number.
func showNumberReports(v *visit) error {
	n, err := v.number()
	if err != nil {
		return err
	}
	q := url.Values{}
	if c := v.form("cursor"); c != "" {
		q.Set("cursor", c)
	}
	var reports page[filed]
	if err := v.get("/v1/numbers/"+url.PathEscape(v.target(n))+"/reports?"+q.Encode(), &reports); err != nil {
		return err
	}
	return v.show(http.StatusOK, "reports", v.words.text("reports.title", prettyNumber(v.target(n))), map[string]any{
		"Target": v.target(n), "Reports": reports.Items, "Next": v.nextPage(reports.Next), "Caller": "", "CallerOf": "",
	})
}

// showCaller shows the number of whoever reported, once, to a person who may see it. The API writes who saw it to the audit chain, which
// is why this is a change and not a page of its own.
func showCaller(v *visit) error {
	n, err := v.number()
	if err != nil {
		return err
	}
	var caller struct {
		Caller string `json:"caller"`
	}
	id := v.form("report")
	if err := v.get("/v1/reports/"+url.PathEscape(id)+"/caller?number="+url.QueryEscape(v.target(n)), &caller); err != nil {
		return err
	}
	return v.show(http.StatusOK, "caller", v.words.text("caller.title"), map[string]any{
		"Target": v.target(n), "Caller": caller.Caller, "Report": id,
	})
}
