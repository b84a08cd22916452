package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/linewarden/linewarden/dialplan/testbed"
)

// What systemd hears of a node, on the socket that it gives to a service: that it has started, again and again that it does not hang,
// and that it stops.
func TestWatchdog(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "300000")
	n := startNode(t, testbed.RedisFor(t, testbed.RedisOptions{}).Addr(), "watched", "")
	next := func() string {
		t.Helper()
		var text [256]byte
		heard.SetReadDeadline(time.Now().Add(patience))
		length, err := heard.Read(text[:])
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:length])
	}
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := next(); got != want {
			t.Fatalf("systemd hears %q, not %q", got, want)
		}
	}
	if status := n.stop(t); status != 0 {
		t.Errorf("exit status %d", status)
	}
	for got := next(); got != "STOPPING=1"; got = next() {
		if got != "WATCHDOG=1" {
			t.Fatalf("systemd hears %q at the end", got)
		}
	}
}
