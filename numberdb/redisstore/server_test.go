package redisstore

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/dialplan/testbed"
	"github.com/linewarden/linewarden/numberdb"
)

// TestKilledRedisKeepsWhatWasAcknowledged kills Redis with SIGKILL while 16 clients report: all that was acknowledged is there after
// its restart.
func TestKilledRedisKeepsWhatWasAcknowledged(t *testing.T) {
	server := ownRedis(t)
	client := clientOf(t, server.Addr())
	s := newStore(t, client)
	ctx := soon(t)
	acknowledged := make(chan numberdb.Number, 100_000)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; ; i += 16 {
				r := aReport(fiction(i))
				r.Reporter = fmt.Sprint("round", i/10_000)
				if _, err := s.Report(ctx, r); err != nil {
					return
				}
				acknowledged <- r.Number
			}
		})
	}
	reports := map[numberdb.Number]int64{}
	for range 1000 {
		select {
		case n := <-acknowledged:
			reports[n]++
		case <-ctx.Done():
			t.Fatal("a thousand reports were not taken in")
		}
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	close(acknowledged)
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	again, err := New(clientOf(t, server.Addr()), s.options)
	if err != nil {
		t.Fatal(err)
	}
	all, _ := loadAll(t, again)
	for n := range acknowledged {
		reports[n]++
	}
	for n, want := range reports {
		if standing(all[exact(n)], callback) != numberdb.StandingWarn {
			t.Errorf("%v was acknowledged and is lost", n)
		}
		if got := client.LLen(ctx, again.keys.reports(placeOf(exact(n), 4))).Val(); got < want {
			t.Errorf("%v has %d reports, %d were acknowledged", n, got, want)
		}
	}
}

