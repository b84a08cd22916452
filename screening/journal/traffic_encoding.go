package journal

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// The stored form of a block: version, then compressed (DEFLATE, RFC 1951) the small cells as they are, the middle and the large ones as unsigned varints. A
// version stands for all constants of the sketch too: whoever changes one must take the next version.
const sketchVersion = 1

// mostEncoded is the most bytes of a block before it is compressed.
const mostEncoded = smallCells + (middleCells*3+largeCells*5)*int(quantities)

// blockEncoder encodes one block after another.
type blockEncoder struct {
	plain        []byte
	full, scanty *flate.Writer
	out          bytes.Buffer
}

func newBlockEncoder() *blockEncoder {
	e := &blockEncoder{plain: make([]byte, 0, mostEncoded)}
	var err1, err2 error
	e.full, err1 = flate.NewWriter(io.Discard, flate.HuffmanOnly) // of cells that are mostly used nothing repeats
	e.scanty, err2 = flate.NewWriter(io.Discard, flate.BestSpeed)
	if err := errors.Join(err1, err2); err != nil {
		panic(err) // both levels are known
	}
	return e
}

// encode gives the stored form of a block.
func (e *blockEncoder) encode(b *block) []byte {
	e.plain = append(e.plain[:0], b.small[:]...)
	used := len(e.plain) - bytes.Count(e.plain, []byte{0})
	for i := range b.middle {
		for _, n := range b.middle[i] {
			e.plain = binary.AppendUvarint(e.plain, uint64(n))
		}
	}
	for i := range b.large {
		for _, n := range b.large[i] {
			e.plain = binary.AppendUvarint(e.plain, uint64(n))
		}
	}
	w := e.scanty
	if used > smallCells/8 {
		w = e.full
	}
	e.out.Reset()
	e.out.WriteByte(sketchVersion)
	w.Reset(&e.out)
	_, err := w.Write(e.plain)
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer never fails
	}
	return bytes.Clone(e.out.Bytes())
}

// blockDecoder decodes one block after another.
type blockDecoder struct {
	inflate io.ReadCloser
	plain   bytes.Buffer
}

func newBlockDecoder() *blockDecoder { return &blockDecoder{inflate: flate.NewReader(nil)} }

// decode reads what encode wrote into b. The error wraps [ErrCorrupt] or [ErrNewer].
func (d *blockDecoder) decode(b *block, stored []byte) error {
	if len(stored) == 0 || stored[0] == 0 {
		return fmt.Errorf("part of a sketch of traffic: %w", ErrCorrupt)
	}
	if stored[0] > sketchVersion {
		return fmt.Errorf("part of a sketch of traffic: %w", ErrNewer)
	}
	if err := d.inflate.(flate.Resetter).Reset(bytes.NewReader(stored[1:]), nil); err != nil {
		return fmt.Errorf("part of a sketch of traffic: %w: %w", ErrCorrupt, err)
	}
	d.plain.Reset()
	_, err := d.plain.ReadFrom(io.LimitReader(d.inflate, int64(mostEncoded+1)))
	plain := d.plain.Bytes()
	if err != nil || len(plain) < smallCells || len(plain) > mostEncoded {
		return fmt.Errorf("part of a sketch of traffic, %d bytes: %w", len(plain), ErrCorrupt)
	}
	copy(b.small[:], plain)
	r := uvarints{rest: plain[smallCells:]}
	for i := range b.middle {
		for q := range b.middle[i] {
			b.middle[i][q] = uint16(r.next(math.MaxUint16))
		}
	}
	for i := range b.large {
		for q := range b.large[i] {
			b.large[i][q] = uint32(r.next(math.MaxUint32))
		}
	}
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("part of a sketch of traffic: %w", ErrCorrupt)
	}
	return nil
}

// uvarints reads one after another; bad says that one of them was none, or too large.
type uvarints struct {
	rest []byte
	bad  bool
}

func (u *uvarints) next(most uint64) uint64 {
	v, n := binary.Uvarint(u.rest)
	if n <= 0 || v > most {
		u.bad, u.rest = true, nil
		return 0
	}
	u.rest = u.rest[n:]
	return v
}

// trafficRun tells what one run of a node sketched of one day, so that a reader knows what is missing.
type trafficRun struct {
	Node string `json:"node"`
	// Key names the key of the sketch.
	Key string `json:"key"`
	// From is the first moment of the day whose calls it has, Until that up to which they are stored.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Every is how far apart two writes are, in seconds: a run that has been silent for much longer has died.
	Every float64 `json:"every"`
	// Ended says that nothing of this day is to come.
	Ended bool `json:"ended"`
	// Calls is how many the sketch has, Lost how many the node had besides.
	Calls uint64 `json:"calls"`
	Lost  uint64 `json:"lost"`
}

// died says whether calls after Until are lost.
func (r *trafficRun) died(now time.Time) bool {
	return !r.Ended && now.Sub(r.Until) > time.Duration(2.5*r.Every*float64(time.Second))+time.Minute
}

func (r *trafficRun) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts, times of this century and numbers
	}
	return b
}
