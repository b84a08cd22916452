package dialplan

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed prompts/*.txt
var promptFiles embed.FS

// A Language is one in which all prompts can be spoken.
type Language struct {
	Code  string // ISO 639-1, and the name of the folder of sounds
	Name  string // in English
	voice string // of espeak-ng
	speed int    // words per minute: unhurried, and the first key offered within seven seconds
}

var languages = []Language{
	{"de", "German", "de", 175},
	{"en", "English", "en-us", 165},
	{"es", "Spanish", "es-419", 185},
	{"fr", "French", "fr-fr", 180},
	{"hi", "Hindi", "hi", 170},
	{"it", "Italian", "it", 185},
	{"pt", "Portuguese", "pt-br", 185},
	{"zh", "Mandarin Chinese", "cmn", 170},
}

// Languages is all languages, by code.
func Languages() []Language { return slices.Clone(languages) }

func languageOf(code string) (Language, error) {
	for _, l := range languages {
		if l.Code == code {
			return l, nil
		}
	}
	codes := make([]string, len(languages))
	for i, l := range languages {
		codes[i] = l.Code
	}
	return Language{}, fmt.Errorf("no prompts in language %q: there are %s", code, strings.Join(codes, " "))
}

// Text is what a prompt says in a language, for people to read: with the name of the brand if it has such a form and slug is not
// empty.
func Text(language string, p Prompt, slug string) (string, error) {
	t, err := textsOf(language)
	if err != nil {
		return "", err
	}
	if slug != "" && p.NamesBrand() {
		return strings.ReplaceAll(t[string(p)+brandForm], brandMark, BrandName(slug)), nil
	}
	return t[string(p)], nil
}

const (
	brandMark = "{brand}"
	brandForm = " " + brandMark // ends the id of a prompt's form with a brand
)

// A script is one clip and what the voice is given to say.
type script struct {
	name string // of the clip, below linewarden/
	text string
	// opens and ends say that the clip begins or ends a sentence: there it gets more silence than where it is joined to another.
	opens, ends bool
}

// scriptOf is all clips of a language, in the order of Prompts and then Brands.
func scriptOf(language string) ([]script, error) {
	t, err := textsOf(language)
	if err != nil {
		return nil, err
	}
	var clips []script
	for _, p := range prompts {
		clips = append(clips, script{string(p), t[string(p)], true, true})
		if !p.NamesBrand() {
			continue
		}
		before, after, _ := strings.Cut(t[string(p)+brandForm], brandMark)
		// The comma keeps the voice up, as it is before a word that follows.
		clips = append(clips,
			script{string(p) + beforeSuffix, joint(before) + ",", true, false},
			script{string(p) + afterSuffix, joint(after), false, true})
	}
	for _, b := range brands {
		clips = append(clips, script{brandFolder + b.Slug, t[brandFolder+b.Slug] + ",", false, false})
	}
	return clips, nil
}

// joint is a part of a sentence without what writing puts around the word beside it.
func joint(part string) string { return strings.Trim(part, " -") }

// textsOf reads the texts of a language, and finds every fault in them.
func textsOf(language string) (map[string]string, error) {
	if _, err := languageOf(language); err != nil {
		return nil, err
	}
	file, err := promptFiles.ReadFile("prompts/" + language + ".txt")
	if err != nil {
		return nil, err
	}
	texts, err := parseTexts(string(file))
	if err != nil {
		return nil, fmt.Errorf("prompts/%s.txt: %w", language, err)
	}
	return texts, nil
}

func parseTexts(file string) (map[string]string, error) {
	texts := make(map[string]string)
	wanted := make(map[string]bool)
	for _, p := range prompts {
		wanted[string(p)] = true
		if p.NamesBrand() {
			wanted[string(p)+brandForm] = true
		}
	}
	for _, b := range brands {
		wanted[brandFolder+b.Slug] = true
	}
	var errs []error
	for i, line := range strings.Split(file, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, text, found := strings.Cut(line, " = ")
		_, twice := texts[id]
		before, after, marked := strings.Cut(text, brandMark)
		switch {
		case !found || text == "" || !wanted[id] || twice:
			errs = append(errs, fmt.Errorf("line %d: want one line \"id = text\" with a known id", i+1))
		case strings.HasSuffix(id, brandForm) != marked:
			errs = append(errs, fmt.Errorf("line %d: %s in the id and in the text go together", i+1, brandMark))
		case marked && (joint(before) == "" || joint(after) == "." || joint(after) == ""):
			errs = append(errs, fmt.Errorf("line %d: want words on both sides of %s", i+1, brandMark))
		}
		texts[id] = text
	}
	for id := range wanted {
		if texts[id] == "" {
			errs = append(errs, fmt.Errorf("%s is missing", id))
		}
	}
	return texts, errors.Join(errs...)
}
