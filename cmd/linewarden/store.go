package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/numberdb/redisstore"
)

// openStore opens the store that the config names; role is that in which we write to its audit chain. It does not wait for Redis.
func (l *loaded) openStore(role string, log *slog.Logger, metrics prometheus.Registerer) (*redisstore.Store, error) {
	r := l.Redis
	secured, err := r.TLS.client()
	if err != nil {
		return nil, err
	}
	var sealing *redisstore.CallerKey
	if l.Intake.SealingKey.Set() {
		if sealing, err = redisstore.NewCallerKey(l.Intake.SealingKey.Reveal()); err != nil {
			return nil, fmt.Errorf("intake.sealing_key: %w", err)
		}
	}
	store, err := redisstore.Open(redisstore.Connection{
		Addrs: r.Addresses, Master: r.SentinelMaster, Cluster: r.Cluster, DB: r.DB, TLS: secured,
		Username: r.Username, Password: r.Password.Reveal(),
		SentinelUsername: r.SentinelUsername, SentinelPassword: r.SentinelPassword.Reveal(),
	}, redisstore.Options{Rules: &l.Rules, Prefix: r.Prefix, Actor: l.Instance, Role: role, CallerKey: sealing, Logger: log, Registerer: metrics})
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return store, nil
}

// client is the TLS of a connection of ours, nil for none.
func (t tlsClient) client() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("redis.tls.ca_file: holds no certificate in PEM form")
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.cert_file: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// withStore does something with the store for one command, in a list that is found or created (findList), and closes it.
func (p *program) withStore(l *loaded, do func(*redisstore.Store) error) error {
	return p.withStoreAsItIs(l, func(store *redisstore.Store) error {
		switch err := findList(p.ctx, store, l.holdsList()); {
		case errors.Is(err, errHeld):
			return err
		case err != nil:
			return fmt.Errorf("%w; is Redis where redis.addresses says, %v?", err, l.Redis.Addresses)
		}
		return do(store)
	})
}

// withStoreAsItIs is withStore for a command that changes nothing.
func (p *program) withStoreAsItIs(l *loaded, do func(*redisstore.Store) error) (err error) {
	store, err := l.openStore(roleCommandLine, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return do(store)
}

// ask is what the store has on record about a number and what people decided last; nil for no number, once it is known that the store answers.
func (l *loaded) ask(ctx context.Context, v *intake.View, n numberdb.Number, today numberdb.Day) (record *numberdb.Record, acts []numberdb.Act, err error) {
	store, err := l.openStore(roleCommandLine, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if n == 0 {
		return nil, nil, store.Ping(ctx)
	}
	known, acts, err := v.Ask(ctx, store, n, today)
	if err != nil {
		return nil, nil, err
	}
	return &known, acts, nil
}

// loadForStore is the config of a command that needs the store and a way to read numbers, nothing else.
func (p *program) loadForStore() (*loaded, error) {
	l, err := p.load()
	if err != nil {
		return nil, err
	}
	return l, l.resolveRedisSecrets()
}
