package redisstore

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

//go:embed listing.lua
var listingLua string

//go:embed evidence.lua
var evidenceLua string

//go:embed fold.lua
var foldLua string

//go:embed take.lua
var takeLua string

//go:embed report.lua
var reportLua string

//go:embed import.lua
var importLua string

//go:embed fresh.lua
var freshLua string

//go:embed decide.lua
var decideLua string

//go:embed mark.lua
var markLua string

//go:embed sweep.lua
var sweepLua string

//go:embed buckets.lua
var bucketsLua string

//go:embed init.lua
var initLua string

//go:embed complete.lua
var completeLua string

//go:embed company.lua
var companyLua string

//go:embed audit.lua
var auditLua string

//go:embed proposal.lua
var proposalLua string

//go:embed node.lua
var nodeLua string

// scripts are what must be atomic. Redis knows each by its hash and gets the text only if it does not have it yet.
type scripts struct {
	report, fresh, imports, decide, mark, sweep, buckets, init, complete, company, audit, proposal, node *redis.Script
}

func newScripts(r *numberdb.Rules) scripts {
	counting := rulesLua(r) + listingLua + evidenceLua + takeLua + foldLua
	return scripts{
		report:   redis.NewScript(counting + reportLua),
		fresh:    redis.NewScript(listingLua + freshLua),
		imports:  redis.NewScript(counting + importLua),
		decide:   redis.NewScript(counting + decideLua),
		mark:     redis.NewScript(listingLua + markLua),
		sweep:    redis.NewScript(listingLua + sweepLua),
		buckets:  redis.NewScript(bucketsLua),
		init:     redis.NewScript(initLua),
		complete: redis.NewScript(completeLua),
		company:  redis.NewScript(companyLua),
		audit:    redis.NewScript(auditLua),
		proposal: redis.NewScript(proposalLua),
		node:     redis.NewScript(nodeLua),
	}
}

// rulesLua writes the rules as a table of Lua, with all digits of every number.
func rulesLua(r *numberdb.Rules) string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	short, long := r.DayFactors()
	var b strings.Builder
	fmt.Fprintf(&b, "local rules = {short = %s, long = %s, together = %d, most = %d, mostDays = %d, levels = {",
		number(short), number(long), r.Together, numberdb.MaxOrganisations, numberdb.MaxDays)
	for _, l := range r.Levels {
		fmt.Fprintf(&b, "{standing = %d, trusted = %d, short = %s, long = %s, days = %d, sources = %d, keeps = %d},",
			l.Standing, l.Trusted, number(l.Short), number(l.Long), l.Days, l.Sources, l.Keeps)
	}
	b.WriteString("}}\n")
	return b.String()
}

// scriptError gives the refusals of our scripts their Go errors.
func scriptError(err error) error {
	switch {
	case err == nil:
		return nil
	case redis.HasErrorPrefix(err, "NEEDSAPPROVER"):
		return numberdb.ErrNeedsApprover
	case redis.HasErrorPrefix(err, "OUTDATED"):
		return numberdb.ErrOutdated
	case redis.HasErrorPrefix(err, "SETTLED"):
		return numberdb.ErrSettled
	case redis.HasErrorPrefix(err, "NEWERFORMAT"):
		return fmt.Errorf("the listing to change was %w", numberdb.ErrNewerFormat)
	}
	return err
}

// answer is what a script that changes a listing gives: the new listing, then numbers.
func answer(cmd *redis.Cmd, numbers ...*int64) (numberdb.Listing, error) {
	var l numberdb.Listing
	values, err := cmd.Slice()
	if err != nil {
		return l, scriptError(err)
	}
	if len(values) != 1+len(numbers) {
		return l, fmt.Errorf("a script answered with %d values instead of %d", len(values), 1+len(numbers))
	}
	raw, ok := values[0].(string)
	for i, n := range numbers {
		v, isInt := values[1+i].(int64)
		*n, ok = v, ok && isInt
	}
	if !ok {
		return l, errors.New("a script answered with values of other types")
	}
	return l, l.UnmarshalBinary([]byte(raw))
}
