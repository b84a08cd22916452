package replica

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// A snapshot is, with integers big-endian or as uvarint (encoding/binary) and strings as uvarint length and bytes:
//
//	magic     16 bytes
//	version   uint16
//	confirmed int64, milliseconds since 1970: when the store last confirmed that nothing was missing
//	id        string: of the list
//	positions uvarint count, strings: one per partition
//	records   uvarint number<<1 | prefix, then uvarint reference to the table of listings;
//	          a reference that is the table's length adds to it the listing that follows, as a string of Listing.AppendBinary
//	end       uvarint 0, uvarint count of records
//	checksum  SHA-256 of all before it
//
// Few listings differ from each other (a day, a brand), so that a record is mostly its number: some 8 bytes.
const (
	snapshotMagic   = "linewarden list\n"
	snapshotVersion = 1

	maxID         = 128  // bytes
	maxPosition   = 128  // bytes
	maxPartitions = 4096 // the store has some 64
	maxListing    = 512  // bytes of one listing's binary form

	recordSize = 8 // bytes of the usual record
)

// header is what a snapshot says about its list.
type header struct {
	id        string
	positions []string
	confirmed time.Time
}

// valid says what keeps the header of a list from being written and read again.
func (h header) valid() error {
	switch {
	case h.id == "":
		return errors.New("the list has no id")
	case len(h.id) > maxID:
		return fmt.Errorf("the list's id has %d bytes, at most %d are possible", len(h.id), maxID)
	case len(h.positions) == 0 || len(h.positions) > maxPartitions:
		return fmt.Errorf("the list has %d partitions, 1 to %d are possible", len(h.positions), maxPartitions)
	}
	for p, position := range h.positions {
		if len(position) > maxPosition {
			return fmt.Errorf("the position in partition %d has %d bytes, at most %d are possible", p, len(position), maxPosition)
		}
	}
	return nil
}

// encodeSnapshot writes a list. Targets without a listing are left out.
func encodeSnapshot(w io.Writer, h header, list iter.Seq[numberdb.Change]) error {
	if err := h.valid(); err != nil {
		return err
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<18)

	b := append([]byte(nil), snapshotMagic...)
	b = binary.BigEndian.AppendUint16(b, snapshotVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(h.confirmed.UnixMilli()))
	b = appendString(b, h.id)
	b = binary.AppendUvarint(b, uint64(len(h.positions)))
	for _, position := range h.positions {
		b = appendString(b, position)
	}
	out.Write(b) // a bufio.Writer keeps its first error for Flush

	table := map[numberdb.Listing]uint64{}
	var count uint64
	for c := range list {
		if c.Listing == (numberdb.Listing{}) {
			continue
		}
		b = binary.AppendUvarint(b[:0], key(c.Target))
		ref, known := table[c.Listing]
		if !known {
			ref = uint64(len(table))
			table[c.Listing] = ref
		}
		b = binary.AppendUvarint(b, ref)
		if !known {
			text, err := c.Listing.AppendBinary(nil)
			if err != nil {
				return fmt.Errorf("listing of %s: %w", c.Target.Number.Masked(), err)
			}
			if len(text) > maxListing {
				return fmt.Errorf("listing of %s has %d bytes, at most %d are possible", c.Target.Number.Masked(), len(text), maxListing)
			}
			b = appendString(b, string(text))
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
		count++
	}
	out.Write(binary.AppendUvarint([]byte{0}, count))
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// decodeSnapshot reads what encodeSnapshot wrote from r, which has size bytes, and calls put for each target. What put got is good
// only if there is no error: the checksum comes last. It holds no more memory than the input is long, whatever lengths that claims.
func decodeSnapshot(r io.Reader, size int64, put func(numberdb.Change)) (header, error) {
	const sumSize = sha256.Size
	sum := sha256.New()
	d := decoder{in: bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, max(size-sumSize, 0)), sum), 1<<16)}

	if magic := d.bytes(len(snapshotMagic)); string(magic) != snapshotMagic {
		return header{}, errors.New("this is not a snapshot of a list of Linewarden")
	}
	if version := d.integer(2); d.err == nil && version != snapshotVersion {
		return header{}, fmt.Errorf("the snapshot's format is version %d, this Linewarden reads version %d", version, snapshotVersion)
	}
	h := header{confirmed: time.UnixMilli(int64(d.integer(8)))}
	h.id = d.string(maxID)
	for range d.uvarint(maxPartitions) {
		if d.err != nil {
			break
		}
		h.positions = append(h.positions, d.string(maxPosition))
	}
	d.fail(h.valid())
	d.records(put)
	if d.err != nil {
		return header{}, fmt.Errorf("the snapshot is cut off or corrupt: %w", d.err)
	}
	want := make([]byte, sumSize)
	if _, err := io.ReadFull(r, want); err != nil {
		return header{}, fmt.Errorf("the snapshot's checksum cannot be read: %w", err)
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return header{}, errors.New("the snapshot is corrupt: its checksum is wrong")
	}
	return h, nil
}

