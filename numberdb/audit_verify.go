package numberdb

import (
	"errors"
	"fmt"
	"iter"
)

// AuditRecord is one place of an audit chain as a store holds it, sound or not.
type AuditRecord struct {
	Seq     uint64    // the place, from the store's own order
	Encoded []byte    // the entry in binary form
	Hash    AuditHash // kept beside it
}

// AuditFault is what is wrong with a place of an audit chain.
type AuditFault string

const (
	AuditAltered    AuditFault = "altered"    // another entry, or other bytes, than were once written
	AuditMissing    AuditFault = "missing"    // removed from the middle, or cut off the end
	AuditReordered  AuditFault = "reordered"  // the entry of another place
	AuditForeign    AuditFault = "foreign"    // behind the head: not written by Linewarden
	AuditUnreadable AuditFault = "unreadable" // written by a newer version
)

// AuditFinding is one fault, at one place or at several in a row.
type AuditFinding struct {
	First  uint64     `json:"first"`
	Last   uint64     `json:"last"` // First, for one place
	Fault  AuditFault `json:"fault"`
	Detail string     `json:"detail"`
}

// String is the finding in one line for people.
func (f AuditFinding) String() string {
	if f.First == f.Last {
		return fmt.Sprintf("entry %d is %s: %s", f.First, f.Fault, f.Detail)
	}
	return fmt.Sprintf("entries %d to %d are %s: %s", f.First, f.Last, f.Fault, f.Detail)
}

// AuditResult is what [VerifyAudit] found.
type AuditResult struct {
	// Entries is how many places held anything, Last the last of them.
	Entries uint64    `json:"entries"`
	Last    AuditHead `json:"last"`
	// Findings are in the order in which they were found; the chain is good if there are none. Omitted counts those beyond
	// [MaxAuditFindings].
	Findings []AuditFinding `json:"findings"`
	Omitted  uint64         `json:"omitted,omitempty"`
}

// MaxAuditFindings bounds what the report about a wrecked chain takes.
const MaxAuditFindings = 1000

// VerifyAudit walks a chain and finds every entry that was altered, removed or moved. It is a pure function, and needs memory for one entry.
//
// head is what the store keeps as the chain's end: entries cut off the end show only by it. Whoever can rewrite the whole store can
// make entries, hashes and head fit each other again; known are heads that were kept where they cannot reach, and what lies before one of
// those cannot be changed unseen.
func VerifyAudit(records iter.Seq[AuditRecord], head AuditHead, known ...AuditHead) AuditResult {
	w := auditWalk{sound: true, head: head, known: known}
	for r := range records {
		w.step(r)
	}
	w.end()
	return w.result
}

// auditWalk is how far a verification has come.
type auditWalk struct {
	head   AuditHead
	known  []AuditHead
	result AuditResult
	// sound says that nothing was found at the place before, so that this one can be held against it.
	sound bool
}

func (w *auditWalk) find(first, last uint64, fault AuditFault, format string, args ...any) {
	if len(w.result.Findings) == MaxAuditFindings {
		w.result.Omitted++
		return
	}
	w.result.Findings = append(w.result.Findings, AuditFinding{first, last, fault, fmt.Sprintf(format, args...)})
}

func (w *auditWalk) step(r AuditRecord) {
	before := w.result.Last
	w.result.Entries++
	if r.Seq <= before.Seq {
		w.find(r.Seq, r.Seq, AuditReordered, "it stands behind entry %d", before.Seq)
		return
	}
	if r.Seq > before.Seq+1 {
		w.find(before.Seq+1, r.Seq-1, AuditMissing, "entry %d follows directly behind entry %d", r.Seq, before.Seq)
		w.sound = false
	}
	e, sound := w.read(r)
	if sound && w.sound && e.Previous != before.Hash {
		if before.Seq == 0 {
			w.find(r.Seq, r.Seq, AuditAltered, "it begins the chain, but names an entry before it")
		} else {
			w.find(before.Seq, before.Seq, AuditAltered, "entry %d was appended to another one in its place", r.Seq)
		}
	}
	if sound {
		w.compare(r)
	}
	w.result.Last, w.sound = AuditHead{r.Seq, r.Hash}, sound
}

// read finds what is wrong with a place by itself.
func (w *auditWalk) read(r AuditRecord) (e AuditEntry, sound bool) {
	err := e.UnmarshalBinary(r.Encoded)
	switch {
	case errors.Is(err, ErrNewerFormat):
		w.find(r.Seq, r.Seq, AuditUnreadable, "%v", err)
	case err != nil:
		w.find(r.Seq, r.Seq, AuditAltered, "%v", err)
	case HashAudit(r.Encoded) != r.Hash:
		w.find(r.Seq, r.Seq, AuditAltered, "its content does not give its hash")
	case e.Seq != r.Seq:
		w.find(r.Seq, r.Seq, AuditReordered, "entry %d stands in its place", e.Seq)
	default:
		return e, true
	}
	return e, false
}

// compare holds a place against the heads that name it.
func (w *auditWalk) compare(r AuditRecord) {
	if w.head.Seq == r.Seq && w.head.Hash != r.Hash {
		w.find(r.Seq, r.Seq, AuditAltered, "it is not the entry that the chain's head names")
	}
	for _, k := range w.known {
		if k.Seq == r.Seq && k.Hash != r.Hash {
			w.find(r.Seq, r.Seq, AuditAltered, "it, or one before it, is not what it was when its hash was sent on")
		}
	}
}

func (w *auditWalk) end() {
	last, reached := w.result.Last.Seq, w.head.Seq
	for _, k := range w.known {
		reached = max(reached, k.Seq)
	}
	if last < reached {
		w.find(last+1, reached, AuditMissing, "the chain ends before them, but once reached entry %d", reached)
	}
	if last > w.head.Seq {
		w.find(w.head.Seq+1, last, AuditForeign, "they lie behind the chain's head, which is entry %d", w.head.Seq)
	}
}
