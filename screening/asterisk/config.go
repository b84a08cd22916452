package asterisk

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Transport is how requests reach Asterisk. Events always come on the websocket.
type Transport uint8

const (
	TransportAuto      Transport = iota // by Asterisk's version; where that says nothing, by trying
	TransportWebsocket                  // on the events' websocket: Asterisk 20.14, 21.9, 22.4 and later
	TransportHTTP                       // one HTTP request each, on pooled connections
)

// String is auto, websocket or http.
func (t Transport) String() string {
	switch t {
	case TransportWebsocket:
		return "websocket"
	case TransportHTTP:
		return "http"
	}
	return "auto"
}

// Config says how to reach one Asterisk and under which name. Zero durations and sizes stand for the defaults.
type Config struct {
	// URL is where ARI listens: http or https, host, port and path, such as "http://127.0.0.1:8088/ari".
	URL string
	// App is the Stasis application that this process is: 1 to 64 letters, digits, dots, hyphens and underscores. Two processes
	// on one Asterisk need two names: Asterisk sends an application's events to the process that connected last.
	App string
	// Username and Password are those of a user in ari.conf that may write.
	Username, Password string
	// Transport is how requests travel.
	Transport Transport

	// PeerPrefix is how the names of fellow instances begin; App must begin with it too. When a fellow is dead or hangs, its calls
	// are released. Empty: no fellows are looked after.
	PeerPrefix string
	// OrphanPlace is where a call goes on that is released because nobody handles it: a dead fellow's, or one whose handler
	// returned without releasing it. The zero Place is the next priority. It has to be in the dialplan: Asterisk ends a call that
	// is sent to where nothing is.
	OrphanPlace Place

	ConnectTimeout time.Duration // for a connection to be ready for calls; 5 s
	RequestTimeout time.Duration // for one request, beside the caller's own deadline; 2 s
	DrainTimeout   time.Duration // for the handlers to end once Run's context has; 10 s
	PingInterval   time.Duration // between websocket pings, and for each to be answered; 5 s
	PatrolInterval time.Duration // between looks at Asterisk's list of applications; 500 ms
	FellowTimeout  time.Duration // how long a connected fellow may be silent before it counts as dead; 5 s; the same for all fellows
	BackoffMin     time.Duration // first wait before connecting again; 100 ms
	BackoffMax     time.Duration // longest such wait; 5 s
	ReplacedWait   time.Duration // wait after another process took App over; 30 s

	// Glance, if given, is asked before the handler about each new channel.
	Glance Glance

	EventQueue  int // events that may wait for one handler; 64
	MaxInFlight int // requests without an answer at one time; further ones wait; 1024
	MaxCalls    int // handlers at one time; further calls are not claimed, or released at once; 10 000
	MaxMessage  int // bytes in one message from Asterisk; 4 MiB

	// Logger gets connects, disconnects and faults, without caller numbers or names. The default discards.
	Logger *slog.Logger
	// Metrics registers the counters of this package; nil keeps them private. A process that serves several Asterisks wraps
	// its registry with a label for each ([prometheus.WrapRegistererWith]).
	Metrics prometheus.Registerer
}

// complete checks the config, fills in the defaults, and returns the parsed URL.
func (c *Config) complete() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("asterisk: the ARI URL cannot be read: write it like http://127.0.0.1:8088/ari")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("asterisk: the ARI URL needs a scheme and a host: write it like http://127.0.0.1:8088/ari")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("asterisk: the ARI URL holds more than host, port and path: user and password have their own settings")
	case !validAppName(c.App):
		return nil, fmt.Errorf("asterisk: application name %.80q: write 1 to 64 letters, digits, dots, hyphens and underscores", c.App)
	case !strings.HasPrefix(c.App, c.PeerPrefix):
		return nil, fmt.Errorf("asterisk: application name %q does not begin with %.80q, as all fellows' must", c.App, c.PeerPrefix)
	case c.Username == "" || strings.Contains(c.Username, ":"):
		return nil, errors.New("asterisk: no ARI user: name one of ari.conf, without a colon")
	case c.Password == "":
		return nil, errors.New("asterisk: no ARI password: give the one of the user in ari.conf")
	case c.Transport > TransportHTTP:
		return nil, fmt.Errorf("asterisk: unknown transport %d", c.Transport)
	}
	if err := c.OrphanPlace.check(); err != nil {
		return nil, fmt.Errorf("asterisk: place for orphans: %w", err)
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		unset time.Duration
	}{
		{"ConnectTimeout", &c.ConnectTimeout, 5 * time.Second},
		{"RequestTimeout", &c.RequestTimeout, 2 * time.Second},
		{"DrainTimeout", &c.DrainTimeout, 10 * time.Second},
		{"PingInterval", &c.PingInterval, 5 * time.Second},
		{"PatrolInterval", &c.PatrolInterval, 500 * time.Millisecond},
		{"FellowTimeout", &c.FellowTimeout, 5 * time.Second},
		{"BackoffMin", &c.BackoffMin, 100 * time.Millisecond},
		{"BackoffMax", &c.BackoffMax, 5 * time.Second},
		{"ReplacedWait", &c.ReplacedWait, 30 * time.Second},
	} {
		if *d.value < 0 {
			return nil, fmt.Errorf("asterisk: %s is negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.unset
		}
	}
	for _, n := range []struct {
		name  string
		value *int
		unset int
	}{
		{"EventQueue", &c.EventQueue, 64},
		{"MaxInFlight", &c.MaxInFlight, 1024},
		{"MaxCalls", &c.MaxCalls, 10_000},
		{"MaxMessage", &c.MaxMessage, 4 << 20},
	} {
		if *n.value < 0 {
			return nil, fmt.Errorf("asterisk: %s is negative", n.name)
		}
		if *n.value == 0 {
			*n.value = n.unset
		}
	}
	c.BackoffMax = max(c.BackoffMax, c.BackoffMin)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return u, nil
}

// validAppName says whether a name survives a URL, a comma-separated list and a log line as it is.
func validAppName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
