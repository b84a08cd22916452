package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// mirror is a follower's copy of the list.
type mirror struct {
	listings  map[numberdb.Target]numberdb.Listing
	positions []string
	changes   int
}

func newMirror(t testing.TB, s *Store) *mirror {
	t.Helper()
	m := &mirror{}
	m.listings, m.positions = loadAll(t, s)
	return m
}

func (m *mirror) put(partition int, position string, changes []numberdb.Change) {
	m.positions[partition] = position
	for _, c := range changes {
		m.changes++
		if c.Listing == (numberdb.Listing{}) {
			delete(m.listings, c.Target)
		} else {
			m.listings[c.Target] = c.Listing
		}
	}
}

// follow follows for one heartbeat.
func (m *mirror) follow(t testing.TB, s *Store, block time.Duration) (lost []int) {
	t.Helper()
	lost, err := s.Follow(soon(t), m.positions, block, m.put)
	if err != nil {
		t.Fatal(err)
	}
	return lost
}

func TestFollowGivesWhatIsThereAndTheHeartbeat(t *testing.T) {
	testFollow(t, newStore(t, sharedRedis(t)))
}

func testFollow(t *testing.T, s *Store) {
	ctx := soon(t)
	m := newMirror(t, s)
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || m.changes != 0 {
		t.Errorf("an empty list gives %v and %d changes", lost, m.changes)
	}
	for i := range 50 {
		must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(i))))
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(0)))) // changes nothing, and tells nobody
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(442079), numberdb.StandingWarn)))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(442079), numberdb.StandingNone)))
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || m.changes != 52 {
		t.Errorf("lost %v; %d changes, want 52", lost, m.changes)
	}
	if all, _ := loadAll(t, s); !maps.Equal(all, m.listings) {
		t.Errorf("the follower has %d listings, the list %d", len(m.listings), len(all))
	}
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || m.changes != 52 {
		t.Errorf("nothing new gives %v and %d changes", lost, m.changes)
	}
}

// TestFollowMissesNothing follows while many write, beginning with a load in the middle of it.
func TestFollowMissesNothing(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	testFollowMissesNothing(t, s)
}

func testFollowMissesNothing(t *testing.T, s *Store) {
	ctx := soon(t)
	const writers, each = 8, 150
	written := make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				n := fiction(w*each + i/2)
				d := aDecision(exact(n), []numberdb.Standing{numberdb.StandingBlock, numberdb.StandingNone, numberdb.StandingWarn}[i%3])
				if _, err := s.Decide(ctx, anActor, d); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() { wg.Wait(); close(written) }()
	m := newMirror(t, s)
	for done := false; !done; {
		select {
		case <-written:
			done = true // and once more, for what came after the last read
		default:
		}
		if lost := m.follow(t, s, 5*time.Millisecond); len(lost) > 0 {
			t.Fatalf("lost %v", lost)
		}
	}
	if all, _ := loadAll(t, s); len(all) == 0 || !maps.Equal(all, m.listings) {
		t.Errorf("the follower has %d listings, the list %d", len(m.listings), len(all))
	}
}

func TestFollowWakesAtAChange(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	ctx, cancel := context.WithCancel(soon(t))
	m := newMirror(t, s)
	woken := make(chan numberdb.Change, 1)
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			_, err = s.Follow(soon(t), m.positions, 100*time.Millisecond, func(p int, position string, changes []numberdb.Change) {
				m.put(p, position, changes)
				woken <- changes[0]
			})
		}
		ended <- err
	}()
	for i := range 20 {
		must[numberdb.Receipt](t)(s.Report(soon(t), aReport(fiction(i))))
		if c := <-woken; c.Target != exact(fiction(i)) {
			t.Errorf("woken by %v, want %v", c.Target, fiction(i))
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFollowNoticesATrimmedStream(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client, func(o *Options) { o.Changes, o.Partitions = 10, 1 })
	ctx := soon(t)
	fresh := newMirror(t, s)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(0))))
	old := newMirror(t, s)
	for i := range 500 { // Redis trims whole blocks of 100 entries
		must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(i+1))))
	}
	if n := client.XLen(ctx, s.keys.changes(0)).Val(); n > 200 {
		t.Fatalf("the stream has %d entries: it was not trimmed", n)
	}
	for name, m := range map[string]*mirror{"from the start": fresh, "from the first change": old} {
		if lost := m.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{0}) || m.changes != 0 {
			t.Errorf("%s: lost %v, %d changes", name, lost, m.changes)
		}
	}
	m := newMirror(t, s)
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || len(m.listings) != 501 {
		t.Errorf("loaded anew it lost %v and has %d listings", lost, len(m.listings))
	}
}

