package replica

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// sample is the list of the format's tests.
var (
	sampleHeader = header{id: "list-1", positions: []string{"1700000000000-0", "", "3-1"}, confirmed: time.UnixMilli(1_790_000_000_123)}
	sampleList   = []numberdb.Change{
		{Target: target(1), Listing: listed(1)},
		{Target: target(2), Listing: listed(2)},
		{Target: target(3), Listing: listed(1)},
		{Target: numberdb.Target{Number: numberdb.MaxNumber}, Listing: numberdb.Listing{Marks: numberdb.MarkOptOut}},
		{Target: numberdb.Target{Number: 442079, Prefix: true}, Listing: listed(2)},
	}
)

func encode(t testing.TB, h header, list iter.Seq[numberdb.Change]) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encodeSnapshot(&b, h, list); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(b []byte) (h header, list []numberdb.Change, err error) {
	h, err = decodeSnapshot(bytes.NewReader(b), int64(len(b)), func(c numberdb.Change) { list = append(list, c) })
	return h, list, err
}

// sealed gives a snapshot's body the checksum that it should have, so that a test reaches what comes before.
func sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(slices.Clip(body), sum[:]...)
}

func equal(a, b header) bool {
	return a.id == b.id && slices.Equal(a.positions, b.positions) && a.confirmed.Equal(b.confirmed)
}

func TestFormatRoundTrip(t *testing.T) {
	b := encode(t, sampleHeader, slices.Values(sampleList))
	h, list, err := decode(b)
	if err != nil || !equal(h, sampleHeader) || !slices.Equal(list, sampleList) {
		t.Errorf("got %+v and %+v, %v", h, list, err)
	}
	empty := encode(t, sampleHeader, slices.Values([]numberdb.Change{{Target: target(1)}}))
	if _, list, err := decode(empty); err != nil || len(list) != 0 {
		t.Errorf("a list without listings gives %+v, %v", list, err)
	}
}

