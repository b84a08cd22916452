package numberdb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The binary form of a listing, as stores keep it and send it to nodes; 6 to 20 bytes for the usual one:
//
//	byte 0   version: 1; later ones go up to 15
//	byte 1   bits 0 and 1: the roles that follow; bits 4 and 5: marks
//	per role, in order:
//	  byte 0   bits 0 to 2: override; bits 3 and 4: class
//	  byte 1   bits 0 to 3: which days follow: override, block, warn, watch; bit 4: a brand follows
//	  2 bytes  each of those days, big-endian
//	  1 byte   length of the brand, then the brand
//
// Every listing has exactly one form: nothing that is zero is written. The bits not named are zero. The store's scripts read and
// write the same bytes.
const (
	listingVersion = 1
	lastVersion    = 15
	marksShift     = 4
	classShift     = 3
	brandFollows   = 1 << 4
)

// Errors about what a store holds.
var (
	// ErrNoList says that a store answers, but holds no list: it is new, was emptied, or is another.
	ErrNoList = errors.New("the store holds no list")
	// ErrNewerFormat says that something was written by a newer version of Linewarden.
	ErrNewerFormat = errors.New("written by a newer version of Linewarden: update this one")
	// ErrNoCaller says that no number of a victim is kept with a report.
	ErrNoCaller = errors.New("with this report no number of the victim is kept")
	// ErrNoCompany says that the registry has no such company.
	ErrNoCompany = errors.New("no such company in the registry")
	// ErrOutdated says that what is to be changed is not, or no longer, as whoever wants to change it has seen it.
	ErrOutdated = errors.New("somebody else has changed it meanwhile")
	// ErrCorruptListing says that bytes are no listing in binary form.
	ErrCorruptListing = errors.New("not a listing")
)

// AppendBinary implements [encoding.BinaryAppender]. It fails on values outside the closed types and on brands that are no slug.
func (l Listing) AppendBinary(b []byte) ([]byte, error) {
	if int(l.Marks)>>len(markNames) != 0 {
		return b, fmt.Errorf("writing a listing: marks %#b: %w", uint8(l.Marks), ErrUnknownName)
	}
	start := len(b)
	b = append(b, listingVersion, byte(l.Marks)<<marksShift)
	for role := range l.Roles {
		r := &l.Roles[role]
		if *r == (RoleListing{}) {
			continue
		}
		if int(r.Override) >= len(standingNames) || int(r.Class) >= len(classNames) || !r.Brand.Valid() {
			return b[:start], fmt.Errorf("writing a listing: %v, %v, brand %.40q: %w", r.Override, r.Class, r.Brand, ErrUnknownName)
		}
		b[start+1] |= 1 << role
		head := len(b)
		b = append(b, byte(r.Override)|byte(r.Class)<<classShift, 0)
		for i, d := range r.days() {
			if *d != 0 {
				b[head+1] |= 1 << i
				b = binary.BigEndian.AppendUint16(b, uint16(*d))
			}
		}
		if r.Brand != "" {
			b[head+1] |= brandFollows
			b = append(b, byte(len(r.Brand)))
			b = append(b, r.Brand...)
		}
	}
	return b, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It takes only what [Listing.AppendBinary] writes, every byte of it; the
// error wraps [ErrNewerFormat] or [ErrCorruptListing], and then the listing is unchanged.
func (l *Listing) UnmarshalBinary(b []byte) error {
	if len(b) > 0 && b[0] > listingVersion && b[0] <= lastVersion {
		return fmt.Errorf("reading a listing of version %d: %w", b[0], ErrNewerFormat)
	}
	if len(b) < 2 || b[0] != listingVersion || b[1]&^0b0011_0011 != 0 {
		return fmt.Errorf("%w: its head is wrong", ErrCorruptListing)
	}
	v := Listing{Marks: Marks(b[1] >> marksShift)}
	rest := b[2:]
	for role := range v.Roles {
		if b[1]&(1<<role) == 0 {
			continue
		}
		var ok bool
		if rest, ok = v.Roles[role].read(rest); !ok {
			return fmt.Errorf("%w: the role %v is wrong", ErrCorruptListing, Role(role))
		}
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrCorruptListing, len(rest))
	}
	*l = v
	return nil
}

// read takes one role off b and gives the rest, or false if it is not in the one form that AppendBinary writes.
func (r *RoleListing) read(b []byte) (rest []byte, ok bool) {
	if len(b) < 2 || b[0]>>5 != 0 || b[1]>>5 != 0 {
		return nil, false
	}
	r.Override, r.Class = Standing(b[0]&0b111), Class(b[0]>>classShift)
	if int(r.Override) >= len(standingNames) || int(r.Class) >= len(classNames) {
		return nil, false
	}
	follows := b[1]
	b = b[2:]
	for i, d := range r.days() {
		if follows&(1<<i) == 0 {
			continue
		}
		if len(b) < 2 {
			return nil, false
		}
		if *d = Day(binary.BigEndian.Uint16(b)); *d == 0 {
			return nil, false
		}
		b = b[2:]
	}
	if follows&brandFollows != 0 {
		if len(b) == 0 || len(b) < 1+int(b[0]) || !validSlug(string(b[1:1+int(b[0])])) {
			return nil, false
		}
		r.Brand, b = Brand(b[1:1+int(b[0])]), b[1+int(b[0]):]
	}
	return b, *r != (RoleListing{})
}

// days are the days of a listing in the order of its binary form.
func (r *RoleListing) days() [4]*Day {
	return [...]*Day{&r.OverrideUntil, &r.BlockUntil, &r.WarnUntil, &r.WatchUntil}
}
