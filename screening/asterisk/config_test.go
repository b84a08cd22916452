package asterisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestConfig(t *testing.T) {
	good := Config{URL: "http://127.0.0.1:8088/ari", App: "a.B-1_x", Username: "u", Password: "s3cret"}
	nothing := func(context.Context, *Channel) {}
	c, err := New(good, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if c.events != "ws://127.0.0.1:8088/ari/events?app=a.B-1_x%2Clive-a.B-1_x%2Csigns-a.B-1_x" || c.cfg.RequestTimeout != 2*time.Second || c.cfg.EventQueue != 64 {
		t.Errorf("%s, %+v", c.events, c.cfg)
	}
	for _, u := range []string{"https://pbx.example:8089/ari", "http://[::1]:8088/asterisk/ari/"} {
		with := good
		with.URL = u
		if c, err := New(with, nothing); err != nil || strings.HasSuffix(c.base, "/") {
			t.Errorf("%s: %v", u, err)
		}
	}
	for want, change := range map[string]func(*Config){
		"URL":              func(c *Config) { c.URL = "" },
		"ARI URL":          func(c *Config) { c.URL = "ftp://x/ari" },
		"cannot be read":   func(c *Config) { c.URL = "http://x:y/s3cret" },
		"own settings":     func(c *Config) { c.URL = "http://u:s3cret@h/ari" },
		"application name": func(c *Config) { c.App = "" },
		"letters":          func(c *Config) { c.App = "a,b" },
		"64":               func(c *Config) { c.App = strings.Repeat("x", 65) },
		"fellows":          func(c *Config) { c.PeerPrefix = "b-" },
		"no ARI user":      func(c *Config) { c.Username = "" },
		"colon":            func(c *Config) { c.Username = "a:b" },
		"no ARI password":  func(c *Config) { c.Password = "" },
		"transport":        func(c *Config) { c.Transport = 9 },
		"orphans":          func(c *Config) { c.OrphanPlace = Place{Extension: "s"} },
		"priority":         func(c *Config) { c.OrphanPlace = Place{Context: "x", Priority: -1} },
		"PingInterval":     func(c *Config) { c.PingInterval = -1 },
		"MaxCalls":         func(c *Config) { c.MaxCalls = -1 },
	} {
		bad := good
		change(&bad)
		_, err := New(bad, nothing)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := New(good, nil); err == nil {
		t.Error("no handler is no error")
	}
	good.Metrics = prometheus.NewPedanticRegistry()
	if _, err := New(good, nothing); err != nil {
		t.Error(err)
	}
	if _, err := New(good, nothing); err == nil || !strings.Contains(err.Error(), "label") {
		t.Errorf("two clients on one registry: %v", err)
	}
}

func TestAbilities(t *testing.T) {
	for version, want := range map[string]string{
		"16.28.0~dfsg-0+deb11u4": "false false true", "20.13.9": "false false true", "20.14.0": "true false true",
		"20.15.0": "true false true", "20.20.0": "true true true", "21.8.0": "false false true",
		"21.9.0": "true false true", "21.12.1": "true false true", "22.3.0": "false false true",
		"22.4.1": "true false true", "22.9.0": "true false true", "22.10.1+dfsg": "true true true",
		"23.0.0": "true false true", "23.4.0": "true true true", "24.0.0": "true true true",
		"certified/20.7-cert3": "false false true", "certified-22.8-cert1": "true false true",
		"GIT-master-1a2b3c": "true true false", "": "true true false", "99999999999": "true true true",
	} {
		a, known := abilitiesOf(version)
		if got := fmt.Sprint(a.wsRequests, a.manyVariables, known); got != want {
			t.Errorf("%q: %s, want %s", version, got, want)
		}
	}
}

func TestStatusError(t *testing.T) {
	for _, test := range []struct {
		err              StatusError
		gone, noResource bool
	}{
		{StatusError{Code: 404, Message: "Channel not found"}, true, false},
		{StatusError{Code: 404, Message: "Resource not found"}, false, true},
		{StatusError{Code: 405}, false, true},
		{StatusError{Code: 409, Message: "Channel not in Stasis application"}, true, false},
		{StatusError{Code: 412}, false, false},
		{StatusError{Code: 500}, false, false},
	} {
		wrapped := fmt.Errorf("x: %w", &test.err)
		if errors.Is(wrapped, ErrGone) != test.gone || test.err.noResource() != test.noResource {
			t.Errorf("%v: gone %v, no resource %v", wrapped, errors.Is(wrapped, ErrGone), test.err.noResource())
		}
	}
	if got := oneLine("call\r\n+12025550143 é "+strings.Repeat("y", 300), 40); strings.ContainsAny(got, "\r\n") || strings.Contains(got, "5550") || len(got) > 40 {
		t.Errorf("%q", got)
	}
	if got := logID("1 2\n" + strings.Repeat("z", 300)); strings.ContainsAny(got, " \n") || len(got) > 80 {
		t.Errorf("%q", got)
	}
	if got := logID("pbx-1795293534.1"); got != "pbx-1795293534.1" {
		t.Errorf("%q", got)
	}
}

// FuzzURI: whatever goes into a path or query comes out of a URL parser as it was, and needs no escape in JSON.
func FuzzURI(f *testing.F) {
	f.Add("1.1", "CALLERID(name)", "a b+c&d=%41\"\\\r\n\x00é")
	f.Add("../..", "", "/?#")
	f.Fuzz(func(t *testing.T, id, name, value string) {
		text := path("channels/", id, "/variable").with("variable", name).with("value", value).String()
		if quoted, err := json.Marshal(text); err != nil || len(strings.ReplaceAll(string(quoted), `\u0026`, "&")) != len(text)+2 {
			t.Fatalf("%q needs escapes in JSON", text)
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if u.Path != "channels/"+id+"/variable" || u.Query().Get("variable") != name || u.Query().Get("value") != value {
			t.Fatalf("%q is read as %q, %q", text, u.Path, u.Query())
		}
	})
}
