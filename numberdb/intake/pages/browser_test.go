package pages

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/linewarden/linewarden/dialplan/testbed"
)

// browser is a tab of a real Chromium on our pages.
type browser struct {
	context.Context
	address string

	mu         sync.Mutex
	complaints []string // of the browser's console: errors, warnings, what the Content-Security-Policy refused
	asked      []string // addresses of every request
}

// stepPatience bounds what a test does in the browser at a time: machines that run tests stall for seconds.
const stepPatience = time.Minute

// newBrowser opens a tab on a server of the pages.
func newBrowser(t *testing.T, p *Pages) *browser {
	t.Helper()
	server := httptest.NewTLSServer(p)
	t.Cleanup(server.Close)
	found := testbed.BrowserFor(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(found.Path), chromedp.Env(found.Env...), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "en-GB"), chromedp.DisableGPU, chromedp.IgnoreCertErrors, chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{Context: ctx, address: server.URL}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	b.run(t, command(log.Enable, cdp.Empty{}), command(runtime.Enable, cdp.Empty{}), command(network.Enable, network.EnableParams{}), command(accessibility.Enable, cdp.Empty{}))
	t.Cleanup(func() {
		if t.Failed() {
			b.picture(t, "at the end of "+strings.ReplaceAll(t.Name(), "/", "-"))
		}
	})
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s %v", e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprintf("%s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	}
}

// quiet fails the test if the browser has complained, or has asked another server.
func (b *browser) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		t.Errorf("the browser complains: %s", c)
	}
	for _, address := range b.asked {
		if !strings.HasPrefix(address, b.address+"/") && !strings.HasPrefix(address, "data:") { // the browser's own controls have pictures
			t.Errorf("a page asked for %s", address)
		}
	}
	b.complaints, b.asked = nil, nil
}

// do is a step in the browser that gives nothing back.
type do = chromedp.Action[chromedp.Void]

// command is a step that sends the browser one command of its protocol.
func command[P, R any](c cdp.Command[P, R], params P) do {
	return func(ctx context.Context, tab *chromedp.Target) (nothing chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, c, params)
		return nothing, err
	}
}

func (b *browser) run(t *testing.T, steps ...do) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, stepPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		t.Fatalf("%v; the browser's complaints: %q", err, b.complaints)
	}
}

// open shows a page and waits for its fonts, without which it is not as people see it.
func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	b.run(t, chromedp.Navigate(b.address+path), chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise))
}

// js gives what an expression is on the page.
func js[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, stepPatience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// as signs in by the form.
func (b *browser) as(t *testing.T, user string) {
	t.Helper()
	b.open(t, "/signin")
	b.run(t, chromedp.SendKeys(chromedp.CSS("#f-user"), user), chromedp.SendKeys(chromedp.CSS("#f-password"), "correct horse battery"+kb.Enter), chromedp.WaitVisible(chromedp.CSS("#menu")))
}

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	dark          bool
}

var looks = []look{{"light", 1280, 900, false}, {"dark", 1280, 900, true}, {"phone", 360, 780, false}, {"phone-dark", 360, 780, true}}

func (b *browser) look(t *testing.T, l look) {
	t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	b.run(t, command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // nothing is half way to its colour
		}}))
}

// picture keeps what the page looks like, if somebody wants to look: "go test -artifacts" says where.
func (b *browser) picture(t *testing.T, name string) {
	t.Helper()
	if wanted := flag.Lookup("test.artifacts"); wanted == nil || wanted.Value.String() != "true" {
		return
	}
	const lossless = 100
	png, err := chromedp.Run(b, chromedp.FullScreenshot(lossless))
	if err != nil {
		t.Logf("no picture: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), png, 0o644); err != nil {
		t.Error(err)
	}
}
