package ami

import (
	"errors"
	"fmt"
	"strings"
)

// Action is one request: its name, such as DBPut, and its fields in pairs of name and value.
type Action struct {
	Name   string
	Fields []string
}

// New makes an action of a name and pairs of a field's name and value.
func New(name string, fields ...string) Action { return Action{Name: name, Fields: fields} }

// maxLine is the longest line in bytes that Asterisk reads whole, without its end.
const maxLine = 1000

// ErrAction is the cause of errors about actions that cannot be sent.
var ErrAction = errors.New("not an AMI action")

// appendTo appends the action as it goes over the wire. A value with a line break in it would be another request, so it is refused.
func (a Action) appendTo(b []byte, id string) ([]byte, error) {
	if a.Name == "" || len(a.Fields)%2 != 0 {
		return b, fmt.Errorf("%w: %.20q has no name, or a field without value", ErrAction, a.Name)
	}
	b, err := appendLine(b, "Action", a.Name)
	if err != nil {
		return b, err
	}
	if b, err = appendLine(b, "ActionID", id); err != nil {
		return b, err
	}
	for i := 0; i < len(a.Fields); i += 2 {
		if b, err = appendLine(b, a.Fields[i], a.Fields[i+1]); err != nil {
			return b, err
		}
	}
	return append(b, "\r\n"...), nil
}

func appendLine(b []byte, name, value string) ([]byte, error) {
	if name == "" || len(name)+len(value) > maxLine || strings.ContainsAny(name, "\r\n\x00:") || strings.ContainsAny(value, "\r\n\x00") {
		return b, fmt.Errorf("%w: the field %.20q is longer than %d bytes or has a line break in it", ErrAction, name, maxLine)
	}
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...), nil
}
