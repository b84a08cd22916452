package replica

import (
	"context"
	"errors"
	"iter"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// number is the i-th of a thousand numbers that belong to nobody.
func number(i int) numberdb.Number { return numberdb.Number(442079460000 + i%1000) }

func target(i int) numberdb.Target { return numberdb.Target{Number: number(i)} }

func targets(n int) (all []numberdb.Target) {
	for i := range n {
		all = append(all, target(i))
	}
	return all
}

// someDay is a day on which the listings of these tests hold.
const someDay numberdb.Day = 20_000

// listed is a listing, one for each i.
func listed(i int) (l numberdb.Listing) {
	l.Roles[numberdb.RoleCallback] = numberdb.RoleListing{WarnUntil: numberdb.Day(20_000 + i), WatchUntil: 30_000, Brand: "amazon"}
	return l
}

// run runs a replica until stop is called, which returns what Run returned, or until the test ends.
func run(t *testing.T, src Source, opts Options) (r *Replica, stop func() error) {
	t.Helper()
	r, err := New(src, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r, begin(t, r)
}

// begin lets a replica run until stop is called or the test ends.
func begin(t *testing.T, r *Replica) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { stop() })
	return stop
}

// until waits for a state, for as long as it might take on the slowest machine.
func until(t *testing.T, r *Replica, what string, wanted func(State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.Wait(ctx, wanted); err != nil {
		t.Fatalf("waiting until %s: %v; the state is %+v", what, err, r.State())
	}
}

func untilListed(t *testing.T, r *Replica, i int, l numberdb.Listing) {
	t.Helper()
	until(t, r, "a listing is as stored", func(State) bool { return r.Lookup(number(i), someDay) == l })
}

func untilLoaded(t *testing.T, r *Replica) {
	t.Helper()
	until(t, r, "the list is loaded", func(s State) bool { return s.Loaded && !s.FromSnapshot })
}

func untilFault(t *testing.T, r *Replica, target error) {
	t.Helper()
	until(t, r, "there is a fault", func(s State) bool { return errors.Is(s.Err, target) })
}

func untilHealthy(t *testing.T, r *Replica) {
	t.Helper()
	until(t, r, "all is well", func(s State) bool { return s.Loaded && !s.FromSnapshot && s.Err == nil })
}

// same fails the test unless the replica holds exactly what the store holds.
func same(t *testing.T, r *Replica, m *memory) {
	t.Helper()
	want, got := m.all(), map[numberdb.Target]numberdb.Listing{}
	for c := range r.list.Load().index.All() {
		got[c.Target] = c.Listing
	}
	if !maps.Equal(got, want) {
		t.Errorf("the replica holds %d targets, the store %d, or they differ:\n got %v\nwant %v", len(got), len(want), got, want)
	}
	for target, l := range want {
		if got := r.Lookup(target.Number, someDay); !target.Prefix && got != l {
			t.Errorf("%v: the lookup gives %+v, the store has %+v", target, got, l)
		}
	}
}

// pass lets time go by, inside of synctest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// quiet are options whose heartbeat does not come during a test.
var quiet = Options{HeartbeatEvery: time.Hour}

var errAway = errors.New("connection refused")

func TestLoadAndFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(30)...)
		m.put(listed(2), numberdb.Target{Number: 4420794, Prefix: true})
		r, _ := New(m, quiet)
		for c := range r.All() {
			t.Errorf("before Run, there is %v", c.Target)
		}
		if s := r.State(); s != (State{}) || r.Version() != 0 || r.Loaded() || r.Lookup(number(1), someDay) != (numberdb.Listing{}) {
			t.Errorf("before Run, the state is %+v, %+v", s, r.Lookup(number(1), someDay))
		}
		r, _ = run(t, m, quiet)
		untilLoaded(t, r)
		same(t, r, m)
		s := r.State()
		if s.Numbers != 30 || s.Prefixes != 1 || s.ListID != "a" || s.Err != nil || !r.Loaded() {
			t.Errorf("the state is %+v", s)
		}

		m.put(listed(3), target(5), target(40))
		m.put(numberdb.Listing{}, target(6), numberdb.Target{Number: 4420794, Prefix: true})
		until(t, r, "four changes are seen", func(now State) bool { return now.Version == s.Version+4 })
		same(t, r, m)
		if all := maps.Collect(pairs(r.All())); len(all) != 30 || all[target(5)] != listed(3) || r.Version() != s.Version+4 {
			t.Errorf("at version %d there are %d targets", r.Version(), len(all))
		}
		if s := r.State(); s.Numbers != 30 || s.Prefixes != 0 {
			t.Errorf("after one more, one less and the range gone, there are %d numbers and %d prefixes", s.Numbers, s.Prefixes)
		}
		if loads := m.called("load"); loads != 4 {
			t.Errorf("%d partitions were loaded, want 4: following is enough", loads)
		}
	})
}

