package prefilter_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening/prefilter"
)

// listing is a standing in both roles, or in the one that is given.
func listing(s numberdb.Standing, roles ...numberdb.Role) (l numberdb.Listing) {
	if len(roles) == 0 {
		roles = []numberdb.Role{numberdb.RoleCallback, numberdb.RoleCallerID}
	}
	for _, r := range roles {
		l.Roles[r].Override = s
	}
	return l
}

// ends is a listing from reports that steps down by itself: as far as watch, whose last day is so many days ahead.
func ends(in int) (l numberdb.Listing) {
	last := numberdb.Day(int(numberdb.DayOf(time.Now())) + in)
	for i := range l.Roles {
		l.Roles[i] = numberdb.RoleListing{BlockUntil: last - 20, WarnUntil: last - 10, WatchUntil: last + 1}
	}
	return l
}

func target(n int) numberdb.Target             { return numberdb.Target{Number: numberdb.Number(n)} }
func rangeOf(n int) numberdb.Target            { return numberdb.Target{Number: numberdb.Number(n), Prefix: true} }
func marked(m numberdb.Marks) numberdb.Listing { return numberdb.Listing{Marks: m} }

// The numbers of the tests: French and British ones, of ranges that belong to nobody.
const (
	french  = 33199000000
	british = 442079460000
)

// kinds of listings, of which every seventh number of the tests has one.
var kinds = []numberdb.Listing{
	listing(numberdb.StandingWatch), listing(numberdb.StandingWarn), listing(numberdb.StandingBlock), listing(numberdb.StandingCleared),
	listing(numberdb.StandingProtected), listing(numberdb.StandingProtected, numberdb.RoleCallback),
	listing(numberdb.StandingWarn, numberdb.RoleCallerID), listing(numberdb.StandingBlock, numberdb.RoleCallback),
	marked(numberdb.MarkAllowed), marked(numberdb.MarkOptOut), marked(numberdb.MarkAllowed | numberdb.MarkOptOut),
	ends(0), ends(-1), ends(5), ends(15), ends(25),
}

// written gives a number as trunks and people write it.
func written(n int, form int) string {
	e164 := fmt.Sprint(n)
	return []string{
		"+" + e164, "+" + e164, "+" + e164, "+" + e164, "+" + e164, "+" + e164, "+" + e164, "+" + e164, // as nearly all calls have it
		e164, "00" + e164, "011" + e164, "0" + e164[2:], e164[1:], "+" + e164[:2] + "0" + e164[2:], "+" + e164 + "0", "+" + e164[:7],
		"+" + e164[:2] + "-" + e164[2:], "+" + e164 + "x12", "tel." + e164, "sip+" + e164 + "@127.0.0.1", "++" + e164, "*67" + e164,
		"#31#" + e164, "+" + e164 + "#", "+0" + e164, "+" + e164 + "000", "+1" + e164, "+999" + e164,
	}[form]
}

const forms = 28

// manyCalls are calls with thousands of numbers, in both directions, in all forms, and about which all kinds of things are listed.
func manyCalls() []call {
	r := rand.New(rand.NewPCG(7, 8))
	var calls []call
	for i := range 1400 {
		number := french + i
		if i%3 == 0 {
			number = british + i%1000
		}
		c := call{
			way: []string{"inbound", "outbound"}[i%2], policy: []string{"default", "e164", "nobody-knows-it", ""}[r.IntN(4)],
			pres: []string{"allowed", "allowed_not_screened", "allowed", "prohib", "unavailable"}[max(0, r.IntN(50)-45)],
		}
		other, own := written(number, max(0, r.IntN(2*forms)-forms)), written(french+9000+r.IntN(40), max(0, r.IntN(60)-48))
		if i%10 == 0 {
			own = []string{"100", "anonymous", "+12025550100"}[r.IntN(3)]
		}
		if c.calling, c.called = other, own; c.way == "outbound" {
			c.calling, c.called = own, other
		}
		calls = append(calls, c)
	}
	for _, odd := range []string{"112", "911", "+112", "15", "1122", "+33112", "anonymous", "+33199009112", "33199009112", "+1202555010", "+120255501000"} {
		calls = append(calls,
			call{"outbound", "+12025550100", odd, "allowed", "default"}, call{"outbound", "+12025550100", odd, "allowed", "e164"},
			call{"inbound", odd, "+12025550100", "allowed", "default"}, call{"inbound", odd, "+12025550100", "allowed", "e164"})
	}
	return calls
}

