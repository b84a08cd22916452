package access

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/linewarden/linewarden/numberdb"
)

func TestFoldName(t *testing.T) {
	for text, want := range map[string]string{
		"ann": "ann", " Ann ": "ann", "ANN@Helpline.Example": "ann@helpline.example", "0": "0", strings.Repeat("a", 64): strings.Repeat("a", 64),
		"": "", " ": "", "-ann": "", "@": "", "ann/laptop": "", "a b": "", "аnn": "", "ﬁ": "", "a\x00": "", "a\n": "a", "K": "k", strings.Repeat("a", 65): "",
		strings.Repeat(" ", 300) + "a": "",
	} {
		got, ok := FoldName(text)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q is folded to %q, %v", text, got, ok)
		}
	}
}

// FuzzFoldName wants names to stay what they are, and nobody to look like somebody else.
func FuzzFoldName(f *testing.F) {
	for _, s := range []string{"ann", " Ann ", "ann@helpline.example", "ann/laptop", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := FoldName(s)
		if !ok {
			return
		}
		if again, ok := FoldName(name); !ok || again != name {
			t.Errorf("%q is folded to %q, that to %q", s, name, again)
		}
		if strings.ContainsAny(name, "/ \t\n\x00") || len(name) > numberdb.MaxPerson || strings.ToLower(name) != name {
			t.Errorf("%q is folded to %q", s, name)
		}
	})
}

func TestDelay(t *testing.T) {
	l := Lockout{Free: 5, First: time.Second, Longest: 15 * time.Minute}
	for n, want := range map[int]time.Duration{
		0: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 14: 512 * time.Second, 15: 15 * time.Minute, 5000: 15 * time.Minute,
	} {
		if got := l.Delay(n); got != want {
			t.Errorf("after %d failures %v, want %v", n, got, want)
		}
	}
	if got := (Lockout{}).Delay(1000); got != 0 {
		t.Errorf("the zero value delays by %v", got)
	}
}

func newTestHasher(t *testing.T, c Cost) *hasher {
	t.Helper()
	h, err := newHasher(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPasswordHashes(t *testing.T) {
	h := newTestHasher(t, Cost{Memory: 64, Passes: 1})
	hash, err := h.hash(t.Context(), "three walruses sing")
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.hash(t.Context(), "three walruses sing")
	if err != nil || hash == other || !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("hashed to %s and %s, %v", hash, other, err)
	}
	for password, want := range map[string]bool{"three walruses sing": true, "three walruses sang": false, "": false} {
		if got, err := h.matches(t.Context(), password, hash); got != want || err != nil {
			t.Errorf("%q matches: %v, %v", password, got, err)
		}
		if got, err := h.matches(t.Context(), password, ""); got || err != nil {
			t.Errorf("%q matches nothing: %v, %v", password, got, err)
		}
	}
	if _, err := newHasher(Cost{Memory: 4 << 20, Passes: 1}); err == nil {
		t.Error("4 GiB for a password are fine")
	}
}

// TestHostileHashes wants hashes that somebody has written into Redis to neither match everything nor exhaust us.
func TestHostileHashes(t *testing.T) {
	h := newTestHasher(t, Cost{Memory: 64, Passes: 1})
	for _, hash := range []string{
		"plain", "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=4294967295,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=1$$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if match, err := h.matches(t.Context(), "", hash); match || err == nil {
			t.Errorf("%s: %v, %v", hash, match, err)
		}
	}
}

// TestHashesAtOnce fills every place where a password can be checked or wait: the next one is turned away at once, and the memory is bounded.
func TestHashesAtOnce(t *testing.T) {
	h := newTestHasher(t, Cost{Memory: 64, Passes: 1})
	release := make(chan struct{})
	began := make(chan struct{}, cap(h.queue))
	ended := make(chan error, cap(h.queue))
	for range cap(h.queue) {
		go func() {
			ended <- h.inTurn(context.Background(), func() {
				began <- struct{}{}
				<-release
			})
		}()
	}
	for len(h.queue) < cap(h.queue) {
		runtime.Gosched()
	}
	for range hashesAtOnce {
		<-began
	}
	if _, err := h.hash(t.Context(), "one more"); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if len(began) != 0 || len(h.work) != hashesAtOnce {
		t.Errorf("%d work at once", len(h.work)+len(began))
	}
	close(release)
	for range cap(h.queue) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if _, err := h.hash(t.Context(), "one more"); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}