// pairs are changes as a map has them.
func pairs(changes iter.Seq[numberdb.Change]) iter.Seq2[numberdb.Target, numberdb.Listing] {
	return func(yield func(numberdb.Target, numberdb.Listing) bool) {
		for c := range changes {
			if !yield(c.Target, c.Listing) {
				return
			}
		}
	}
}

// TestNoGapBetweenLoadAndFollow changes the store while it is read. The list must be right as soon as it is in use, so
// following fails from then on.
func TestNoGapBetweenLoadAndFollow(t *testing.T) {
	for name, moment := range map[string]string{"before reading": "load", "after reading": "loaded"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory("a", 2)
				m.put(listed(1), targets(10)...)
				r, err := New(m, Options{})
				if err != nil {
					t.Fatal(err)
				}
				var once sync.Once
				m.setDuring(func(request string, _ int) error {
					if request == moment {
						once.Do(func() {
							m.put(listed(2), target(2), target(3))
							m.put(numberdb.Listing{}, target(4), target(5))
						})
					}
					if request == "follow" && r.Loaded() {
						return errAway
					}
					return nil
				})
				begin(t, r)
				untilFault(t, r, errAway)
				same(t, r, m)
			})
		})
	}
}

func TestTrimmedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		loads := m.called("load")
		m.setDown(errAway)
		untilFault(t, r, errAway)
		m.put(numberdb.Listing{}, target(1), target(2), target(3))
		m.put(listed(9), target(4), target(90))
		m.trim()
		m.setDown(nil)
		untilHealthy(t, r)
		same(t, r, m)
		if n := m.called("load") - loads; n != 4 {
			t.Errorf("%d partitions were loaded, want all 4 once", n)
		}
	})
}

func TestResumeWithoutLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		for range 3 {
			m.setDown(errAway)
			untilFault(t, r, errAway)
			m.put(numberdb.Listing{}, target(1))
			m.put(listed(9), target(4), target(90))
			m.setDown(nil)
			untilHealthy(t, r)
			same(t, r, m)
		}
		if loads := m.called("load"); loads != 4 {
			t.Errorf("%d partitions were loaded, want 4: the stream reached back", loads)
		}
	})
}

func TestErrorInTheMiddleOfALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		m.setDuring(func(request string, partition int) error {
			if request == "loaded" && partition == 2 {
				return errAway
			}
			return nil
		})
		m.trim()
		m.put(listed(2), targets(40)...)
		m.trim()
		untilFault(t, r, errAway)
		for i := range 20 {
			if r.Lookup(number(i), someDay) != listed(1) {
				t.Errorf("number %d: the last list is not in use any more", i)
			}
		}
		if s := r.State(); s.Numbers != 20 || !strings.Contains(s.Err.Error(), "load partition 2") {
			t.Errorf("the state is %+v", s)
		}
		m.setDuring(nil)
		untilHealthy(t, r)
		same(t, r, m)
	})
}

// A store of which one part fails still gives the changes of the others.
func TestChangesDuringFailingLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 2)
		m.put(listed(1), target(0), target(1))
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		m.setDuring(func(request string, partition int) error {
			if request == "load" {
				return errAway
			}
			return nil
		})
		m.change(func() { // only of partition 0
			m.parts[0].stream = append(m.parts[0].stream, numberdb.Change{Target: target(0)})
			m.parts[0].trimmed = len(m.parts[0].stream)
		})
		untilFault(t, r, errAway)
		m.put(listed(2), target(1))
		untilListed(t, r, 1, listed(2))
	})
}

