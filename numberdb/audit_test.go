package numberdb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var auditNoon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// auditChain is a good chain of n entries.
func auditChain(t testing.TB, n int) (records []AuditRecord, head AuditHead) {
	t.Helper()
	for i := range n {
		r := auditRecordOf(t, AuditEntry{Seq: uint64(i + 1), Previous: head.Hash, At: auditNoon.Add(time.Duration(i) * time.Second),
			Who: "ann", Role: "reviewer", Action: AuditDecided, Object: "+12025550143", After: fmt.Sprint(i), Reason: "seen"})
		records, head = append(records, r), AuditHead{r.Seq, r.Hash}
	}
	return records, head
}

func auditRecordOf(t testing.TB, e AuditEntry) AuditRecord {
	t.Helper()
	b, err := e.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return AuditRecord{e.Seq, b, HashAudit(b)}
}

// rewrite gives the entry at an index another reason, and a hash that fits; with on, all that follow are made to fit too.
func rewrite(t testing.TB, records []AuditRecord, i int, on bool) {
	t.Helper()
	for first := true; i < len(records) && (first || on); i, first = i+1, false {
		var e AuditEntry
		if err := e.UnmarshalBinary(records[i].Encoded); err != nil {
			t.Fatal(err)
		}
		if first {
			e.Reason = "rewritten"
		} else {
			e.Previous = records[i-1].Hash
		}
		records[i] = auditRecordOf(t, e)
	}
}

func TestVerifyAudit(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(r []AuditRecord, head *AuditHead) []AuditRecord
		known []AuditHead
		want  []string // "first-last fault"
	}{
		"good":  {func(r []AuditRecord, _ *AuditHead) []AuditRecord { return r }, nil, nil},
		"empty": {func([]AuditRecord, *AuditHead) []AuditRecord { return nil }, nil, []string{"1-9 missing"}},
		"a byte altered": {func(r []AuditRecord, _ *AuditHead) []AuditRecord { r[4].Encoded[60] ^= 1; return r }, nil,
			[]string{"5-5 altered"}},
		"a hash altered": {func(r []AuditRecord, _ *AuditHead) []AuditRecord { r[4].Hash[0] ^= 1; return r }, nil, []string{"5-5 altered"}},
		"rewritten with its hash": {func(r []AuditRecord, _ *AuditHead) []AuditRecord { rewrite(t, r, 4, false); return r }, nil,
			[]string{"5-5 altered"}},
		"the last rewritten with its hash": {func(r []AuditRecord, _ *AuditHead) []AuditRecord { rewrite(t, r, 8, false); return r }, nil,
			[]string{"9-9 altered"}},
		"garbage in a place": {func(r []AuditRecord, _ *AuditHead) []AuditRecord { r[4].Encoded = nil; return r }, nil, []string{"5-5 altered"}},
		"the first removed":  {func(r []AuditRecord, _ *AuditHead) []AuditRecord { return r[1:] }, nil, []string{"1-1 missing"}},
		"two removed":        {func(r []AuditRecord, _ *AuditHead) []AuditRecord { return slices.Delete(r, 3, 5) }, nil, []string{"4-5 missing"}},
		"one removed and its place closed": {func(r []AuditRecord, head *AuditHead) []AuditRecord {
			r = slices.Delete(r, 4, 5)
			for i := range r {
				r[i].Seq = uint64(i + 1)
			}
			head.Seq--
			return r
		}, nil, []string{"5-5 reordered", "6-6 reordered", "7-7 reordered", "8-8 reordered"}},
		"two exchanged": {func(r []AuditRecord, _ *AuditHead) []AuditRecord {
			r[3].Encoded, r[3].Hash, r[6].Encoded, r[6].Hash = r[6].Encoded, r[6].Hash, r[3].Encoded, r[3].Hash
			return r
		}, nil, []string{"4-4 reordered", "7-7 reordered"}},
		"cut at the end": {func(r []AuditRecord, _ *AuditHead) []AuditRecord { return r[:7] }, nil, []string{"8-9 missing"}},
		"cut with the head, known elsewhere": {func(r []AuditRecord, head *AuditHead) []AuditRecord {
			*head = AuditHead{7, r[6].Hash}
			return r[:7]
		}, []AuditHead{{9, AuditHash{}}}, []string{"8-9 missing"}},
		"all rewritten from one on, known elsewhere": {func(r []AuditRecord, head *AuditHead) []AuditRecord {
			_, before := auditChain(t, 6)
			if before.Hash != r[5].Hash {
				t.Fatal("the chain is not the same each time")
			}
			rewrite(t, r, 2, true)
			head.Hash = r[8].Hash
			return r
		}, func() []AuditHead { _, h := auditChain(t, 6); return []AuditHead{h} }(), []string{"6-6 altered"}},
		"head lost":           {func(r []AuditRecord, head *AuditHead) []AuditRecord { *head = AuditHead{}; return r }, nil, []string{"1-9 foreign"}},
		"one behind the head": {func(r []AuditRecord, head *AuditHead) []AuditRecord { *head = AuditHead{8, r[7].Hash}; return r }, nil, []string{"9-9 foreign"}},
		"of a newer version":  {func(r []AuditRecord, _ *AuditHead) []AuditRecord { r[8].Encoded[0] = 2; return r }, nil, []string{"9-9 unreadable"}},
		"out of order":        {func(r []AuditRecord, _ *AuditHead) []AuditRecord { return append(r, r[2]) }, nil, []string{"3-3 reordered"}},
	} {
		t.Run(name, func(t *testing.T) {
			records, head := auditChain(t, 9)
			records = tc.spoil(records, &head)
			result := VerifyAudit(slices.Values(records), head, tc.known...)
			var got []string
			for _, f := range result.Findings {
				got = append(got, fmt.Sprintf("%d-%d %s", f.First, f.Last, f.Fault))
				if f.Detail == "" || strings.Contains(f.String(), "\n") {
					t.Errorf("a finding that says nothing, or too many lines: %q", f)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
			if result.Entries != uint64(len(records)) {
				t.Errorf("%d entries, want %d", result.Entries, len(records))
			}
		})
	}
}

// TestVerifyAuditIsBounded wants a wrecked chain to take no more memory than a report that people can read.
func TestVerifyAuditIsBounded(t *testing.T) {
	records, head := auditChain(t, MaxAuditFindings+10)
	for i := range records {
		records[i].Hash[3]++
	}
	got := VerifyAudit(slices.Values(records), head)
	if len(got.Findings) != MaxAuditFindings || got.Omitted != 10 {
		t.Errorf("%d findings, %d omitted", len(got.Findings), got.Omitted)
	}
}

func TestAuditEntryCheck(t *testing.T) {
	good := AuditEntry{At: auditNoon, Who: "ann", Role: "reviewer", Action: AuditMarked, Object: "list"}
	if faults := good.Check(); faults != nil {
		t.Error(faults)
	}
	bad := AuditEntry{Action: "tampered", Reason: "\xff", After: strings.Repeat("x", MaxAuditText+1)}
	for _, field := range []string{"at", "who", "role", "object", "action", "after", "reason"} {
		if !bad.Check().Has(field) {
			t.Errorf("nothing is said of %s", field)
		}
	}
	if _, err := bad.AppendBinary(nil); err == nil {
		t.Error("it was written")
	}
}

func TestAuditHeadText(t *testing.T) {
	_, head := auditChain(t, 3)
	if got, err := ParseAuditHead(head.String()); got != head || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"", "3", "3:", ":" + head.Hash.String(), "0:" + head.Hash.String(), "-1:" + head.Hash.String(), head.String() + "00", "3:" + strings.Repeat("g", 64)} {
		if got, err := ParseAuditHead(s); err == nil || got != (AuditHead{}) {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}

// TestAuditEncoding pins the binary form: hashes that were sent elsewhere depend on it. The hash was worked out apart, in another language.
func TestAuditEncoding(t *testing.T) {
	_, head := auditChain(t, 2)
	if got := head.String(); got != "2:8eeebe6ba2d665b288fff93146a479ddfbda28e3f3e7b85f74ef9e7584aadd59" {
		t.Errorf("the second entry of the test's chain has the head %s", got)
	}
	b, _ := AuditEntry{}.AppendBinary(nil)
	b[0] = 2
	if err := new(AuditEntry).UnmarshalBinary(b); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer version: %v", err)
	}
}

// FuzzAuditEntry wants every entry to have exactly one form.
func FuzzAuditEntry(f *testing.F) {
	records, _ := auditChain(f, 2)
	f.Add(records[0].Encoded)
	f.Add(records[1].Encoded)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e AuditEntry
		if err := e.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, ErrCorruptAudit) && !errors.Is(err, ErrNewerFormat) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if again, err := e.AppendBinary(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is read and written as %x, %v", b, again, err)
		}
	})
}

