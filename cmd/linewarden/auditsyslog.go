package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/numberdb"
)

// headSender sends the heads of the audit chain to a syslog (RFC 5424), so that not even an owner of the Redis can rewrite the past unseen: any
// head that a log server has proves all entries before it, with 'linewarden audit verify --head'. It sends the chain's head as it is,
// whoever appended, so one node that sends is enough.
type headSender struct {
	network, address string
	instance         string
	every            time.Duration
	head             func(context.Context) (numberdb.AuditHead, error)
	log              *slog.Logger
	sent             *prometheus.CounterVec
}

const (
	syslogTimeout = 5 * time.Second
	// resendHead is how often an unchanged head is sent: datagrams get lost, and silence must not look like a chain at rest.
	resendHead = 5 * time.Minute
	// syslogPriority is facility 13 (log audit), severity 5 (notice): RFC 5424 section 6.2.1.
	syslogPriority = 13*8 + 5
)

// newHeadSender reads the config's address; nil for none.
func (l *loaded) newHeadSender(head func(context.Context) (numberdb.AuditHead, error), log *slog.Logger, metrics prometheus.Registerer) (*headSender, error) {
	if l.Audit.Syslog == "" {
		return nil, nil
	}
	network, address, err := syslogAddress(l.Audit.Syslog)
	if err != nil {
		return nil, err
	}
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linewarden_audit_heads_sent_total", Help: "Heads of the audit chain that were sent to syslog, by outcome: ok or error.",
	}, []string{"outcome"})
	if err := metrics.Register(sent); err != nil {
		return nil, fmt.Errorf("register the metrics of the audit: %w", err)
	}
	return &headSender{network, address, l.Instance, l.Audit.SyslogEvery, head, log, sent}, nil
}

// syslogAddress reads udp://host:port, tcp://host:port or unix:///path.
func syslogAddress(text string) (network, address string, err error) {
	u, err := url.Parse(text)
	if err == nil {
		switch {
		case (u.Scheme == "udp" || u.Scheme == "tcp") && u.Hostname() != "" && u.Port() != "" && u.Path == "":
			return u.Scheme, u.Host, nil
		case u.Scheme == "unix" && u.Host == "" && u.Path != "":
			return u.Scheme, u.Path, nil
		}
	}
	return "", "", errors.New("not the address of a syslog: write udp://host:514, tcp://host:514 or unix:///dev/log")
}

// run sends heads until ctx ends. Losing a log server is told once, and once more when it is back.
func (s *headSender) run(ctx context.Context) {
	var last numberdb.AuditHead
	var at time.Time
	failing := false
	for {
		head, err := s.head(ctx)
		if err == nil && (head != last || time.Since(at) >= resendHead) {
			if err = s.send(ctx, head); err == nil {
				last, at = head, time.Now()
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			s.log.Error("cannot send the head of the audit chain to syslog; trying again", "error", err)
		}
		if err == nil && failing {
			s.log.Info("heads of the audit chain go to syslog again")
		}
		failing = err != nil
		if !pause(ctx, s.every) {
			return
		}
	}
}

// send sends one head, on a connection of its own: they are few, and a connection that was kept could have died unseen.
func (s *headSender) send(ctx context.Context, head numberdb.AuditHead) (err error) {
	defer func() {
		outcome := "ok"
		if err != nil {
			outcome = "error"
			err = fmt.Errorf("send to the syslog at %s: %w", s.address, err)
		}
		s.sent.WithLabelValues(outcome).Inc()
	}()
	dialer := net.Dialer{Timeout: syslogTimeout}
	network := s.network
	if network == "unix" {
		network = "unixgram" // as most listen; some want a stream
	}
	conn, err := dialer.DialContext(ctx, network, s.address)
	if err != nil && s.network == "unix" {
		network = s.network
		conn, err = dialer.DialContext(ctx, network, s.address)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetDeadline(time.Now().Add(syslogTimeout)); err != nil {
		return err
	}
	message := s.message(head, time.Now())
	if network == "tcp" || network == "unix" { // octet counting: RFC 6587 section 3.4.1
		message = strconv.Itoa(len(message)) + " " + message
	}
	_, err = conn.Write([]byte(message))
	return err
}

// message is a head as syslog takes it: RFC 5424 section 6.
func (s *headSender) message(head numberdb.AuditHead, at time.Time) string {
	return fmt.Sprintf("<%d>1 %s %s linewarden %d audit-head - linewarden audit head %v",
		syslogPriority, at.UTC().Format("2006-01-02T15:04:05.000000Z"), s.instance, os.Getpid(), head)
}
