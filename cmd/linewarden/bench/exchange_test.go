package bench

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan"
	"github.com/linewarden/linewarden/dialplan/testbed"
)

// The account of all that speak ARI.
const ariUser, ariPassword = "bench", "bench-only"

// exchange is everything that runs while calls are measured.
type exchange struct {
	asterisk *testbed.Asterisk
	redis    *testbed.Redis
	caller   *caller
	answerer *answerer
	settings map[string]string // of Linewarden's dialplan, as they are
	pids     map[string]int    // of helpers
	nodes    []*node
}

// openExchange starts everything, for as long as the benchmark lasts.
func openExchange(b *testing.B) *exchange {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // it may have to fetch Asterisk
	defer cancel()
	x := &exchange{pids: map[string]int{}, settings: maps.Clone(usual), redis: testbed.RedisFor(b, testbed.RedisOptions{})}
	x.fillRedis(ctx, b)
	addresses := map[string]string{}
	for _, name := range []string{"fastagi", "http"} {
		x.pids[name], addresses[name] = startHelper(b, name, x.redis.Addr(), 0)
	}
	var err error
	if x.answerer, err = newAnswerer(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closeWell(b, x.answerer.close) })
	x.asterisk = testbed.AsteriskFor(b, testbed.AsteriskOptions{
		Quiet: true,
		Files: func(p testbed.Ports) (map[string][]byte, error) {
			files, err := dialplan.PBX(dialplan.PBXOptions{
				SubscriberPort: p.SIP[0], CarrierPort: p.SIP[1], RTPFirst: p.RTPFirst, RTPLast: p.RTPLast, HTTPPort: p.HTTP, ManagerPort: p.Manager,
				ARIUser: ariUser, ARIPassword: ariPassword, Subscriber: x.answerer.addr(),
			})
			if err != nil {
				return nil, err
			}
			files["extensions.conf"] = extensions(addresses)
			for _, module := range []string{"res_speech", "res_agi", "res_curl", "func_curl", "func_uri"} {
				files["modules.conf"] = append(files["modules.conf"], "load="+module+".so\n"...)
			}
			return files, nil
		},
	})
	if _, err := x.asterisk.CLI(ctx, "database put list "+listedCaller+" 1"); err != nil {
		b.Fatal(err)
	}
	ports := x.asterisk.Ports()
	x.pids["ari"], _ = startHelper(b, "ari", x.redis.Addr(), ports.HTTP)
	x.startLinewarden(ctx, b)
	if x.caller, err = newCaller(net.JoinHostPort("127.0.0.1", strconv.Itoa(ports.SIP[1]))); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closeWell(b, x.caller.close) })
	return x
}

func closeWell(b *testing.B, end func() error) {
	b.Helper()
	if err := end(); err != nil {
		b.Error(err)
	}
}

// fillRedis lists the listed number for the other ways.
func (x *exchange) fillRedis(ctx context.Context, b *testing.B) {
	b.Helper()
	client := redis.NewClient(&redis.Options{Addr: x.redis.Addr()})
	defer client.Close()
	if err := client.Set(ctx, listKey(listedCaller), "1", 0).Err(); err != nil {
		b.Fatalf("list a number in Redis: %v", err)
	}
}

func (x *exchange) helperPID(w way) int { return x.pids[w.helper] }

// choose gives Linewarden's dialplan the settings of a way, and waits until Asterisk has come to rest.
func (x *exchange) choose(b *testing.B, w way) {
	b.Helper()
	changed := false
	for name, value := range usual {
		if own, ok := w.settings[name]; ok {
			value = own
		}
		if x.settings[name] == value {
			continue
		}
		if _, err := x.asterisk.CLI(context.Background(), "dialplan set global "+name+" "+value); err != nil {
			b.Fatalf("set %s: %v", name, err)
		}
		x.settings[name], changed = value, true
	}
	if changed {
		x.settle(b)
	}
}

// repeats is how many messages were sent twice so far, by whichever side.
func (x *exchange) repeats() int64 { return x.caller.repeats.Load() + x.answerer.repeats.Load() }

// check places a clean and a listed call in every way, and wants what each has to get.
func (x *exchange) check(b *testing.B) {
	b.Helper()
	for i, w := range ways {
		x.choose(b, w)
		for j, k := range kinds {
			x.expect(b, cleanCaller, i, j, k.status)
			if w.name != bare.name {
				x.expect(b, listedCaller, i, j, refusal)
			}
		}
	}
	// Without this, calls that the pre-filter does not take would be measured as its own.
	passed := fmt.Sprintf("%s%s=%d", dialplan.VarPrefilterPassed, dialplan.Inbound, len(kinds))
	if globals := x.globals(context.Background(), b); !strings.Contains(globals, passed) {
		b.Fatalf("want %s among\n%s", passed, globals)
	}
}

func (x *exchange) expect(b *testing.B, from string, w, k, status int) {
	b.Helper()
	over := make(chan *placed, 1)
	x.caller.place(from, dialled(w, k), func(p *placed) { over <- p })
	if p := <-over; p.status != status {
		b.Fatalf("%s, call to be %s: a call from %s got %s, not %d\n%s",
			ways[w].what, kinds[k].name, from, statusText(p.status), status, x.asterisk.Log(15))
	}
}

func statusText(status int) string {
	if status == 0 {
		return "no answer"
	}
	return fmt.Sprint(status)
}
