package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/screening"
)

// lookupCommand says what is known about a number. It works without a config, and has an answer for every text.
type lookupCommand struct {
	Number string `arg:"" help:"The number, as people or networks write it; any text has an answer."`
	Region string `placeholder:"CC" help:"Country by whose rules the number is written (ISO 3166-1 alpha-2); the config's if missing."`
	JSON   bool   `help:"Print one JSON object."`
	serverFlags
}

// lookupTimeout bounds how long a store that hangs can hold up the answer.
const lookupTimeout = 5 * time.Second

// Where an answer's standing came from.
const (
	listServer = "server" // the intake endpoint
	listRedis  = "redis"  // the store itself
	listNone   = "none"   // nobody could be asked: the number was only read
)

// standingUnknown is the standing of a number where nobody could be asked about it.
const standingUnknown = "unknown"

// lookupAnswer is the one object that is printed.
type lookupAnswer struct {
	intake.NumberBody
	List  string `json:"list"`            // server, redis or none: where the standing came from
	Fault string `json:"fault,omitempty"` // why there is no list
}

// Run asks the intake endpoint if one is named or the person is signed in, and otherwise the store.
func (cmd lookupCommand) Run(p *program) error {
	l, err := p.load()
	if err != nil {
		return err
	}
	if err := l.resolveRedisSecrets(); err != nil {
		return err
	}
	if cmd.Region != "" && !numberdb.KnownRegion(cmd.Region) {
		return unknownRegion(cmd.Region)
	}
	ctx, cancel := context.WithTimeout(p.ctx, lookupTimeout)
	defer cancel()
	var answer lookupAnswer
	if cmd.Server != "" || isSignedIn() {
		answer, err = cmd.askServer(ctx, p)
		if err != nil {
			return err
		}
	} else {
		answer = cmd.askStore(ctx, l)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(answer)
	}
	return answer.print(p)
}

// askServer is the endpoint's answer. It was asked for by name, so that no answer is a failure.
func (cmd lookupCommand) askServer(ctx context.Context, p *program) (lookupAnswer, error) {
	c, err := cmd.open(p.environ, "")
	if err != nil {
		return lookupAnswer{}, err
	}
	query := url.Values{}
	if cmd.Region != "" {
		query.Set("region", cmd.Region)
	}
	answer := lookupAnswer{List: listServer}
	err = c.do(ctx, http.MethodGet, "/v1/numbers/"+segment(cmd.Number), query, nil, &answer.NumberBody)
	return answer, err
}

// askStore reads the number here, and the list from Redis if it can be reached.
func (cmd lookupCommand) askStore(ctx context.Context, l *loaded) lookupAnswer {
	policy := l.Policies["default"]
	origin := policy.origin()
	if cmd.Region != "" {
		origin.Region, origin.Bare = cmd.Region, numberdb.BareNational
	}
	parsed := origin.Parse(cmd.Number)
	today := numberdb.DayOf(now())
	view := intake.View{Rules: l.Rules, Trunk: l.trunks()[intake.DefaultTrunk], Voice: l.Calls.voice()}
	record, acts, err := l.ask(ctx, &view, parsed.Number, today)
	answer := lookupAnswer{NumberBody: view.Describe(parsed, origin.Region, record, acts, today), List: listRedis}
	if err != nil {
		answer.List, answer.Fault = listNone, printable(err.Error())
		answer.Standing = intake.StandingByRole{Callback: standingUnknown, CallerID: standingUnknown}
		for _, v := range []*intake.VerdictBody{&answer.Verdict.Inbound, &answer.Verdict.Outbound} {
			if v.Reason == screening.ReasonClean.String() {
				v.Reason = screening.ReasonNoList.String()
			}
		}
	}
	return answer
}

// print writes the answer for people.
func (a lookupAnswer) print(p *program) error {
	number := a.Number
	if number == "" {
		number = "no number"
	}
	region := ""
	if a.Region != "" {
		region = ", " + a.Region
	}
	_, err := fmt.Fprintf(p.out, "%s (%s%s)\n  as a number to dial:   %-10s a call to it:   %s (%s)\n  as a caller's number:  %-10s a call from it: %s (%s)\n  list: %s\n",
		number, a.Kind, region,
		a.Standing.Callback, a.Verdict.Outbound.Action, a.Verdict.Outbound.Reason,
		a.Standing.CallerID, a.Verdict.Inbound.Action, a.Verdict.Inbound.Reason,
		a.List+withFault(a.Fault))
	return err
}

func withFault(fault string) string {
	if fault == "" {
		return ""
	}
	return " (" + fault + ")"
}

// unknownRegion is the error about a region that there is not.
func unknownRegion(text string) error {
	return usageError{fmt.Errorf("--region %.20q is not known: write the two capital letters of a country, such as US", text)}
}
