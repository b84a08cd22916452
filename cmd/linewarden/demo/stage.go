package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/linewarden/linewarden/cmd/linewarden/progress"
	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
)

// patience bounds each wait for something that takes seconds at most; the machine may stall for whole seconds meanwhile.
const patience = time.Minute

// promptLanguage is the one in which the demo speaks.
const promptLanguage = "en"

// stage is everything that the demo starts: Redis, Asterisk, a Linewarden, and three telephones.
type stage struct {
	options  Options
	folder   string // for configs and snapshots
	password string // of ARI
	tokens   []string
	redis    *testbed.Redis
	asterisk *testbed.Asterisk
	node     *node
	phones   map[string]*testbed.Phone
	arrivals arrivals
	sounds   map[string][]int16 // what a phone may hear, by name: clips, and the voices of the phones under voiceOf

	closers []func() error // run last to first
}

// voiceOf is the name in stage.sounds of what a phone says.
func voiceOf(phone string) string { return "voice of " + phone }

// openStage fetches, builds and starts everything.
func openStage(ctx context.Context, o Options) (s *stage, err error) {
	s = &stage{options: o, password: rand.Text(), phones: map[string]*testbed.Phone{}, sounds: map[string][]int16{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	tools, err := testbed.Prepare(ctx, progress.New(o.Err, "Fetching Asterisk, Redis and the speech tools").At)
	if err != nil {
		return s, err
	}
	prompts, err := s.buildPrompts(ctx, tools, o.Err)
	if err != nil {
		return s, err
	}
	if s.redis, err = testbed.StartRedis(ctx, testbed.RedisOptions{}); err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.redis.Close)
	for _, name := range []string{subscriberPhone, carrierPhone, helplinePhone} {
		if err := s.addPhone(ctx, name); err != nil {
			return s, err
		}
	}
	for range organisations {
		s.tokens = append(s.tokens, rand.Text())
	}
	s.asterisk, err = testbed.StartAsterisk(ctx, testbed.AsteriskOptions{
		Sounds: prompts,
		Files: func(p testbed.Ports) (map[string][]byte, error) {
			return dialplan.PBX(dialplan.PBXOptions{
				SubscriberPort: p.SIP[0], CarrierPort: p.SIP[1], RTPFirst: p.RTPFirst, RTPLast: p.RTPLast,
				HTTPPort: p.HTTP, ARIUser: ariUser, ARIPassword: s.password,
				Carrier: s.phones[carrierPhone].Addr(), Subscriber: s.phones[subscriberPhone].Addr(), Helpline: s.phones[helplinePhone].Addr(),
				Language: promptLanguage,
				// A machine that runs all of this at once may stand still for longer than an exchange should wait.
				Settings: map[string]string{"LINEWARDEN_TIMEOUT": "20000"},
			})
		},
	})
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.asterisk.Close)

	if s.folder, err = os.MkdirTemp("", "linewarden-demo-"); err != nil {
		return s, fmt.Errorf("make a folder for the demo: %w", err)
	}
	s.closers = append(s.closers, func() error { return os.RemoveAll(s.folder) })
	if err := os.WriteFile(filepath.Join(s.folder, sealingKeyFile), []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return s, fmt.Errorf("write the sealing key of the demo: %w", err)
	}
	s.node, err = s.addNode(ctx, "demo")
	return s, err
}

// sealingKeyFile is in the stage's folder. It is one for all nodes: each reads what the others have sealed.
const sealingKeyFile = "sealing.key"

// addNode starts a Linewarden of that name beside what runs already.
func (s *stage) addNode(ctx context.Context, name string) (*node, error) {
	ariURL := fmt.Sprintf("http://127.0.0.1:%d/ari", s.asterisk.Ports().HTTP)
	n, err := newNode(s.options, name, s.folder, s.tokens, s.redis.Addr(), ariURL, ariUser, s.password)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, n.stop)
	return n, n.start(ctx)
}

const ariUser = "linewarden"

// close ends everything, last to first.
func (s *stage) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

