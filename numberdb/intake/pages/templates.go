package pages

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// parseTemplates reads every page once for each language. A page is a file that defines "main"; the files whose names begin with an
// underscore are parts for all.
func (p *Pages) parseTemplates() (map[string]map[string]*template.Template, error) {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]*template.Template{}
	for code, w := range p.languages {
		parts, err := template.New("").Funcs(p.functions(w)).Option("missingkey=error").ParseFS(templateFiles, "templates/_*.html")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		all[code] = map[string]*template.Template{}
		for _, file := range files {
			name := strings.TrimSuffix(path.Base(file), ".html")
			if strings.HasPrefix(name, "_") {
				continue
			}
			t, err := parts.Clone()
			if err != nil {
				return nil, err
			}
			if all[code][name], err = t.ParseFS(templateFiles, file); err != nil {
				return nil, fmt.Errorf("pages: %w", err)
			}
		}
	}
	return all, nil
}

// functions are what a template can call, in one language.
func (p *Pages) functions(w *words) template.FuncMap {
	return template.FuncMap{
		"t":      w.text,
		"code":   w.code,
		"region": w.region,
		"day":    w.day,
		"moment": w.moment,
		"ago":    func(t time.Time) string { return w.ago(t, p.now()) },
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"count":  w.count,
		"number": prettyNumber,
		"brand":  brandName,
		"asset":  assetPath,
		"path":   url.PathEscape,
		"dict":   dict,
		"field":  field,
		"inert":  inert,
		"list":   func(items ...string) []string { return items },
		"money":  w.money,
	}
}

// dict makes a map of pairs, to hand several values to a part.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict wants pairs")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: key %v is no text", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// field is what the part "field" shows: a labelled control of a form. The pairs are its further properties: Hint, Rows, Max, Auto (the
// browser's autocomplete), Mode (the telephone's keyboard), Required, Optional, Options of a select, Value where nothing was entered.
func field(f *form, name, kind, label string, pairs ...any) (map[string]any, error) {
	m, err := dict(pairs...)
	if err != nil {
		return nil, err
	}
	for key, value := range map[string]any{
		"Form": f, "Name": name, "Type": kind, "Label": label, "Hint": "", "Rows": 3, "Max": "", "Auto": "", "Mode": "",
		"Required": false, "Optional": false, "Options": []option(nil), "Value": "",
	} {
		if _, given := m[key]; !given {
			m[key] = value
		}
	}
	return m, nil
}