// TestFollowNoticesAnOlderState: a Redis that was restored from a backup has another past than its followers remember, even after
// it has gone on.
func TestFollowNoticesAnOlderState(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client, func(o *Options) { o.Partitions = 1 })
	ctx := soon(t)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	backup := client.Dump(ctx, s.keys.changes(0)).Val()
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(2))))
	m := newMirror(t, s)
	if err := client.RestoreReplace(ctx, s.keys.changes(0), 0, backup).Err(); err != nil {
		t.Fatal(err)
	}
	if lost := m.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{0}) {
		t.Errorf("behind: lost %v", lost)
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(3))))
	if lost := m.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{0}) || m.changes != 0 {
		t.Errorf("ahead on another way: lost %v", lost)
	}
}

func TestFollowWantsAPositionForEachPartition(t *testing.T) {
	s := newStore(t, sharedRedis(t))
	if _, err := s.Follow(soon(t), []string{start}, time.Millisecond, nil); err == nil {
		t.Error("followed with one position for four partitions")
	}
}

// TestFollowFromWhatIsNoPosition: a damaged position must not make a node try again for ever.
func TestFollowFromWhatIsNoPosition(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client, func(o *Options) { o.Partitions = 2 })
	ctx := soon(t)
	for i := range 20 {
		must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(i))))
	}
	for _, position := range []string{"", "nonsense", "$", "+", "5", "-", "1-", "1-x", "99999999999999999999-0", "0-0\r\nFLUSHALL"} {
		m := &mirror{listings: map[numberdb.Target]numberdb.Listing{}, positions: []string{start, position}}
		if lost := m.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{1}) {
			t.Errorf("from %q: lost %v", position, lost)
		}
		if int64(m.changes) != client.XLen(ctx, s.keys.changes(0)).Val() || m.positions[1] != position {
			t.Errorf("from %q: %d changes of the other partition, and the position %q", position, m.changes, m.positions[1])
		}
	}
}

// beforeRead does something just before a read of streams is sent.
type beforeRead struct{ do func() }

func (beforeRead) DialHook(next redis.DialHook) redis.DialHook { return next }
func (beforeRead) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (b beforeRead) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "xread" {
			b.do()
		}
		return next(ctx, cmd)
	}
}

// TestFollowNoticesAStreamTrimmedWhileItStalled: a node may stall at any moment, and meanwhile more may change than the stream keeps.
func TestFollowNoticesAStreamTrimmedWhileItStalled(t *testing.T) {
	client := sharedRedis(t)
	writer := newStore(t, client, func(o *Options) { o.Partitions = 2 })
	ctx := soon(t)
	for i := range 20 {
		must[numberdb.Receipt](t)(writer.Report(ctx, aReport(fiction(i))))
	}
	stalling := clientOf(t, shared.server.Addr())
	s := must[*Store](t)(New(stalling, writer.options))
	m := newMirror(t, s)
	before := slices.Clone(m.positions)
	reported := 0
	stalling.AddHook(beforeRead{func() {
		for ; reported < 20; reported++ {
			must[numberdb.Receipt](t)(writer.Report(ctx, aReport(fiction(100+reported))))
		}
		client.XTrimMaxLen(ctx, writer.keys.changes(1), 1)
	}})
	if lost := m.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{1}) {
		t.Errorf("lost %v, want 1", lost)
	}
	if m.positions[1] != before[1] {
		t.Error("the position has gone past the gap: nobody would notice it again")
	}
	if m.positions[0] == before[0] {
		t.Error("the other partition was not followed")
	}
	if lost := m.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{1}) {
		t.Errorf("the next time: lost %v, want 1", lost)
	}
}

