package ami

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Response is what Asterisk says to one action, with the list of events that belongs to it. It holds until the next one is read.
type Response struct {
	success bool
	message string
	lines   []string // "Name: value"
}

// Err is nil if the action was carried out; otherwise it wraps ErrRefused and has Asterisk's words.
func (r Response) Err() error {
	if r.success {
		return nil
	}
	return fmt.Errorf("%w: %.100q", ErrRefused, r.message)
}

// Get is the value of the first field of that name; empty if there is none.
func (r Response) Get(name string) string { return field(r.lines, name) }

func field(lines []string, name string) string {
	for _, l := range lines {
		if n, value, _ := strings.Cut(l, ":"); strings.EqualFold(n, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Missing says whether the action was refused because there is nothing in the database by that key or family.
func (r Response) Missing() bool {
	return !r.success && strings.Contains(strings.ToLower(r.message), "database entry not found")
}

var (
	// ErrRefused is the cause of errors about an action that Asterisk did not carry out.
	ErrRefused = errors.New("asterisk refuses it")
	// ErrProtocol is the cause of errors about an answer that no AMI gives. The connection is of no more use.
	ErrProtocol = errors.New("not an answer of an AMI")
)

// mostLines is how many lines a response may have, with its events.
const mostLines = 100

// readMessage appends the lines of one message.
func readMessage(r *bufio.Reader, lines []string) ([]string, error) {
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return lines, fmt.Errorf("%w: a line is longer than %d bytes", ErrProtocol, r.Size())
		case err != nil:
			return lines, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return lines, nil
		}
		if len(lines) == mostLines {
			return lines, fmt.Errorf("%w: a response has more than %d lines", ErrProtocol, mostLines)
		}
		lines = append(lines, string(line))
	}
}

// readResponse reads the response to the action with the id, passing over events that belong to nothing.
func (c *Conn) readResponse(id string) (Response, error) {
	for {
		var err error
		if c.lines, err = readMessage(c.r, c.lines[:0]); err != nil {
			return Response{}, err
		}
		answer := field(c.lines, "Response")
		if answer == "" {
			if field(c.lines, "Event") == "" {
				return Response{}, fmt.Errorf("%w: neither response nor event", ErrProtocol)
			}
			continue
		}
		if field(c.lines, "ActionID") != id {
			return Response{}, fmt.Errorf("%w: the response has another ActionID than the action", ErrProtocol)
		}
		r := Response{success: strings.EqualFold(answer, "Success"), message: field(c.lines, "Message")}
		if strings.EqualFold(field(c.lines, "EventList"), "start") {
			err = c.readList()
		}
		r.lines = c.lines
		return r, err
	}
}

// readList reads the events that were announced, to the one that says that the list is complete.
func (c *Conn) readList() error {
	for {
		at := len(c.lines)
		var err error
		if c.lines, err = readMessage(c.r, c.lines); err != nil {
			return err
		}
		if strings.EqualFold(field(c.lines[at:], "EventList"), "complete") {
			return nil
		}
	}
}
