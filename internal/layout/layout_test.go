package layout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/starburst-go/starburst"
)

// maxLines is the exclusive limit of a source file's length.
const maxLines = 400

// mayImport says which packages of ours a package may import, both by folder;
// "x/..." is x and what is below. The front door is ".". What stands higher up is
// imported by nothing that stands further down, and nothing imports cmd.
var mayImport = []struct{ of, packages string }{
	{"codec", ""},
	{"internal/usage", ""},
	{"internal/oplog", ""},
	{"internal/ecsagent", ""},
	{"internal/meter", ""},
	{"internal/httpcall", ""},
	{"internal/awserr", ""},
	{"internal/awscall", "internal/awserr"},
	{"internal/procgroup", "internal/usage"},
	{"internal/joblog", ""},
	{"internal/sqsbatch", "internal/awserr"},
	{"internal/quota", "internal/awserr"},
	{"internal/image", ""},
	{"store", "codec internal/awserr"},

	{"cost", ""},
	{"cost/sample", "cost store"},
	{"internal/prices", "cost"},
	{"internal/bill", "cost cost/sample store"},
	{"autoscale", "cost"},
	{"autoscale/simulate", "autoscale cost"},
	{"autoscale/fleet", "autoscale cost cost/sample store"},
	{"producer", "codec store internal/awserr internal/sqsbatch"},
	{"consumer", "codec store internal/awserr internal/procgroup internal/sqsbatch internal/usage"},
	{"consumer/child", "codec consumer store internal/procgroup"},

	// The embedded endpoint speaks to us over HTTP alone.
	{"internal/localaws/...", "internal/localaws/... internal/usage"},

	{"internal/exit", ""},
	{"internal/manual", ""},
	{"internal/terminal", ""},
	{"internal/progress", ""},
	{"internal/listing", ""},
	{"internal/worklog", "internal/awscall internal/awserr"},
	{"internal/view", "cost cost/sample store internal/bill internal/progress internal/terminal"},
	{"internal/report", "cost store internal/bill internal/progress internal/view"},
	{"internal/stack", "internal/exit internal/httpcall internal/meter store"},
	{"internal/laptop", "internal/exit internal/oplog internal/stack internal/localaws"},
	{"internal/observe", "consumer store"},
	{"internal/metrics", "autoscale internal/observe"},
	{"internal/role", "consumer store internal/ecsagent internal/exit internal/observe internal/oplog internal/stack internal/laptop"},
	{"internal/scaling", "autoscale/... cost store internal/awscall internal/exit internal/prices internal/quota internal/stack"},
	{"internal/config", "internal/exit internal/manual internal/prices internal/quota internal/scaling internal/stack internal/terminal"},
	{"internal/plan", "codec producer autoscale/simulate cost internal/quota"},
	{"internal/burst", "codec producer autoscale/... cost/... store internal/bill internal/exit internal/prices internal/progress internal/quota internal/scaling internal/sqsbatch internal/stack internal/laptop internal/report internal/role internal/view"},
	{"internal/deploy", "store internal/awserr internal/exit internal/image internal/stack"},
	{"internal/doctor", "store internal/awscall internal/awserr internal/deploy internal/exit internal/image internal/quota internal/stack"},
	{"internal/bridge", "codec cost producer store internal/burst internal/exit internal/laptop internal/stack"},
	{"internal/dlq", "codec store internal/awserr internal/exit internal/sqsbatch"},
	{"internal/ui", "cost store internal/bill internal/dlq internal/exit internal/progress internal/view"},
	{"internal/faults", ""},
	{"internal/iamcheck", ""},
	{"internal/bench", "autoscale codec cost producer consumer store internal/burst internal/faults internal/laptop internal/progress internal/role internal/stack internal/usage"},
	{".", "producer consumer autoscale/... cost/... codec store internal/awserr internal/burst internal/config internal/exit internal/role internal/report internal/stack internal/view"},
	{"otelstarburst", ". consumer store"},
	{"cmd/...", ". otelstarburst producer consumer consumer/child autoscale/... cost/... codec store internal/awscall internal/awserr internal/deploy internal/doctor internal/image internal/bench internal/bill internal/bridge internal/burst internal/config internal/dlq " +
		"internal/exit internal/joblog internal/laptop internal/listing internal/localaws internal/manual internal/metrics internal/observe internal/oplog internal/plan internal/prices internal/progress internal/quota internal/report internal/role internal/scaling internal/stack internal/terminal internal/ui internal/view internal/worklog"},

	// Examples are what a user can write.
	{"examples/...", ". examples/internal/..."},

	// For tests only: no row lets another package import them.
	{"internal/chaos", ""},
	{"internal/check", "codec store"},
	{"internal/deployed", ""},
	{"internal/endtoend", ""},
	{"internal/languages", ""},
	{"internal/layout", ""},
	{"internal/testmain", ""},
	{"internal/virtual", "internal/localaws/dynamodb/..."},
	{"internal/waves", ""},
}

// pure packages take values and return values.
var pure = []string{"codec", "cost", "autoscale"}

