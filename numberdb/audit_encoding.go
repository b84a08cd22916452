package numberdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The binary form of an audit entry, which is what its hash covers. Numbers are big-endian:
//
//	1 byte    version: 1
//	8 bytes   Seq
//	32 bytes  Previous
//	8 bytes   At in microseconds since 1970-01-01 UTC
//	then Who, Role, Action, Object, Before, After, Reason, each:
//	  4 bytes  length in bytes
//	  n bytes  UTF-8
//
// Lengths before texts leave no two entries with the same form. Hashes that were sent elsewhere depend on every byte: a change of the form
// is a new version.
const auditVersion = 1

const auditFixed = 1 + 8 + 32 + 8

// ErrCorruptAudit says that bytes are no audit entry in binary form.
var ErrCorruptAudit = errors.New("not an audit entry")

// auditTexts are the names of what texts gives.
var auditTexts = [...]string{"who", "role", "action", "object", "before", "after", "reason"}

// texts are the entry's texts in the order of the binary form.
func (e *AuditEntry) texts() [len(auditTexts)]*string {
	return [...]*string{&e.Who, &e.Role, (*string)(&e.Action), &e.Object, &e.Before, &e.After, &e.Reason}
}

// AppendBinary implements [encoding.BinaryAppender]. It fails on texts that are too long or not UTF-8.
func (e AuditEntry) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, auditVersion)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = append(b, e.Previous[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	for i, t := range e.texts() {
		if len(*t) > MaxAuditText || !utf8.ValidString(*t) {
			return b[:start], fmt.Errorf("writing an audit entry: %s is too long or not UTF-8", auditTexts[i])
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(*t)))
		b = append(b, *t...)
	}
	return b, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It takes only what [AuditEntry.AppendBinary] writes, every byte of it; the error
// wraps [ErrNewerFormat] or [ErrCorruptAudit], and then the entry is unchanged.
func (e *AuditEntry) UnmarshalBinary(b []byte) error {
	if len(b) > 0 && b[0] > auditVersion && b[0] <= lastVersion {
		return fmt.Errorf("reading an audit entry of version %d: %w", b[0], ErrNewerFormat)
	}
	if len(b) < auditFixed || b[0] != auditVersion {
		return fmt.Errorf("%w: its head is wrong", ErrCorruptAudit)
	}
	v := AuditEntry{Seq: binary.BigEndian.Uint64(b[1:]), At: time.UnixMicro(int64(binary.BigEndian.Uint64(b[41:]))).UTC()}
	copy(v.Previous[:], b[9:])
	rest := b[auditFixed:]
	for i, t := range v.texts() {
		if len(rest) < 4 {
			return fmt.Errorf("%w: it ends before %s", ErrCorruptAudit, auditTexts[i])
		}
		n := uint64(binary.BigEndian.Uint32(rest))
		rest = rest[4:]
		if n > MaxAuditText || n > uint64(len(rest)) || !utf8.Valid(rest[:n]) {
			return fmt.Errorf("%w: %s is wrong", ErrCorruptAudit, auditTexts[i])
		}
		*t, rest = string(rest[:n]), rest[n:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrCorruptAudit, len(rest))
	}
	*e = v
	return nil
}
