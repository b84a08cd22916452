package intake

import (
	"fmt"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// ExplainByRole says why a number has its standing in each role.
type ExplainByRole struct {
	Callback ExplainBody `json:"callback" doc:"As a number that people are told to dial."`
	CallerID ExplainBody `json:"caller_id" doc:"As a number that shows on incoming calls."`
}

// ExplainBody says why a number has its standing in one role.
type ExplainBody struct {
	Standing string       `json:"standing"`
	Because  string       `json:"because" enum:"none,decision,reports,range,mark" doc:"none: nothing holds; decision: people decided it, or it follows what they decided; reports: reports earned it; range: people decided it about a range around the number; mark: nothing holds, and the number is on one of the operator's own lists."`
	Rule     string       `json:"rule" doc:"The rule, as a sentence."`
	Until    *time.Time   `json:"until,omitempty" doc:"When the standing ends by itself, if nothing new is reported or decided; missing if it does not."`
	After    []StepBody   `json:"after" nullable:"false" doc:"What follows, step by step; nothing in the end."`
	Evidence EvidenceBody `json:"evidence" doc:"What was reported of the number itself, as the rules count it."`
}

// StepBody is a standing and its end.
type StepBody struct {
	Standing string     `json:"standing"`
	Until    *time.Time `json:"until,omitempty"`
}

// EvidenceBody is what was reported, as the rules count it.
type EvidenceBody struct {
	Trusted    int        `json:"trusted_organisations" doc:"How many separate trusted organisations have reported it."`
	Unverified int        `json:"unverified_sources" doc:"How many separate other sources have."`
	Days       int        `json:"days" doc:"On how many separate days the latter did."`
	Short      float64    `json:"short" doc:"Their score today, each report worth 1 at first and half as much after each short half-life."`
	Long       float64    `json:"long" doc:"The same with the long half-life."`
	Forged     int        `json:"forged" doc:"How many complained while the number was known to be genuine or clean."`
	Last       *time.Time `json:"last,omitempty" doc:"Day of the newest report; missing if there is none."`
}

// causes are the words for what a standing rests on.
var causes = map[numberdb.Cause]string{
	numberdb.CauseNone: "none", numberdb.CauseDecision: "decision", numberdb.CauseReports: "reports", numberdb.CauseRange: "range", numberdb.CauseMark: "mark",
}

// explain says why a number has its standing in a role on a day.
func explain(rules *numberdb.Rules, r *numberdb.Record, role numberdb.Role, today numberdb.Day) ExplainBody {
	x := rules.Explain(r, role, today)
	b := ExplainBody{
		Standing: x.Now.Standing.String(), Because: causes[x.Cause], Rule: ruleText(rules, &x), Until: beginning(x.Now.Until), After: []StepBody{},
		Evidence: EvidenceBody{Trusted: x.Tally.Trusted, Unverified: x.Tally.Sources, Days: x.Tally.Days, Short: x.Tally.Short, Long: x.Tally.Long, Forged: x.Forged, Last: beginning(x.Last)},
	}
	for _, s := range x.After {
		b.After = append(b.After, StepBody{s.Standing.String(), beginning(s.Until)})
	}
	return b
}

// beginning is the beginning of a day, nil for none.
func beginning(d numberdb.Day) *time.Time {
	if d == 0 {
		return nil
	}
	return new(d.Time())
}

// ruleText is the rule by which a standing holds, as a sentence.
func ruleText(rules *numberdb.Rules, x *numberdb.Explanation) string {
	switch x.Cause {
	case numberdb.CauseDecision:
		return "People decided it, or it is what follows what they decided."
	case numberdb.CauseRange:
		return fmt.Sprintf("People decided it about the range %v.", x.By)
	case numberdb.CauseMark:
		return "Nothing is known of it; it is on one of the operator's own lists."
	case numberdb.CauseReports:
		if x.Level == nil {
			return "Earlier reports earned it, and no report takes a standing away before its end."
		}
		return levelText(rules, x.Level)
	}
	return "Neither reports nor decisions about it hold."
}

// levelText is what a level asks for, as a sentence.
func levelText(rules *numberdb.Rules, l *numberdb.Level) string {
	var asks []string
	ask := func(n int, one, many string) {
		switch {
		case n == 1:
			asks = append(asks, "1 "+one)
		case n > 1:
			asks = append(asks, fmt.Sprintf("%d %s", n, many))
		}
	}
	ask(l.Trusted, "trusted organisation has reported it", "separate trusted organisations have reported it")
	ask(l.Sources, "unverified source", "separate unverified sources")
	ask(l.Days, "day with an unverified report", "separate days with unverified reports")
	if l.Short > 0 {
		asks = append(asks, fmt.Sprintf("a score of %g that halves in %d days", l.Short, rules.ShortHalfLife))
	}
	if l.Long > 0 {
		asks = append(asks, fmt.Sprintf("a score of %g that halves in %d days", l.Long, rules.LongHalfLife))
	}
	return fmt.Sprintf("At least: %s. It holds for at most %d days after the last such report.", strings.Join(asks, "; "), l.Keeps)
}
