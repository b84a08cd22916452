package testbed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// Ports are the free ports of 127.0.0.1 that one Asterisk may use. They stay its own until Close.
type Ports struct {
	SIP               []int // ten UDP ports
	HTTP              int
	Manager           int // for AMI
	RTPFirst, RTPLast int // for rtp.conf: rtpstart and rtpend, enough for 100 calls at once
}

// How many ports of a block are for SIP; the next one is for HTTP, and the one after that for AMI.
const sipPorts = 10

// AsteriskOptions say what an Asterisk is to be.
type AsteriskOptions struct {
	// Files gives the configuration files by their names ("pjsip.conf", "linewarden/extensions.conf"), using the ports.
	// asterisk.conf is ours. Without modules.conf all modules are loaded, without logger.conf all goes to the log.
	// It is called once. Nil for none.
	Files func(Ports) (map[string][]byte, error)
	// Sounds has a folder for each language, as under Asterisk's sounds folder: "fr/linewarden/warn.wav" is played as
	// linewarden/warn to channels whose language is fr. Asterisk's own English sounds are there too. Nil for none.
	Sounds fs.FS
	// Quiet leaves out of the log what the dialplan does, as in operation: for measuring.
	Quiet bool
}

// Asterisk is a running Asterisk on loopback with folders of its own. Its methods are safe for concurrent use.
type Asterisk struct {
	Server
	ports   Ports
	blocks  []*portBlock
	control []string // the arguments that make another asterisk command speak to this one
}

// StartAsterisk starts an Asterisk and returns when it is fully booted. ctx bounds the start, not the life of the
// server: it runs until Close, or until this process ends. An error shows the end of Asterisk's log.
func StartAsterisk(ctx context.Context, options AsteriskOptions) (*Asterisk, error) {
	tools, err := Prepare(ctx, nil)
	if err != nil {
		return nil, err
	}
	a := &Asterisk{Server: Server{name: "asterisk", tools: tools}}
	if err := a.furnish(ctx, options); err != nil {
		return nil, errors.Join(fmt.Errorf("starting asterisk: %w", err), a.Close())
	}
	if err := a.Restart(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// furnish claims ports and writes all that Asterisk will read.
func (a *Asterisk) furnish(ctx context.Context, options AsteriskOptions) error {
	for _, reserve := range []func() (*portBlock, error){reserveServicePorts, reserveRTPPorts} {
		block, err := reserve()
		if err != nil {
			return err
		}
		a.blocks = append(a.blocks, block)
	}
	service, rtp := a.blocks[0].first, a.blocks[1].first
	for i := range sipPorts {
		a.ports.SIP = append(a.ports.SIP, service+i)
	}
	a.ports.HTTP, a.ports.Manager = service+sipPorts, service+sipPorts+1
	a.ports.RTPFirst, a.ports.RTPLast = rtp, rtp+rtpPortsBlock-1

	var err error
	if a.scratch, err = a.tools.newScratch(ctx, "asterisk"); err != nil {
		return err
	}
	var files map[string][]byte
	if options.Files != nil {
		if files, err = options.Files(a.ports); err != nil {
			return fmt.Errorf("making its configuration: %w", err)
		}
	}
	layout := asteriskLayout{a.tools, a.scratch, options.Quiet}
	if err := layout.writeConfiguration(files); err != nil {
		return fmt.Errorf("writing its configuration: %w", err)
	}
	if err := layout.placeSounds(options.Sounds); err != nil {
		return fmt.Errorf("placing its sounds: %w", err)
	}
	a.control = []string{"-C", filepath.Join(a.scratch.inside, "etc", "asterisk.conf")}
	a.args = append([]string{"-f", "-n"}, a.control...) // in the foreground, without colours
	a.ready = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		answer, err := a.CLI(ctx, "core waitfullybooted")
		if err == nil && !strings.Contains(answer, "fully booted") {
			// The command succeeds without a word if Asterisk gives up while it waits.
			err = errors.New("it did not boot")
		}
		return err
	}
	return nil
}

// Ports are the ports that this Asterisk was given.
func (a *Asterisk) Ports() Ports { return a.ports }

// CLI runs one command of Asterisk's command line, such as "core show channels", and gives what it prints.
func (a *Asterisk) CLI(ctx context.Context, command string) (string, error) {
	cmd := a.tools.Command(ctx, "asterisk", append(append([]string{}, a.control...), "-r", "-x", command)...)
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("asterisk command %q: %w: %s", command, err, lastLines(out, 3))
	}
	if strings.HasPrefix(text, "No such command") {
		return "", fmt.Errorf("asterisk command %q: %s", command, text)
	}
	return text, nil
}

// Close ends Asterisk and removes its files.
func (a *Asterisk) Close() error {
	err := a.Kill()
	if a.scratch != nil {
		err = errors.Join(err, a.scratch.remove())
	}
	for _, block := range a.blocks {
		err = errors.Join(err, block.release())
	}
	return err
}