// key is a target in one integer, never zero for a number that there is.
func key(t numberdb.Target) uint64 {
	k := uint64(t.Number) << 1
	if t.Prefix {
		k |= 1
	}
	return k
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder reads the parts of a snapshot. After the first error, which it keeps, it gives zeros.
type decoder struct {
	in  *bufio.Reader
	err error
	buf [max(maxID, maxPosition, maxListing)]byte
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// records reads all records up to the end of the input.
func (d *decoder) records(put func(numberdb.Change)) {
	var table []numberdb.Listing
	var count uint64
	for d.err == nil {
		k := d.uvarint(uint64(numberdb.MaxNumber)<<1 | 1)
		if k == 0 {
			break
		}
		c := numberdb.Change{Target: numberdb.Target{Number: numberdb.Number(k >> 1), Prefix: k&1 == 1}}
		ref := d.uvarint(uint64(len(table)))
		if ref == uint64(len(table)) {
			table = append(table, d.listing())
		}
		if c.Target.Number == 0 {
			d.fail(errors.New("a record has no number"))
		}
		if d.err == nil {
			c.Listing = table[ref]
			put(c)
			count++
		}
	}
	if claimed := d.uvarint(^uint64(0)); claimed != count {
		d.fail(fmt.Errorf("it holds %d records and claims %d", count, claimed))
	}
	if _, err := d.in.ReadByte(); err != io.EOF {
		d.fail(errors.New("there is something after its end"))
	}
}

// listing reads a listing that says something.
func (d *decoder) listing() (l numberdb.Listing) {
	text := d.chunk(maxListing)
	if d.err != nil {
		return l
	}
	if err := l.UnmarshalBinary(text); err != nil {
		d.fail(err)
	} else if l == (numberdb.Listing{}) {
		d.fail(errors.New("a listing says nothing"))
	}
	return l
}

// string reads a string of at most limit bytes.
func (d *decoder) string(limit uint64) string { return string(d.chunk(limit)) }

// chunk reads a length of at most limit, and as many bytes, which are good until the next read.
func (d *decoder) chunk(limit uint64) []byte { return d.bytes(int(d.uvarint(limit))) }

// integer reads a big-endian integer of size bytes.
func (d *decoder) integer(size int) (n uint64) {
	for _, b := range d.bytes(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

// bytes reads n bytes, at most as many as buf has; they are good until the next read.
func (d *decoder) bytes(n int) []byte {
	if d.err != nil {
		return nil
	}
	b := d.buf[:n]
	if _, err := io.ReadFull(d.in, b); err != nil {
		d.fail(unexpected(err))
		return nil
	}
	return b
}

// uvarint reads an integer of at most limit.
func (d *decoder) uvarint(limit uint64) uint64 {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(d.in)
	if err != nil {
		d.fail(unexpected(err))
		return 0
	}
	if n > limit {
		d.fail(fmt.Errorf("%d where at most %d is possible", n, limit))
		return 0
	}
	return n
}

// unexpected is the error of an input that ends too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