// TestFollowAfterAllChangesWereDeleted: somebody who empties a stream does not cut off the nodes.
func TestFollowAfterAllChangesWereDeleted(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client, func(o *Options) { o.Partitions = 1 })
	ctx := soon(t)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(0))))
	missed := newMirror(t, s)
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(1))))
	up := newMirror(t, s)
	client.XTrimMaxLen(ctx, s.keys.changes(0), 0)
	if lost := missed.follow(t, s, time.Millisecond); !slices.Equal(lost, []int{0}) {
		t.Errorf("who was behind lost %v", lost)
	}
	if lost := up.follow(t, s, time.Millisecond); len(lost) != 0 {
		t.Errorf("who was up to date lost %v", lost)
	}
	m := newMirror(t, s)
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 {
		t.Errorf("who has loaded since lost %v", lost)
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(2))))
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 { // whether it was the only change cannot be seen
		m = newMirror(t, s)
	}
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || len(m.listings) != 3 {
		t.Errorf("after another change: lost %v, %d listings", lost, len(m.listings))
	}
}

// TestFollowEndsWithItsContext: stopping does not take a whole wait, although Redis is still busy with it.
func TestFollowEndsWithItsContext(t *testing.T) {
	client := clientOf(t, ownRedis(t, "--appendonly", "no").Addr())
	s := newStore(t, client)
	m := newMirror(t, s)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan error, 1)
	go func() {
		_, err := s.Follow(ctx, m.positions, 24*time.Hour, m.put)
		ended <- err
	}()
	waiting := soon(t)
	for !strings.Contains(client.Info(waiting, "clients").Val(), "blocked_clients:1") {
		if waiting.Err() != nil {
			t.Fatal("Follow does not wait")
		}
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-soon(t).Done():
		t.Error("Follow does not end")
	}
}

// TestWhatCannotBeReadIsSkipped: entries by another hand or another version must not stop a node.
func TestWhatCannotBeReadIsSkipped(t *testing.T) {
	client := sharedRedis(t)
	log := &logLines{}
	s := newStore(t, client, func(o *Options) { o.Partitions, o.Logger = 1, log.logger() })
	ctx := soon(t)
	m := newMirror(t, s)
	good := exact(fiction(1))
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(good.Number)))
	bucket := s.keys.bucket(0, 5)
	for i, value := range []string{"", "\x01", "\x02newer", "\x01\x01\xff\xff", "\x01\x10\x00"} {
		field := appendField(exact(fiction(100 + i)))
		client.HSet(ctx, bucket, field, value)
		client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.changes(0), Values: []string{"t", field, "l", value}})
	}
	client.HSet(ctx, bucket, "", "\x01\x10", "\x00", "\x01\x10", "\xff\xff\xff\xff\xff\xff\xff", "\x01\x10")
	client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.changes(0), Values: []string{"other", "field"}})
	if lost := m.follow(t, s, time.Millisecond); len(lost) != 0 || m.changes != 1 {
		t.Errorf("following: lost %v, %d changes", lost, m.changes)
	}
	if all, _ := loadAll(t, s); len(all) != 1 || all[good] != m.listings[good] {
		t.Errorf("loading gives %v", all)
	}
	if got := counted(t, s.metrics.corrupt.WithLabelValues("change")); got != 6 {
		t.Errorf("%v changes are counted", got)
	}
	if got := counted(t, s.metrics.corrupt.WithLabelValues("listing")); got != 8 {
		t.Errorf("%v listings are counted", got)
	}
	if lines := log.String(); !log.has("cannot be read") || log.has(fmt.Sprint(uint64(fiction(10))/10)) {
		t.Errorf("the log is %s", lines)
	}
	// A damaged listing is begun anew by the next report; one of a newer version is not overwritten.
	p := placeOf(good, 1)
	client.HSet(ctx, s.keys.listing(p), p.field, "damaged")
	if receipt, err := s.Report(ctx, aReport(good.Number)); err != nil || standing(receipt.Listing, callback) != numberdb.StandingWarn {
		t.Errorf("a report on a damaged listing: %+v, %v", receipt, err)
	}
	client.HSet(ctx, s.keys.listing(p), p.field, "\x02newer")
	before := client.LLen(ctx, s.keys.reports(p)).Val()
	if _, err := s.Report(ctx, aReport(good.Number)); err == nil || client.LLen(ctx, s.keys.reports(p)).Val() != before {
		t.Errorf("a report on a newer listing: %v", err)
	}
}
