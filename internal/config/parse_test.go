package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

// testCatalog stands for the presets of internal/signals.
func testCatalog() Catalog {
	return Catalog{
		Engines:  []string{"vllm", "sglang", "tgi", "llama.cpp"},
		Gateways: []string{"llm-d-epp", "production-stack"},
		Tenancy:  []string{"namespace", "route_namespace"},
	}
}

func testdata(tb testing.TB, folder string) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			tb.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(p), ".yaml")] = b
	}
	return out
}

func good(tb testing.TB, name string) *Config {
	tb.Helper()
	cfg, err := Load(filepath.Join("testdata", "good", name+".yaml"), testCatalog())
	if err != nil {
		tb.Fatal(err)
	}
	return cfg
}

func TestGoodFilesAreAccepted(t *testing.T) {
	for name, b := range testdata(t, "good") {
		t.Run(name, func(t *testing.T) {
			cfg, err := Parse(b, testCatalog())
			if err != nil {
				t.Fatal(err)
			}
			NewRegistry(cfg)
		})
	}
}

// The bad files are the specification of what is refused. Each "# want:" line
// is one problem, and there are no others.
func TestBadFilesAreRefused(t *testing.T) {
	for name, b := range testdata(t, "bad") {
		t.Run(name, func(t *testing.T) {
			cfg, err := Parse(b, testCatalog())
			var problems Errors
			if !errors.As(err, &problems) || cfg != nil {
				t.Fatalf("want Errors and no configuration, got %v and %v", err, cfg)
			}
			want := marks(b, "# want: ")
			if len(problems) != len(want) {
				t.Errorf("want %d problems, got %d:\n%v", len(want), len(problems), err)
			}
			for _, w := range want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("want %q in\n%v", w, err)
				}
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret shows in\n%v", err)
			}
		})
	}
}

// marks are the comment lines at the start of a file that begin with prefix.
func marks(b []byte, prefix string) []string {
	var out []string
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			out = append(out, rest)
		}
	}
	return out
}

func TestProblemsComeInTheOrderOfTheFileWithLines(t *testing.T) {
	_, err := Parse(testdata(t, "bad")["every-error-at-once"], testCatalog())
	var problems Errors
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	last := 0
	for _, p := range problems {
		if p.Line <= last-1 || p.Line == 0 {
			t.Errorf("line %d after line %d: %v", p.Line, last, p)
		}
		last = p.Line
	}
	var one *FieldError
	if !errors.As(err, &one) {
		t.Error("errors.As finds no FieldError")
	}
}

func TestALongReportIsCut(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: forewarm.dev/v1alpha1\nkind: Config\nmodels:\n")
	for range 150 {
		b.WriteString("- nonsense\n")
	}
	_, err := Parse([]byte(b.String()), testCatalog())
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxProblems+1 || lines[maxProblems] != "and 50 more" {
		t.Errorf("got %d lines ending in %q", len(lines), lines[len(lines)-1])
	}
}

func TestAFileThatIsTooLargeIsNotParsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(path, []byte(strings.Repeat("#", MaxBytes+10)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, testCatalog())
	if err == nil || !strings.Contains(err.Error(), "want at most 4194304 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "gone.yaml"), testCatalog())
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "gone.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestRelativePathsAreRelativeToTheFile(t *testing.T) {
	got := good(t, "authenticated-sources").Sources[0].HTTP.Client.TLSConfig.CAFile
	if want := filepath.Join("testdata", "good", "ca.crt"); got != want {
		t.Errorf("want %s, got %s", want, got)
	}
}

func TestWarningsAreNoErrors(t *testing.T) {
	want := map[string][]string{
		"design":                nil,
		"no-source":             {"sources: none given: name a Prometheus on the command line"},
		"cpu-and-gpu-budget":    {"budgets[1].product: no variant uses MI300X, want one of NVIDIA-H100-80GB-HBM3"},
		"minimal":               nil,
		"authenticated-sources": nil,
	}
	for name, w := range want {
		if diff := cmp.Diff(w, good(t, name).Warnings); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestTheDesignExampleMeansWhatItSays(t *testing.T) {
	got := NewRegistry(good(t, "design")).Entries[0].Model
	want := policy.Model{
		ID:       policy.ModelID{Namespace: "llm", Name: "llama-3-70b"},
		Engine:   "vllm",
		SLO:      policy.SLO{TTFTP95: 2 * time.Second, ITLP95: 100 * time.Millisecond, Attainment: 0.99},
		Priority: 100,
		Idle:     policy.Idle{ToZero: true, OnBlind: policy.BlindHold, RestartCost: DefaultRestartCost},
		Gateway:  true,
		Variants: []policy.Variant{
			{
				Name: "on-demand", Target: deployment("llama-70b"),
				Min: 1, Max: 8, GPUs: 4, Product: "NVIDIA-A100-80GB",
				CapacityType: policy.OnDemand, PricePerGPU: 3.40, WarmUp: DefaultWarmUp,
			},
			{
				Name: "spot", Target: deployment("llama-70b-spot"),
				Min: 0, Max: 8, GPUs: 4, Product: "NVIDIA-A100-80GB",
				CapacityType: policy.Spot, WarmUp: DefaultWarmUp, Spot: policy.DefaultSpotTerms(),
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// BenchmarkParse reads a file of 1,000 models.
func BenchmarkParse(b *testing.B) {
	var file strings.Builder
	file.WriteString("apiVersion: forewarm.dev/v1alpha1\nkind: Config\nmodels:\n")
	for i := range 1000 {
		fmt.Fprintf(&file, "- {name: m%d, namespace: llm, engine: vllm, modelName: org/m%d, slo: {ttftP95: 2s}, "+
			"variants: [{name: v, target: {name: m%d}, replicas: {max: 4}}]}\n", i, i, i)
	}
	for b.Loop() {
		if _, err := Parse([]byte(file.String()), testCatalog()); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		for name, b := range testdata(f, folder) {
			if name != "alias-bomb" { // slow under instrumentation; it has its test
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg, err := Parse(b, testCatalog())
		if (cfg == nil) == (err == nil) {
			t.Fatalf("want a configuration or an error, got %v and %v", cfg, err)
		}
		if err != nil {
			return
		}
		NewRegistry(cfg)
		if _, err := cfg.Redacted(); err != nil {
			t.Fatal(err)
		}
		if err := cfg.Complete(testCatalog()); err != nil {
			t.Fatalf("accepted, then refused: %v", err)
		}
	})
}
