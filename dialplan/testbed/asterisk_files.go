package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// asteriskLayout is where the files of one Asterisk lie: everything that it writes in its own scratch folder, what it only
// reads linked from the package's.
type asteriskLayout struct {
	tools   *Tools
	scratch *scratch
	quiet   bool
}

// By these names the folder of an Asterisk's shared files is known in Debian's package and in a build from source.
var sharedFolders = []string{"/usr/share/asterisk", "/var/lib/asterisk", "/usr/local/share/asterisk"}

// writeConfiguration writes asterisk.conf and the caller's files.
func (l asteriskLayout) writeConfiguration(files map[string][]byte) error {
	if _, given := files["asterisk.conf"]; given {
		return errors.New("asterisk.conf is written by the testbed")
	}
	all := map[string][]byte{
		"modules.conf": []byte("[modules]\nautoload=yes\n"),
		"logger.conf":  []byte("[general]\n[logfiles]\nconsole => notice,warning,error,verbose(3)\n"),
	}
	maps.Copy(all, files)
	all["asterisk.conf"] = []byte(l.asteriskConf())
	for _, name := range []string{"etc", "var", "share", "agi-bin", "spool", "run", "logs", "cache"} {
		if err := os.Mkdir(filepath.Join(l.scratch.outside, name), 0o755); err != nil {
			return err
		}
	}
	for name, text := range all {
		if !fs.ValidPath(name) {
			return fmt.Errorf("%q is no name for a file below etc/asterisk", name)
		}
		if err := writeFile(filepath.Join(l.scratch.outside, "etc", name), text); err != nil {
			return err
		}
	}
	return nil
}

func (l asteriskLayout) asteriskConf() string {
	var text strings.Builder
	text.WriteString("[directories]\n")
	for _, folder := range [][2]string{{"astetcdir", "etc"}, {"astvarlibdir", "var"}, {"astdbdir", "var"},
		{"astkeydir", "var"}, {"astdatadir", "share"}, {"astagidir", "agi-bin"}, {"astspooldir", "spool"},
		{"astrundir", "run"}, {"astlogdir", "logs"}, {"astcachedir", "cache"}} {
		fmt.Fprintf(&text, "%s => %s\n", folder[0], filepath.Join(l.scratch.inside, folder[1]))
	}
	if !l.quiet {
		text.WriteString("\n[options]\nverbose = 3\n") // the log shows what the dialplan does
	}
	return text.String()
}

// placeSounds makes the data folder: the caller's sounds, Asterisk's own English ones beside them, and links to the rest,
// of which Asterisk needs the documentation to start.
func (l asteriskLayout) placeSounds(sounds fs.FS) error {
	shared := ""
	for _, folder := range sharedFolders {
		if _, err := os.Stat(filepath.Join(l.tools.outside(folder), "documentation")); err == nil {
			shared = folder
			break
		}
	}
	if shared == "" {
		return fmt.Errorf("no folder with Asterisk's documentation among %s", strings.Join(sharedFolders, ", "))
	}
	data := filepath.Join(l.scratch.outside, "share")
	if err := os.MkdirAll(filepath.Join(data, "sounds", "en"), 0o755); err != nil {
		return err
	}
	if sounds != nil {
		if err := copyFiles(filepath.Join(data, "sounds"), sounds); err != nil {
			return err
		}
	}
	if err := l.link(shared, data); err != nil {
		return err
	}
	for _, english := range []string{"en_US_f_Allison", "en"} {
		own := filepath.Join(shared, "sounds", english)
		if _, err := os.Stat(l.tools.outside(own)); err == nil {
			return l.link(own, filepath.Join(data, "sounds", "en"))
		}
	}
	return nil // an Asterisk without sounds of its own
}

// link links everything in a folder of the programs' world into one of ours, except what is there already.
func (l asteriskLayout) link(from, into string) error {
	entries, err := os.ReadDir(l.tools.outside(from))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err := os.Symlink(filepath.Join(from, entry.Name()), filepath.Join(into, entry.Name()))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// copyFiles copies all of files below a folder that may hold some already.
func copyFiles(folder string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(folder, name), content)
	})
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
