package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// healthcheckCommand asks the process that runs with the same config on this machine whether it is ready. It is for containers whose
// image has nothing else to ask with.
type healthcheckCommand struct{}

// Run succeeds if the answer is yes, and otherwise says what is missing.
func (healthcheckCommand) Run(p *program) error {
	l, err := p.load()
	if err != nil {
		return err
	}
	address, err := reachable(l.Ops.Listen)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(p.ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 3 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask whether linewarden is ready: %w", err)
	}
	defer resp.Body.Close() // only read from: nothing can be lost
	if resp.StatusCode == http.StatusOK {
		_, err := fmt.Fprintln(p.out, "ready")
		return err
	}
	var answer struct{ Missing []notReady }
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
		return fmt.Errorf("linewarden answers %s: %w", resp.Status, err)
	}
	missing := make([]string, len(answer.Missing))
	for i, m := range answer.Missing {
		missing[i] = m.What + ": " + m.Why
	}
	return errors.New("not ready: " + strings.Join(missing, "; "))
}

// reachable is the address at which a listener on this machine is reached: one for all addresses by loopback.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("ops.listen: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