// FuzzVerifyAudit spoils a good chain in any way and wants something found whenever it is no longer the chain that it was, even if hashes
// and head were made to fit, for the head was kept elsewhere.
func FuzzVerifyAudit(f *testing.F) {
	for op := range byte(6) {
		f.Add([]byte{op, 3, 5, op + 1, 0, 7})
	}
	good, head := auditChain(f, 8)
	f.Fuzz(func(t *testing.T, ops []byte) {
		records := make([]AuditRecord, len(good))
		for i, r := range good {
			records[i] = AuditRecord{r.Seq, bytes.Clone(r.Encoded), r.Hash}
		}
		stored := head
		for ; len(ops) >= 3 && len(records) > 0; ops = ops[3:] {
			i, x := int(ops[1])%len(records), ops[2]
			switch ops[0] % 6 {
			case 0:
				if n := len(records[i].Encoded); n > 0 {
					records[i].Encoded[int(x)%n] ^= 1 << (x % 8)
				}
			case 1:
				records[i].Hash[x%32] ^= 1 << (x % 8)
			case 2:
				records = slices.Delete(records, i, i+1)
			case 3:
				j := int(x) % len(records)
				records[i], records[j] = records[j], records[i]
			case 4:
				records[i].Hash = HashAudit(records[i].Encoded)
			case 5:
				stored = AuditHead{records[i].Seq, records[i].Hash}
				records = records[:i+1]
			}
		}
		same := slices.EqualFunc(records, good, func(a, b AuditRecord) bool {
			return a.Seq == b.Seq && a.Hash == b.Hash && bytes.Equal(a.Encoded, b.Encoded)
		}) && stored == head
		result := VerifyAudit(slices.Values(records), stored, head)
		if found := len(result.Findings) > 0; found == same {
			t.Errorf("unchanged: %v, but found %v", same, result.Findings)
		}
	})
}

func BenchmarkVerifyAudit(b *testing.B) {
	records, head := auditChain(b, 10_000)
	b.ResetTimer()
	for range b.N {
		if r := VerifyAudit(slices.Values(records), head); len(r.Findings) > 0 {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(len(records)*b.N)/b.Elapsed().Seconds(), "entries/s")
}
