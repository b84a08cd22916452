package redisstore

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// CallerKey seals the numbers of victims, so that whoever reads Redis or a backup of it does not learn who was robbed
// ([numberdb.SealingKey]). The nil key seals nothing.
type CallerKey struct{ key *numberdb.SealingKey }

// NewCallerKey derives a key from a secret text of at least [numberdb.MinSealingKey] random characters, which may serve for other keys, too.
func NewCallerKey(secret string) (*CallerKey, error) {
	key, err := numberdb.NewSealingKey(secret, "victims' numbers")
	if err != nil {
		return nil, err
	}
	return &CallerKey{key}, nil
}

// seal is the number of a report's victim, bound to the report; nil if it names none.
func (k *CallerKey) seal(id string, r *numberdb.Report) ([]byte, error) {
	switch {
	case r.Caller == 0:
		return nil, nil
	case k == nil:
		return nil, numberdb.Faults{{Field: "caller", Problem: "cannot be kept here", Remedy: "leave it out, or have the operator name a key with intake.sealing_key_file"}}
	}
	return k.key.Seal(strconv.FormatUint(uint64(r.Caller), 10), bound(id, r.Number)), nil
}

// open is the number that seal has sealed.
func (k *CallerKey) open(id string, n numberdb.Number, sealed []byte) (numberdb.Number, error) {
	if k == nil {
		return 0, errors.New("without the key that sealed it, the victim's number cannot be read: name it with intake.sealing_key_file")
	}
	digits, err := k.key.Open(sealed, bound(id, n))
	if err != nil {
		return 0, errors.New("the victim's number was sealed with another key, or altered: name the key of its time with intake.sealing_key_file")
	}
	caller, err := strconv.ParseUint(digits, 10, 64)
	return numberdb.Number(caller), err
}

// bound is what a sealed number belongs to: moved to another report, it does not open.
func bound(id string, n numberdb.Number) string { return id + " " + n.String() }

// Caller is the number of the victim of a report about n. The error wraps [numberdb.ErrNoCaller] if none is kept.
func (s *Store) Caller(ctx context.Context, n numberdb.Number, id string) (numberdb.Number, error) {
	var caller numberdb.Number
	err := s.call(ctx, "caller", func(ctx context.Context) error {
		list, err := s.list(ctx)
		if err != nil {
			return err
		}
		sealed, err := s.client.HGet(ctx, s.keys.callers(placeOf(numberdb.Target{Number: n}, list.partitions)), id).Bytes()
		if errors.Is(err, redis.Nil) {
			return numberdb.ErrNoCaller
		}
		if err == nil {
			caller, err = s.options.CallerKey.open(id, n, sealed)
		}
		return err
	})
	return caller, err
}
