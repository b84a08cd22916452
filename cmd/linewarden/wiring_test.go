package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// TestSealingKeySealsSecondFactors asks for a second factor where Redis is away: with the key, that is as far as one comes.
func TestSealingKeySealsSecondFactors(t *testing.T) {
	for key, without := range map[string]bool{"": true, strings.Repeat("k", numberdb.MinSealingKey): false} {
		l := &loaded{config: defaultConfig()}
		l.Redis.Addresses, l.Intake.SealingKey = []string{"127.0.0.1:1"}, newSecret(key)
		store, err := l.openStore(roleCommandLine, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		people, err := l.newDirectory(store, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := people.OfferFactor(t.Context(), access.Principal{Name: "ann"}, "a password"); err == nil || errors.Is(err, access.ErrNoFactorKey) != without {
			t.Errorf("with %d characters of key: %v", len(key), err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}