// compare screens the calls with the pre-filter and without, and wants the same to be said to the operator's dialplan. It gives how
// many Linewarden had to decide with it.
func (b *bench) compare(calls []call) (handed int) {
	b.t.Helper()
	b.set("LINEWARDEN_PREFILTER", "off")
	want, all := b.verdicts(calls)
	b.set("LINEWARDEN_PREFILTER", "on")
	got, handed := b.verdicts(calls)
	wrong := 0
	for i := range calls {
		// What the variables of the dialplan are left as is beside the verdict.
		if got[i] != want[i] {
			if wrong++; wrong < 10 {
				b.t.Errorf("%+v: %q, and without the pre-filter %q", calls[i], got[i], want[i])
			}
		}
	}
	if wrong > 0 {
		b.t.Errorf("%d of %d verdicts differ", wrong, len(calls))
	}
	reasons := map[string]int{}
	for _, v := range want {
		reasons[strings.Fields(v)[0]]++
	}
	b.t.Logf("Linewarden decided %d of %d calls, and %d with the pre-filter: %v", all, len(calls), handed, reasons)
	for _, some := range []string{"allow_clean", "allow_watch", "allow_report_only", "allow_cleared", "allow_protected", "allow_opt_out",
		"allow_allow_list", "allow_withheld", "allow_unparsable", "allow_short", "allow_emergency"} {
		if reasons[some] == 0 {
			b.t.Errorf("no call got %s: the calls do not show what they should", some)
		}
	}
	return handed
}

// TestSameVerdicts screens thousands of numbers with the pre-filter and without, before and after changes of every kind.
func TestSameVerdicts(t *testing.T) {
	var all []numberdb.Change
	for i := 0; i < 10_000; i += 7 {
		all = append(all, numberdb.Change{Target: target(french + i), Listing: kinds[i/7%len(kinds)]})
		if i < 1000 {
			all = append(all, numberdb.Change{Target: target(british + i), Listing: kinds[i/7%len(kinds)]})
		}
	}
	b := newBench(t, all...)
	b.start(nil)
	b.relied()
	calls := manyCalls()
	if handed := b.compare(calls); handed > len(calls)*3/4 {
		t.Errorf("%d of %d calls were handed out: the pre-filter filters nothing", handed, len(calls))
	}

	state := b.variable(dialplan.VarPrefilterState)
	var changes []numberdb.Change
	for i := range 1000 {
		switch i % 7 {
		case 0: // was listed: no longer, or otherwise
			changes = append(changes, numberdb.Change{Target: target(french + i), Listing: []numberdb.Listing{{}, ends(3), listing(numberdb.StandingBlock)}[i%3]})
		case 1, 2: // is new
			changes = append(changes, numberdb.Change{Target: target(french + i), Listing: kinds[i%len(kinds)]})
		}
	}
	changes = append(changes,
		numberdb.Change{Target: rangeOf(44207946), Listing: listing(numberdb.StandingWarn)},
		numberdb.Change{Target: rangeOf(4420794600), Listing: listing(numberdb.StandingBlock)},
		numberdb.Change{Target: rangeOf(442079460001), Listing: listing(numberdb.StandingProtected)}, // one number, and the longer ones that begin so
		numberdb.Change{Target: target(french + 9001), Listing: marked(numberdb.MarkOptOut)})
	b.list.apply(changes...)
	b.confirmed(state)
	b.compare(calls)

	state = b.variable(dialplan.VarPrefilterState)
	for i := range changes {
		changes[i].Listing = numberdb.Listing{}
	}
	b.list.apply(changes...)
	b.confirmed(state)
	b.compare(calls)
}

// TestOthersGetWhatTheyGet screens calls by a policy that does more than report.
func TestOthersGetWhatTheyGet(t *testing.T) {
	b := newBench(t,
		numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)},
		numberdb.Change{Target: rangeOf(33199000), Listing: listing(numberdb.StandingBlock)})
	b.start(nil)
	b.relied()
	for number, want := range map[string]string{
		"+442079460001": "label_listed_warn 12 <U(", "+442079460002": "allow_clean 0 <>", "+33199000001": "603",
	} {
		if got := b.verdict(call{"inbound", number, "+12025550100", "allowed", "strict"}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
	}
	if handed := b.handed.Load(); handed != 2 {
		t.Errorf("%d calls were handed out, want the two listed ones", handed)
	}
}

