package prefilter_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/ami"
	"github.com/linewarden/linewarden/screening/asterisk"
	"github.com/linewarden/linewarden/screening/callflow"
	"github.com/linewarden/linewarden/screening/prefilter"
)

// patience is for what a busy machine may delay; nothing is measured against it.
const patience = 2 * time.Minute

// bench is a real Asterisk, a Linewarden that takes its calls, and what a pre-filter needs.
type bench struct {
	t         testing.TB
	ctx       context.Context
	asterisk  *testbed.Asterisk
	phone     *testbed.Phone
	server    string // where subscribers call
	manager   string // host:port of AMI
	list      *memoryList
	origins   map[string]numberdb.Origin
	handed    atomic.Int64 // calls that Linewarden had to decide
	ruler     *ami.Conn    // of the test itself
	connected func() bool
}

// loop is a dialplan in which one call is screened many times, as each case in the database says, so that thousands of verdicts take
// seconds. The cases come from the test, and what the subroutines said goes back to it, in the database.
const loop = `
[from-subscribers](+)
exten => loop,1,Set(i=0)
 same => n(next),Set(way=${DB(case/${i}/way)})
 same => n,GotoIf($["${way}" = ""]?done)
 same => n,Set(CALLERID(all)=${DB(case/${i}/calling)})
 same => n,Set(CALLERID(pres)=${DB(case/${i}/pres)})
 same => n,Set(called=${DB(case/${i}/called)})
 same => n,Set(policy=${DB(case/${i}/policy)})
 same => n,GotoIf($["${way}" = "bare"]?said)
 same => n,GotoIf($["${way}" = "inbound"]?case-inbound,${called},1)
 same => n,Gosub(linewarden-outbound,s,1(${called},${policy}))
 same => n(said),Set(GLOBAL(SAID)=${LINEWARDEN_ACTION}_${LINEWARDEN_REASON} ${LEN(${LINEWARDEN_ID})} <${LINEWARDEN_DIAL_OPTIONS}> ${CALLERID(num)} left <${lw_way}${lw_policy}>)
 same => n,Set(DB(said/${i})=${SAID})
 same => n,MSet(LINEWARDEN_ACTION=,LINEWARDEN_REASON=,LINEWARDEN_ID=,i=$[${i} + 1])
 same => n,Goto(next)
 same => n(done),Hangup(21)

[case-inbound]
exten => _[+a0-9]!,1,Gosub(linewarden-inbound,s,1(${policy}))
 same => n,Goto(from-subscribers,loop,said)
`

func newBench(t testing.TB, all ...numberdb.Change) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx, list: newMemoryList(all...), origins: map[string]numberdb.Origin{
		"default": {Region: "US"},
		"e164":    {Region: "FR", Bare: numberdb.BareE164, ExtraEmergency: "33199009112"},
	}}
	const user, password = "linewarden", "not-a-secret"
	var ari string
	b.phone = testbed.PhoneFor(t, testbed.PhoneOptions{Name: "+12025550100"})
	b.asterisk = testbed.AsteriskFor(t, testbed.AsteriskOptions{Quiet: true, Files: func(p testbed.Ports) (map[string][]byte, error) {
		b.server = fmt.Sprintf("127.0.0.1:%d", p.SIP[0])
		ari = fmt.Sprintf("http://127.0.0.1:%d/ari", p.HTTP)
		b.manager = fmt.Sprintf("127.0.0.1:%d", p.Manager)
		files, err := dialplan.PBX(dialplan.PBXOptions{
			SubscriberPort: p.SIP[0], CarrierPort: p.SIP[1], HTTPPort: p.HTTP, ManagerPort: p.Manager,
			RTPFirst: p.RTPFirst, RTPLast: p.RTPLast, ARIUser: user, ARIPassword: password,
			Settings: map[string]string{"LINEWARDEN_PREFILTER": "on", "LINEWARDEN_TIMEOUT": "20000"},
		})
		if err == nil {
			files["extensions.conf"] = append(files["extensions.conf"], loop...)
			files["logger.conf"] = []byte("[general]\n[logfiles]\nconsole => notice,warning,error\n")
		}
		return files, err
	}})
	policies := map[string]callflow.Policy{"strict": {Origin: b.origins["default"]}}
	for name, o := range b.origins { // they only report, so that a call goes on and can be the next case
		policies[name] = callflow.Policy{Origin: o, Screening: screening.Policy{ReportOnly: true}}
	}
	flow, err := callflow.New(callflow.Options{
		List: b.list, Policies: policies, Voice: dialplan.NewVoice(), Languages: []string{"en"}, Deadline: 10 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := asterisk.New(asterisk.Config{
		URL: ari, App: dialplan.AppPrefix + "test", Username: user, Password: password, PeerPrefix: dialplan.AppPrefix,
		OrphanPlace: callflow.OrphanPlace, Logger: slog.New(slog.DiscardHandler),
	}, func(ctx context.Context, c *asterisk.Channel) {
		b.handed.Add(1)
		flow.Handle(ctx, c)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.background(client.Run)
	b.connected = func() bool { return client.Status().Connected }
	b.until("Linewarden is connected", b.connected)
	if b.ruler, err = ami.Dial(ctx, b.config()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.ruler.Close() })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("asterisk's log ends with:\n%s", b.asterisk.Log(40))
		}
	})
	return b
}

