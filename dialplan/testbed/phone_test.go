package testbed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// wavFile is a prompt as Asterisk plays it.
func wavFile(sound []int16) *fstest.MapFile {
	head := "RIFF\xff\xff\xff\x7fWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data"
	size := 2 * len(sound)
	content := append([]byte(head), byte(size), byte(size>>8), byte(size>>16), byte(size>>24))
	for _, sample := range sound {
		content = append(content, byte(sample), byte(uint16(sample)>>8))
	}
	return &fstest.MapFile{Data: content}
}

// office is an Asterisk with two telephones and prompts, which dials bob for alice.
type office struct {
	asterisk   *Asterisk
	alice, bob *Phone
	prompts    map[string][]int16
}

const officeDialplan = `[office]
; The number is dialled as it is.
exten => bob,1,Dial(PJSIP/bob)

; A warning before bob is called.
exten => warned,1,Progress()
 same => n,Playback(test/warning&test/keys,noanswer)
 same => n,Dial(PJSIP/bob)

; A warning that can be skipped.
exten => skip,1,Progress()
 same => n,Read(KEY,test/keys,1,n,1,30)
 same => n,Set(GLOBAL(PRESSED)=${KEY})
 same => n,GotoIf($["${KEY}"="1"]?bob,1)
 same => n,PJSIPHangup(480)

exten => refused,1,Progress()
 same => n,Playback(test/blocked,noanswer)
 same => n,PJSIPHangup(603)

; A whisper to the called person.
exten => whisper,1,Dial(PJSIP/bob,,A(test/warning))

exten => ring,1,Ringing()
 same => n,Wait(600)

exten => who,1,Set(GLOBAL(WHO)=${CALLERID(num)}/${CALLERID(name)})
 same => n,PJSIPHangup(603)

exten => echo,1,Answer()
 same => n,Read(KEYS,,4,,1,30)
 same => n,Set(GLOBAL(PRESSED)=${KEYS})
 same => n,Hangup()
`

// officePJSIP knows the telephones by their ports, so that any From at all gets in.
const officePJSIP = `[loopback]
type=transport
protocol=udp
bind=127.0.0.1:%[1]d

[phone](!)
type=endpoint
context=office
disallow=all
allow=ulaw,alaw
direct_media=no
dtmf_mode=rfc4733
identify_by=ip
suppress_q850_reason_headers=no

[alice](phone)
aors=alice
[alice]
type=identify
endpoint=alice
match=127.0.0.1:%[2]d
[alice]
type=aor
contact=sip:alice@127.0.0.1:%[2]d

[bob](phone)
aors=bob
[bob]
type=identify
endpoint=bob
match=127.0.0.1:%[3]d
[bob]
type=aor
contact=sip:bob@127.0.0.1:%[3]d
`

func openOffice(t *testing.T, alice, bob PhoneOptions) office {
	t.Helper()
	alice.Name, bob.Name = "alice", "bob"
	o := office{alice: PhoneFor(t, alice), bob: PhoneFor(t, bob), prompts: map[string][]int16{}}
	sounds := fstest.MapFS{}
	for _, id := range []string{"warning", "blocked", "keys"} {
		o.prompts[id] = speak(t, spokenPrompts()[id])
		sounds["en/test/"+id+".wav"] = wavFile(o.prompts[id])
	}
	o.prompts["alice"], o.prompts["bob"] = o.alice.Voice(), o.bob.Voice()
	o.asterisk = startAsterisk(t, AsteriskOptions{Sounds: fs.FS(sounds), Files: func(ports Ports) (map[string][]byte, error) {
		return map[string][]byte{
			"extensions.conf": []byte(officeDialplan),
			"pjsip.conf":      fmt.Appendf(nil, officePJSIP, ports.SIP[0], o.alice.Port(), o.bob.Port()),
			"rtp.conf":        fmt.Appendf(nil, "[general]\nrtpstart=%d\nrtpend=%d\n", ports.RTPFirst, ports.RTPLast),
		}, nil
	}})
	return o
}

// dial places a call of alice.
func (o office) dial(t *testing.T, invite Invite) *Call {
	t.Helper()
	invite.Server = o.server()
	call, err := o.alice.Call(soon(t), invite)
	if err != nil {
		t.Fatal(err)
	}
	return call
}

func (o office) server() string { return fmt.Sprintf("127.0.0.1:%d", o.asterisk.Ports().SIP[0]) }

func (o office) global(t *testing.T, name string) string {
	t.Helper()
	globals, err := o.asterisk.CLI(soon(t), "dialplan show globals")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(globals) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	t.Fatalf("no global %s in %s", name, globals)
	return ""
}

