package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// RedisOptions say how a Redis differs from the one that Linewarden ships.
type RedisOptions struct {
	// Args are added to the command line, such as "--cluster-enabled", "yes". They win over the defaults: append-only
	// file with "appendfsync always", no snapshots.
	Args []string
}

// Redis is a running redis-server on loopback with files of its own. Its methods are safe for concurrent use.
type Redis struct {
	Server
	ports *portBlock
}

// StartRedis starts a Redis and returns when it answers. ctx bounds the start, not the life of the server: it runs until
// Close, or until this process ends.
func StartRedis(ctx context.Context, options RedisOptions) (*Redis, error) {
	tools, err := Prepare(ctx, nil)
	if err != nil {
		return nil, err
	}
	ports, err := reserveServicePorts()
	if err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	scratch, err := tools.newScratch(ctx, "redis")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting redis-server: %w", err), ports.release())
	}
	r := &Redis{Server{name: "redis-server", tools: tools, scratch: scratch}, ports}
	r.ready = r.ping
	r.args = append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(ports.first), "--dir", scratch.inside,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "",
		// The default is the port + 10000, which nobody has reserved for us.
		"--cluster-port", strconv.Itoa(ports.first + 1),
	}, options.Args...)
	if err := r.Restart(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Addr is where the server listens: "127.0.0.1:port".
func (r *Redis) Addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.ports.first))
}

// Close ends the server and removes its files.
func (r *Redis) Close() error {
	return errors.Join(r.Kill(), r.scratch.remove(), r.ports.release())
}

// ping asks once. An answer that asks for a password counts: the server serves.
func (r *Redis) ping(ctx context.Context) error {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH") {
		return nil
	}
	return fmt.Errorf("it answers %q", strings.TrimSpace(answer))
}