func TestAnotherList(t *testing.T) {
	for name, partitions := range map[string]int{"same partitions": 4, "fewer partitions": 2, "more partitions": 8} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory("a", 4)
				m.put(listed(1), targets(20)...)
				r, _ := run(t, m, Options{})
				untilLoaded(t, r)
				m.mu.Lock() // at once, and without a word to those who follow
				m.id, m.parts = "b", make([]memoryPartition, partitions)
				for p := range m.parts {
					m.parts[p].listings = map[numberdb.Target]numberdb.Listing{}
				}
				for i := range 10 { // half as many
					m.parts[i%partitions].listings[target(i)] = listed(7)
				}
				m.mu.Unlock()
				until(t, r, "the other list is loaded", func(s State) bool { return s.ListID == "b" })
				same(t, r, m)
				m.put(listed(8), target(500))
				untilListed(t, r, 500, listed(8))
			})
		})
	}
}

// The other list has as many changes behind it, so that its positions look like those of the first.
func TestAnotherListInTheMiddleOfALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 2)
		m.put(listed(1), targets(10)...)
		var once sync.Once
		m.setDuring(func(request string, _ int) error {
			if request == "loaded" {
				once.Do(func() {
					m.reset("b", 2)
					m.put(listed(2), targets(10)...)
				})
			}
			return nil
		})
		r, _ := run(t, m, Options{LoadConcurrency: 1})
		untilLoaded(t, r)
		same(t, r, m)
		if s := r.State(); s.ListID != "b" || s.Version != 1 {
			t.Errorf("the list is %q and the version %d, want b, and nothing put in use before it", s.ListID, s.Version)
		}
	})
}

func TestWipedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		kept := func(when string) {
			t.Helper()
			if s := r.State(); s.Numbers != 20 || s.ListID != "a" || r.Lookup(number(3), someDay) != listed(1) {
				t.Errorf("%s: the last list is gone; the state is %+v", when, s)
			}
		}
		m.reset("", 0)
		untilFault(t, r, numberdb.ErrNoList)
		kept("no list")
		age := r.State().Age
		pass(time.Minute)
		if now := r.State().Age; now < age+time.Minute {
			t.Errorf("the age went from %v to %v in a minute without a list in the store", age, now)
		}
		m.reset("b", 4)
		untilFault(t, r, ErrReplaced)
		kept("a new and empty list")
		m.put(listed(2), target(3))
		pass(time.Minute)
		untilFault(t, r, ErrReplaced)
		kept("a new list with little in it")
		m.change(func() { m.accepted = "b" })
		untilHealthy(t, r)
		same(t, r, m)
		if s := r.State(); s.ListID != "b" {
			t.Errorf("once it is confirmed, the list is %q", s.ListID)
		}
	})
}

// A list that is refused is not loaded over and over, however large it is; and where the store's own data come back, that is all.
func TestRestoredStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		parts := m.parts
		m.reset("b", 4)
		m.put(listed(2), targets(9)...)
		untilFault(t, r, ErrReplaced)
		loads, version := m.called("load"), r.Version()
		pass(10 * time.Minute)
		m.put(listed(2), targets(19)...) // what has been refused stays so, until somebody has looked at it
		pass(10 * time.Minute)
		if n := m.called("load"); n != loads {
			t.Errorf("%d partitions were loaded of a list that was refused", n-loads)
		}
		if s := r.State(); s.Numbers != 20 || s.ListID != "a" || s.Version != version || !errors.Is(s.Err, ErrReplaced) {
			t.Errorf("the state is %+v", s)
		}
		m.change(func() { m.id, m.parts = "a", parts })
		untilHealthy(t, r)
		same(t, r, m)
	})
}

// That a list was confirmed counts for it alone, and an answer that does not come confirms nothing.
func TestConfirmedListIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		m.setDuring(func(request string, _ int) error {
			if request == "accepted" {
				return errAway
			}
			return nil
		})
		m.change(func() { m.accepted = "b" })
		m.reset("b", 4)
		untilFault(t, r, errAway)
		m.setDuring(func(request string, _ int) error {
			if request == "load" { // it is another one by the time that it is loaded
				m.reset("c", 4)
			}
			return nil
		})
		untilFault(t, r, ErrReplaced)
		if s := r.State(); s.Numbers != 20 || s.ListID != "a" {
			t.Errorf("the state is %+v", s)
		}
	})
}

