package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

const modulePath = "github.com/linewarden/linewarden"

// importTable says which of our packages may import which of our packages, tests aside, and why the line is drawn there. A package
// that is not in it needs a place in it first: that is a decision about the design, not a detail.
var importTable = map[string]struct {
	may []string
	why string
}{
	"numberdb":                  {nil, "what we know about numbers stands on nothing: no I/O, so that its rules can be read and tested as values"},
	"numberdb/access":           {[]string{"numberdb"}, "who may do what is asked of a small store that it defines; it knows nothing of numbers or routes"},
	"numberdb/extract":          {[]string{"numberdb"}, "finding numbers in prose is a pure function of the text: the way of a call has no prose"},
	"numberdb/redisstore":       {[]string{"numberdb", "numberdb/access"}, "the store keeps what numberdb and numberdb/access decide; it knows nothing of calls or HTTP"},
	"numberdb/replica":          {[]string{"numberdb"}, "the replica follows any source of changes, so it must not know Redis"},
	"numberdb/feed":             {[]string{"numberdb"}, "file formats of lists are about numbers only"},
	"numberdb/intake":           {[]string{"numberdb", "numberdb/access", "numberdb/extract", "screening", "screening/journal", "dialplan"}, "the intake defines the small store that it needs, and shows what calls got and what a caller would hear"},
	"numberdb/intake/pages":     {[]string{"numberdb", "dialplan"}, "a page asks the API as any client does: it has no rights, no store and no rules of its own"},
	"screening":                 {[]string{"numberdb"}, "a decision is a pure function of values"},
	"screening/asterisk":        {nil, "the connection to Asterisk knows nothing of screening"},
	"screening/callflow":        {[]string{"screening", "screening/asterisk", "numberdb", "dialplan"}, "a call decides from memory: no store, no HTTP on its way"},
	"screening/journal":         {[]string{"screening", "numberdb"}, "the record of calls must not reach back into them"},
	"screening/ami":             {nil, "the manager interface of Asterisk knows nothing of screening, nor of ARI"},
	"screening/prefilter":       {[]string{"screening", "screening/ami", "numberdb", "dialplan"}, "the pre-filter follows any list, and is no part of a call"},
	"dialplan":                  {nil, "the names that Asterisk and Linewarden share stand on nothing"},
	"dialplan/testbed":          {[]string{"dialplan"}, "a test bed runs real servers; it may use the files that an operator includes, nothing else"},
	"dialplan/testbed/browsing": {[]string{"dialplan/testbed"}, "a browser for tests alone, which the demo must not carry"},
	"cmd/linewarden":            {[]string{"*"}, "wiring knows everything"},
	"cmd/linewarden/bench":      {nil, "a benchmark shows the program from outside, beside others; all that it uses is in its tests"},
	"cmd/linewarden/progress":   {nil, "a progress bar knows nothing of the work"},
	"cmd/linewarden/demo":       {[]string{"cmd/linewarden/progress", "dialplan", "dialplan/testbed", "numberdb", "numberdb/intake"}, "the demo shows the program from outside, through what operators use"},
}

// rootEntries are all that the root of the repository may hold, besides names that begin with a dot.
var rootEntries = []string{"LICENSE", "README.md", "cmd", "dialplan", "docker-compose.yml", "go.mod", "go.sum", "numberdb", "screening"}

// goPackage is what 'go list -json' says of a package.
type goPackage struct {
	ImportPath, Name, Doc string
	Imports               []string
	GoFiles               []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,GoFiles", "./...")
	cmd.Dir = moduleRoot(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the packages: %v\n%s", err, stderr.Bytes())
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read what go list says: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}

// moduleRoot is the folder with go.mod, two above this package's.
func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestImportTable(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, modulePath+"/")
		for part := range strings.SplitSeq(name, "/") {
			if slices.Contains([]string{"internal", "pkg", "util", "utils", "common", "helpers", "manager"}, part) {
				t.Errorf("%s: no folder may be named %q: it says nothing about what lives in it", name, part)
			}
		}
		row, ok := importTable[name]
		if !ok {
			t.Errorf("%s is not in the import table: give it a row that says what it may import and why, and its package comment why it is needed", name)
			continue
		}
		for _, path := range p.Imports {
			imported, ours := strings.CutPrefix(path, modulePath+"/")
			if ours && !slices.Contains(row.may, imported) && !slices.Contains(row.may, "*") {
				t.Errorf("%s imports %s, but may import only %q: %s", name, imported, row.may, row.why)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment: say what lives in it and why", p.ImportPath)
		}
	}
}

func TestRootHoldsNothingElse(t *testing.T) {
	entries, err := os.ReadDir(moduleRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(moduleRoot(t), ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	isIgnored := func(name string) bool {
		return slices.ContainsFunc(strings.Fields(string(ignored)), func(pattern string) bool {
			match, err := filepath.Match(strings.TrimPrefix(pattern, "/"), name)
			return err == nil && match
		})
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !isIgnored(e.Name()) && !slices.Contains(rootEntries, e.Name()) {
			t.Errorf("%s does not belong in the root, which holds only %q: packages document themselves, and README is the manual", e.Name(), rootEntries)
		}
	}
}

// TestDependenciesAreExplained wants each direct dependency in README.md: whoever adds one owes the operators a reason.
func TestDependenciesAreExplained(t *testing.T) {
	root := moduleRoot(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if errors.Is(err, fs.ErrNotExist) {
		return // the manual has yet to be written; from its first line on, this holds
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !bytes.Contains(readme, []byte(r.Mod.Path)) {
			t.Errorf("README.md does not say why we depend on %s", r.Mod.Path)
		}
	}
}
