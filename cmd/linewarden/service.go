package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// services run side by side until one of them ends or they are all stopped, in the opposite order of their start. Not safe for
// concurrent use.
type services struct {
	ends  cleanUps
	ended chan string // names of services that ended by themselves; has room for all
}

// mostServices is how many services one process can have: room in a queue that nobody may wait for.
const mostServices = 1024

func newServices() *services { return &services{ended: make(chan string, mostServices)} }

// start runs a service until it is stopped. run must return soon after its context ends; its error then is one of the clean-up.
func (s *services) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if ctx.Err() == nil {
			s.ended <- name
		}
		done <- err
	}()
	s.ends.add(name, func(bound context.Context) error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-bound.Done():
			return errors.New("it has not ended in time")
		}
	})
}

// serveHTTP serves on a listener that is bound already, with TLS if cert names a certificate. Requests that are under way when the
// server is stopped are answered.
func (s *services) serveHTTP(name string, l net.Listener, h http.Handler, cert, key string, log *slog.Logger) {
	server := newServer(h)
	server.ErrorLog = slog.NewLogLogger(log.With("server", name).Handler(), slog.LevelWarn)
	serve := func() error { return server.Serve(l) }
	if cert != "" {
		serve = func() error { return server.ServeTLS(l, cert, key) }
	}
	done := make(chan error, 1)
	go func() {
		err := serve()
		if !errors.Is(err, http.ErrServerClosed) {
			s.ended <- name
			done <- err
			return
		}
		done <- nil
	}()
	s.ends.add(name, func(bound context.Context) error {
		if err := server.Shutdown(bound); err != nil {
			return errors.Join(err, server.Close())
		}
		return <-done
	})
	log.Info("listening", "server", name, "address", l.Addr().String())
	if a, ok := l.Addr().(*net.TCPAddr); ok && cert == "" && !a.IP.IsLoopback() {
		log.Warn("listening without TLS beyond this machine: keep it behind a proxy or on a network of your own", "server", name)
	}
}

// wait waits until the process is told to stop, or a service has ended by itself: that one's error comes from its clean-up.
func (s *services) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case name := <-s.ended:
		return fmt.Errorf("%s ended by itself", name)
	}
}

// closeListener closes a listener that may never have come to serve. A server closes its listener itself, after which that is no fault.
func closeListener(l net.Listener) func(context.Context) error {
	return func(context.Context) error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// bind opens a listener, or says which key to change.
func bind(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen: %w; choose another address in the config", key, err)
	}
	return l, nil
}
