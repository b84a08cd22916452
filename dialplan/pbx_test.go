package dialplan

import (
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/dialplan/testbed"
)

// The built prompts are what Asterisk plays, on both sides and in the language that was asked for.
func TestAsteriskPlaysThePrompts(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	tools, err := testbed.Prepare(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := Build(ctx, BuildOptions{Dir: dir, Languages: []string{"fr"}, Run: tools.Command}); err != nil {
		t.Fatal(err)
	}
	x := newExchangeWith(ctx, t, PBXOptions{}, os.DirFS(dir), func(map[string][]byte) {})
	app := newRawApp(ctx, t, x.ari, true)

	c := x.subscriber.place(x.subscriberPort, clean, rawFrom(subscriber))
	call := app.next(ctx)
	for language, want := range map[string]string{"fr": "done", "xx": "failed"} {
		id := "warn-" + language
		app.request(ctx, "POST", "/channels/"+call.channel+"/play/"+url.PathEscape(id), url.Values{
			"media": {strings.Join(NewVoice().Media("amazon", PromptWarn), ",")}, "lang": {language},
		}, nil)
		select {
		case got := <-app.plays:
			if got != id+" "+want {
				t.Errorf("in %s: %s, want %s", language, got, want)
			}
		case <-ctx.Done():
			t.Fatalf("in %s: the playback did not end: %v", language, ctx.Err())
		}
	}
	if m := c.next(ctx, 183); m.status() != 183 || !strings.Contains(m.body, "m=audio") {
		t.Errorf("%s, want 183 with early media", m.start)
	}
	call.verdict(ctx, ActionBlock, "listed_block")
	if got := c.final(ctx); got != 603 {
		t.Errorf("refused after early media: %d, want 603", got)
	}

	// The whisper, in the language of the settings.
	c = x.carrier.place(x.carrierPort, subscriber, rawFrom(clean))
	call = app.next(ctx)
	x.set(ctx, t, "LINEWARDEN_LANGUAGE", "fr")
	call.goOn(ctx, NewVoice().LabelExtension("listed_warn", "fr", "amazon"))
	rings(ctx, t, x.subscriber)
	if got := c.final(ctx); got != 200 {
		t.Errorf("labelled: %d, want 200", got)
	}
	c.bye()
	x.expectIdle(ctx, t)
	log := x.Log(1000)
	for _, clip := range []string{"whisper-before", "brand/amazon", "whisper-after"} {
		// Asterisk writes the format behind the name: slin, or slin16 for a wideband call.
		if !strings.Contains(log, "Playing 'linewarden/"+clip+".slin' (language 'fr')") {
			t.Errorf("the called person did not hear %s in French", clip)
		}
	}
}

// The example for operators must load as it stands, beside samples of the other files.
func TestSamplesLoad(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	sample := func(name string) []byte {
		text, err := fs.ReadFile(Files(), "sample/"+name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	x := newExchangeWith(ctx, t, PBXOptions{}, nil, func(files map[string][]byte) {
		files["extensions.conf"] = sample("extensions.conf")
		files["ari.conf"] = sample("ari.conf")
		files["pjsip.conf"] = append(files["pjsip.conf"], strings.ReplaceAll(string(sample("pjsip.conf")), "[carrier]", "[sample]")...)
		port := strings.SplitAfter(string(files["http.conf"]), "bindport=")[1]
		port, _, _ = strings.Cut(port, "\n")
		files["http.conf"] = []byte(strings.Replace(string(sample("http.conf")), "bindport=8088", "bindport="+port, 1))
	})
	for command, wants := range map[string][]string{
		"dialplan show from-subscribers":   {"linewarden-outbound,s,1(${FILTER(+*#0-9,${EXTEN})},default)"},
		"dialplan show from-carrier":       {"linewarden-inbound,s,1(default)", "${LINEWARDEN_DIAL_OPTIONS}"},
		"dialplan show linewarden-verdict": {"allow_clean"},
		"dialplan show linewarden-act":     {"_allow_.", "_war[n]_.", "_label_.", "_block_.", "_helpli[n]e_.", "_ha[n]gup_."},
		"dialplan show globals":            {"LINEWARDEN_SETTINGS=v1", "LINEWARDEN_HELPLINE=PJSIP/+12025550199@carrier"},
		"ari show users":                   {"linewarden"},
		"http show status":                 {"/ari/"},
		"pjsip show endpoint sample":       {"suppress_q850_reason_headers       : true", "language                           : en"},
	} {
		out, err := x.CLI(ctx, command)
		if err != nil {
			t.Errorf("%s: %v", command, err)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in:\n%s", command, want, out)
			}
		}
	}
}

// The files that an operator installs and the log of a small exchange should hold no complaint at all, so that a real one is seen.
func TestExchangeStartsWithoutComplaint(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newExchange(ctx, t, nil, "")
	for line := range strings.Lines(x.Log(1000)) {
		if strings.Contains(line, "WARNING[") || strings.Contains(line, "ERROR[") {
			t.Error(line)
		}
	}
}

func TestPBXRefusesWhatWouldBreakOutOfALine(t *testing.T) {
	good := PBXOptions{
		SubscriberPort: 5060, CarrierPort: 5070, HTTPPort: 8088, RTPFirst: 10000, RTPLast: 10100,
		ARIUser: "linewarden", ARIPassword: "secret", Carrier: "127.0.0.1:5090",
	}
	if _, err := PBX(good); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*PBXOptions){
		"SubscriberPort":          func(o *PBXOptions) { o.SubscriberPort = 0 },
		"CarrierPort":             func(o *PBXOptions) { o.CarrierPort = o.SubscriberPort },
		"HTTPPort":                func(o *PBXOptions) { o.HTTPPort = 65536 },
		"RTPLast":                 func(o *PBXOptions) { o.RTPLast = o.RTPFirst },
		"Bind":                    func(o *PBXOptions) { o.Bind = "127.0.0.1\nallowguest=yes" },
		"External":                func(o *PBXOptions) { o.External = "here" },
		"HTTPBind":                func(o *PBXOptions) { o.HTTPBind = "localhost" },
		"Carrier":                 func(o *PBXOptions) { o.Carrier = "127.0.0.1" },
		"Subscriber":              func(o *PBXOptions) { o.Subscriber = "a:1\n[x]" },
		"Helpline":                func(o *PBXOptions) { o.Helpline = "a b:1" },
		"ARIUser":                 func(o *PBXOptions) { o.ARIUser = "" },
		"ARIPassword":             func(o *PBXOptions) { o.ARIPassword = "a;b" },
		"Policy":                  func(o *PBXOptions) { o.Policy = "a,b" },
		"Language":                func(o *PBXOptions) { o.Language = "en\nx=y" },
		"Settings OTHER":          func(o *PBXOptions) { o.Settings = map[string]string{"OTHER": "1"} },
		"Settings LINEWARDEN_APP": func(o *PBXOptions) { o.Settings = map[string]string{"LINEWARDEN_APP": "a\nb"} },
	} {
		o := good
		change(&o)
		_, err := PBX(o)
		if err == nil || !strings.Contains(err.Error(), field+": want ") {
			t.Errorf("%s: %v, want an error that names it", field, err)
		}
		if err != nil && strings.Contains(err.Error(), "a;b") {
			t.Errorf("%s: the error tells the password: %v", field, err)
		}
	}
}