func TestOpenWithPassword(t *testing.T) {
	server := ownRedis(t, "--appendonly", "no", "--user", "default", "off", "--user", "linewarden", "on", ">secret", "~lw:*", "+@all")
	for password, good := range map[string]bool{"secret": true, "wrong": false} {
		s, err := Open(Connection{Addrs: []string{server.Addr()}, Username: "linewarden", Password: password}, Options{Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Init(soon(t))
		if good != (err == nil) {
			t.Errorf("with the password %q: %v", password, err)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error tells the password: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCluster runs on two servers of a real Cluster, each with half of the slots: scripts that touched two slots would be refused.
func TestCluster(t *testing.T) {
	client, _ := startCluster(t, 2)
	s := newStore(t, client, func(o *Options) { o.Prefix, o.Partitions = "lw", 16 })
	ctx := soon(t)
	used := map[string]bool{}
	for p := range 16 {
		slot := client.ClusterKeySlot(ctx, s.keys.changes(p)).Val()
		used[fmt.Sprint(slot < 8192)] = true
		for _, key := range everyKey(s, p) {
			if got := client.ClusterKeySlot(ctx, key).Val(); got != slot {
				t.Errorf("%s has slot %d, its partition %d", key, got, slot)
			}
		}
	}
	if len(used) != 2 {
		t.Fatal("one server holds all partitions: the test shows nothing")
	}
	t.Run("access", func(t *testing.T) { testAccess(t, s) })
	t.Run("follow", func(t *testing.T) { testFollow(t, s) })
	t.Run("misses nothing", func(t *testing.T) { testFollowMissesNothing(t, s) })
	t.Run("all calls", func(t *testing.T) {
		everyCall(t, s)
		for r, err := range s.Reports(ctx, fiction(1)) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Report.Number != fiction(1) {
				t.Errorf("got %+v", r)
			}
		}
		if l := must[numberdb.Listing](t)(s.Listing(ctx, fiction(77))); standing(l, callback) != numberdb.StandingWarn {
			t.Errorf("a number in a range is %+v", l)
		}
	})
}

func startCluster(t *testing.T, count int) (*redis.ClusterClient, []*testbed.Redis) {
	t.Helper()
	ctx := soon(t)
	var addrs []string
	var servers []*testbed.Redis
	var nodes []redis.UniversalClient
	for i := range count {
		server := ownRedis(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--appendonly", "no",
			"--cluster-require-full-coverage", "no")
		servers = append(servers, server)
		addrs = append(addrs, server.Addr())
		node := clientOf(t, server.Addr())
		nodes = append(nodes, node)
		first, last := i*16384/count, (i+1)*16384/count-1
		if err := node.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			t.Fatal(err)
		}
		if err := node.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range addrs[1:] {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		// The third argument is the port of the cluster's bus, which the test bed puts next to the server's.
		bus := nodes[0].Do(ctx, "CLUSTER", "MEET", host, port, busPort(t, port))
		if bus.Err() != nil {
			t.Fatal(bus.Err())
		}
	}
	for _, node := range nodes {
		for ready := false; !ready; {
			info, err := node.ClusterInfo(ctx).Result()
			if err != nil {
				t.Fatal(err)
			}
			ready = strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", count))
		}
	}
	client := Connection{Addrs: addrs[:1], Cluster: true}.Client().(*redis.ClusterClient)
	t.Cleanup(func() { client.Close() })
	return client, servers
}

func busPort(t *testing.T, port string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	return n + 1
}

// everyKey has a key of each kind in a partition.
func everyKey(s *Store, partition int) []string {
	p := place{partition: partition, bucket: 3, text: "33199000001"}
	return []string{s.keys.marker(partition), s.keys.changes(partition), s.keys.listing(p), s.keys.evidence(p), s.keys.reporters(p), s.keys.reports(p), s.keys.decisions(p)}
}

// everyCall makes each call that writes.
func everyCall(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	for i := range 30 {
		r := aReport(fiction(i))
		must[numberdb.Receipt](t)(s.Report(ctx, r))
		r.Source = numberdb.Source{}
		must[numberdb.Receipt](t)(s.Report(ctx, r))
	}
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(ranged(3319900), numberdb.StandingWarn)))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(exact(fiction(31)), numberdb.StandingProtected)))
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(fiction(31))))
	if err := s.Mark(ctx, exact(fiction(32)), numberdb.MarkOptOut, true, "ann", "asked", noon); err != nil {
		t.Fatal(err)
	}
	everyProposal(t, s)
	_, partitions, err := s.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		must[int](t)(s.Sweep(ctx, p))
	}
	chain(t, s)
}

