package prefilter

import (
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/ami"
)

// roles are the parts of the content, by the bit of a roleSet.
var roles = [...]dialplan.PrefilterRole{dialplan.PrefilterInbound, dialplan.PrefilterOutbound, dialplan.PrefilterOptOut}

// roleSet is a set of roles: bit i stands for roles[i].
type roleSet uint8

const optOut roleSet = 1 << 2

// rolesOf are the parts in which a listing must be found on the day, and so on every later one: what holds only ever ends.
func rolesOf(l *numberdb.Listing, today numberdb.Day) roleSet {
	var set roleSet
	some := numberdb.Parsed{Kind: numberdb.KindE164}
	for i, d := range [...]screening.Direction{screening.Inbound, screening.Outbound} {
		call := screening.Call{Direction: d, Calling: some, Called: some}
		if (screening.Policy{}).Decide(call, *l, numberdb.Listing{}, today).Reason != screening.ReasonClean {
			set |= 1 << i
		}
	}
	if l.Marks&numberdb.MarkOptOut != 0 {
		set |= optOut
	}
	return set
}

// content is what one connection has written into an Asterisk's database, and what is to be written next.
type content struct {
	family  string
	filling string                      // another word for each content
	targets map[numberdb.Target]roleSet // what is written of each
	leads   map[lead]int                // how many ranges want the key of these first digits
	keys    int                         // in the database
	optOuts int                         // targets with that mark
	bare    bool                        // some policy's trunks write numbers without plus
}

// lead is the key of ranges.
type lead struct {
	role   int // of roles
	digits uint64
}

func newContent(family string) *content {
	return &content{family: family, filling: rand.Text()[:8], targets: map[numberdb.Target]roleSet{}, leads: map[lead]int{}}
}

// put and remove are the actions for one key.
func (c *content) put(key, value string) ami.Action {
	return ami.New("DBPut", "Family", c.family, "Key", key, "Val", value)
}

func (c *content) remove(key string) ami.Action {
	return ami.New("DBDel", "Family", c.family, "Key", key)
}

// value is that of all keys; only their being there counts.
const value = "1"

// change yields the actions by which the content follows a change of the list, and notes that they are done.
func (c *content) change(ch numberdb.Change, today numberdb.Day, yield func(ami.Action) bool) bool {
	if ch.Target.Number == 0 {
		return true
	}
	before, after := c.targets[ch.Target], rolesOf(&ch.Listing, today)
	if before == after {
		return true
	}
	if after == 0 {
		delete(c.targets, ch.Target)
	} else {
		c.targets[ch.Target] = after
	}
	c.optOuts += int(after&optOut/optOut) - int(before&optOut/optOut)
	for i, role := range roles {
		is, was := after>>i&1, before>>i&1
		if is == was {
			continue
		}
		if !ch.Target.Prefix {
			if !c.set(role.Key(uint64(ch.Target.Number)), is == 1, yield) {
				return false
			}
			continue
		}
		for digits := range leadsOf(ch.Target.Number) {
			at := lead{i, digits}
			n := c.leads[at]
			if is == 1 {
				c.leads[at] = n + 1
			} else if c.leads[at] = n - 1; n == 1 {
				delete(c.leads, at)
			}
			if n == 0 && is == 1 || n == 1 && is == 0 {
				if !c.set(role.Key(digits), is == 1, yield) {
					return false
				}
			}
		}
	}
	return true
}

// set yields the action by which a key is there or not.
func (c *content) set(key string, there bool, yield func(ami.Action) bool) bool {
	if there {
		c.keys++
		return yield(c.put(key, value))
	}
	c.keys--
	return yield(c.remove(key))
}

// leadsOf gives the first dialplan.PrefilterLead digits of all numbers of a range: for one that is given by fewer, all that begin so.
func leadsOf(prefix numberdb.Number) iter.Seq[uint64] {
	least, most := uint64(1), uint64(10)
	for range dialplan.PrefilterLead - 1 {
		least, most = least*10, most*10
	}
	first, count := uint64(prefix), uint64(1)
	for first >= most {
		first /= 10
	}
	for first < least {
		first, count = first*10, count*10
	}
	return func(yield func(uint64) bool) {
		for i := range count {
			if !yield(first + i) {
				return
			}
		}
	}
}

// constant yields the keys that do not depend on the list: of texts that are not what they look like, of policies, and of the
// operator's own emergency numbers, about which Linewarden is to be asked.
func (c *content) constant(origins map[string]numberdb.Origin, yield func(ami.Action) bool) bool {
	for digits := 8; digits <= 15; digits++ {
		for lead := range 1000 {
			if !c.odd(digits, fmt.Sprintf("%03d", lead), yield) {
				return false
			}
		}
	}
	for name, o := range origins {
		if o.Bare != numberdb.BareE164 {
			continue
		}
		c.bare = true
		if !c.set(dialplan.PrefilterBareKey(name), true, yield) {
			return false
		}
	}
	for _, number := range emergencies(origins) {
		for _, role := range []dialplan.PrefilterRole{dialplan.PrefilterInbound, dialplan.PrefilterOutbound} {
			if !c.set(string(role)+"/"+number, true, yield) {
				return false
			}
		}
	}
	return true
}

// odd yields the keys of numbers of so many digits with a lead of three that might not be what they look like: one for all of them, or
// one for each fourth digit with which they might.
func (c *content) odd(digits int, lead string, yield func(ami.Action) bool) bool {
	if numberdb.CanonicalLead(lead, digits) {
		return true
	}
	var longer []string
	for d := range 10 {
		if l := lead + string(rune('0'+d)); !numberdb.CanonicalLead(l, digits) {
			longer = append(longer, l)
		}
	}
	if len(longer) == 10 {
		longer = []string{lead}
	}
	for _, l := range longer {
		if !c.set(dialplan.PrefilterOddKey(digits, l), true, yield) {
			return false
		}
	}
	return true
}

// emergencies are the operator's own emergency numbers that are as long as telephone numbers.
func emergencies(origins map[string]numberdb.Origin) []string {
	var all []string
	for _, o := range origins {
		for _, number := range strings.FieldsFunc(o.ExtraEmergency, func(r rune) bool { return r == ' ' || r == ',' }) {
			if strings.Trim(number, "0123456789") == "" && len(number) >= 8 {
				all = append(all, number)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
