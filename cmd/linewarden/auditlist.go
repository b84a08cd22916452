package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/feed"
	"github.com/linewarden/linewarden/numberdb/intake"
)

// listAudit asks the intake endpoint who did what.
type listAudit struct {
	From   string `placeholder:"TIME" help:"Only what happened then or later, such as 2026-01-31 or 2026-01-31T14:05:00Z."`
	Until  string `placeholder:"TIME" help:"Only what happened before."`
	Who    string `help:"Only what they did."`
	Action string `help:"Only this, such as decided or refused."`
	Object string `help:"Only what was done to objects with this in their text, such as a number."`
	Oldest bool   `help:"The oldest first; the newest if not said."`
	Limit  int    `default:"50" help:"How many at most, 1 to 200."`
	Cursor string `placeholder:"N" help:"Go on where the list before ended, as it says."`
	JSON   bool   `help:"Print the answer as one JSON object."`
	serverFlags
}

// Run prints a table, or the endpoint's answer.
func (cmd listAudit) Run(p *program) error {
	query := url.Values{"limit": {strconv.Itoa(cmd.Limit)}}
	for name, text := range map[string]string{"from": cmd.From, "until": cmd.Until} {
		if text == "" {
			continue
		}
		at, known := feed.ParseTime(text)
		if !known {
			return usageError{fmt.Errorf("--%s %.40q is not a time: write it as 2026-01-31 or 2026-01-31T14:05:00Z", name, text)}
		}
		query.Set(name, at.Format(time.RFC3339))
	}
	for name, text := range map[string]string{"who": cmd.Who, "action": cmd.Action, "object": cmd.Object, "cursor": cmd.Cursor} {
		if text != "" {
			query.Set(name, text)
		}
	}
	if cmd.Oldest {
		query.Set("order", "oldest")
	}
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return err
	}
	var page intake.AuditPage
	if err := c.do(p.ctx, http.MethodGet, "/v1/audit", query, nil, &page); err != nil {
		return fmt.Errorf("read the audit chain: %w", err)
	}
	if cmd.JSON {
		return json.NewEncoder(p.out).Encode(page)
	}
	return printAudit(p, &page)
}

// printAudit prints a table, one line for each entry.
func printAudit(p *program, page *intake.AuditPage) error {
	var rows [][]string
	for i := range page.Items {
		e := &page.Items[i]
		at, reason := "", e.Reason
		if e.At != nil {
			at = e.At.Format(time.RFC3339)
		}
		if e.Fault != "" {
			reason = "FAULT: " + e.Fault
		}
		rows = append(rows, []string{strconv.FormatUint(e.Seq, 10), at, e.Who, e.Role, e.Action, e.Object, reason})
	}
	return p.printTable("ENTRY\tAT\tWHO\tROLE\tACTION\tOBJECT\tREASON", rows, page.Next)
}

// errTooLong says that the endpoint did not get to the end of the chain.
var errTooLong = errors.New("the chain is too long to be checked in a request: leave --server away, on a node")

// askServer is what the intake endpoint finds.
func (cmd verifyAudit) askServer(p *program) (result numberdb.AuditResult, err error) {
	c, err := cmd.open(p.environ, standardServer)
	if err != nil {
		return result, err
	}
	var found intake.VerifyBody
	if err := c.do(p.ctx, http.MethodGet, "/v1/audit/verify", url.Values{"head": cmd.Head}, nil, &found); err != nil {
		return result, err
	}
	if !found.Complete {
		return result, errTooLong
	}
	result.Entries, result.Omitted = found.Entries, found.Omitted
	if found.Entries > 0 {
		if result.Last, err = numberdb.ParseAuditHead(found.Head); err != nil {
			return result, err
		}
	}
	for _, f := range found.Findings {
		result.Findings = append(result.Findings, numberdb.AuditFinding{First: f.First, Last: f.Last, Fault: numberdb.AuditFault(f.Fault), Detail: f.Detail})
	}
	return result, nil
}
