package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/screening"
)

// The stored form of an entry: some 60 bytes, where JSON would take 400, for a million entries at a time.
//
//	version 1, id (6 bytes), direction, action, reason, would, standing, class, outcome (a byte each), pseudonym (16 bytes),
//	milliseconds since 1970, number, list version, list age in ms (unsigned varints),
//	brand, prompt, language, node (a length byte, then the text)
//
// The closed sets are stored by their values, which a test pins. A later version may only append fields under a new version byte.
const formatVersion = 1

// mostText is the most bytes of a text in an entry.
const mostText = 64

var (
	// ErrCorrupt says that a stored entry cannot be read.
	ErrCorrupt = errors.New("damaged journal entry")
	// ErrNewer says that a newer version wrote a stored entry.
	ErrNewer = errors.New("journal entry of a newer version")
)

// AppendBinary implements [encoding.BinaryAppender]. It fails for an entry with an unsound id or a value outside of a closed set.
func (e *Entry) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, formatVersion)
	b, err := hex.AppendDecode(b, []byte(e.ID))
	if err != nil || !ValidID(e.ID) {
		return b[:start], fmt.Errorf("journal: %.20q is no id of a call", e.ID)
	}
	v := &e.Verdict
	if !e.inSets() || e.At.UnixMilli() < 0 || e.ListAge < 0 || e.Number > numberdb.MaxNumber || !v.Brand.Valid() {
		return b[:start], fmt.Errorf("journal: an entry has a value that there is not: %v %v %v %v %v %v %v", e.Direction, v.Action, v.Reason, v.Would, v.Standing, v.Class, e.Outcome)
	}
	b = append(b, byte(e.Direction), byte(v.Action), byte(v.Reason), byte(v.Would), byte(v.Standing), byte(v.Class), byte(e.Outcome))
	b = append(b, e.Subscriber[:]...)
	for _, n := range []uint64{uint64(e.At.UnixMilli()), uint64(e.Number), e.ListVersion, uint64(e.ListAge.Milliseconds())} {
		b = binary.AppendUvarint(b, n)
	}
	for _, s := range []string{string(v.Brand), e.Prompt, e.Language, e.Node} {
		if len(s) > mostText {
			return b[:start], fmt.Errorf("journal: an entry has a text of %d bytes, %d is the most", len(s), mostText)
		}
		b = append(b, byte(len(s)))
		b = append(b, s...)
	}
	return b, nil
}

// inSets says whether all values are members of their closed sets.
func (e *Entry) inSets() bool {
	v := &e.Verdict
	return e.Direction <= screening.Outbound && v.Action <= screening.Block && v.Would <= screening.Block && v.Reason.Text() != "" &&
		v.Standing <= numberdb.StandingProtected && v.Class <= numberdb.ClassSubscriberRequest && int(e.Outcome) < outcomeCount
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. The error wraps [ErrCorrupt] or [ErrNewer]; e is then as it was.
func (e *Entry) UnmarshalBinary(b []byte) error {
	if len(b) > 0 && b[0] > formatVersion {
		return fmt.Errorf("%w: %d, we know %d", ErrNewer, b[0], formatVersion)
	}
	const fixed = 1 + IDLength/2 + 7 + len(Pseudonym{})
	if len(b) < fixed || b[0] != formatVersion {
		return fmt.Errorf("%w: of %d bytes", ErrCorrupt, len(b))
	}
	read := Entry{ID: hex.EncodeToString(b[1:7])}
	v := &read.Verdict
	read.Direction, v.Action, v.Reason, v.Would = screening.Direction(b[7]), screening.Action(b[8]), screening.Reason(b[9]), screening.Action(b[10])
	v.Standing, v.Class, read.Outcome = numberdb.Standing(b[11]), numberdb.Class(b[12]), screening.Outcome(b[13])
	copy(read.Subscriber[:], b[14:fixed])
	r := reader{b[fixed:]}
	at, number, version, age := r.number(), r.number(), r.number(), r.number()
	if at > maxMillis || age > maxMillis {
		return fmt.Errorf("%w: a time that cannot be", ErrCorrupt)
	}
	read.At = time.UnixMilli(int64(at)).UTC()
	read.Number, read.ListVersion, read.ListAge = numberdb.Number(number), version, time.Duration(age)*time.Millisecond
	v.Brand = numberdb.Brand(r.text())
	read.Prompt, read.Language, read.Node = r.text(), r.text(), r.text()
	// What we would not write in the very same bytes was not written by us.
	if again, err := read.AppendBinary(nil); err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("%w: of %d bytes", ErrCorrupt, len(b))
	}
	*e = read
	return nil
}

// maxMillis bounds times to some 280 years, within time.Duration.
const maxMillis = 9_000_000_000_000

// reader takes fields from the front of what is left. Past the end it gives zeros, and the comparison with what was read finds that.
type reader struct{ left []byte }

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.left)
	if size <= 0 {
		r.left = nil
		return 0
	}
	r.left = r.left[size:]
	return n
}

func (r *reader) text() string {
	if len(r.left) == 0 || len(r.left) < 1+int(r.left[0]) {
		r.left = nil
		return ""
	}
	end := 1 + int(r.left[0])
	s := string(r.left[1:end])
	r.left = r.left[end:]
	return s
}

// name is that under which an entry is stored: the call's id and its moment. Stored twice it is stored once.
func (e *Entry) name() string { return e.ID + strconv.FormatInt(e.At.UnixMilli(), 36) }
