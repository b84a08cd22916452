package extract

import (
	"regexp"
	"strings"

	"github.com/linewarden/linewarden/numberdb"
)

// Message is what a text turned out to hold. All but the numbers is guessed from words, for a person to confirm: zero where no words say
// so.
type Message struct {
	Numbers  []Found
	Brand    numberdb.Brand
	RedFlags numberdb.RedFlags
	Category numberdb.Category
	Arrived  numberdb.Arrival
}

// Name is a company by which a message may call its sender.
type Name struct {
	Brand numberdb.Brand
	// Words are how people write it, such as "Best Buy": blanks may be missing, and digits may stand for letters.
	Words []string
	// Ordinary says that the name is a word of its own too, such as apple: it then counts only with a capital.
	Ordinary bool
}

// Reader reads messages. It may be used by many goroutines at once.
type Reader struct{ names []namePattern }

type namePattern struct {
	Name
	pattern *regexp.Regexp
}

// NewReader makes a reader that knows some names; those without words are left out.
func NewReader(names ...Name) *Reader {
	r := &Reader{}
	for _, n := range names {
		var ways []string
		for _, word := range n.Words {
			if parts := strings.FieldsFunc(skeleton(strings.ToLower(word)), func(c rune) bool { return c == ' ' || c == '-' }); len(parts) > 0 {
				for i := range parts {
					parts[i] = regexp.QuoteMeta(parts[i])
				}
				ways = append(ways, strings.Join(parts, "[ -]?"))
			}
		}
		if len(ways) > 0 {
			r.names = append(r.names, namePattern{n, regexp.MustCompile(`\b(?:` + strings.Join(ways, "|") + `)\b`)})
		}
	}
	return r
}

// guessedFrom is how much of what a reader sees the guesses look at, in characters: who writes more has said it by then.
const guessedFrom = 16 << 10

// Read finds the telephone numbers in a text, each once, in the order of their first places, and guesses the rest. origin says how a number
// without a country code is read. Only international numbers are found: short ones and emergency numbers are not what people report.
func (r *Reader) Read(text string, origin numberdb.Origin) Message {
	v := newView(text)
	lower := v.lower()
	lower = lower[:min(len(lower), guessedFrom)]
	m := Message{Brand: r.brand(v, lower), RedFlags: redFlags(lower), Category: category(lower), Arrived: arrival(lower, v.html)}
	m.Numbers = v.search(origin).run()
	return m
}

// skeleton replaces what looks like a letter by that letter, and i by l, which some type faces do not tell apart.
func skeleton(lower string) string {
	return strings.Map(func(c rune) rune {
		if i := strings.IndexRune("0134578$@|i", c); i >= 0 {
			return rune("oleastbsall"[i])
		}
		return c
	}, lower)
}

// brand is the name that is called most often, of several the one that is called first.
func (r *Reader) brand(v *view, lower string) numberdb.Brand {
	text := skeleton(lower)
	var best numberdb.Brand
	most, first := 0, 0
	for _, n := range r.names {
		count, begins := 0, 0
		for _, m := range n.pattern.FindAllStringIndex(text, -1) {
			if n.Ordinary && !isUpper(v.text[m[0]]) {
				continue
			}
			if count == 0 {
				begins = m[0]
			}
			count++
		}
		if count > most || count > 0 && count == most && begins < first {
			best, most, first = n.Brand, count, begins
		}
	}
	return best
}
