package pages

import (
	"embed"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

//go:embed texts
var textFiles embed.FS

// The languages that the pages speak, the default first, each by its own name.
var spoken = []struct{ code, name string }{{"en", "English"}, {"fr", "Français"}}

// words is one language of the pages. Safe for concurrent use.
type words struct {
	tag     string
	known   map[string]string // every text as in its file
	print   *message.Printer
	regions display.Namer

	languages display.Namer
}

// readLanguages reads all texts. A line is "key = text", with the verbs of package fmt; a text that counts has two lines, whose keys end
// in .one and .other, and counts by its first verb (CLDR's plural rules say which).
func readLanguages() (map[string]*words, error) {
	all := map[string]*words{}
	for _, s := range spoken {
		file, err := textFiles.ReadFile("texts/" + s.code + ".txt")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		known, err := parseTexts(string(file))
		if err != nil {
			return nil, fmt.Errorf("pages: texts/%s.txt: %w", s.code, err)
		}
		tag := language.MustParse(s.code)
		book := catalog.NewBuilder(catalog.Fallback(tag))
		for key, text := range known {
			if err := book.Set(tag, key, catalog.String(text)); err != nil {
				return nil, fmt.Errorf("pages: texts/%s.txt: %s: %w", s.code, key, err)
			}
			stem, isOne := strings.CutSuffix(key, ".one")
			if !isOne {
				continue
			}
			if err := book.Set(tag, stem, plural.Selectf(1, "%d", plural.One, text, plural.Other, known[stem+".other"])); err != nil {
				return nil, fmt.Errorf("pages: texts/%s.txt: %s: %w", s.code, stem, err)
			}
		}
		all[s.code] = &words{s.code, known, message.NewPrinter(tag, message.Catalog(book)), display.Regions(tag), display.Languages(tag)}
	}
	return all, nil
}

func parseTexts(file string) (map[string]string, error) {
	known := map[string]string{}
	for i, line := range strings.Split(file, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, text, found := strings.Cut(line, " = ")
		key = strings.TrimSpace(key)
		if _, twice := known[key]; !found || text == "" || twice {
			return nil, fmt.Errorf("line %d: want one line \"key = text\" for each key", i+1)
		}
		known[key] = strings.TrimSpace(text)
	}
	for key := range known {
		if stem, isOne := strings.CutSuffix(key, ".one"); isOne && known[stem+".other"] == "" {
			return nil, fmt.Errorf("%s.other is missing", stem)
		}
	}
	return known, nil
}

// has says whether there is a text for the key.
func (l *words) has(key string) bool { return l.known[key] != "" || l.known[key+".one"] != "" }

// missing marks a key without a text, so that a test finds it.
const missing = "⟦"

// text is the text of a key, with its verbs filled in.
func (l *words) text(key string, args ...any) string {
	if !l.has(key) {
		return missing + key + "⟧"
	}
	return l.print.Sprintf(message.Key(key, key), args...)
}

// code is the text for one of the API's words, such as the standing "block"; the word itself where we know none, as an API that is newer
// than its pages may use.
func (l *words) code(set, word string) string {
	if word == "" {
		return ""
	}
	if !l.has(set + "." + word) {
		return strings.ReplaceAll(word, "_", " ")
	}
	return l.text(set + "." + word)
}

// region is the name of a country.
func (l *words) region(code string) string {
	r, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	return l.regions.Name(r)
}

// language is the name of a language.
func (l *words) language(code string) string {
	tag, err := language.Parse(code)
	if err != nil {
		return code
	}
	return l.languages.Name(tag)
}

// count is a whole number as the language writes it.
func (l *words) count(n int) string { return l.print.Sprintf("%d", n) }

// day is a date, to the day.
func (l *words) day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return l.text("date.day", t.Day(), l.text(fmt.Sprintf("month.%d", int(t.Month()))), fmt.Sprint(t.Year()))
}

// moment is a date and time of day in UTC.
func (l *words) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.text("date.moment", l.day(t), t.UTC().Format("15:04"))
}

// ago is how long before now t was, in the largest unit that fits.
func (l *words) ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return l.text("ago.now")
	case d < time.Hour:
		return l.text("ago.minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return l.text("ago.hours", int(d/time.Hour))
	default:
		return l.text("ago.days", int(d/(24*time.Hour)))
	}
}

const languageCookie = "linewarden-language"

// languageOf is the language for a request: as chosen on this browser, as the person's account says, or what the browser asks for.
func (p *Pages) languageOf(r *http.Request, preferred string) *words {
	if c, err := r.Cookie(languageCookie); err == nil && p.languages[c.Value] != nil {
		return p.languages[c.Value]
	}
	if l := p.languages[preferred]; l != nil {
		return l
	}
	tags := make([]language.Tag, len(spoken))
	for i, s := range spoken {
		tags[i] = language.MustParse(s.code)
	}
	_, i := language.MatchStrings(language.NewMatcher(tags), r.Header.Get("Accept-Language"))
	return p.languages[spoken[i].code]
}

// chooseLanguage keeps the language on this browser, signed in or not.
func (p *Pages) chooseLanguage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if code := r.PostFormValue("language"); p.languages[code] != nil {
		const year = 365 * 24 * 60 * 60
		http.SetCookie(w, &http.Cookie{
			Name: languageCookie, Value: code, Path: "/", MaxAge: year, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
		})
	}
	http.Redirect(w, r, localPath(r.PostFormValue("next")), http.StatusSeeOther)
}

func (l *words) keys() []string {
	keys := make([]string, 0, len(l.known))
	for k := range l.known {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