func (b *bench) config() ami.Config {
	return ami.Config{Address: b.manager, Username: "linewarden", Secret: "not-a-secret", Timeout: 20 * time.Second}
}

// background runs something until it is stopped or the test ends.
func (b *bench) background(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(stop)
	return stop
}

// until waits for something to be so.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("waiting until %s: %v", what, b.ctx.Err())
		}
	}
}

// start starts a pre-filter.
func (b *bench) start(change func(*prefilter.Options)) (p *prefilter.Prefilter, metrics *prometheus.Registry, stop func()) {
	b.t.Helper()
	metrics = prometheus.NewRegistry()
	o := prefilter.Options{
		List: b.list, Asterisk: b.config(), Instance: "test", Origins: b.origins, StaleAfter: time.Hour,
		Logger: slog.New(slog.NewTextHandler(b.t.Output(), nil)), Metrics: metrics,
	}
	if change != nil {
		change(&o)
	}
	p, err := prefilter.New(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return p, metrics, b.background(p.Run)
}

// variable is a global variable or function of Asterisk.
func (b *bench) variable(name string) string {
	b.t.Helper()
	r, err := b.ruler.Request(b.ctx, ami.New("Getvar", "Variable", name))
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Get("Value")
}

func (b *bench) do(name string, fields ...string) {
	b.t.Helper()
	if _, err := b.ruler.Request(b.ctx, ami.New(name, fields...)); err != nil {
		b.t.Fatal(err)
	}
}

// relied waits until the dialplan has a state.
func (b *bench) relied() {
	b.t.Helper()
	b.until("there is a state", func() bool { return b.variable(dialplan.VarPrefilterState) != "" })
}

// call is one case of the loop.
type call struct {
	way, calling, called, pres, policy string
}

// prepare puts the cases where the loop finds them.
func (b *bench) prepare(calls []call) {
	b.t.Helper()
	err := b.ruler.Do(b.ctx, func(yield func(ami.Action) bool) {
		for _, family := range []string{"case", "said"} {
			if !yield(ami.New("DBDelTree", "Family", family)) {
				return
			}
		}
		for i, c := range calls {
			for _, kv := range [][2]string{{"way", c.way}, {"calling", c.calling}, {"called", c.called}, {"pres", c.pres}, {"policy", c.policy}} {
				if kv[1] != "" && !yield(ami.New("DBPut", "Family", fmt.Sprintf("case/%d", i), "Key", kv[0], "Val", kv[1])) {
					return
				}
			}
		}
	}, func(r ami.Response) error {
		if r.Missing() {
			return nil
		}
		return r.Err()
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// place places the call that is screened as each case says, and gives the status that it ends with.
func (b *bench) place() (status int) {
	b.t.Helper()
	placed, err := b.phone.Call(b.ctx, testbed.Invite{Server: b.server, To: "loop"})
	if err == nil {
		err = placed.WaitEnd(b.ctx)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return placed.Final().Status
}

// verdicts screens calls one after the other, and says what each got and how many Linewarden was asked about.
func (b *bench) verdicts(calls []call) (said []string, handed int) {
	b.t.Helper()
	before := b.handed.Load()
	b.prepare(calls)
	b.place()
	err := b.ruler.Do(b.ctx, func(yield func(ami.Action) bool) {
		for i := range calls {
			if !yield(ami.New("DBGet", "Family", "said", "Key", strconv.Itoa(i))) {
				return
			}
		}
	}, func(r ami.Response) error {
		said = append(said, r.Get("Val"))
		return r.Err()
	})
	if err != nil {
		b.t.Fatalf("not all cases were screened: %v", err)
	}
	return said, int(b.handed.Load() - before)
}

// verdict screens one call, and gives what it got, or the status by which it was refused. After a label there can be no next case: Asterisk
// 22.10.1 then refuses DB() to the call's dialplan, because ARI has set variables of its channel.
func (b *bench) verdict(c call) string {
	b.t.Helper()
	b.set("SAID", "")
	b.prepare([]call{c})
	status := b.place()
	if said := b.variable("SAID"); said != "" {
		return said
	}
	return strconv.Itoa(status)
}

// set changes a setting of the dialplan.
func (b *bench) set(name, value string) {
	b.t.Helper()
	b.do("Setvar", "Variable", name, "Value", value)
}

// has says whether a key is in the database, below the family of the tests' pre-filter.
func (b *bench) has(key string) bool {
	b.t.Helper()
	var there bool
	err := b.ruler.Do(b.ctx, func(yield func(ami.Action) bool) {
		yield(ami.New("DBGet", "Family", dialplan.NewPrefilterContent("test").Family(), "Key", key))
	}, func(r ami.Response) error {
		if there = !r.Missing(); there {
			return r.Err()
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return there
}

// reconnect is for after a restart of Asterisk.
func (b *bench) reconnect() {
	b.t.Helper()
	b.until("Linewarden is connected again", func() bool { return b.connected() })
	conn, err := ami.Dial(b.ctx, b.config())
	if err != nil {
		b.t.Fatal(err)
	}
	b.ruler.Close()
	b.ruler = conn
}

// value is that of a metric, of all its series or of those with the label's value.
func value(t testing.TB, r *prometheus.Registry, name string, label ...string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (len(label) == 0 || m.GetLabel()[0].GetValue() == label[0]) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
