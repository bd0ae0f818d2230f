package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/lint"
)

// linted are the findings of a file or a text as field [rule].
func linted(t *testing.T, text string) []string {
	t.Helper()
	in := lint.Input{Served: Served}
	if err := in.Read(strings.NewReader(text), "f.yaml"); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range lint.Check(in) {
		out = append(out, f.Field+" ["+f.Rule+"]")
	}
	return out
}

// TestWhatConvertWritesIsJudged: lint knows the triggers that convert writes for what they are, and has nothing to say
// of them but what convert kept, and said so: a user's own damping, and triggers of something else.
func TestWhatConvertWritesIsJudged(t *testing.T) {
	kept := map[string][]string{
		"gateway":    {"spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds [double-damping]"},
		"everything": {"spec.triggers[0] [mixed-metrics]"},
	}
	files, err := filepath.Glob("testdata/convert/*.golden")
	if err != nil || len(files) < 4 {
		t.Fatal("want the outputs of convert, got", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".golden")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(kept[name], linted(t, string(text))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			damped := strings.ReplaceAll(string(text), "stabilizationWindowSeconds: 0", "stabilizationWindowSeconds: 600")
			damped = strings.ReplaceAll(damped, "stabilizationWindowSeconds: 300", "stabilizationWindowSeconds: 600")
			if !slices.ContainsFunc(linted(t, damped), func(f string) bool { return strings.HasSuffix(f, "[double-damping]") }) {
				t.Errorf("want damping found beside a trigger that convert wrote, got %v", linted(t, damped))
			}
		})
	}
}
