package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/journal"
)

// journalCommand answers for a call. It reads the store itself, so whoever has its password sees numbers: those of listed lines, never a subscriber's.
type journalCommand struct {
	ID   string `arg:"" help:"The call's id: 12 characters of 0-9 and a-f, as the caller was told it or the log has it."`
	JSON bool   `help:"Print a JSON object for each call."`
}

// callAnswer is the object that is printed for a call.
type callAnswer struct {
	ID         string              `json:"id"`
	At         time.Time           `json:"at"`
	Node       string              `json:"node"`
	Direction  screening.Direction `json:"direction"`
	Number     numberdb.Number     `json:"number"`
	Subscriber journal.Pseudonym   `json:"subscriber"` // 32 hexadecimal digits, empty if the call had no subscriber's number
	Action     screening.Action    `json:"action"`
	Reason     screening.Reason    `json:"reason"`
	Would      screening.Action    `json:"would"` // differs from action where policy or a fault let the call go on
	Standing   numberdb.Standing   `json:"standing"`
	Class      numberdb.Class      `json:"class"`
	Brand      numberdb.Brand      `json:"brand"`
	Prompt     string              `json:"prompt"`
	Language   string              `json:"language"`
	Outcome    screening.Outcome   `json:"outcome"`
	List       struct {
		Version uint64  `json:"version"`
		Age     float64 `json:"age_seconds"`
	} `json:"list"`
}

// Run prints every call with the id, the earliest first.
func (cmd journalCommand) Run(p *program) (err error) {
	if cmd.ID = strings.ToLower(cmd.ID); !journal.ValidID(cmd.ID) {
		return usageError{fmt.Errorf("%.40q is no id of a call: it has %d characters of 0-9 and a-f", cmd.ID, journal.IDLength)}
	}
	l, err := p.loadForStore()
	if err != nil {
		return err
	}
	store, err := l.openStore(roleCommandLine, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	entries, err := journal.Find(p.ctx, store, cmd.ID, l.Journal.Retention, now())
	for _, e := range entries {
		err = errors.Join(err, cmd.print(p.out, &e))
	}
	return err
}

// print writes one call.
func (cmd journalCommand) print(w io.Writer, e *journal.Entry) error {
	if cmd.JSON {
		v := &e.Verdict
		a := callAnswer{
			ID: e.ID, At: e.At, Node: e.Node, Direction: e.Direction, Number: e.Number, Subscriber: e.Subscriber,
			Action: v.Action, Reason: v.Reason, Would: v.Would, Standing: v.Standing, Class: v.Class, Brand: v.Brand,
			Prompt: e.Prompt, Language: e.Language, Outcome: e.Outcome,
		}
		a.List.Version, a.List.Age = e.ListVersion, e.ListAge.Seconds()
		return json.NewEncoder(w).Encode(a)
	}
	_, err := fmt.Fprint(w, answerFor(e))
	return err
}

// answerFor is a call in words for staff.
func answerFor(e *journal.Entry) string {
	v := &e.Verdict
	way := "from"
	if e.Direction == screening.Outbound {
		way = "to"
	}
	did := v.Action.String()
	if v.Would != v.Action {
		did += " instead of " + v.Would.String()
	}
	listing := v.Standing.String() + ", class " + v.Class.String()
	if v.Brand != "" {
		listing += ", said to be " + string(v.Brand)
	}
	prompt := "nothing"
	if e.Prompt != "" {
		prompt = printable(e.Prompt) + " in " + printable(e.Language)
	}
	subscriber := "no number"
	if p := e.Subscriber.String(); p != "" {
		subscriber = p + " (pseudonym)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %v call %s %v\n", e.ID, e.At.Format(time.RFC3339), e.Direction, way, e.Number)
	for _, line := range [][2]string{
		{"done", did + " (" + v.Reason.String() + ")"},
		{"why", v.Reason.Text()},
		{"listing", listing},
		{"played", prompt},
		{"outcome", e.Outcome.Text()},
		{"subscriber", subscriber},
		{"list", fmt.Sprintf("version %d on node %s, confirmed %v before", e.ListVersion, printable(e.Node), e.ListAge)},
	} {
		fmt.Fprintf(&b, "  %-11s %s\n", line[0]+":", line[1])
	}
	return b.String()
}
