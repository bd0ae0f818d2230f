package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is our module path.
const module = "github.com/forewarm/forewarm"

// importRule says what one package may import: which of ours, and which from outside (path prefixes; a
// first element without a dot is short for github.com). The standard library is free, but see pure.
type importRule struct{ pkg, ours, outside, why string }

// arch is the dependency table, inside out. A package that is not here fails: add a row, and say why.
var arch = []importRule{
	{"predictor", "", "gonum.org/v1/gonum", "a forecast is arithmetic on a series, so it can be replayed"},
	{"policy", "predictor", "", "a decision is a function of its inputs, so it can be replayed and explained"},

	{"adapter", "policy", "sigs.k8s.io/custom-metrics-apiserver k8s.io prometheus/client_golang/prometheus prometheus/client_model/go", "an output renders the plan, it decides nothing"},
	{"scaler", "policy", "google.golang.org/grpc go.uber.org/zap " + kedaStubs, "an output renders the plan, it decides nothing"},
	{"internal/report", "internal/study internal/backtest", "gonum.org/v1/plot", "a report is drawn from results alone"},
	{"internal/web", "policy", "", "the page is drawn from decisions alone"},

	{"internal/config", "policy predictor", configLibs, "configuration becomes policy's types and knows no reader"},
	{"internal/signals", "policy predictor", signalLibs, "a source observes; it decides nothing and runs no queries"},
	{"internal/certs", "", "", "certificates come from a clock and randomness alone"},
	{"internal/fleet", "policy", "k8s.io", "a source observes, it decides nothing"},
	{"internal/lint", "policy", "k8s.io sigs.k8s.io/yaml", "a rule reads objects and says findings; what is served is told to it"},
	{"internal/engine", "policy predictor", "go.uber.org/zap golang.org/x/sync", "the simulator must be able to drive the tick"},

	{"internal/sim", "policy internal/sim/trace", "", "the world knows the words of policy, and none of its rules"},
	{"internal/sim/trace", "", "", "a recorded load is a file, whatever is done with it"},
	{"internal/sim/fluid", fluidOurs, "golang.org/x/sync", "what is simulated is what is served: the tick"},
	{"internal/sim/idle", "policy internal/sim/trace", "", "what is simulated is what is served: the idle rule"},
	{"internal/sim/optimum", "", "", "the bound is arithmetic on a series and believes nobody's simulator"},
	{"internal/sim/rival", "internal/sim internal/sim/fluid internal/sim/trace", "gonum.org/v1/gonum/dsp/fourier", "a rival knows the world and nothing of ours"},
	{"internal/sim/world", worldOurs, "", "what is simulated is what is served: the tick"},
	{"internal/study", studyOurs, "golang.org/x/sync", "a study runs what the simulator has, and renders nothing"},
	{"internal/demo", demoOurs, demoLibs, "the demo is the real application on a simulated fleet"},
	{"internal/demo/promstore", "internal/sim", demoLibs + " prometheus/prometheus/tsdb/chunkenc", "a store and its HTTP API; its tests scrape a simulated fleet"},
	{"internal/app", "* -internal/sim -internal/study -internal/report -internal/demo", "*", "simulator and demo are no part of a running server"},

	{"internal/backtest", backtestOurs, "prometheus/common/config k8s.io/apimachinery", "history is read, folded and simulated by the parts that serve"},

	{"cmd/forewarm", forewarmOurs, forewarmLibs, "a command is flags and output, nothing else"},
	{"cmd/demo", "internal/demo", "spf13/cobra", "a command is flags and output, nothing else"},

	{"test/...", "*", "*", "tests across packages see everything"},
}