func TestPhoneCalls(t *testing.T) {
	t.Parallel()
	o := openOffice(t, PhoneOptions{}, PhoneOptions{Codec: PCMA})

	t.Run("answered, both voices heard, hung up", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "bob", From: "+12025550100", DisplayName: "Alice O'Ice"})
		taken, err := o.bob.WaitCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if from := taken.Invite().From; from.User != "+12025550100" || from.Name != "Alice O'Ice" {
			t.Errorf("bob sees %+v", from)
		}
		for _, wait := range []func() error{
			func() error { return call.WaitAnswer(ctx) },
			func() error { _, err := call.WaitHeard(ctx, o.prompts, "bob"); return err },
			func() error { _, err := taken.WaitHeard(ctx, o.prompts, "alice"); return err },
			func() error { return call.Hangup(ctx) },
			func() error { return taken.WaitEnd(ctx) },
		} {
			if err := wait(); err != nil {
				t.Fatal(err)
			}
		}
		if final := call.Final(); final.Status != 200 || !call.Answered() || !taken.Answered() {
			t.Errorf("ended %v, statuses %v", final, call.Statuses())
		}
	})

	t.Run("warning in early media, then connected", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "warned"})
		if err := call.WaitEarlyMedia(ctx); err != nil {
			t.Fatal(err)
		}
		if call.Answered() || !call.EarlyMedia() || !slices.Contains(call.Statuses(), 183) {
			t.Errorf("statuses %v", call.Statuses())
		}
		if hit, err := call.WaitHeard(ctx, o.prompts, "warning"); err != nil || call.Answered() {
			t.Fatalf("heard %+v (%v), answered %v", hit, err, call.Answered())
		}
		if _, err := call.WaitHeard(ctx, o.prompts, "bob"); err != nil {
			t.Fatal(err)
		}
		if err := call.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		hits := Heard(call.Recording(), o.prompts)
		if got := slices.Compact(ids(hits)); !slices.Equal(got, []string{"warning", "keys", "bob"}) {
			t.Errorf("heard %+v", hits)
		}
		for _, hit := range hits {
			if hit.ID != "bob" && hit.Part < 0.9 {
				t.Errorf("%+v was played whole", hit)
			}
		}
		<-waitCall(t, o.bob).Done()
	})

	t.Run("key in early media cuts the prompt", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "skip"})
		if _, err := call.WaitHeard(ctx, o.prompts, "keys"); err != nil {
			t.Fatal(err)
		}
		if err := call.Press(ctx, "1"); err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitHeard(ctx, o.prompts, "bob"); err != nil {
			t.Fatal(err)
		}
		if got := o.global(t, "PRESSED"); got != "1" {
			t.Errorf("Asterisk read %q", got)
		}
		if err := call.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		if hits := Heard(call.Recording(), o.prompts); hits[0].ID != "keys" || hits[0].Part > 0.95 {
			t.Errorf("heard %+v", hits)
		}
		<-waitCall(t, o.bob).Done()
	})

	t.Run("keys after the answer, the other side hangs up", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "echo"})
		if err := call.WaitAnswer(ctx); err != nil {
			t.Fatal(err)
		}
		if err := call.Press(ctx, "2*0d"); err != nil {
			t.Fatal(err)
		}
		if err := call.WaitEnd(ctx); err != nil {
			t.Fatal(err)
		}
		if got := o.global(t, "PRESSED"); got != "2*0D" {
			t.Errorf("Asterisk read %q", got)
		}
		if err := call.Press(ctx, "1"); !errors.Is(err, ErrEnded) {
			t.Errorf("pressing a key after the end: %v", err)
		}
	})

	t.Run("announcement, then 603 without an answer", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "refused"})
		if err := call.WaitAnswer(ctx); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "603 Decline") {
			t.Errorf("waiting for an answer: %v", err)
		}
		if err := call.WaitEnd(ctx); err != nil {
			t.Fatal(err)
		}
		if final := call.Final(); final.Status != 603 || final.Reason != "Decline" || !strings.HasPrefix(final.Header("reason"), "Q.850") {
			t.Errorf("ended %v, Reason %q", final, final.Header("reason"))
		}
		if hits := Heard(call.Recording(), o.prompts); !slices.Equal(ids(hits), []string{"blocked"}) || hits[0].Part < 0.9 {
			t.Errorf("heard %+v", hits)
		}
	})

	t.Run("whisper to the called person", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "whisper"})
		taken := waitCall(t, o.bob)
		for _, id := range []string{"warning", "alice"} {
			if _, err := taken.WaitHeard(ctx, o.prompts, id); err != nil {
				t.Fatal(err)
			}
		}
		if got := slices.Compact(ids(Heard(taken.Recording(), o.prompts))); !slices.Equal(got, []string{"warning", "alice"}) {
			t.Errorf("bob heard %v", got)
		}
		if err := taken.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		if err := call.WaitEnd(ctx); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("cancelled while it rings at the server", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "ring"})
		if err := call.WaitStatus(ctx, 180); err != nil {
			t.Fatal(err)
		}
		if err := call.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		if final := call.Final(); final.Status != 487 {
			t.Errorf("ended %v", final)
		}
	})

	t.Run("hung up at once", func(t *testing.T) {
		ctx := soon(t)
		call := o.dial(t, Invite{To: "ring"})
		if err := call.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		if final := call.Final(); final.Status != 487 {
			t.Errorf("ended %v", final)
		}
	})
}