// TestWaitingForAHashEnds wants who gives up to leave the queue.
func TestWaitingForAHashEnds(t *testing.T) {
	h := newTestHasher(t, Cost{Memory: 64, Passes: 1})
	for range hashesAtOnce {
		h.work <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.matches(ctx, "password", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(h.queue) != 0 {
		t.Error("who gave up still waits")
	}
}

func TestPasswordFaults(t *testing.T) {
	for password, good := range map[string]bool{
		"three walruses sing": true, "Дом у моря, 12": true, strings.Repeat("abcde", 25): true, "            ": false, "short": false, "12345678901": false,
		"aaaaaaaaaaaaaaaa": false, "Walter is my name": false, "\xff\xfe\xfd\xfc and so on": false, "tab\tand more of it": false, strings.Repeat("abcdef", 30): false,
	} {
		if got := passwordFault("walter", password); (got == "") != good {
			t.Errorf("%q: %s", password, got)
		}
	}
}

// TestDefaultCost holds the default to OWASP's minimum, and the memory for all hashes at once to a small part of a machine's.
func TestDefaultCost(t *testing.T) {
	h := newTestHasher(t, DefaultCost)
	params, _, _, err := argon2id.DecodeHash(h.decoy)
	if err != nil || params.Memory < 19<<10 || params.Iterations < 2 || params.SaltLength < 16 || params.KeyLength < 32 {
		t.Errorf("%+v, %v", params, err)
	}
	if most := hashesAtOnce * params.Memory; most > 128<<10 {
		t.Errorf("%d KiB for hashes", most)
	}
}

func BenchmarkPassword(b *testing.B) {
	h, err := newHasher(DefaultCost)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.matches(b.Context(), "three walruses sing", ""); err != nil {
			b.Fatal(err)
		}
	}
}

// TestForward wants a page's request to the API to come from the same browser, with our cookies and no others.
func TestForward(t *testing.T) {
	src := httptest.NewRequest(http.MethodGet, "/", nil)
	src.RemoteAddr = "192.0.2.7:4000"
	src.Header.Set("User-Agent", "Mozilla/5.0")
	for _, c := range []*http.Cookie{{Name: SessionCookie, Value: "one"}, {Name: browserCookie, Value: "two"}, {Name: "tracker", Value: "three"}} {
		src.AddCookie(c)
	}
	dst := httptest.NewRequest(http.MethodPost, "/v1/reports", nil)
	dst.Header.Set("Cookie", "old=1")
	Forward(dst, src)
	if VisitOf(dst) != VisitOf(src) || VisitOf(dst).Address != "192.0.2.7" {
		t.Errorf("%+v became %+v", VisitOf(src), VisitOf(dst))
	}
	if got := dst.Header.Get("Cookie"); got != SessionCookie+"=one; "+browserCookie+"=two" {
		t.Errorf("forwarded %s", got)
	}
}

func TestOptions(t *testing.T) {
	sound := Options{Store: struct{ Store }{}, Audit: func(context.Context, numberdb.AuditEntry) (uint64, error) { return 0, nil }, Organisation: "helpline"}
	if _, err := New(sound); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"no store":            func(o *Options) { o.Store = nil },
		"no audit chain":      func(o *Options) { o.Audit = nil },
		"not an organisation": func(o *Options) { o.Organisation = "The Helpline" },
		`"" is not an`:        func(o *Options) { o.Organisation = "" },
		"out of bounds":       func(o *Options) { o.Cost = Cost{Memory: 1, Passes: 1} },
	} {
		o := sound
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
