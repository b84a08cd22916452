package extract

import (
	"strings"
	"unicode/utf8"
)

// view is a text as a reader sees it: one byte of ASCII for each character. Bytes below space stand for what has no ASCII; see below.
type view struct {
	text []byte
	from []int32 // by byte of text: where its character begins in the source, in bytes
	to   []int32 // and where it ends

	links []link
	html  bool // the source was HTML
}

// What stands in a view for characters without ASCII.
const (
	someLetter byte = 1 // a letter that may be joined to a word
	someSign   byte = 2 // anything else
	struckOut  byte = 3 // certainly no part of a telephone number
	lineEnd    byte = '\n'
)

// link is a number that the markup names, which no reader need see: tel: and its like.
type link struct {
	number   string
	from, to int32
}

// unit is one character of the source, decoded.
type unit struct {
	r        rune
	from, to int32
}

// newView reads a source.
func newView(source string) *view {
	v := &view{}
	units := decodeUTF8(source)
	if looksQuotedPrintable(source) {
		units = decodeQuotedPrintable(units)
	}
	if looksHTML(source) {
		v.html = true
		units = v.readHTML(units)
	} else {
		v.findLinks(units)
	}
	v.fold(units)
	return v
}

// decodeUTF8 splits a source into its characters. What is not UTF-8 becomes [utf8.RuneError].
func decodeUTF8(source string) []unit {
	units := make([]unit, 0, len(source))
	for at, r := range source {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(source[at:])
		}
		units = append(units, unit{r, int32(at), int32(at + size)})
	}
	return units
}

// add appends one character that stands for the source from one place to another.
func (v *view) add(c byte, from, to int32) {
	v.text = append(v.text, c)
	v.from = append(v.from, from)
	v.to = append(v.to, to)
}

// addWord appends a word of which every letter stands for the same place of the source.
func (v *view) addWord(word string, from, to int32) {
	for i := range len(word) {
		v.add(word[i], from, to)
	}
}

// strike makes a part of the view unusable for numbers.
func (v *view) strike(from, to int) {
	for i := from; i < to; i++ {
		v.text[i] = struckOut
	}
}

// at is a character of the view, a line end beyond its edges.
func (v *view) at(i int) byte {
	if i < 0 || i >= len(v.text) {
		return lineEnd
	}
	return v.text[i]
}

// lower is the view in lower case.
func (v *view) lower() string { return strings.ToLower(string(v.text)) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
