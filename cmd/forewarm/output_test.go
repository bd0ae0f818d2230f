package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/forewarm/forewarm/internal/app"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestOutputs(t *testing.T) {
	for file, write := range map[string]func(io.Writer) error{
		"table.txt":    func(w io.Writer) error { return writeTable(w, fixed(), false, false, 0) },
		"narrow.txt":   func(w io.Writer) error { return writeTable(w, fixed(), false, false, 150) },
		"wide.txt":     func(w io.Writer) error { return writeTable(w, fixed(), true, false, 0) },
		"markdown.md":  func(w io.Writer) error { return writeMarkdown(w, fixed()) },
		"report.csv":   func(w io.Writer) error { return writeCSV(w, fixed()) },
		"report.json":  func(w io.Writer) error { return writeJSON(w, fixed()) },
		"report.yaml":  func(w io.Writer) error { return writeYAML(w, fixed()) },
		"explain.txt":  func(w io.Writer) error { return writeExplanation(w, fixed(), growing()) },
		"explain2.txt": func(w io.Writer) error { return writeExplanation(w, fixed(), held()) },
		"notes.txt":    func(w io.Writer) error { writeNotes(w, fixed()); return nil },
	} {
		t.Run(file, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(got.String(), "\x1b\x07") {
				t.Errorf("a control character passed: %q", got.String())
			}
			golden(t, file, got.Bytes())
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), go test ./cmd/forewarm -update rewrites it:\n%s", path, diff)
	}
}

func TestJSONAndYAMLSayTheSame(t *testing.T) {
	var j, y bytes.Buffer
	if err := writeJSON(&j, fixed()); err != nil {
		t.Fatal(err)
	}
	if err := writeYAML(&y, fixed()); err != nil {
		t.Fatal(err)
	}
	var fromJSON, fromYAML app.Report
	if err := json.Unmarshal(j.Bytes(), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(y.Bytes(), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("(-json +yaml):\n%s", diff)
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, fixed()); err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(b.Bytes(), &tree); err != nil {
		t.Fatal(err)
	}
	for key := range keysOf(tree) {
		if !strings.Contains(string(doc), "`"+key+"`") && !strings.Contains(string(doc), "."+key+"`") {
			t.Errorf("docs/output.md does not mention %s", key)
		}
	}
	for _, column := range csvHeader {
		if !strings.Contains(string(doc), column) {
			t.Errorf("docs/output.md does not mention the csv column %s", column)
		}
	}
}

func keysOf(v any) map[string]bool {
	out := map[string]bool{}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			out[k] = true
			for sub := range keysOf(x) {
				out[sub] = true
			}
		}
	case []any:
		for _, x := range v {
			for sub := range keysOf(x) {
				out[sub] = true
			}
		}
	}
	return out
}

func TestSpans(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0s", 0.35: "350ms", 1.314: "1.31s", 42: "42s", 60: "1m", 330: "5m30s", 3600: "1h0m", 7800: "2h10m",
	} {
		if got := spanOf(seconds); got != want {
			t.Errorf("%g s: want %s, got %s", seconds, want, got)
		}
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.006: "0.01", 0.5: "0.5", 2: "2", 12.44: "12.4", 100: "100", 3720.4: "3720", 1e6: "1000000",
	} {
		if got := figure(v); got != want {
			t.Errorf("%g: want %s, got %s", v, want, got)
		}
	}
}
