package main

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/linewarden/linewarden/numberdb/intake"
	"github.com/linewarden/linewarden/numberdb/intake/pages"
)

// apiPaths are where the API answers; everything else on the intake's listener is a page for staff.
var apiPaths = []string{"/v1/", "/openapi.json", "/docs", "/docs/", "/signin/oidc", "/signin/oidc/"}

// withPages puts the staff pages in front of the API, which they ask for everything.
func (l *loaded) withPages(api *intake.API, log *slog.Logger) (http.Handler, error) {
	staff, err := pages.New(pages.Options{API: api, Prompts: l.Calls.Languages, Elsewhere: api.SignInOptions().Label, Version: version(), Logger: log})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, path := range apiPaths {
			if r.URL.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.URL.Path, path) {
				api.ServeHTTP(w, r)
				return
			}
		}
		staff.ServeHTTP(w, r)
	}), nil
}
