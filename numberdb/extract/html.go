package extract

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// markup is a tag that e-mails are made of. A text that only has a < in it is none.
var markup = regexp.MustCompile(`(?i)<(?:!doctype html|html|body|head|div|span|p|br|a|b|i|u|strong|em|font|td|tr|table|center|h[1-6]|img|style)(?:\s[^<>]*)?/?>`)

func looksHTML(source string) bool { return markup.MatchString(source) }

// inline are the elements that do not part words: a number may go through them.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "bdi": true, "bdo": true, "big": true, "code": true, "em": true, "font": true, "i": true, "ins": true,
	"mark": true, "s": true, "small": true, "span": true, "strong": true, "sub": true, "sup": true, "tt": true, "u": true, "wbr": true, "o:p": true,
}

// readHTML gives what a reader sees of HTML, and keeps the numbers that links name. Scripts, styles, comments and what is styled away
// are not seen: hidden digits between the real ones are a way past filters.
func (v *view) readHTML(units []unit) []unit {
	source := newSource(units)
	z := html.NewTokenizer(strings.NewReader(source.text))
	z.SetMaxBuf(len(source.text) + 1)
	var seen []unit
	at, unread, hidden, depth := 0, "", "", 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return seen
		}
		from, to := at, at+len(z.Raw())
		at = to
		switch kind {
		case html.TextToken:
			if unread == "" && hidden == "" {
				seen = appendFlowing(seen, unescape(source.units(from, to)))
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			token := z.Token()
			name := token.Data
			opens := kind == html.StartTagToken
			switch {
			case name == "script" || name == "style":
				unread = ""
				if opens {
					unread = name
				}
			case hidden == name:
				if opens {
					depth++
				} else if kind == html.EndTagToken {
					depth--
				}
				if depth == 0 {
					hidden = ""
				}
			case hidden == "" && opens && !void[name] && isHidden(token.Attr):
				hidden, depth = name, 1
			}
			if hidden == "" {
				v.addLink(attribute(token.Attr, "href"), source.place(from, to))
			}
			if !inline[name] {
				p := source.place(from, to)
				seen = appendFlowing(seen, []unit{{paragraph, p.from, p.to}})
			}
		}
	}
}

// paragraph is the line end of an element that stands by itself; those of the source are blanks to a reader.
const paragraph = '\u2029'

// appendFlowing appends text as a browser lets it flow: blanks together are one, and line ends that follow one another too.
func appendFlowing(seen, text []unit) []unit {
	for _, u := range text {
		last := paragraph
		if len(seen) > 0 {
			last = seen[len(seen)-1].r
		}
		switch u.r {
		case '\n', '\r', '\t', '\f', ' ':
			if last != ' ' && last != paragraph {
				seen = append(seen, unit{' ', u.from, u.to})
			}
		case paragraph:
			if last != paragraph {
				seen = append(seen, u)
			}
		default:
			seen = append(seen, u)
		}
	}
	return seen
}

// void are elements that have no end.
var void = map[string]bool{"br": true, "hr": true, "img": true, "input": true, "meta": true, "link": true, "wbr": true, "col": true, "area": true, "base": true}

// styledAway matches a style by which nothing is seen.
var styledAway = regexp.MustCompile(`(?i)display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)|opacity\s*:\s*0\s*(?:;|!|$)`)

func isHidden(attributes []html.Attribute) bool {
	for _, a := range attributes {
		if a.Key == "hidden" || a.Key == "style" && styledAway.MatchString(a.Val) {
			return true
		}
	}
	return false
}

func attribute(attributes []html.Attribute, key string) string {
	for _, a := range attributes {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// dialLink matches addresses that name a telephone number.
var dialLink = regexp.MustCompile(`(?i)(?:tel:|callto:|sms:|smsto:|wa\.me/|whatsapp\.com/send/?\?(?:[^\s"'<>]*&)?phone=|whatsapp://send\?phone=)(?://)?([+%(]?[0-9][-0-9%.() +a-f]{5,40})`)

// addLink keeps the number that an address names, if it names one.
func (v *view) addLink(address string, p place) {
	const longest = 2048
	if len(address) > longest {
		return
	}
	m := dialLink.FindStringSubmatchIndex(address)
	if m == nil {
		return
	}
	number := address[m[2]:m[3]]
	if plain, err := url.PathUnescape(number); err == nil {
		number = plain
	}
	if strings.Contains(strings.ToLower(address[m[0]:m[2]]), "wa.me") || strings.Contains(strings.ToLower(address[m[0]:m[2]]), "phone=") {
		number = "+" + strings.TrimLeft(number, "+0 ") // always with the country code
	}
	v.links = append(v.links, link{number, p.from, p.to})
}

// findLinks keeps the numbers that addresses in plain text name.
func (v *view) findLinks(units []unit) {
	source := newSource(units)
	for _, m := range dialLink.FindAllStringSubmatchIndex(source.text, -1) {
		end := m[2] + len(strings.TrimRight(source.text[m[2]:m[3]], "-.( abcdefABCDEF"))
		v.addLink(source.text[m[0]:end], source.place(m[2], end))
	}
}

// source is decoded characters as one text again, for what reads texts.
type source struct {
	text string
	all  []unit
	unit []int32 // by byte of text: which unit it belongs to
}

// place is a part of what was pasted, in bytes.
type place struct{ from, to int32 }

func newSource(units []unit) source {
	var b strings.Builder
	of := make([]int32, 0, len(units)+1)
	for i, u := range units {
		r := u.r
		if r == utf8.RuneError {
			r = ' '
		}
		b.WriteRune(r)
		for range utf8.RuneLen(r) {
			of = append(of, int32(i))
		}
	}
	return source{b.String(), units, append(of, int32(len(units)))}
}

func (s source) units(from, to int) []unit { return s.all[s.unit[from]:s.unit[to]] }

func (s source) place(from, to int) place {
	part := s.units(from, to)
	if len(part) == 0 {
		return place{}
	}
	return place{part[0].from, part[len(part)-1].to}
}

// longestEntity is that of HTML in characters, semicolon and ampersand included, with room for zeros before a number.
const longestEntity = 34

// unescape replaces the character references of HTML.
func unescape(units []unit) []unit {
	plain := make([]unit, 0, len(units))
	for i := 0; i < len(units); i++ {
		u := units[i]
		if u.r != '&' {
			plain = append(plain, u)
			continue
		}
		n := 1
		for n < min(longestEntity, len(units)-i) && isReference(units[i+n].r) {
			n++
		}
		if i+n < len(units) && units[i+n].r == ';' {
			n++
		}
		var b strings.Builder
		for _, part := range units[i : i+n] {
			b.WriteRune(part.r)
		}
		text := html.UnescapeString(b.String())
		if text == b.String() {
			plain = append(plain, u)
			continue
		}
		for _, r := range text {
			plain = append(plain, unit{r, u.from, units[i+n-1].to})
		}
		i += n - 1
	}
	return plain
}

func isReference(r rune) bool {
	return r == '#' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
