package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assets embed.FS

// Of each kind that we serve.
var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// assetsHash is part of every asset's address, so that a browser keeps each for good and still has the new ones after an update. It covers
// all of them, since they name each other.
var assetsHash = hashAssets()

func hashAssets() string {
	h := sha256.New()
	entries, err := assets.ReadDir("assets")
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	for _, e := range entries {
		b, err := assets.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// assetPath is where an asset is served.
func assetPath(file string) string { return "/assets/" + assetsHash + "/" + file }

func serveAsset(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	body, err := assets.ReadFile("assets/" + file)
	if err != nil || strings.Contains(file, "/") {
		http.NotFound(w, r)
		return
	}
	if r.PathValue("hash") == assetsHash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Content-Type", assetTypes[path.Ext(file)])
	_, _ = w.Write(body) // the asker has gone away: nobody is left to tell
}
