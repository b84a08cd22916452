package browsing

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

	"github.com/linewarden/linewarden/dialplan/testbed"
)

// Tab is a tab of a real Chromium that looks at one site. Its methods are for one goroutine; each fails the test if the browser does not do
// what is asked within a minute, since machines that run tests stall for seconds.
type Tab struct {
	// Context is the browser's, for steps of chromedp that have no method here.
	Context context.Context
	address string

	mu         sync.Mutex
	complaints []string // of the console: errors, warnings, what the Content-Security-Policy refused
	asked      []string // addresses of every request
}

const patience = time.Minute

// Step is something to do in a tab, such as chromedp.Click.
type Step = chromedp.Action[chromedp.Void]

// Open starts a browser of its own, with a new profile, on the site at address: scheme, host and port. It ends with the test.
func Open(t testing.TB, address string) *Tab {
	t.Helper()
	found := testbed.BrowserFor(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(found.Path), chromedp.Env(found.Env...), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "en-GB"), chromedp.DisableGPU, chromedp.IgnoreCertErrors, chromedp.WSURLReadTimeout(patience))
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	tab := &Tab{Context: ctx, address: address}
	if err := chromedp.Listen(ctx, tab.listen); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	tab.Do(t, Command(log.Enable, cdp.Empty{}), Command(runtime.Enable, cdp.Empty{}), Command(network.Enable, network.EnableParams{}),
		Command(accessibility.Enable, cdp.Empty{}))
	return tab
}

func (b *Tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s %v", e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	}
}

// Quiet fails the test if the browser has complained since the last call, or has asked another server. Complaints that hold one of except are
// none, such as those about a status that was wanted.
func (b *Tab) Quiet(t testing.TB, except ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		if !slices.ContainsFunc(except, func(e string) bool { return strings.Contains(c, e) }) {
			t.Errorf("the browser complains: %s", c)
		}
	}
	for _, address := range b.asked {
		if !strings.HasPrefix(address, b.address+"/") && !strings.HasPrefix(address, "data:") { // the browser's own controls have pictures
			t.Errorf("a page asked for %s", address)
		}
	}
	b.complaints, b.asked = nil, nil
}

// Command is a step that sends the browser one command of its protocol.
func Command[P, R any](c cdp.Command[P, R], params P) Step {
	return func(ctx context.Context, tab *chromedp.Target) (nothing chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, c, params)
		return nothing, err
	}
}

// Do takes steps one after the other.
func (b *Tab) Do(t testing.TB, steps ...Step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Picture(t, "where it failed")
		b.mu.Lock()
		defer b.mu.Unlock()
		t.Fatalf("%v; the browser's complaints: %q", err, b.complaints)
	}
}

// Go opens a page of the site and waits for its fonts, without which it is not as people see it.
func (b *Tab) Go(t testing.TB, path string) {
	t.Helper()
	b.Do(t, chromedp.Navigate(b.address+path), chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise))
}

// Forget makes the browser forget who is signed in.
func (b *Tab) Forget(t testing.TB) {
	t.Helper()
	b.Do(t, Command(network.ClearBrowserCookies, cdp.Empty{}))
}

// Value is what an expression of JavaScript is on the page.
func Value[T any](t testing.TB, b *Tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Spoken is what a screen reader would find on the page.
func (b *Tab) Spoken(t testing.TB) []*accessibility.Node {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	tree, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
		return cdp.Call(ctx, tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	})
	if err != nil {
		t.Fatalf("read what a screen reader reads: %v", err)
	}
	return tree.Nodes
}

// Look is how a page is looked at.
type Look struct {
	Name          string
	Width, Height int64 // of the window, in pixels
	Dark          bool
}

// Looks are a desk and a telephone, by day and by night.
var Looks = []Look{{"light", 1280, 900, false}, {"dark", 1280, 900, true}, {"phone", 360, 780, false}, {"phone-dark", 360, 780, true}}

// Look makes the window so. Nothing moves in it, so that no picture shows a colour half way to another.
func (b *Tab) Look(t testing.TB, l Look) {
	t.Helper()
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	b.Do(t, Command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.Width, Height: l.Height, DeviceScaleFactor: 1}),
		Command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}))
}

// Picture keeps what the page looks like, if somebody wants to look: "go test -artifacts" says where.
func (b *Tab) Picture(t testing.TB, name string) {
	t.Helper()
	if wanted := flag.Lookup("test.artifacts"); wanted == nil || wanted.Value.String() != "true" {
		return
	}
	const lossless = 100
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(lossless))
	if err != nil {
		t.Logf("no picture of %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), png, 0o644); err != nil {
		t.Error(err)
	}
}