// confirmed lets the store confirm the list, and waits until that shows in another state than the one given: all that was listed before is
// then written.
func (b *bench) confirmed(state string) {
	b.t.Helper()
	b.until("the list as it is now is relied on", func() bool {
		b.list.later()
		return b.variable(dialplan.VarPrefilterState) != state
	})
}

// TestOthersNeverPass spoils, one after the other, what a clean call needs to be told as one by Asterisk itself: it is handed out then.
func TestOthersNeverPass(t *testing.T) {
	bad := numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingBlock)}
	b := newBench(t, bad)
	clean := call{"inbound", "+442079460002", "+12025550100", "allowed", "default"}
	spoilt := func(what string, spoil func()) {
		t.Helper()
		spoil()
		said, handed := b.verdicts([]call{clean, clean})
		if handed != 2 || said[0] != said[1] || !strings.HasPrefix(said[0], "allow_clean 0") {
			t.Errorf("%s: %d of 2 calls were handed out: %q", what, handed, said)
		}
	}
	spoilt("no pre-filter ever ran", func() {})

	name := dialplan.NewPrefilterContent("test")
	_, _, stop := b.start(nil)
	b.relied()
	if _, handed := b.verdicts([]call{clean, clean}); handed != 0 {
		t.Fatalf("%d of 2 clean calls were handed out, want none", handed)
	}
	stop()
	good := b.variable(dialplan.VarPrefilterState)
	if _, handed := b.verdicts([]call{clean, clean}); handed != 0 {
		t.Errorf("the state ended with the process: %d of 2 clean calls were handed out", handed)
	}
	state := func(value string) func() {
		return func() { b.set(dialplan.VarPrefilterState, value) }
	}
	spoilt("another version", state(strings.Replace(good, "v1", "v2", 1)))
	spoilt("stale", state(dialplan.PrefilterState{Content: name, Expires: time.Now().Add(-time.Second).Unix()}.String()))
	spoilt("the content of another", state(strings.Replace(good, string(name), "00000000", 1)))
	spoilt("a state without a time", state(strings.Replace(good, good[3:13], "soon......", 1)))
	spoilt("no state", state(""))
	spoilt("half filled", func() {
		b.set(dialplan.VarPrefilterState, good)
		b.do("DBDel", "Family", name.Family(), "Key", dialplan.PrefilterMark)
	})
	b.do("DBPut", "Family", name.Family(), "Key", dialplan.PrefilterMark, "Val", "1")
	if _, handed := b.verdicts([]call{clean, clean}); handed != 0 {
		t.Errorf("with state and mark %d of 2 clean calls were handed out: the cases above show nothing", handed)
	}
	spoilt("switched off", func() { b.set("LINEWARDEN_PREFILTER", "off") })
}

