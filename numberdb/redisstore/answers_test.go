package redisstore

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

func TestReservedOnce(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	testReserve(t, s)
	must[int](t)(s.CountReport(ctx, "ann", 20000))
	for _, want := range []struct {
		who   string
		day   numberdb.Day
		count int
	}{{"ann", 20000, 2}, {"bob", 20000, 1}, {"ann", 20001, 1}, {"ann", 20000, 3}} {
		if got := must[int](t)(s.CountReport(ctx, want.who, want.day)); got != want.count {
			t.Errorf("report %d of %s on day %d, want %d", got, want.who, want.day, want.count)
		}
	}
}

// testReserve goes through the life of a name, and leaves one behind.
func testReserve(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	reserve := func(value, want string) {
		t.Helper()
		if there := must[[]byte](t)(s.Reserve(ctx, "n", []byte(value), time.Minute)); string(there) != want {
			t.Errorf("%q was there, want %q", there, want)
		}
	}
	reserve("first", "")
	reserve("second", "first")
	if err := s.Keep(ctx, "n", []byte("kept"), time.Hour); err != nil {
		t.Fatal(err)
	}
	reserve("third", "kept")
	if err := s.Release(ctx, "n"); err != nil {
		t.Fatal(err)
	}
	reserve("fourth", "")
}

// TestSameReportSentAgain sends a report of a chosen id several times, and with changed texts: it is stored once, and every time gets the
// receipt of the first.
func TestSameReportSentAgain(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t)), soon(t)
	r := aReport(fiction(1))
	r.ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	first := must[numberdb.Receipt](t)(s.Report(ctx, r))
	other := aReport(fiction(1))
	must[numberdb.Receipt](t)(s.Report(ctx, other)) // from then on, another report of the reporter is a repeat
	for range 3 {
		r.Text += " And again."
		if got := must[numberdb.Receipt](t)(s.Report(ctx, r)); got != first || got.Repeat {
			t.Errorf("got %+v, want %+v", got, first)
		}
	}
	var ids []string
	for f, err := range s.Reports(ctx, r.Number) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, f.ID)
	}
	if len(ids) != 2 || !slices.Contains(ids, r.ID) {
		t.Errorf("stored are %q, want two with %s", ids, r.ID)
	}
	r.ID = "not an id"
	var faults numberdb.Faults
	if _, err := s.Report(ctx, r); !errors.As(err, &faults) || !faults.Has("id") {
		t.Errorf("an id of another form: %v", err)
	}
}

// TestVictimsNumber wants a victim's number to lie nowhere in Redis in the clear, and to be read with the key alone.
func TestVictimsNumber(t *testing.T) {
	client, ctx := sharedRedis(t), soon(t)
	key := must[*CallerKey](t)(NewCallerKey("a secret of the tests, 32 characters long"))
	s := newStore(t, client, func(o *Options) { o.CallerKey = key })
	r := aReport(fiction(1))
	r.Caller, r.Consent = fiction(4711), true
	receipt := must[numberdb.Receipt](t)(s.Report(ctx, r))
	if got := must[numberdb.Number](t)(s.Caller(ctx, r.Number, receipt.ID)); got != r.Caller {
		t.Errorf("the caller is %v, want %v", got, r.Caller)
	}
	for f, err := range s.Reports(ctx, r.Number) {
		if err != nil || !f.HasCaller || !f.Report.Consent || f.Report.Caller != 0 {
			t.Errorf("filed as %+v, %v", f, err)
		}
	}
	digits := []byte(r.Caller.String()[1:])
	for _, name := range client.Keys(ctx, s.options.Prefix+":*").Val() {
		if dump := []byte(client.Dump(ctx, name).Val()); bytes.Contains(dump, digits) || bytes.Contains([]byte(name), digits) {
			t.Errorf("%s holds the victim's number", name)
		}
	}

	// Moved to another report it does not open, nor with another key, and without a key none is taken in.
	other := aReport(fiction(1))
	other.Reporter = "u2"
	elsewhere := must[numberdb.Receipt](t)(s.Report(ctx, other))
	if _, err := s.Caller(ctx, r.Number, elsewhere.ID); !errors.Is(err, numberdb.ErrNoCaller) {
		t.Errorf("a report without a caller: %v", err)
	}
	callers := s.keys.callers(placeOf(exact(r.Number), 4))
	if err := client.HSet(ctx, callers, elsewhere.ID, client.HGet(ctx, callers, receipt.ID).Val()).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Caller(ctx, r.Number, elsewhere.ID); err == nil {
		t.Errorf("moved to another report, it opens as %v", got)
	}
	stranger := newStore(t, client, func(o *Options) {
		o.CallerKey = must[*CallerKey](t)(NewCallerKey("another secret, as long as the first one"))
	})
	if got, err := stranger.Caller(ctx, r.Number, receipt.ID); err == nil {
		t.Errorf("another key reads %v", got)
	}
	keyless := newStore(t, client)
	if got, err := keyless.Caller(ctx, r.Number, receipt.ID); err == nil {
		t.Errorf("without a key it reads %v", got)
	}
	var faults numberdb.Faults
	if _, err := keyless.Report(ctx, r); !errors.As(err, &faults) || !faults.Has("caller") {
		t.Errorf("without a key: %v", err)
	}
	if _, err := NewCallerKey("short"); err == nil {
		t.Error("a short key was taken")
	}
}
