package testbed

import (
	"context"
	"time"
)

// T is what this package asks of a test: a *testing.T or *testing.B.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// testPatience bounds a start in a test. The first one on a machine fetches the programs.
const testPatience = 10 * time.Minute

// RedisFor starts a Redis that lives as long as the test. It fails the test if that does not work.
func RedisFor(t T, options RedisOptions) *Redis {
	t.Helper()
	return started(t, "redis", func(ctx context.Context) (*Redis, error) { return StartRedis(ctx, options) }, (*Redis).Close)
}

// AsteriskFor starts an Asterisk that lives as long as the test. It fails the test if that does not work.
func AsteriskFor(t T, options AsteriskOptions) *Asterisk {
	t.Helper()
	return started(t, "asterisk", func(ctx context.Context) (*Asterisk, error) { return StartAsterisk(ctx, options) }, (*Asterisk).Close)
}

// PhoneFor makes a telephone that lives as long as the test. It fails the test if that does not work.
func PhoneFor(t T, options PhoneOptions) *Phone {
	t.Helper()
	return started(t, "phone", func(ctx context.Context) (*Phone, error) { return NewPhone(ctx, options) }, func(p *Phone) error {
		const goodbyes = 5 * time.Second // the other side may have been killed
		ctx, cancel := context.WithTimeout(context.Background(), goodbyes)
		defer cancel()
		return p.Close(ctx)
	})
}

func started[S any](t T, what string, start func(context.Context) (S, error), end func(S) error) S {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	s, err := start(ctx)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := end(s); err != nil {
			t.Errorf("closing the %s of this test: %v", what, err)
		}
	})
	return s
}
