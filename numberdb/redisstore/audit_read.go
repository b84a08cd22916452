package redisstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// AuditHead is the end of the audit chain, the zero value for an empty one. Whoever keeps it elsewhere can show later that nothing before it
// was changed.
func (s *Store) AuditHead(ctx context.Context) (head numberdb.AuditHead, err error) {
	err = s.call(ctx, "audit_head", func(ctx context.Context) error {
		values, err := s.client.HGetAll(ctx, s.keys.auditHead()).Result()
		if err == nil {
			head, err = parseHead(values["seq"], values["hash"])
		}
		return err
	})
	return head, err
}

// AuditRecords goes through the audit chain from a place on, in its order, whatever is wrong with it: what lies there is not looked at. A pair
// with an error is the last one.
func (s *Store) AuditRecords(ctx context.Context, from uint64) iter.Seq2[numberdb.AuditRecord, error] {
	return func(yield func(numberdb.AuditRecord, error) bool) {
		for after := strconv.FormatUint(from, 10) + "-0"; ; {
			var page []redis.XMessage
			err := s.call(ctx, "audit_read", func(ctx context.Context) (err error) {
				page, err = s.client.XRangeN(ctx, s.keys.audit(), after, "+", pageSize).Result()
				return err
			})
			if err != nil {
				yield(numberdb.AuditRecord{}, err)
				return
			}
			for _, m := range page {
				if !yield(auditRecord(m), nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = "(" + page[len(page)-1].ID
		}
	}
}

// AuditPart gives what lies in the audit chain, sound or not, at a place and behind it, or, newest first, at it and before; most bounds it.
func (s *Store) AuditPart(ctx context.Context, from uint64, most int, newestFirst bool) (part []numberdb.AuditRecord, err error) {
	at := strconv.FormatUint(from, 10)
	err = s.call(ctx, "audit_read", func(ctx context.Context) error {
		var page []redis.XMessage
		var err error
		if newestFirst {
			page, err = s.client.XRevRangeN(ctx, s.keys.audit(), at, "-", int64(most)).Result()
		} else {
			page, err = s.client.XRangeN(ctx, s.keys.audit(), at, "+", int64(most)).Result()
		}
		part = make([]numberdb.AuditRecord, len(page))
		for i, m := range page {
			part[i] = auditRecord(m)
		}
		return err
	})
	return part, err
}

// auditRecord is what lies at a place; what somebody else put there is left empty, which no entry is.
func auditRecord(m redis.XMessage) (r numberdb.AuditRecord) {
	seq, _, _ := strings.Cut(m.ID, "-")
	r.Seq, _ = strconv.ParseUint(seq, 10, 64) // Redis made it
	encoded, _ := m.Values["e"].(string)
	hash, _ := m.Values["h"].(string)
	r.Encoded = []byte(encoded)
	_ = r.Hash.UnmarshalText([]byte(hash)) // a hash that cannot be read is none, and fits nothing
	return r
}

// VerifyAudit walks the audit chain as it is now ([numberdb.VerifyAudit]); known are heads that were kept elsewhere. The error says that the
// chain could not be read; what is wrong with it is in the result. Entries may be appended meanwhile.
func (s *Store) VerifyAudit(ctx context.Context, known ...numberdb.AuditHead) (numberdb.AuditResult, error) {
	head, err := s.AuditHead(ctx)
	if err != nil {
		return numberdb.AuditResult{}, err
	}
	list, err := s.birth(ctx)
	if err != nil {
		return numberdb.AuditResult{}, err
	}
	born := list.audit == 0
	var failed error
	result := numberdb.VerifyAudit(func(yield func(numberdb.AuditRecord) bool) {
		for r, err := range s.AuditRecords(ctx, 0) {
			if err == nil && r.Seq > head.Seq {
				// Appended since the head was read, or put there by somebody else: the head as it is now tells.
				var now numberdb.AuditHead
				if now, err = s.AuditHead(ctx); err == nil && now.Seq >= r.Seq {
					return
				}
			}
			if err == nil && r.Seq == list.audit {
				born = bears(r, list)
			}
			if failed = err; err != nil || !yield(r) {
				return
			}
		}
	}, head, known...)
	if failed != nil {
		return numberdb.AuditResult{}, fmt.Errorf("reading the audit chain: %w", failed)
	}
	if !born {
		result.Findings = append(result.Findings, numberdb.AuditFinding{First: list.audit, Last: list.audit, Fault: numberdb.AuditMissing,
			Detail: "it does not tell of the creation of the list that names it: the chain was begun anew"})
	}
	return result, nil
}

// birth is the list as it is and the entry of its creation, which is zero for no list and for one from before there was an audit chain.
func (s *Store) birth(ctx context.Context) (list identity, err error) {
	err = s.call(ctx, "identity", func(ctx context.Context) error {
		if list, err = s.readMeta(ctx); errors.Is(err, numberdb.ErrNoList) {
			return nil
		}
		return err
	})
	return list, err
}

// bears says whether a place tells of the creation of a list.
func bears(r numberdb.AuditRecord, list identity) bool {
	var e numberdb.AuditEntry
	return e.UnmarshalBinary(r.Encoded) == nil && e.Action == numberdb.AuditListCreated && strings.Contains(e.After, strconv.Quote(list.id))
}