// TestEveryKeyIsInTheTable walks all keys after every call, and wants each to be of a kind that keys.go has, with its type and
// time to live.
func TestEveryKeyIsInTheTable(t *testing.T) {
	client := sharedRedis(t)
	s := newStore(t, client, func(o *Options) {
		o.Prefix, o.CallerKey = "table", must[*CallerKey](t)(NewCallerKey("a secret of the tests, 32 characters long"))
	})
	ctx := soon(t)
	everyCall(t, s)
	named := aReport(fiction(32))
	named.ID, named.Caller = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", fiction(33)
	must[numberdb.Receipt](t)(s.Report(ctx, named))
	imported(t, s, aRow(40, "row"))
	must[int](t)(s.CountReport(ctx, "ann", 20000))
	testReserve(t, s)
	if err := s.SetCompany(ctx, numberdb.CompanyRecord{Company: numberdb.Company{Slug: "amazon", Name: "Amazon"}}); err != nil {
		t.Fatal(err)
	}
	testCalls(t, s)
	testCounts(t, s)
	testAccess(t, s)
	testTraffic(t, s)
	testNodes(t, s)
	rules := numberdb.DefaultRules()
	type kind struct {
		redisType string
		ttl       time.Duration // zero for none
	}
	table := map[string]kind{
		"meta": {"hash", 0},
		"m":    {"string", 0},
		"l":    {"hash", 0},
		"c":    {"stream", 0},
		"e":    {"hash", evidenceTTL(&rules)},
		"e+":   {"string", s.options.Retention}, // folded
		"r":    {"hash", evidenceTTL(&rules)},
		"n":    {"list", s.options.Retention},
		"o":    {"hash", s.options.Retention},
		"i":    {"string", receiptTTL},
		"a":    {"string", time.Minute},

		"companies": {"hash", 0},
		"q":         {"string", quotaTTL},
		"d":         {"stream", 0},
		"j":         {"hash", 7 * 24 * time.Hour},
		"h":         {"hash", 7 * 24 * time.Hour},
		"t":         {"hash", 7 * 24 * time.Hour},

		"{q}:i":  {"zset", 0},
		"{q}:p":  {"hash", 0}, // of one that is pending, or approved and not applied
		"{q}:p+": {"hash", s.options.Retention},

		"{audit}:a": {"stream", 0},
		"{audit}:h": {"hash", 0},

		"{nodes}:n": {"string", nodeTTL},
		"{nodes}:i": {"zset", nodeTTL},

		"{access}:u": {"hash", 0},
		"{access}:r": {"set", 0},
		"{access}:t": {"hash", 0},
		"{access}:i": {"hash", 0},
		"{access}:q": {"string", 2 * time.Minute},
		"{access}:f": {"hash", testLockout.Keep},
		"{access}:b": {"string", browserTTL},
		"{access}:s": {"string", sessionTTL},
		"{access}:o": {"string", briefTTL},
	}
	found := map[string]int{}
	for _, key := range client.Keys(ctx, "table:*").Val() {
		parts := strings.Split(key, ":")
		name := parts[1]
		switch {
		case name == "{audit}", name == "{access}", name == "{nodes}":
			name += ":" + parts[2]
		case name == "{q}":
			name += ":" + parts[2]
			if parts[2] == "p" && must[numberdb.Proposal](t)(s.Proposal(ctx, parts[3])).Applied {
				name += "+"
			}
		case strings.HasPrefix(name, "{"):
			name = parts[2]
			if name == "e" && client.Type(ctx, key).Val() == "string" {
				name += "+"
			}
		}
		want, known := table[name]
		if !known {
			t.Errorf("the key %s is in no table", key)
			continue
		}
		found[name]++
		if got := client.Type(ctx, key).Val(); got != want.redisType {
			t.Errorf("%s is a %s, want %s", key, got, want.redisType)
		}
		got := client.TTL(ctx, key).Val()
		switch {
		case want.ttl == 0 && got >= 0:
			t.Errorf("%s ends in %v, and must not", key, got)
		case want.ttl != 0 && (got > want.ttl || got < want.ttl-patience):
			t.Errorf("%s ends in %v, want %v", key, got, want.ttl)
		}
	}
	for name := range table {
		if found[name] == 0 {
			t.Errorf("no key of the kind %s: the calls do not cover the table", name)
		}
	}
}