// A list whose last number goes away is empty rightly.
func TestEmptyList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		r, _ := run(t, m, Options{})
		untilLoaded(t, r)
		if s := r.State(); s.Numbers != 0 || s.Err != nil {
			t.Errorf("the state of an empty list is %+v", s)
		}
		m.put(listed(1), target(1))
		untilListed(t, r, 1, listed(1))
		m.put(numberdb.Listing{}, target(1))
		m.trim()
		until(t, r, "it is empty again", func(s State) bool { return s.Numbers == 0 && s.Err == nil })
	})
}

func TestNothingToServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("", 0)
		r, _ := run(t, m, Options{})
		untilFault(t, r, numberdb.ErrNoList)
		if s := r.State(); s.Loaded || s.Age != 0 {
			t.Errorf("without a list, the state is %+v", s)
		}
		m.reset("a", 2)
		untilHealthy(t, r)
	})
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.put(listed(1), targets(20)...)
		r, _ := run(t, m, Options{HeartbeatEvery: time.Second, Timeout: 5 * time.Second})
		untilLoaded(t, r)
		highest := func(seconds int, change bool) (age time.Duration) {
			for i := range seconds * 10 {
				if change {
					m.put(listed(i), target(i))
				}
				pass(time.Second / 10)
				age = max(age, r.State().Age)
			}
			return age
		}
		if age := highest(60, false); age > 2*time.Second {
			t.Errorf("with nothing new for a minute, the age reached %v", age)
		}
		asked := m.called("identity")
		if age := highest(60, true); age > 2*time.Second {
			t.Errorf("with ten changes a second for a minute, the age reached %v", age)
		}
		if n := m.called("identity") - asked; n > 65 {
			t.Errorf("with ten changes a second for a minute, the identity was asked %d times, want once per heartbeat", n)
		}
		m.setHung(true)
		if age := highest(60, false); age < time.Minute {
			t.Errorf("with the store hung for a minute, the age reached %v", age)
		}
		if s := r.State(); !errors.Is(s.Err, context.DeadlineExceeded) || r.Lookup(number(1), someDay) == (numberdb.Listing{}) {
			t.Errorf("with the store hung, the state is %+v", s)
		}
		m.setHung(false)
		m.put(listed(500), target(1))
		if age := highest(10, false); age < time.Minute || r.State().Age > 2*time.Second || r.State().Err != nil {
			t.Errorf("ten seconds after the store came back, the state is %+v", r.State())
		}
		same(t, r, m)
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", 4)
		m.setDown(errAway)
		r, _ := run(t, m, Options{RetryMin: 100 * time.Millisecond, RetryMax: time.Second})
		began := time.Now()
		pass(100 * time.Second)
		// Waits of 0.5 to 1 second, and a few shorter ones at first.
		if n := m.called("identity"); n < 100 || n > 210 {
			t.Errorf("%d tries in 100 seconds without a store", n)
		}
		m.setDown(nil)
		untilHealthy(t, r)
		if took := time.Since(began) - 100*time.Second; took > time.Second {
			t.Errorf("the store was noticed %v after it came back", took)
		}
	})
}

// TestReadersNeverMissAListedNumber reads while the list is loaded anew again and again: what is listed all the time is there all the time.
func TestReadersNeverMissAListedNumber(t *testing.T) {
	m := newMemory("a", 4)
	m.put(listed(1), targets(200)...)
	r, stop := run(t, m, Options{})
	untilLoaded(t, r)
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if l := r.Lookup(number(i%100), someDay); l == (numberdb.Listing{}) {
					t.Errorf("number %d was missing", i%100)
					return
				}
			}
		})
	}
	for i := range 50 {
		s := r.State()
		m.mu.Lock() // at once, so that the replica misses the change
		for p := range m.parts {
			part := &m.parts[p]
			for t := range part.listings {
				if part.listings[t] = listed(i); t.Number >= number(100) && i%2 == 0 {
					delete(part.listings, t)
				}
			}
			part.stream = append(part.stream, numberdb.Change{})
			part.trimmed = len(part.stream)
		}
		m.mu.Unlock()
		m.put(listed(i), target(0)) // wakes the replica
		until(t, r, "the list is loaded anew", func(now State) bool { return now.Version > s.Version && r.Lookup(number(99), someDay) == listed(i) })
	}
	close(done)
	readers.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	same(t, r, m)
}
