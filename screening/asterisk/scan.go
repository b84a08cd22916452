package asterisk

import (
	"encoding/json"
	"strconv"
	"strings"
)

// fields walks through the members of a JSON object, elements through those of an array, both without building a tree: most of
// what Asterisk sends is never looked at. Both give nothing for any other kind of value. In text that [json.Valid] would not accept
// they find something or nothing, and end.
//
//	for f := fieldsOf(text); f.next(); {
//		switch f.key { … f.value … }
//	}
//
// Values are slices of the text, so that all strings of one message share one allocation.
type fields struct {
	text       string
	pos        int
	key, value string
}

func fieldsOf(text string) fields {
	pos := skipSpace(text, 0)
	if pos >= len(text) || text[pos] != '{' {
		return fields{}
	}
	return fields{text: text, pos: pos + 1}
}

// next steps to the next member. A key that is written with escapes never equals a name that we know, and need not.
func (f *fields) next() bool {
	i := skipSpace(f.text, f.pos)
	if i < len(f.text) && f.text[i] == ',' {
		i = skipSpace(f.text, i+1)
	}
	f.pos = i
	if i >= len(f.text) || f.text[i] != '"' {
		return false
	}
	end := skipString(f.text, i)
	colon := skipSpace(f.text, end)
	if colon >= len(f.text) || f.text[colon] != ':' {
		return false
	}
	f.key = f.text[i+1 : end-1]
	i = skipSpace(f.text, colon+1)
	f.pos = skipValue(f.text, i)
	f.value = f.text[i:f.pos]
	return true
}

// whole says, once next has, that the object ends where its text does.
func (f *fields) whole() bool {
	return f.pos < len(f.text) && f.text[f.pos] == '}' && skipSpace(f.text, f.pos+1) == len(f.text)
}

type elements struct {
	text  string
	pos   int
	value string
}

func elementsOf(text string) elements {
	pos := skipSpace(text, 0)
	if pos >= len(text) || text[pos] != '[' {
		return elements{}
	}
	return elements{text: text, pos: pos + 1}
}

func (e *elements) next() bool {
	i := skipSpace(e.text, e.pos)
	if i < len(e.text) && e.text[i] == ',' {
		i = skipSpace(e.text, i+1)
	}
	if i >= len(e.text) || e.text[i] == ']' {
		return false
	}
	e.pos = skipValue(e.text, i)
	e.value = e.text[i:e.pos]
	return e.pos > i
}

// stringOf is the text of a JSON string, empty for any other value. It copies only what holds escapes or is not ASCII; bytes that
// are not UTF-8 become U+FFFD there.
func stringOf(value string) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	inner := value[1 : len(value)-1]
	for i := range len(inner) {
		if inner[i] == '\\' || inner[i] >= 0x80 {
			var s string
			if json.Unmarshal([]byte(value), &s) != nil {
				return ""
			}
			return s
		}
	}
	return inner
}

// intOf is the value of a JSON number that is a whole int, zero for any other value.
func intOf(value string) int {
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0
	}
	return n
}

// stringsOf is the text of each string in a JSON array.
func stringsOf(value string) []string {
	n := 0
	for e := elementsOf(value); e.next(); {
		n++
	}
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for e := elementsOf(value); e.next(); {
		out = append(out, stringOf(e.value))
	}
	return out
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// skipString is the position behind the string that begins at i.
func skipString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// skipValue is the position behind the value that begins at i, found without recursion however deep it nests.
func skipValue(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\r', '\t': // inside a compound value
			i++
		default: // a number, true, false or null
			for i < len(s) && strings.IndexByte(",]} \n\r\t", s[i]) < 0 {
				i++
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return i
}
