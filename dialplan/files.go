package dialplan

import (
	"embed"
	"io/fs"
)

//go:embed conf
var conf embed.FS

// Names of the files that an operator includes in extensions.conf.
const (
	SettingsFile    = "linewarden-settings.conf" // inside [globals]
	SubroutinesFile = "linewarden.conf"          // after it
)

// Files is the files for an operator's Asterisk: SettingsFile and SubroutinesFile, and below "sample" what to add to ari.conf,
// http.conf, pjsip.conf and extensions.conf. Each explains itself.
func Files() fs.FS {
	sub, err := fs.Sub(conf, "conf")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}
