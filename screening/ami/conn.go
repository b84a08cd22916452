package ami

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"strconv"
	"strings"
	"time"
)

// Config says how to reach one Asterisk.
type Config struct {
	Address string      // host:port of manager.conf
	TLS     *tls.Config // nil for a connection in the clear: for loopback, or a network of one's own
	// Username and Secret are those of a user in manager.conf.
	Username, Secret string
	// Timeout bounds connecting, and each wait for Asterisk; 5 seconds if zero.
	Timeout time.Duration
}

const defaultTimeout = 5 * time.Second

// Conn is a connection that is signed in. It is not safe for concurrent use. After any error that is not ErrRefused it is of no more
// use.
type Conn struct {
	conn    net.Conn
	r       *bufio.Reader
	out     []byte
	lines   []string
	timeout time.Duration
	id      uint64 // of the last action
	broken  error
}

// Dial connects and signs in. The error never holds the secret.
func Dial(ctx context.Context, c Config) (*Conn, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	dialer := &net.Dialer{Timeout: timeout}
	dial := dialer.DialContext
	if c.TLS != nil {
		dial = (&tls.Dialer{NetDialer: dialer, Config: c.TLS}).DialContext
	}
	socket, err := dial(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to AMI: %w: is it enabled in manager.conf?", err)
	}
	conn := &Conn{conn: socket, r: bufio.NewReaderSize(socket, 4096), timeout: timeout}
	if err := conn.signIn(ctx, c); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (c *Conn) signIn(ctx context.Context, config Config) error {
	defer c.within(ctx)()
	if err := c.wait(ctx); err != nil {
		return c.fail(ctx, "sign in to AMI", err)
	}
	greeting, err := c.r.ReadSlice('\n')
	if err == nil && !strings.Contains(string(greeting), "Call Manager") {
		err = fmt.Errorf("%w: the greeting is another", ErrProtocol)
	}
	if err != nil {
		return c.fail(ctx, "wait for AMI's greeting", err)
	}
	if _, err := c.Request(ctx, New("Login", "Username", config.Username, "Secret", config.Secret, "Events", "off")); err != nil {
		return fmt.Errorf("sign in to AMI: %w: compare with manager.conf", err)
	}
	return nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// within ends reading and writing when ctx ends, until the function that it returns is called.
func (c *Conn) within(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() {
		_ = c.conn.SetDeadline(time.Unix(1, 0)) // fails only if the connection is closed already
	})
	return func() { stop() }
}

// wait gives the next wait for Asterisk its time, unless ctx has ended: within does not end what begins only then.
func (c *Conn) wait(ctx context.Context) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	return ctx.Err()
}

// fail notes that the connection is of no more use.
func (c *Conn) fail(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	c.broken = fmt.Errorf("%s: %w", what, err)
	return c.broken
}

// Request makes one request and gives the response, which holds until the next. A response that is no success is an error too; it
// wraps ErrRefused.
func (c *Conn) Request(ctx context.Context, a Action) (Response, error) {
	var got Response
	err := c.Do(ctx, func(yield func(Action) bool) { yield(a) }, func(r Response) error {
		got = r
		return r.Err()
	})
	return got, err
}

// batch is how many bytes of requests go out before their responses are read: little enough that they, and as many responses, wait
// in the buffers of a connection while neither side reads.
const batch = 32 << 10

// Do makes requests one after the other without waiting for each to be answered, and gives each response to got, in the order of the
// requests. It returns when all have been answered, or at the first error, which may be one of got; what has been sent by then may
// still be carried out.
func (c *Conn) Do(ctx context.Context, actions iter.Seq[Action], got func(Response) error) error {
	if c.broken != nil {
		return c.broken
	}
	defer c.within(ctx)()
	first := c.id + 1 // of the actions in out
	c.out = c.out[:0]
	for a := range actions {
		var err error
		if c.out, err = a.appendTo(c.out, strconv.FormatUint(c.id+1, 10)); err != nil {
			return c.fail(ctx, "ask AMI for "+a.Name, err)
		}
		c.id++
		if len(c.out) < batch {
			continue
		}
		if err := c.exchange(ctx, first, got); err != nil {
			return err
		}
		first, c.out = c.id+1, c.out[:0]
	}
	return c.exchange(ctx, first, got)
}

// exchange sends what is in out, and reads the responses to the actions from first on.
func (c *Conn) exchange(ctx context.Context, first uint64, got func(Response) error) error {
	if first > c.id {
		return nil
	}
	if err := c.wait(ctx); err != nil {
		return c.fail(ctx, "ask AMI", err)
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return c.fail(ctx, "ask AMI", err)
	}
	var refused error
	for id := first; id <= c.id; id++ {
		if err := c.wait(ctx); err != nil {
			return c.fail(ctx, "wait for AMI", err)
		}
		r, err := c.readResponse(strconv.FormatUint(id, 10))
		if err != nil {
			return c.fail(ctx, "wait for AMI", err)
		}
		if refused == nil {
			refused = got(r) // the rest of the batch is read all the same, so that the connection stays of use
		}
	}
	return refused
}