// The longer cells of the table.
const (
	kedaStubs = "kedacore/keda/v2/pkg/scalers/externalscaler grpc-ecosystem/go-grpc-middleware prometheus/client_golang/prometheus"

	configLibs = "sigs.k8s.io/yaml go.yaml.in k8s.io/apimachinery invopop/jsonschema " +
		"prometheus/common prometheus/sigv4"
	signalLibs = "prometheus/client_golang/api prometheus/common prometheus/sigv4 " +
		"prometheus/prometheus/promql/parser prometheus/prometheus/model/labels golang.org/x/time golang.org/x/sync"

	demoOurs = "internal/demo/promstore policy predictor internal/sim internal/app internal/engine internal/config " +
		"internal/signals internal/report"
	demoLibs = "prometheus/prometheus/promql prometheus/prometheus/model prometheus/prometheus/storage " +
		"prometheus/prometheus/util/annotations prometheus/common golang.org/x/term"

	fluidOurs = "policy predictor internal/engine internal/sim internal/sim/optimum internal/sim/trace"

	worldOurs = "policy predictor internal/engine internal/signals internal/sim internal/sim/fluid internal/sim/rival internal/sim/trace"
	studyOurs = "internal/sim internal/sim/idle internal/sim/fluid internal/sim/rival internal/sim/trace internal/sim/world"

	backtestOurs = "policy predictor internal/app internal/config internal/engine internal/signals " +
		"internal/sim/fluid internal/sim/rival internal/sim/trace internal/study"

	forewarmOurs = "policy internal/app internal/backtest internal/certs internal/config internal/engine internal/lint internal/sim internal/sim/world " +
		"internal/study internal/report"
	forewarmLibs = "spf13/cobra spf13/pflag sigs.k8s.io/yaml go.uber.org/zap golang.org/x/term jedib0t/go-pretty"
)

// pure packages depend on nothing but their arguments: no I/O, clock, logger, context or goroutine.
var pure = []string{"predictor", "policy"}

// impure are standard packages (with all below them) that a pure package must do without.
var impure = map[string]string{
	"context":     "cancellation belongs to the caller",
	"crypto/rand": "randomness comes in as an argument",
	"io":          "no I/O",
	"log":         "explain in the result; the shell logs",
	"net":         "no I/O",
	"os":          "no I/O",
	"sync":        "no shared state",
	"syscall":     "no I/O",
}

// impureNames are forbidden members of standard packages that a pure package may otherwise use. The
// top-level functions of math/rand share one hidden state; a seeded generator is an argument like any.
var impureNames = map[string]*regexp.Regexp{
	"time": regexp.MustCompile(
		`^(Now|Since|Until|After|AfterFunc|Sleep|Tick|NewTimer|NewTicker|Local|LoadLocation)$`),
	"math/rand":    regexp.MustCompile(`^(Seed|Read|Perm|Shuffle|(Int|Uint|Float|Norm|Exp)[A-Za-z0-9]*)$`),
	"math/rand/v2": regexp.MustCompile(`^(N|Perm|Shuffle|(Int|Uint|Float|Norm|Exp)[A-Za-z0-9]*)$`),
}

func TestArchitecture(t *testing.T) {
	for _, violation := range check(os.DirFS("..")) {
		t.Error(violation)
	}
}

// A typing error in the table would permit nothing and forbid nothing.
func TestArchitectureTableNamesListedPackages(t *testing.T) {
	for _, r := range arch {
		if r.why == "" {
			t.Errorf("%s: want a reason", r.pkg)
		}
		for _, p := range strings.Fields(r.ours) {
			if p = strings.TrimPrefix(p, "-"); p == "*" {
				continue
			}
			if _, ok := ruleOf(p); !ok {
				t.Errorf("%s: may import %s, which is not in the table", r.pkg, p)
			}
		}
	}
}

// check returns every violation of arch in the module at root, in the order of the files.
func check(root fs.FS) []string {
	var found []string
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && foreign(root, p):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		src, err := fs.ReadFile(root, p)
		if err == nil {
			found = append(found, checkFile(p, src)...)
		}
		return err
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

// foreign reports whether the go command would not count dir as part of our module either.
func foreign(root fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil || base[0] == '.' || base[0] == '_' || base == "testdata" || base == "vendor"
}

func checkFile(name string, src []byte) []string {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	pkg, isTest := path.Dir(name), strings.HasSuffix(name, "_test.go")
	r, listed := ruleOf(pkg)
	switch {
	case !listed && isTest:
		return nil
	case !listed:
		return []string{fmt.Sprintf("%s: package %s is not in the table of test/arch_test.go", name, pkg)}
	}

	var found []string
	report := func(at token.Pos, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s:%d: %s %s: %s",
			name, fset.Position(at).Line, pkg, fmt.Sprintf(format, args...), r.why))
	}
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if !allows(r, imported, isTest) {
			report(spec.Pos(), "may not import %s", imported)
		}
	}
	if slices.Contains(pure, pkg) && !isTest {
		checkPure(f, report)
	}
	return found
}