func waitCall(t *testing.T, phone *Phone) *Call {
	t.Helper()
	call, err := phone.WaitCall(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return call
}

func TestPhoneReplies(t *testing.T) {
	t.Parallel()
	o := openOffice(t, PhoneOptions{Codec: PCMA}, PhoneOptions{Reply: 486})
	ctx := soon(t)
	call := o.dial(t, Invite{To: "bob"})
	if err := call.WaitEnd(ctx); err != nil {
		t.Fatal(err)
	}
	if final := call.Final(); final.Status != 486 {
		t.Errorf("bob is busy, but the call ended %v", final)
	}
	taken := waitCall(t, o.bob)
	if err := taken.WaitEnd(ctx); err != nil || taken.Answered() || !slices.Equal(taken.Statuses(), []int{486}) {
		t.Errorf("bob said %v, %v", taken.Statuses(), err)
	}

	o.bob.SetReply(180)
	for name, end := range map[string]func(call, taken *Call) error{
		"the caller gives up":    func(call, _ *Call) error { return call.Hangup(ctx) },
		"the called one refuses": func(_, taken *Call) error { return taken.Hangup(ctx) },
		"the called one answers": func(call, taken *Call) error {
			taken.Answer()
			return errors.Join(call.WaitAnswer(ctx), taken.Hangup(ctx))
		},
	} {
		call := o.dial(t, Invite{To: "bob"})
		taken := waitCall(t, o.bob)
		if err := call.WaitStatus(ctx, 180); err != nil {
			t.Fatal(name, err)
		}
		if err := errors.Join(end(call, taken), call.WaitEnd(ctx), taken.WaitEnd(ctx)); err != nil {
			t.Error(name, err)
		}
		if answers := name == "the called one answers"; call.Answered() != answers || taken.Answered() != answers {
			t.Errorf("%s: statuses %v and %v", name, call.Statuses(), taken.Statuses())
		}
	}
}

func TestPhoneHostileFrom(t *testing.T) {
	t.Parallel()
	o := openOffice(t, PhoneOptions{}, PhoneOptions{})
	address := fmt.Sprintf("@127.0.0.1:%d", o.alice.Port())
	long := strings.Repeat("9", 200)
	kept := long[:79] // Asterisk cuts names and numbers
	for name, test := range map[string]struct{ from, want string }{
		"shell":     {`"${SHELL(id)}" <sip:$%7BSHELL(id)%7D` + address + `>`, "${SHELL(id)}/${SHELL(id)}"},
		"long":      {`"` + long + `" <sip:` + long + address + `>`, kept + "/" + kept},
		"UTF-8":     {`"Ünïcødé ☎" <sip:+12025550100` + address + `>`, "+12025550100/Ünïcødé ☎"},
		"no user":   {`<sip:127.0.0.1>`, "/"},
		"anonymous": {`"Anonymous" <sip:anonymous@anonymous.invalid>`, "anonymous/Anonymous"},
		"bare":      {`sip:+12025550100` + address, "+12025550100/"},
		"folded":    {"\"two lines\"\r\n <sip:+12025550100" + address + ">", "+12025550100/two lines"},
		"own tag":   {`<sip:+12025550100` + address + `>;tag=mine`, "+12025550100/"},
	} {
		t.Run(name, func(t *testing.T) {
			call := o.dial(t, Invite{To: "who", RawFrom: test.from})
			if err := call.WaitEnd(soon(t)); err != nil {
				t.Fatal(err)
			}
			if final := call.Final(); final == nil || final.Status != 603 {
				t.Errorf("ended %v", final)
			}
			if who := o.global(t, "WHO"); who != test.want {
				t.Errorf("Asterisk saw %q, want %q", who, test.want)
			}
		})
	}
	// A call with such a From goes its whole way, to the goodbye of the other side.
	ctx := soon(t)
	call := o.dial(t, Invite{To: "bob", RawFrom: `"${SHELL(id)}" <sip:+12025550100` + address + `>`})
	taken := waitCall(t, o.bob)
	if err := errors.Join(call.WaitAnswer(ctx), taken.WaitAnswer(ctx), taken.Hangup(ctx), call.WaitEnd(ctx)); err != nil {
		t.Error(err)
	}
	if name := taken.Invite().From.Name; name != "${SHELL(id)}" {
		t.Errorf("bob sees %q", name)
	}
	// What is no SIP at all gets no answer, and harms nobody.
	for name, from := range map[string]string{
		"NUL": "\"a\x00b\" <sip:+12025550100" + address + ">", "injected": "<sip:a@b>\r\nContent-Length: 0\r\n\r\n", "braces": "<sip:${SHELL(id)}@b>",
	} {
		o.dial(t, Invite{To: "who", RawFrom: from})
		after := o.dial(t, Invite{To: "who", From: "+12025550100"})
		if err := after.WaitEnd(soon(t)); err != nil || after.Final().Status != 603 {
			t.Errorf("after %s: %v %v", name, after.Final(), err)
		}
	}
	// Nobody will say goodbye to those.
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.alice.Close(now); err != nil {
		t.Error(err)
	}
}

func TestPhoneCloseEndsItsCallsAndGoroutines(t *testing.T) {
	before, _ := ownGoroutines()
	ctx := soon(t)
	alice, err := NewPhone(ctx, PhoneOptions{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	bob, err := NewPhone(ctx, PhoneOptions{Name: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	// Two phones talk without an Asterisk, too.
	answered, err := alice.Call(ctx, Invite{Server: bob.Addr(), To: "bob", DisplayName: `Al "the" Ice\`, Headers: map[string]string{"X-Test": "yes"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := answered.WaitAnswer(ctx); err != nil {
		t.Fatal(err)
	}
	invite := waitCall(t, bob).Invite()
	if invite.From.Name != `Al "the" Ice\` || invite.From.User != "alice" || invite.To.User != "bob" || invite.Header("x-test") != "yes" {
		t.Errorf("bob got %+v", invite)
	}
	bob.SetReply(180)
	ringing, err := alice.Call(ctx, Invite{Server: bob.Addr(), To: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if err := ringing.WaitStatus(ctx, 180); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(alice.Close(ctx), bob.Close(ctx), alice.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	for _, call := range []*Call{answered, ringing} {
		select {
		case <-call.Done():
		default:
			t.Error("a call outlives its phone")
		}
	}
	if _, err := alice.Call(ctx, Invite{Server: bob.Addr()}); err == nil {
		t.Error("a closed phone calls")
	}
	for after, stacks := ownGoroutines(); after > before; after, stacks = ownGoroutines() {
		if ctx.Err() != nil {
			t.Fatalf("goroutines are left:\n%s", stacks)
		}
		runtime.Gosched() // what has said that it is done may not have returned yet
	}
}

// ownGoroutines counts the goroutines that run code of this package, and gives the stacks of all. The library's do not count: what
// it sends in the moment of closing may make it open another socket, which it then reads for ever (sipgo 1.7.2, createConnection).
func ownGoroutines() (n int, stacks string) {
	all := make([]byte, 1<<20)
	stacks = string(all[:runtime.Stack(all, true)])
	for g := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(g, "linewarden/dialplan/testbed.") {
			n++
		}
	}
	return n, stacks
}

func TestPhoneCallToNobody(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	phone := PhoneFor(t, PhoneOptions{Name: "alice"})
	call, err := phone.Call(soon(t), Invite{Server: silent.LocalAddr().String(), To: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Press(soon(t), "1"); err == nil {
		t.Error("pressed a key without any sound")
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := call.WaitAnswer(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for an answer of nobody: %v", err)
	}
	if err := phone.Close(short); err != nil {
		t.Error(err)
	}
	<-call.Done()
	for _, server := range []string{"", "127.0.0.1", "127.0.0.1:sip"} {
		if _, err := PhoneFor(t, PhoneOptions{}).Call(t.Context(), Invite{Server: server}); err == nil {
			t.Errorf("called the server %q", server)
		}
	}
}

func TestMessageHeader(t *testing.T) {
	m := Message{Status: 603, Reason: "Decline", headers: []sip.Header{sip.NewHeader("Reason", "a"), sip.NewHeader("reason", "b")}}
	if m.Header("REASON") != "a" || m.Header("Via") != "" || m.String() != "603 Decline" {
		t.Errorf("%q %q %s", m.Header("REASON"), m.Header("Via"), m.String())
	}
}
