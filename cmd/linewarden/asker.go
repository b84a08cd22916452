package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// asker asks the person at the terminal; where there is none, each answer is the next line of standard input.
type asker struct {
	ctx      context.Context
	in       *os.File
	lines    *bufio.Reader
	out      io.Writer // for the questions
	terminal bool
}

func (p *program) asker() *asker {
	return &asker{ctx: p.ctx, in: p.in, lines: bufio.NewReader(p.in), out: p.err, terminal: term.IsTerminal(int(p.in.Fd()))}
}

// maxTyped is the longest answer in bytes, above all that the endpoint takes.
const maxTyped = 1024

// ask asks for what can be shown.
func (a *asker) ask(what string) (string, error) {
	return a.answer(what, func() (string, error) {
		var text strings.Builder
		for {
			b, err := a.lines.ReadByte()
			switch {
			case err == io.EOF && text.Len() > 0, err == nil && b == '\n':
				return strings.TrimSuffix(text.String(), "\r"), nil
			case err != nil:
				return "", err
			case text.Len() == maxTyped:
				return "", fmt.Errorf("it is longer than %d bytes", maxTyped)
			}
			text.WriteByte(b)
		}
	})
}

// askSecret asks for what nobody may see over a shoulder.
func (a *asker) askSecret(what string) (string, error) {
	if !a.terminal {
		return a.ask(what)
	}
	before, err := term.GetState(int(a.in.Fd()))
	if err != nil {
		return "", fmt.Errorf("ask for the %s: %w", what, err)
	}
	defer fmt.Fprintln(a.out)                  // the person's own is not shown
	defer term.Restore(int(a.in.Fd()), before) // if it fails, the person is back at a terminal that is broken anyway
	return a.answer(what, func() (string, error) {
		text, err := term.ReadPassword(int(a.in.Fd()))
		return string(text), err
	})
}

// answer waits for an answer, or until the person has had enough: the read cannot be broken off, and ends with the process.
func (a *asker) answer(what string, read func() (string, error)) (string, error) {
	if a.terminal {
		fmt.Fprint(a.out, strings.ToUpper(what[:1])+what[1:]+": ")
	}
	type typed struct {
		text string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		text, err := read()
		got <- typed{text, err}
	}()
	select {
	case <-a.ctx.Done():
		return "", errors.New("stopped, nothing was changed")
	case t := <-got:
		switch {
		case t.err == io.EOF:
			return "", usageError{fmt.Errorf("there is no %s: standard input has ended; each answer is a line of it", what)}
		case t.err != nil:
			return "", fmt.Errorf("read the %s: %w", what, t.err)
		}
		return t.text, nil
	}
}