func ruleOf(pkg string) (importRule, bool) {
	i := slices.IndexFunc(arch, func(r importRule) bool {
		tree, isTree := strings.CutSuffix(r.pkg, "/...")
		return pkg == r.pkg || isTree && under(pkg, tree)
	})
	if i < 0 {
		return importRule{}, false
	}
	return arch[i], true
}

// allows judges an import by the table. A test may also import its own package, what makes certificates, and any
// library.
func allows(r importRule, imported string, isTest bool) bool {
	if under(imported, module) {
		pkg := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
		ours := strings.Fields(r.ours)
		return isTest && (pkg == r.pkg || pkg == "internal/certs") ||
			slices.Contains(ours, pkg) ||
			slices.Contains(ours, "*") && !slices.Contains(ours, "-"+pkg)
	}
	first, _, _ := strings.Cut(imported, "/")
	if isTest || r.outside == "*" || !strings.Contains(first, ".") {
		return true
	}
	return slices.ContainsFunc(strings.Fields(r.outside), func(prefix string) bool {
		if host, _, _ := strings.Cut(prefix, "/"); !strings.Contains(host, ".") {
			prefix = "github.com/" + prefix
		}
		return under(imported, prefix)
	})
}

// under reports whether path p is prefix or lies below it.
func under(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

// checkPure reports what would make a package depend on anything but its arguments, and lint
// exemptions that the pure packages do not get.
func checkPure(f *ast.File, report func(at token.Pos, format string, args ...any)) {
	watched := map[string]string{} // local name -> import path
	for _, spec := range f.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		for bad, why := range impure {
			if under(p, bad) {
				report(spec.Pos(), "is pure and may not import %s (%s)", p, why)
			}
		}
		if impureNames[p] == nil {
			continue
		}
		local := path.Base(strings.TrimSuffix(p, "/v2"))
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			report(spec.Pos(), "is pure and may not dot-import %s", p)
		}
		watched[local] = p
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if n != nil {
			checkPureNode(n, watched, report)
		}
		return true
	})
	for _, group := range f.Comments {
		for _, c := range group.List {
			if exempts.MatchString(c.Text) {
				report(c.Pos(), "may not exempt itself from gocyclo or funlen")
			}
		}
	}
}

var exempts = regexp.MustCompile(`^//\s*nolint:[a-z,]*(gocyclo|funlen)`)

func checkPureNode(n ast.Node, watched map[string]string, report func(at token.Pos, format string, args ...any)) {
	switch n := n.(type) {
	case *ast.GoStmt:
		report(n.Pos(), "is pure and may not start a goroutine")
	case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
		report(n.Pos(), "is pure and may not use channels")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			report(n.Pos(), "is pure and may not use channels")
		}
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok || watched[x.Name] == "" {
			return
		}
		if p := watched[x.Name]; impureNames[p].MatchString(n.Sel.Name) {
			report(n.Pos(), "is pure and may not use %s.%s", p, n.Sel.Name)
		}
	}
}

