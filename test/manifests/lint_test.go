package manifests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/lint"
)

// The examples are what people copy, so `forewarm lint` finds nothing wrong with them: neither with each, nor with all
// that can stand together, as a model has one autoscaler.
func TestLintFindsNothingInExamples(t *testing.T) {
	cfg, err := config.Load(filepath.Join(root, "manifests/examples/forewarm.yaml"), app.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(root, "manifests/examples/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][]string{"install": {filepath.Join(root, "manifests/install.yaml")}}
	for _, path := range paths {
		name := filepath.Base(path)
		sets[name] = []string{path}
		if !strings.HasPrefix(name, "scaledobject") {
			sets["with HPAs"] = append(sets["with HPAs"], path)
		}
		if !strings.HasPrefix(name, "hpa") {
			sets["with ScaledObjects"] = append(sets["with ScaledObjects"], path)
		}
	}
	for name, files := range sets {
		in := app.LintInput()
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := in.Read(f, filepath.Base(file)); err != nil {
				t.Error(err)
			}
			_ = f.Close()
		}
		app.LintModels(&in, cfg)
		for _, f := range lint.Check(in) {
			t.Errorf("%s: %s: %s: %s: %s [%s]", name, f.File, f.Object, f.Field, f.Problem, f.Rule)
		}
	}
}
