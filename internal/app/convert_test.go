package app

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/forewarm/forewarm/internal/config"
)

var update = flag.Bool("update", false, "rewrite the converted ScaledObjects")

func TestConvertedScaledObjects(t *testing.T) {
	files, err := filepath.Glob("testdata/convert/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out, notes, err := ConvertKEDA(in, DefaultConvertOptions())
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, out, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(out)); diff != "" {
				t.Errorf("-want +got (-update rewrites)\n%s", diff)
			}
			for _, n := range notes {
				_, text, _ := strings.Cut(n, ": ")
				if !bytes.Contains(out, []byte("# "+text)) {
					t.Errorf("a note is no comment: %s", n)
				}
			}
			understood(t, out)
			if _, _, err := ConvertKEDA(out, DefaultConvertOptions()); !errors.Is(err, ErrNothingToConvert) {
				t.Errorf("want nothing left to convert, got %v", err)
			}
		})
	}
}

// understood says that the scaler takes the triggers that were made.
func understood(t *testing.T, out []byte) {
	t.Helper()
	n := 0
	for d := yaml.NewDecoder(bytes.NewReader(out)); ; {
		var so struct {
			Metadata struct{ Name string }
			Spec     struct {
				Triggers []struct {
					Type     string
					Metadata map[string]string
				}
			}
		}
		if d.Decode(&so) != nil {
			break
		}
		for _, tr := range so.Spec.Triggers {
			if tr.Type != "external-push" {
				continue
			}
			n++
			if _, err := config.ParseTrigger(so.Metadata.Name, tr.Metadata, Catalog()); err != nil {
				t.Errorf("the scaler refuses it: %v", err)
			}
		}
	}
	if n != 1 {
		t.Errorf("want one trigger of ours, got %d", n)
	}
}

func TestConvertNamesAConfiguredModel(t *testing.T) {
	in, err := os.ReadFile("testdata/convert/chapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := ConvertKEDA(in, ConvertOptions{Address: "f:1", Model: "llama"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"scalerAddress: f:1\n", "model: llama\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	for _, no := range []string{"engine:", "enableTLS", "authenticationRef"} {
		if strings.Contains(string(out), no) {
			t.Errorf("want no %q in\n%s", no, out)
		}
	}
	understood(t, out)
}

func TestWhatIsNoScaledObjectIsRefused(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":          "",
		"another kind":     "kind: Service\n",
		"no triggers":      "kind: ScaledObject\nspec: {}\n",
		"strange triggers": "kind: ScaledObject\nspec: {triggers: {a: b}}\n",
		"not a mapping":    "kind: ScaledObject\nspec: {triggers: [1, null, [x]]}\n",
		"a broken query":   "kind: ScaledObject\nspec: {triggers: [{type: prometheus, metadata: {query: 'sum('}}]}\n",
		"other metrics":    "kind: ScaledObject\nspec: {triggers: [{type: prometheus, metadata: {query: 'up'}}]}\n",
	} {
		if _, _, err := ConvertKEDA([]byte(in), DefaultConvertOptions()); !errors.Is(err, ErrNothingToConvert) {
			t.Errorf("%s: want nothing to convert, got %v", name, err)
		}
	}
	if _, _, err := ConvertKEDA([]byte("\t:"), DefaultConvertOptions()); err == nil || errors.Is(err, ErrNothingToConvert) {
		t.Errorf("broken YAML: got %v", err)
	}
}