func TestArchitectureViolationsAreReported(t *testing.T) {
	for name, tc := range map[string]struct {
		file, src string
		want      string // part of the only violation; empty: none
	}{
		"policy may use predictor": {"policy/a.go", `import _ "OURS/predictor"`, ""},
		"policy imports a shell":   {"policy/a.go", `import _ "OURS/internal/engine"`, "policy/a.go:2: policy may not import OURS/internal/engine: a deci"},
		"policy imports a library": {"policy/a.go", `import _ "gonum.org/v1/gonum/stat"`, "may not import gonum.org/v1/gonum/stat"},
		"policy imports I/O":       {"policy/a.go", `import _ "os/exec"`, "may not import os/exec (no I/O)"},
		"policy logs":              {"policy/a.go", `import _ "log/slog"`, "may not import log/slog"},
		"policy locks":             {"policy/a.go", `import _ "sync/atomic"`, "may not import sync/atomic"},
		"policy takes a context":   {"policy/a.go", `import _ "context"`, "may not import context"},
		"policy reads the clock":   {"policy/a.go", "import clock \"time\"\nvar x = clock.Now()", "policy/a.go:3: policy is pure and may not use time.Now"},
		"policy hides the clock":   {"policy/a.go", `import . "time"`, "may not dot-import time"},
		"policy holds durations":   {"policy/a.go", "import \"time\"\nvar x = 2 * time.Second", ""},
		"policy starts a goroutine": {
			"policy/a.go", "func f() { go f() }", "may not start a goroutine",
		},
		"policy uses a channel":     {"policy/a.go", "var x chan int", "may not use channels"},
		"policy receives":           {"policy/a.go", "func f() { <-g() }", "may not use channels"},
		"policy exempts itself":     {"policy/a.go", "//nolint:errcheck,funlen // long\nfunc f() {}", "may not exempt itself"},
		"policy's tests are freer":  {"policy/a_test.go", "import (\n_ \"os\"\n_ \"pgregory.net/rapid\"\n_ \"OURS/policy\"\n)", ""},
		"but not towards our own":   {"policy/a_test.go", `import _ "OURS/internal/sim"`, "may not import OURS/internal/sim"},
		"predictor may use gonum":   {"predictor/a.go", `import _ "gonum.org/v1/gonum/stat"`, ""},
		"predictor rolls dice":      {"predictor/a.go", "import \"math/rand/v2\"\nvar x = rand.IntN(6)", "may not use math/rand/v2.IntN"},
		"predictor is given dice":   {"predictor/a.go", "import \"math/rand/v2\"\nvar x = rand.New(rand.NewPCG(1, 2))", ""},
		"outputs are strangers":     {"adapter/a.go", `import _ "OURS/scaler"`, "may not import OURS/scaler"},
		"a prefix is a path prefix": {"internal/fleet/a.go", `import _ "k8s.io.example.com/x"`, "may not import k8s.io.example.com/x"},
		"short names are GitHub's":  {"scaler/a.go", `import _ "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"`, ""},
		"KEDA's stubs, not KEDA":    {"scaler/a.go", `import _ "github.com/kedacore/keda/v2/pkg/scaling"`, "may not import github.com/kedacore"},
		"app wires everything":      {"internal/app/a.go", "import (\n_ \"OURS/scaler\"\n_ \"go.uber.org/zap\"\n)", ""},
		"app ships no simulator":    {"internal/app/a.go", `import _ "OURS/internal/sim"`, "may not import OURS/internal/sim"},
		"the root is no library":    {"policy/a.go", `import _ "OURS"`, "may not import OURS"},
		"an unlisted package":       {"internal/utils/a.go", "", "package internal/utils is not in the table"},
		"a nested module":           {"test/tools/x/a.go", `import _ "example.com/x"`, ""},
		"a fixture":                 {"policy/testdata/a.go", `import _ "os"`, ""},
		"a file that does not parse": {
			"policy/a.go", "func", "expected",
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, want := strings.ReplaceAll(tc.src, "OURS", module), strings.ReplaceAll(tc.want, "OURS", module)
			root := fstest.MapFS{
				"go.mod":              {Data: []byte("module " + module)},
				"test/tools/x/go.mod": {Data: []byte("module x")},
				tc.file:               {Data: []byte("package p\n" + src + "\n")},
			}
			got := check(root)
			switch {
			case want == "" && len(got) > 0:
				t.Errorf("want no violation, got %q", got)
			case want != "" && (len(got) != 1 || !strings.Contains(got[0], want)):
				t.Errorf("want one violation with %q, got %q", want, got)
			}
		})
	}
}
