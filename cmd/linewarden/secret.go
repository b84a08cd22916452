package main

import (
	"fmt"
	"log/slog"
)

// secret is a text that no log, error or dump may show: every way of printing it gives "<secret>", and printing a struct that holds
// one unexported gives the address of a function.
type secret struct {
	reveal func() string
}

// newSecret keeps s; an empty text is no secret.
func newSecret(s string) secret {
	if s == "" {
		return secret{}
	}
	return secret{func() string { return s }}
}

// Reveal is the text, empty if none is set.
func (s secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Set says whether there is a text.
func (s secret) Set() bool { return s.reveal != nil }

// Format implements [fmt.Formatter] for every verb.
func (s secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.shown()) }

// LogValue implements [slog.LogValuer].
func (s secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText implements [encoding.TextMarshaler], which JSON and YAML use.
func (s secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *secret) UnmarshalText(text []byte) error {
	*s = newSecret(string(text))
	return nil
}

func (s secret) shown() string {
	if s.Set() {
		return "<secret>"
	}
	return ""
}
