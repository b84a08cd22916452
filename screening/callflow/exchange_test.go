package callflow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
	"github.com/linewarden/linewarden/screening/asterisk"
	"github.com/linewarden/linewarden/screening/callflow"
)

// patience bounds every wait: these machines stall for whole seconds.
const patience = 30 * time.Second

// exchange is a real Asterisk with three telephones, shared by the tests of this package.
type exchange struct {
	asterisk *testbed.Asterisk
	phones   map[string]*testbed.Phone
	sounds   map[string][]int16
	seized   sync.Mutex // one test at a time places calls
}

var shared struct {
	sync.Once
	*exchange
	err error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if x := shared.exchange; x != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, p := range x.phones {
			if err := p.Close(ctx); err != nil {
				fmt.Fprintln(os.Stderr, err)
				status = max(status, 1)
			}
		}
		if err := x.asterisk.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = max(status, 1)
		}
	}
	os.Exit(status)
}

// seize gives the exchange to a test for as long as it runs.
func seize(t *testing.T) *exchange {
	t.Helper()
	shared.Do(func() { shared.exchange, shared.err = startExchange() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	shared.seized.Lock()
	t.Cleanup(shared.seized.Unlock)
	return shared.exchange
}

func startExchange() (*exchange, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // it may have to fetch Asterisk
	defer cancel()
	files, sounds := noises()
	x := &exchange{phones: map[string]*testbed.Phone{}, sounds: sounds}
	for _, name := range []string{"subscriber", "carrier", "helpline"} {
		p, err := testbed.NewPhone(ctx, testbed.PhoneOptions{Name: name})
		if err != nil {
			return nil, err
		}
		x.phones[name], x.sounds[name] = p, p.Voice()
	}
	var err error
	x.asterisk, err = testbed.StartAsterisk(ctx, testbed.AsteriskOptions{
		Sounds: files,
		Files: func(p testbed.Ports) (map[string][]byte, error) {
			files, err := dialplan.PBX(dialplan.PBXOptions{
				SubscriberPort: p.SIP[0], CarrierPort: p.SIP[1], RTPFirst: p.RTPFirst, RTPLast: p.RTPLast,
				HTTPPort: p.HTTP, ARIUser: "test", ARIPassword: "test-only", Language: "en",
				Carrier: x.phones["carrier"].Addr(), Subscriber: x.phones["subscriber"].Addr(), Helpline: x.phones["helpline"].Addr(),
			})
			if err != nil {
				return nil, err
			}
			// As operators do, after the subroutine.
			files["extensions.conf"] = bytes.ReplaceAll(files["extensions.conf"], []byte(" same => n,Dial("),
				[]byte(" same => n,Set(DB(operator/last)=${CHANNEL(pjsip,call-id)})\n same => n,Dial("))
			return files, nil
		},
	})
	return x, err
}

// noises stands in for the prompts: a noise of its own for each clip, which correlation tells apart more surely than speech, and
// which needs no speech synthesiser. The sound files that people hear are tested in package dialplan.
func noises() (fs.FS, map[string][]int16) {
	files, sounds := fstest.MapFS{}, map[string][]int16{}
	voice := dialplan.NewVoice()
	for _, slug := range []string{"", "amazon"} {
		for _, item := range voice.Media(slug, dialplan.Prompts()...) {
			id := strings.TrimPrefix(item, "sound:linewarden/")
			if sounds[id] != nil {
				continue
			}
			random := rand.New(rand.NewPCG(uint64(len(sounds)), 7))
			length := 4 * testbed.SampleRate / 5
			if strings.Contains(id, "choice") || id == "warn-before" {
				length = 5 * testbed.SampleRate / 2 // time to press a key or hang up
			}
			samples := make([]int16, length)
			var data bytes.Buffer
			for i := range samples {
				samples[i] = int16(random.IntN(12000) - 6000)
				data.Write([]byte{byte(samples[i]), byte(samples[i] >> 8)})
			}
			sounds[id] = samples
			files[path.Join("en/linewarden", id+".sln")] = &fstest.MapFile{Data: data.Bytes(), Mode: 0o644}
		}
	}
	return files, sounds
}

// list is a list that never changes.
type list map[numberdb.Number]numberdb.Listing

func (l list) Lookup(n numberdb.Number, _ numberdb.Day) numberdb.Listing { return l[n] }
func (l list) Loaded() bool                                              { return l != nil }

// screen is a flow that screens the exchange's calls.
type screen struct {
	*exchange
	t       *testing.T
	records chan callflow.Record
	handled atomic.Int64 // calls for which a glance was not enough
	log     *syncBuffer
	stop    func() // orderly, waits
}

// start screens the exchange's calls with a flow of the options given, until the test ends.
func (x *exchange) start(t *testing.T, o callflow.Options) *screen {
	t.Helper()
	s := &screen{exchange: x, t: t, records: make(chan callflow.Record, 100), log: &syncBuffer{}}
	registry := prometheus.NewRegistry()
	o.Voice, o.Languages, o.Metrics = dialplan.NewVoice(), []string{"en"}, registry
	o.Observe = func(r callflow.Record) { s.records <- r }
	o.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	if o.Policies == nil {
		o.Policies = map[string]callflow.Policy{callflow.DefaultPolicy: usPolicy}
	}
	flow, err := callflow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	client, err := asterisk.New(asterisk.Config{
		URL: fmt.Sprintf("http://127.0.0.1:%d/ari", x.asterisk.Ports().HTTP), App: "linewarden-test", PeerPrefix: dialplan.AppPrefix,
		Username: "test", Password: "test-only", Glance: flow.Glance, Metrics: registry, Logger: o.Logger,
	}, func(ctx context.Context, ch *asterisk.Channel) {
		s.handled.Add(1)
		flow.Handle(ctx, ch)
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- client.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the connection did not end in good order: %v", err)
		}
	})
	t.Cleanup(s.stop)
	await(t, "the connection to Asterisk", func() bool { return client.Status().Connected }, s.log)
	return s
}

// usPolicy is a policy for a trunk in the United States with a helpline.
var usPolicy = callflow.Policy{Origin: numberdb.Origin{Region: "US"}, Helpline: true, KeyWait: 100 * time.Millisecond}

// await waits for a condition of another goroutine.
func await(t *testing.T, what string, is func() bool, log fmt.Stringer) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s did not come within %v:\n%s", what, patience, log)
		}
	}
}

