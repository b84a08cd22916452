package intake

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

//go:embed docs
var docsFiles embed.FS

// docsCSP lets the browsable description do what Swagger UI needs, from this server alone: it sets styles on elements, and draws small pictures
// that are part of it.
const docsCSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// registerDocs serves the API's description for people.
func registerDocs(mux *http.ServeMux) error {
	own, err := fs.Sub(docsFiles, "docs")
	if err != nil {
		return fmt.Errorf("intake: the pages of the API's description: %w", err)
	}
	withCSP := func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", docsCSP)
			h.ServeHTTP(w, r)
		}
	}
	page := withCSP(http.FileServerFS(own))
	mux.Handle("GET /docs/{$}", http.StripPrefix("/docs", page))
	mux.Handle("GET /docs/start.js", http.StripPrefix("/docs", page))
	mux.Handle("GET /docs", http.RedirectHandler("/docs/", http.StatusMovedPermanently))
	library := withCSP(http.StripPrefix("/docs", statigz.FileServer(static.FS)))
	for _, file := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
		mux.Handle("GET /docs/"+file, library)
	}
	return nil
}