// TestFormatIsStable holds the bytes that nodes already have on their disks.
func TestFormatIsStable(t *testing.T) {
	got := encode(t, header{id: "x", positions: []string{"7"}, confirmed: time.UnixMilli(1)}, slices.Values(sampleList[3:4]))
	body := "linewarden list\n" + "\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x01" + "\x01x" + "\x01" + "\x017" +
		"\xfe\xff\xb3\xcc\xd4\xdf\xc6\x03" + "\x00" + "\x02\x01\x10" + "\x00\x01"
	if want := sealed([]byte(body)); !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFormatRefusesToWrite(t *testing.T) {
	long := strings.Repeat("x", 129)
	for name, h := range map[string]header{
		"no id":           {positions: []string{"1"}},
		"a long id":       {id: long, positions: []string{"1"}},
		"no partitions":   {id: "a"},
		"many partitions": {id: "a", positions: make([]string, maxPartitions+1)},
		"a long position": {id: "a", positions: []string{long}},
	} {
		if err := encodeSnapshot(&bytes.Buffer{}, h, slices.Values(sampleList)); err == nil {
			t.Errorf("%s is written", name)
		}
	}
	invalid := numberdb.Listing{}
	invalid.Roles[0].Brand = "NOT A SLUG"
	if err := encodeSnapshot(&bytes.Buffer{}, sampleHeader, slices.Values([]numberdb.Change{{Target: target(1), Listing: invalid}})); err == nil {
		t.Error("an invalid listing is written")
	}
	if err := encodeSnapshot(fullDisk{}, sampleHeader, slices.Values(sampleList)); !errors.Is(err, errFull) {
		t.Errorf("on a full disk the error is %v", err)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// TestFormatDamaged cuts a snapshot at every length and changes each of its bytes.
func TestFormatDamaged(t *testing.T) {
	good := encode(t, sampleHeader, slices.Values(sampleList))
	for n := range good {
		if _, _, err := decode(good[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken as a snapshot", n, len(good))
		}
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[n] ^= flip
			if _, _, err := decode(bad); err == nil {
				t.Errorf("with byte %d changed by %#x it is taken as a snapshot", n, flip)
			}
		}
	}
}

func TestFormatRefusesToRead(t *testing.T) {
	const head = snapshotMagic + "\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x01"
	const start = head + "\x01x" + "\x01" + "\x017"
	huge := string(binary.AppendUvarint(nil, 1<<62))
	for _, tc := range []struct{ name, body, says string }{
		{"nothing", "", "not a snapshot"},
		{"another file", "REDIS0011\xfa\x09redis-ver\x057.0.15 and so on", "not a snapshot"},
		{"a newer version", snapshotMagic + "\x00\x02" + "what comes is unknown", "version 2, this Linewarden reads version 1"},
		{"no list id", head + "\x00" + "\x01" + "\x017" + "\x00\x00", "no id"},
		{"a huge list id", head + huge, "at most 128"},
		{"no partitions", head + "\x01x" + "\x00" + "\x00\x00", "0 partitions"},
		{"a huge number of partitions", head + "\x01x" + huge, "at most 4096"},
		{"a huge position", head + "\x01x" + "\x01" + huge, "at most 128"},
		{"positions missing", head + "\x01x" + "\x80\x20" + "\x017", "unexpected EOF"},
		{"no end", start, "unexpected EOF"},
		{"too large a number", start + huge, "at most 1999999999999999"},
		{"a range without number", start + "\x01" + "\x00" + "\x02\x01\x10", "no number"},
		{"an unknown listing", start + "\x04" + "\x01", "at most 0"},
		{"a huge listing", start + "\x04" + "\x00" + huge, "at most 512"},
		{"a listing that is none", start + "\x04" + "\x00" + "\x03\x01bc", "not a listing"},
		{"a listing of a newer version", start + "\x04" + "\x00" + "\x02\x02\x10", "newer version"},
		{"a listing that says nothing", start + "\x04" + "\x00" + "\x02\x01\x00", "says nothing"},
		{"too few records", start + "\x04" + "\x00" + "\x02\x01\x10" + "\x00\x02", "1 records and claims 2"},
		{"something after the end", start + "\x00\x00" + "x", "after its end"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := decode(sealed([]byte(tc.body))); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("the error is %v, want one with %q", err, tc.says)
			}
		})
	}
	t.Run("a wrong checksum", func(t *testing.T) {
		bad := encode(t, sampleHeader, slices.Values(sampleList))
		bad[len(bad)-1] ^= 1
		if _, _, err := decode(bad); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestFormatMemory reads claims of huge lengths; the decoder must not believe them.
func TestFormatMemory(t *testing.T) {
	head := snapshotMagic + "\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x01"
	b := sealed([]byte(head + "\x01x" + "\x80\x20")) // 4096 partitions follow, it says
	result := testing.Benchmark(func(b2 *testing.B) {
		b2.ReportAllocs()
		for b2.Loop() {
			if _, _, err := decode(b); err == nil {
				b2.Fatal("it is taken")
			}
		}
	})
	if n := result.AllocedBytesPerOp(); n > 100_000 {
		t.Errorf("%d bytes are allocated for %d bytes of input", n, len(b))
	}
}

// FuzzFormat reads anything with the right checksum: it must not panic, and what it takes must survive being written and read again.
func FuzzFormat(f *testing.F) {
	good := encode(f, sampleHeader, slices.Values(sampleList))
	body := good[:len(good)-sha256.Size]
	f.Add(body)
	f.Add(body[:len(body)-3])
	f.Add(body[:60])
	f.Add([]byte(snapshotMagic + "\x00\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, list, err := decode(sealed(body))
		if err != nil {
			return
		}
		h2, list2, err := decode(encode(t, h, slices.Values(list)))
		if err != nil || !equal(h, h2) || !slices.Equal(list, list2) {
			t.Errorf("%+v, %+v comes back as %+v, %+v, %v", h, list, h2, list2, err)
		}
	})
}

// FuzzFormatOfLists writes lists made from anything, which must come back the same.
func FuzzFormatOfLists(f *testing.F) {
	f.Add("a", []byte("1-1 2-2"), int64(1_790_000_000_000))
	f.Fuzz(func(t *testing.T, id string, content []byte, confirmed int64) {
		h := header{id: id, confirmed: time.UnixMilli(confirmed)}
		list := map[numberdb.Target]numberdb.Listing{}
		for i, c := range content {
			h.positions = append(h.positions, fmt.Sprint(c))
			list[numberdb.Target{Number: number(int(c)), Prefix: i%2 == 0}] = listed(i % 7)
		}
		changes := func(yield func(numberdb.Change) bool) {
			for t, l := range list {
				if !yield(numberdb.Change{Target: t, Listing: l}) {
					return
				}
			}
		}
		var b bytes.Buffer
		if err := encodeSnapshot(&b, h, changes); err != nil {
			if h.valid() == nil {
				t.Errorf("it is not written: %v", err)
			}
			return
		}
		got := map[numberdb.Target]numberdb.Listing{}
		h2, err := decodeSnapshot(&b, int64(b.Len()), func(c numberdb.Change) { got[c.Target] = c.Listing })
		if err != nil || !equal(h, h2) || !maps.Equal(list, got) {
			t.Errorf("%+v, %+v comes back as %+v, %+v, %v", h, list, h2, got, err)
		}
	})
}
