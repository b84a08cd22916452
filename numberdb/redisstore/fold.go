package redisstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// A folded record is all that is known about a number of which an import has brought the only report. It takes one key and one write instead of
// three and six, which is most of what an import costs. It lies in the place of the evidence, so that nobody takes the number for one without any: a
// version from before folded records gets an error from Redis, and changes nothing. The next report or decision unfolds it (fold.lua).
//
// It is a line of words, and the report as JSON below. The words are by how many milliseconds evidence ends before the key, which ends with the report;
// the kind of evidence, by the names of evidence.lua; the report's day; its roles; those in which a range around the number was genuine; and of each
// of its roles the ends of block, warn and watch that it earned. All else follows from the report.
type folded struct {
	report  string // as JSON
	earlier time.Duration
	day     numberdb.Day
	roles   numberdb.Roles
	genuine numberdb.Roles
	earned  [numberdb.RoleCount]numberdb.Ends
}

// foldable says whether reports live at least as long as what they are evidence for, so that one key can hold both.
func (s *Store) foldable() bool { return s.options.Retention >= evidenceTTL(s.options.Rules) }

// appendFolded appends the folded record of a report about a number of which nothing was known, which has earned it this evidence.
func (s *Store) appendFolded(b []byte, f *filed, genuine numberdb.Roles, evidence *[numberdb.RoleCount]numberdb.Evidence) ([]byte, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return b, err
	}
	number := func(n int64) { b = append(strconv.AppendInt(b, n, 10), ' ') }
	number((s.options.Retention - evidenceTTL(s.options.Rules)).Milliseconds())
	b = append(append(b, sourceKind(f.Report.Source)...), ' ')
	number(int64(numberdb.DayOf(f.Report.At)))
	number(int64(f.Report.Roles))
	number(int64(genuine))
	for role := range numberdb.Role(numberdb.RoleCount) {
		if f.Report.Roles.Has(role) {
			ends := &evidence[role].Earned
			number(int64(ends.Block))
			number(int64(ends.Warn))
			number(int64(ends.Watch))
		}
	}
	b[len(b)-1] = '\n'
	return append(b, body...), nil
}

// parseFolded reads a folded record. The error does not say what is wrong, for that would quote numbers.
func parseFolded(text string) (f folded, err error) {
	head, report, _ := strings.Cut(text, "\n")
	words := strings.Split(head, " ")
	number := func(i, bits int) uint64 {
		if i >= len(words) {
			err = errors.New("a word is missing")
			return 0
		}
		n, wrong := strconv.ParseUint(words[i], 10, bits)
		err = errors.Join(err, wrong)
		return n
	}
	f = folded{
		report: report, earlier: time.Duration(number(0, 43)) * time.Millisecond,
		day: numberdb.Day(number(2, 16)), roles: numberdb.Roles(number(3, numberdb.RoleCount)), genuine: numberdb.Roles(number(4, numberdb.RoleCount)),
	}
	next := 5
	for role := range numberdb.Role(numberdb.RoleCount) {
		if f.roles.Has(role) {
			f.earned[role] = numberdb.Ends{Block: numberdb.Day(number(next, 16)), Warn: numberdb.Day(number(next+1, 16)), Watch: numberdb.Day(number(next+2, 16))}
			next += 3
		}
	}
	if err != nil || next != len(words) || f.roles == 0 || report == "" {
		return folded{}, errors.New("it is not the folded record that we write")
	}
	return f, nil
}

// evidence is what the report is evidence for.
func (f *folded) evidence(rules *numberdb.Rules, r *numberdb.Report) [numberdb.RoleCount]numberdb.Evidence {
	var d numberdb.Dossier
	d.Report(rules, r, f.genuine, f.day)
	for role := range d.Evidence {
		d.Evidence[role].Earned = f.earned[role]
	}
	return d.Evidence
}

// reporters are the names under which the reporter is counted, by role, as take.lua writes them.
func (f *folded) reporters(r *numberdb.Report) (names []string) {
	for role := range numberdb.Role(numberdb.RoleCount) {
		if f.roles.Has(role) {
			counted := "c"
			if f.genuine.Has(role) {
				counted = "f"
			}
			names = append(names, fmt.Sprint(uint8(role), counted, sourceKind(r.Source), ":", r.Source.Organisation, ":", r.Reporter))
		}
	}
	return names
}