// buildPrompts speaks the prompts into sound files, once for all demos of this machine, and loads what a phone may hear.
func (s *stage) buildPrompts(ctx context.Context, tools *testbed.Tools, w io.Writer) (fs.FS, error) {
	cache, err := testbed.CacheFolder()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(cache, "prompts")
	bar := progress.New(w, "Building prompts")
	_, err = dialplan.Build(ctx, dialplan.BuildOptions{
		Dir: folder, Languages: []string{promptLanguage},
		Run: func(ctx context.Context, name string, args ...string) *exec.Cmd {
			return tools.Command(ctx, name, args...)
		},
		Progress: func(done, total int) { bar.At(done, total, promptLanguage) },
	})
	if err != nil {
		return nil, err
	}
	sounds := os.DirFS(folder)
	base := promptLanguage + "/linewarden"
	return sounds, fs.WalkDir(sounds, base, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".wav" && path.Ext(name) != ".sln" {
			return err
		}
		id := strings.TrimSuffix(strings.TrimPrefix(name, base+"/"), path.Ext(name))
		s.sounds[id], err = testbed.LoadSound(sounds, name)
		return err
	})
}

func (s *stage) addPhone(ctx context.Context, name string) error {
	p, err := testbed.NewPhone(ctx, testbed.PhoneOptions{Name: name})
	if err != nil {
		return err
	}
	s.phones[name], s.sounds[voiceOf(name)] = p, p.Voice()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		s.arrivals.watch(name, p.Incoming(), stop)
	}()
	s.closers = append(s.closers, func() error {
		close(stop)
		<-stopped
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return p.Close(ctx)
	})
	return nil
}

// loadList reports the sample through the intake endpoint, as helplines would.
func (s *stage) loadList(ctx context.Context) error {
	for _, n := range sample {
		for organisation := range n.organisations {
			err := s.node.report(ctx, organisation, map[string]any{
				"number": n.number, "roles": []string{n.role.String()}, "brand": n.brand, "category": "fake_customer_care",
			})
			if err != nil {
				return fmt.Errorf("report %s: %w", n.number, err)
			}
		}
	}
	return s.node.awaitList(ctx, len(sample))
}

func (s *stage) killRedis(context.Context) error { return s.redis.Kill() }

func (s *stage) killNode(context.Context) error { return s.node.kill() }

// mend starts again what the last cases have killed.
func (s *stage) mend(ctx context.Context) error {
	if err := s.redis.Restart(ctx); err != nil {
		return err
	}
	return s.node.start(ctx)
}

// explain tells people what they can do with the demo while it stays up.
func (s *stage) explain(w io.Writer) {
	p := s.asterisk.Ports()
	fmt.Fprintf(w, `Everything stays up until Ctrl-C.

  Call with a softphone on this machine (UDP, no account, no registration), as a subscriber:
    sip:%s@127.0.0.1:%d   a clean number: the carrier's phone answers with its tone
    sip:%s@127.0.0.1:%d   a fake Amazon line: you hear the warning; 1 goes on, 2 goes to the helpline
    sip:%s@127.0.0.1:%d   blocked: you hear an announcement, then 603
  or as a caller from outside, with any number as your caller ID:
    sip:%s@127.0.0.1:%d   to the subscriber's phone

  Report a number, and call it at once:
    curl -s %s/v1/reports -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
      -d '{"number": "+1 202 555 0150", "roles": ["callback"], "brand": "netflix"}'

  Staff pages              %s/
    make yourself the first administrator: %s user first YOUR-NAME --config %s
  What the API takes       %s/openapi.json
  Is it ready?             %s/readyz
  Counters and list age    %s/metrics
`, cleanNumber, p.SIP[0], fakeAmazonNumber, p.SIP[0], blockedNumber, p.SIP[0], subscriberNumber, p.SIP[1],
		s.node.intakeURL, s.node.tokens[0], s.node.intakeURL, s.node.program, s.node.configFile, s.node.intakeURL, s.node.opsURL, s.node.opsURL)
}
