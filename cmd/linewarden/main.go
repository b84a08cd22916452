// Command linewarden keeps people from talking to fake support lines: it checks the numbers of an Asterisk's calls against a
// reputation list in Redis, and warns or blocks. 'linewarden --help' lists what it does; 'linewarden check-config --sample' prints
// a config that explains each key.
//
// This package holds flags, signals and wiring. It exits with 0 when it did what it was asked, with 2 when the command line or the
// config is wrong, and with 1 on any other failure, which it tells in one line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run()) }

// run is main with an exit status.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	var line commandLine
	parser, err := kong.New(&line, kong.Name("linewarden"), kong.Description(description), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"default_config": standardConfig})
	if err != nil {
		return fail(os.Stderr, err)
	}
	command, err := parser.Parse(numberBehindDashes(os.Args[1:]))
	if err != nil {
		return fail(os.Stderr, usageError{err})
	}
	return fail(os.Stderr, command.Run(&program{ctx: ctx, environ: os.Environ(), configFile: line.Config, in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// program is what the commands get from the world.
type program struct {
	ctx        context.Context // ended by SIGINT and SIGTERM
	environ    []string
	configFile string
	in         *os.File
	out, err   io.Writer
}

// load reads the config that the command line named.
func (p *program) load() (*loaded, error) { return load(p.configFile, p.environ) }

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// fail prints an error, one line for each fault, and gives the exit status; success for none.
func fail(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	var (
		usage  usageError
		faults configFaults
	)
	switch {
	case errors.As(err, &faults):
		for _, f := range faults {
			fmt.Fprintln(w, "linewarden: "+f.String())
		}
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintln(w, "linewarden: "+printable(err.Error())+"; see 'linewarden --help'")
		return exitUsage
	}
	fmt.Fprintln(w, "linewarden: "+printable(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")))
	return exitFailure
}