// TestNoPackageOfTheCoreLinksWhatWatchesIt: who wants metrics or traces pays for them, and nobody else.
func TestNoPackageOfTheCoreLinksWhatWatchesIt(t *testing.T) {
	t.Parallel()
	for _, p := range setup(t) {
		if !slices.Contains([]string{".", "codec", "producer", "consumer", "store", "cost", "autoscale"}, p.path()) {
			continue
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "go.opentelemetry.io/") || strings.HasPrefix(dep, "github.com/prometheus/") {
				t.Errorf("%s links %s", p.path(), dep)
			}
		}
	}
}

// pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath, Dir, Name, Doc string
	Imports, Deps              []string
}

// path is the package's folder, "." for the root.
func (p pkg) path() string { return pathOf(p.ImportPath) }

// pathOf is the folder of a package of ours, "" for others'.
func pathOf(importPath string) string {
	if importPath == module {
		return "."
	}
	path, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return ""
	}
	return path
}

// setup lists the packages of this module.
func setup(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Name,Doc,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// covers reports whether a pattern of mayImport, "x" or "x/...", means the path.
func covers(pattern, path string) bool {
	below, tree := strings.CutSuffix(pattern, "/...")
	return path == below || tree && strings.HasPrefix(path, below+"/")
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range setup(t) {
		var may []string
		placed := false
		for _, row := range mayImport {
			if covers(row.of, p.path()) {
				placed, may = true, strings.Fields(row.packages)
			}
		}
		if !placed {
			t.Errorf("%s has no place: give it a row in mayImport", p.path())
			continue
		}
		for _, i := range p.Imports {
			path := pathOf(i)
			if path != "" && !slices.ContainsFunc(may, func(pattern string) bool { return covers(pattern, path) }) {
				t.Errorf("%s imports %s; it may import: %s", p.path(), path, strings.Join(may, ", "))
			}
		}
	}
}

// A row that lets a package import one above itself, or one that is not there
// any more, would say nothing.
func TestTheTableHasNoWayBack(t *testing.T) {
	t.Parallel()
	all := setup(t)
	for i, row := range mayImport {
		if !slices.ContainsFunc(all, func(p pkg) bool { return covers(row.of, p.path()) }) {
			t.Errorf("there is no %s", row.of)
		}
		for pattern := range strings.FieldsSeq(row.packages) {
			for _, above := range mayImport[i+1:] {
				if covers(pattern, strings.TrimSuffix(above.of, "/...")) {
					t.Errorf("%s may import %s, which stands above it", row.of, above.of)
				}
			}
		}
	}
}

func TestPurePackagesLinkNoSDKAndNoStore(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range setup(t) {
		if !slices.Contains(pure, p.path()) {
			continue
		}
		found++
		for _, d := range p.Deps {
			if strings.HasPrefix(d, "github.com/aws/") || pathOf(d) == "store" {
				t.Errorf("%s links %s", p.path(), d)
			}
		}
	}
	if found != len(pure) {
		t.Errorf("%d of %v were looked at", found, pure)
	}
}

func TestSourceFilesAreShort(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		switch {
		case e.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files++
		text, err := os.ReadFile(path)
		if lines := bytes.Count(text, []byte("\n")); err == nil && lines >= maxLines {
			t.Errorf("%s has %d lines: a file of one concern has fewer than %d", path, lines, maxLines)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files: %v", files, err)
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, p := range setup(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.path())
		}
		for _, empty := range []string{"util", "helper", "common", "misc"} {
			for _, word := range []string{p.Name, filepath.Base(p.path())} {
				if strings.TrimSuffix(word, "s") == empty {
					t.Errorf("%s is called %s, which says nothing", p.path(), word)
				}
			}
		}
	}
}

func TestGoroutinesAreLookedFor(t *testing.T) {
	t.Parallel()
	for _, p := range setup(t) {
		starts, looks, err := goroutines(p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if starts != "" && !looks {
			t.Errorf("%s starts a goroutine at %s; its tests need a TestMain with goleak or internal/testmain", p.path(), starts)
		}
	}
}

// goroutines reads a package's files: where the first goroutine is started, and
// whether a TestMain looks for those that are left.
func goroutines(dir string) (starts string, looks bool, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", false, fmt.Errorf("list %s: %w", dir, err)
	}
	files := token.NewFileSet()
	for _, name := range names {
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return "", false, err
		}
		if strings.HasSuffix(name, "_test.go") {
			looks = looks || hasLeakTest(f)
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if starts == "" && startsGoroutine(n) {
				starts = files.Position(n.Pos()).String()
			}
			return true
		})
	}
	return starts, looks, nil
}

// startsGoroutine knows the statement, and the Go methods of sync.WaitGroup and errgroup.Group.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		return ok && f.Sel.Name == "Go"
	default:
		return false
	}
}

func hasLeakTest(f *ast.File) bool {
	imports := slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == `"go.uber.org/goleak"` || i.Path.Value == `"`+module+`/internal/testmain"`
	})
	return imports && slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Recv == nil && fn.Name.Name == "TestMain"
	})
}