// dial places a call as a subscriber (outbound) or from the carrier (inbound).
func (s *screen) dial(ctx context.Context, way screening.Direction, invite testbed.Invite) *testbed.Call {
	s.t.Helper()
	phone, port := s.phones["subscriber"], s.asterisk.Ports().SIP[0]
	if way == screening.Inbound {
		phone, port = s.phones["carrier"], s.asterisk.Ports().SIP[1]
	}
	invite.Server = fmt.Sprintf("127.0.0.1:%d", port)
	call, err := phone.Call(ctx, invite)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := call.Hangup(ctx); err != nil {
			s.t.Error(err)
		}
	})
	return call
}

// arrives waits until a call reaches a phone and is answered there, and hangs up.
func (s *screen) arrives(ctx context.Context, placed *testbed.Call, phone string) *testbed.Call {
	s.t.Helper()
	taken, err := s.phones[phone].WaitCall(ctx)
	if err == nil {
		err = placed.WaitAnswer(ctx)
	}
	if err == nil {
		_, err = placed.WaitHeard(ctx, s.sounds, phone)
	}
	err = errors.Join(err, placed.Hangup(ctx))
	if err == nil {
		err = taken.WaitEnd(ctx)
	}
	if err != nil {
		s.t.Fatalf("the call did not reach the %s: %v (statuses %v)\n%s", phone, err, placed.Statuses(), s.log)
	}
	return taken
}

// record waits for what the flow says of a call.
func (s *screen) record(ctx context.Context) callflow.Record {
	s.t.Helper()
	select {
	case r := <-s.records:
		return r
	case <-ctx.Done():
		s.t.Fatalf("the flow told of no call\n%s", s.log)
		return callflow.Record{}
	}
}

// stored waits until the operator's own dialplan has stored the call in Asterisk's database.
func (s *screen) stored(ctx context.Context, c *testbed.Call) {
	s.t.Helper()
	await(s.t, "the operator's dialplan storing the call", func() bool {
		out, err := s.asterisk.CLI(ctx, "database get operator last")
		return err == nil && strings.Contains(out, c.CallID())
	}, s.log)
}

// heard is the clips that a phone heard, in order, without voices of phones.
func (s *screen) heard(c *testbed.Call) []string {
	var ids []string
	for _, hit := range testbed.Heard(c.Recording(), s.sounds) {
		if s.phones[hit.ID] == nil {
			ids = append(ids, hit.ID)
		}
	}
	return ids
}

// syncBuffer is a log that tests read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