// TestBytesPerNumber holds the layout to its promise, for a list of the size at which buckets are well filled: Redis needs at
// most 60 bytes for each listed number at a million; here as many per bucket are put into one partition.
func TestBytesPerNumber(t *testing.T) {
	server := ownRedis(t, "--appendonly", "no")
	client := clientOf(t, server.Addr())
	s := newStore(t, client, func(o *Options) { o.Prefix, o.Partitions = "lw", 1 })
	for _, numbers := range []int{16_000, 100_000} { // as 1 and 6.4 million in 64 partitions
		before := usedMemory(t, client)
		fill(t, s, numbers)
		per := float64(usedMemory(t, client)-before) / float64(numbers)
		t.Logf("%d numbers in one partition: %.1f bytes each", numbers, per)
		if per > 60 {
			t.Errorf("%d numbers take %.1f bytes each", numbers, per)
		}
		if all, _ := loadAll(t, s); len(all) != numbers {
			t.Errorf("%d are listed", len(all))
		}
		client.FlushAll(soon(t))
		if err := s.Init(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// fill lists numbers without going through reports: what a report costs besides is another matter.
func fill(t testing.TB, s *Store, numbers int) {
	t.Helper()
	ctx := soon(t)
	_, partitions, err := s.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	today := numberdb.DayOf(noon)
	pipe := s.client.Pipeline()
	for i := range numbers {
		var l numberdb.Listing
		l.Roles[callback] = numberdb.RoleListing{WarnUntil: today + numberdb.Day(i%180), WatchUntil: today + 365, Brand: "amazon"}
		raw, err := l.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		p := placeOf(exact(12_025_550_000+numberdb.Number(i)*7), partitions)
		pipe.HSet(ctx, s.keys.listing(p), p.field, raw)
		if pipe.Len() == 10_000 || i == numbers-1 {
			if _, err := pipe.Exec(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func usedMemory(t testing.TB, client redis.UniversalClient) int {
	t.Helper()
	info := client.Info(soon(t), "memory").Val()
	var n int
	_, rest, _ := strings.Cut(info, "used_memory:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSweep(t *testing.T) {
	client := sharedRedis(t)
	var c clock
	c.set(noon)
	s := newStore(t, client, func(o *Options) { o.Now, o.Partitions = c.Now, 1 })
	ctx := soon(t)
	gone, kept, marked, half := exact(fiction(1)), exact(fiction(2)), exact(fiction(3)), exact(fiction(4))
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(gone.Number)))
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, aDecision(kept, numberdb.StandingProtected)))
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(marked.Number)))
	if err := s.Mark(ctx, marked, numberdb.MarkOptOut, true, "ann", "asked", noon); err != nil {
		t.Fatal(err)
	}
	must[numberdb.Receipt](t)(s.Report(ctx, aReport(half.Number)))
	d := aDecision(half, numberdb.StandingProtected)
	d.Roles = numberdb.RolesOf(callerID)
	must[numberdb.Listing](t)(s.Decide(ctx, anActor, d))
	m := newMirror(t, s)
	if n := must[int](t)(s.Sweep(ctx, 0)); n != 0 {
		t.Errorf("swept %d that hold", n)
	}
	c.set(noon.AddDate(1, 0, 1))
	if n := must[int](t)(s.Sweep(ctx, 0)); n != 3 {
		t.Errorf("swept %d, want 3", n)
	}
	m.follow(t, s, time.Millisecond)
	var protected numberdb.Listing
	protected.Roles[callerID].Override = numberdb.StandingProtected
	want := map[numberdb.Target]numberdb.Listing{kept: m.listings[kept], marked: {Marks: numberdb.MarkOptOut}, half: protected}
	if all, _ := loadAll(t, s); fmt.Sprint(all) != fmt.Sprint(want) || fmt.Sprint(m.listings) != fmt.Sprint(want) {
		t.Errorf("left are\n%v, followed\n%v, want\n%v", all, m.listings, want)
	}
}

func FuzzParseField(f *testing.F) {
	for _, t := range []numberdb.Target{exact(12025550143), exact(numberdb.MaxNumber), ranged(331990)} {
		f.Add(appendField(t))
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		target, err := parseField(s)
		if err == nil && appendField(target) != s {
			t.Errorf("%q is read as %v, which is written %q", s, target, appendField(target))
		}
	})
}

// TestPlaces pins where targets live: stored lists depend on it.
func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		target numberdb.Target
		want   string
	}{
		{exact(12025550143), "50 1099 02ccc7553f 12025550143"},
		{ranged(1202555), "32 889 0012597b 1202555*"},
	} {
		p := placeOf(test.target, 64)
		if got := fmt.Sprintf("%d %d %x %s", p.partition, p.bucket, p.field, p.text); got != test.want {
			t.Errorf("%v lives at %s, want %s", test.target, got, test.want)
		}
	}
	counts := make([]int, 64)
	for i := range 64_000 {
		counts[placeOf(exact(12_025_550_000+numberdb.Number(i)), 64).partition]++
	}
	for p, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("partition %d got %d of 64,000 numbers in a row", p, n)
		}
	}
}