// TestNothingIsReliedOnInBetween holds a pre-filter up in the middle of filling the database.
func TestNothingIsReliedOnInBetween(t *testing.T) {
	b := newBench(t, numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	b.start(nil)
	b.relied()
	calls := []call{{"inbound", "+442079460001", "+12025550100", "allowed", "default"}, {"inbound", "+442079460002", "+12025550100", "allowed", "default"}}
	if _, handed := b.verdicts(calls); handed != 1 {
		t.Fatalf("%d of 2 calls were handed out, want the listed one", handed)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	b.list.setDuringAll(func() {
		close(entered)
		<-leave
	})
	b.list.replace(numberdb.Change{Target: target(british + 2), Listing: listing(numberdb.StandingWarn)})
	<-entered
	said, handed := b.verdicts(calls)
	if handed != 2 || !strings.HasPrefix(said[0], "allow_clean") || !strings.HasPrefix(said[1], "allow_report_only") {
		t.Errorf("while it is being filled, %d of 2 calls were handed out: %q", handed, said)
	}
	b.list.setDuringAll(func() {})
	close(leave)
	b.relied()
	said, handed = b.verdicts(calls)
	if handed != 1 || !strings.HasPrefix(said[0], "allow_clean") || !strings.HasPrefix(said[1], "allow_report_only") {
		t.Errorf("once it is filled, %d of 2 calls were handed out: %q", handed, said)
	}
}

// TestAMIIsLost lets the connection hang, and cuts it in the middle of filling: what is not written is not relied on, and is written later.
func TestAMIIsLost(t *testing.T) {
	b := newBench(t)
	wire := newWire(t, b.manager)
	_, metrics, _ := b.start(func(o *prefilter.Options) {
		o.Asterisk.Address = wire.address()
		o.Asterisk.Timeout = 2 * time.Second
	})
	b.relied()
	bad := call{"outbound", "+12025550100", "+442079460001", "allowed", "default"}
	good := call{"outbound", "+12025550100", "+442079460002", "allowed", "default"}
	if said, handed := b.verdicts([]call{bad, good}); handed != 0 || !strings.HasPrefix(said[0], "allow_clean") {
		t.Fatalf("%q, handed out %d", said, handed)
	}

	wire.spoil(true, 0)
	before := b.variable(dialplan.VarPrefilterState)
	b.list.apply(numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	b.list.later()
	wire.waitGivenUp(b.ctx)
	if now := b.variable(dialplan.VarPrefilterState); now != before {
		t.Errorf("the state was renewed to %s, though a change could not be written", now)
	}
	wire.spoil(false, 0)
	b.until("the state is renewed", func() bool { return b.variable(dialplan.VarPrefilterState) != before })
	if said, handed := b.verdicts([]call{bad, good}); handed != 1 || !strings.HasPrefix(said[0], "allow_report_only") {
		t.Errorf("a number that was listed while the connection was lost: %q, handed out %d", said, handed)
	}

	wire.spoil(false, 100_000) // filling takes several times as many bytes
	b.list.replace(numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	wire.waitGivenUp(b.ctx)
	if said, handed := b.verdicts([]call{bad, good}); handed != 2 || !strings.HasPrefix(said[0], "allow_report_only") {
		t.Errorf("with a database that is half filled: %q, handed out %d", said, handed)
	}
	if state := b.variable(dialplan.VarPrefilterState); state != "" || b.has(dialplan.PrefilterMark) {
		t.Errorf("a database that is half filled is marked as complete: state %q", state)
	}
	builds := value(t, metrics, "linewarden_prefilter_builds_total")
	wire.spoil(false, 0)
	b.until("it is filled", func() bool { return value(t, metrics, "linewarden_prefilter_builds_total") > builds })
	b.relied()
	if said, handed := b.verdicts([]call{bad, good}); handed != 1 || !strings.HasPrefix(said[0], "allow_report_only") {
		t.Errorf("filled at last: %q, handed out %d", said, handed)
	}
}

// TestAsteriskRestarts kills Asterisk. Its database is still there, and not relied on before it is filled anew.
func TestAsteriskRestarts(t *testing.T) {
	b := newBench(t, numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	_, _, stop := b.start(nil)
	b.relied()
	stop()
	if err := b.asterisk.Restart(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.reconnect()
	if state := b.variable(dialplan.VarPrefilterState); state != "" {
		t.Errorf("the state outlived Asterisk: %s", state)
	}
	calls := []call{{"inbound", "+442079460001", "+12025550100", "allowed", "default"}, {"inbound", "+442079460002", "+12025550100", "allowed", "default"}}
	if _, handed := b.verdicts(calls); handed != 2 {
		t.Errorf("%d of 2 calls were handed out after a restart, want both", handed)
	}
	b.start(nil)
	b.relied()
	if _, handed := b.verdicts(calls); handed != 1 {
		t.Errorf("%d of 2 calls were handed out after filling it anew, want the listed one", handed)
	}
}

// TestStaleList does not rely on what the store has not confirmed for too long, and does again once it has.
func TestStaleList(t *testing.T) {
	b := newBench(t)
	b.list.confirmedAt(time.Now().Add(-time.Minute))
	_, metrics, _ := b.start(func(o *prefilter.Options) { o.StaleAfter = 10 * time.Second })
	b.until("it is filled", func() bool { return value(t, metrics, "linewarden_prefilter_builds_total") == 1 })
	b.list.confirmedAt(time.Now().Add(-time.Minute)) // and is looked at again
	clean := call{"outbound", "+12025550100", "+442079460001", "allowed", "default"}
	if _, handed := b.verdicts([]call{clean}); handed != 1 {
		t.Error("a stale list was relied on")
	}
	if got := b.variable(dialplan.VarPrefilterState); got != "" {
		t.Errorf("the state is %q, want none", got)
	}
	b.list.confirmedAt(time.Now())
	b.relied()
	if age := value(t, metrics, "linewarden_prefilter_age_seconds"); age < 0 || age > 3600 {
		t.Errorf("age %v s", age)
	}
}

// TestCalendar removes at a new day what has ended, and nothing else.
func TestCalendar(t *testing.T) {
	b := newBench(t,
		numberdb.Change{Target: target(british + 1), Listing: ends(-1)}, // ended yesterday
		numberdb.Change{Target: target(british + 2), Listing: ends(3)})
	var shift numberdb.Day
	days := make(chan numberdb.Day, 1)
	b.start(func(o *prefilter.Options) {
		o.Today = func() numberdb.Day { // only ever asked by Run's goroutine
			select {
			case shift = <-days:
			default:
			}
			return numberdb.DayOf(time.Now()) + shift
		}
	})
	b.relied()
	calls := []call{{"inbound", "+442079460001", "+12025550100", "allowed", "default"}, {"inbound", "+442079460002", "+12025550100", "allowed", "default"}}
	if said, handed := b.verdicts(calls); handed != 1 || !strings.HasPrefix(said[1], "allow_watch") {
		t.Errorf("%d of 2 calls were handed out: %q", handed, said)
	}
	days <- 10
	b.confirmed(b.variable(dialplan.VarPrefilterState))
	b.until("the key of what has ended is gone", func() bool { return !b.has("inbound/442079460002") })
}

// TestSomebodyRemovesTheContent notices it.
func TestSomebodyRemovesTheContent(t *testing.T) {
	b := newBench(t, numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	_, metrics, _ := b.start(nil)
	b.relied()
	b.do("DBDelTree", "Family", dialplan.NewPrefilterContent("test").Family())
	calls := []call{{"inbound", "+442079460001", "+12025550100", "allowed", "default"}, {"inbound", "+442079460002", "+12025550100", "allowed", "default"}}
	if _, handed := b.verdicts(calls); handed == 0 {
		t.Error("what was removed was relied on")
	}
	b.until("it is filled anew", func() bool {
		b.list.later()
		return value(t, metrics, "linewarden_prefilter_builds_total") >= 2 && b.has("inbound/442079460001")
	})
	b.relied()
	if _, handed := b.verdicts(calls); handed != 1 {
		t.Errorf("%d of 2 calls were handed out, want the listed one", handed)
	}
}

// TestCounts wants clean calls that never left Asterisk to be counted, and only those.
func TestCounts(t *testing.T) {
	b := newBench(t, numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	_, metrics, _ := b.start(nil)
	b.relied()
	b.verdicts(slices.Repeat([]call{
		{"inbound", "+442079460001", "+12025550100", "allowed", "default"}, {"inbound", "+442079460002", "+12025550100", "allowed", "default"},
		{"outbound", "+12025550100", "+442079460003", "allowed", "default"}, {"outbound", "+12025550100", "+442079460004", "allowed", "default"},
	}, 5))
	b.until("the calls are counted", func() bool {
		b.list.later()
		return value(t, metrics, "linewarden_prefilter_passed_total", "inbound") == 5 && value(t, metrics, "linewarden_prefilter_passed_total", "outbound") == 10
	})
}

// TestTwoLinewardens fill the same Asterisk: either may start and end without harm to the other.
func TestTwoLinewardens(t *testing.T) {
	b := newBench(t, numberdb.Change{Target: target(british + 1), Listing: listing(numberdb.StandingWarn)})
	b.start(nil)
	b.relied()
	_, _, stop := b.start(func(o *prefilter.Options) { o.Instance = "second" })
	second := string(dialplan.NewPrefilterContent("second"))
	b.until("the second is relied on", func() bool { return strings.Contains(b.variable(dialplan.VarPrefilterState), second) })
	calls := []call{{"inbound", "+442079460001", "+12025550100", "allowed", "default"}, {"inbound", "+442079460002", "+12025550100", "allowed", "default"}}
	if _, handed := b.verdicts(calls); handed != 1 {
		t.Errorf("%d of 2 calls were handed out, want the listed one", handed)
	}
	stop()
	b.do("DBDelTree", "Family", dialplan.PrefilterContent(second).Family())
	b.until("the first is relied on", func() bool {
		b.list.later()
		return strings.Contains(b.variable(dialplan.VarPrefilterState), string(dialplan.NewPrefilterContent("test")))
	})
	if _, handed := b.verdicts(calls); handed != 1 {
		t.Errorf("%d of 2 calls were handed out, want the listed one", handed)
	}
}
