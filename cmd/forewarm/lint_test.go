package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forewarm/forewarm/internal/lint"
)

const flappingHPA = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: a, namespace: llm}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}
  maxReplicas: 3
  metrics:
  - {type: External, external: {metric: {name: "vllm:num_requests_waiting"}, target: {type: Value, value: 3}}}
`

func TestLint(t *testing.T) {
	lines := func(s string) int { return strings.Count(s, "\n") }
	bad, good := manifest(t, flappingHPA), manifest(t, strings.ReplaceAll(flappingHPA, "{type: Value, value: 3}", "{type: AverageValue, averageValue: 3}"))

	code, stdout, _ := invoke(t, "lint", good, bad)
	if code != exitFindings || lines(stdout) != 1 || !strings.Contains(stdout, "spec.metrics[0].external.target.type") ||
		!strings.HasPrefix(stdout, bad) || !strings.HasSuffix(stdout, "[value-target]\n") {
		t.Errorf("want one finding of the bad file, got %d\n%s", code, stdout)
	}
	if code, stdout, stderr := invoke(t, "lint", good); code != exitOK || stdout != "" || !strings.Contains(stderr, "1 HPA, 0 ScaledObjects") {
		t.Errorf("want nothing of the good one, got %d\n%s%s", code, stdout, stderr)
	}
	var doc lintReport
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"lint", "-o", "json", "-"}, strings.NewReader(flappingHPA), &out, &errs); code != exitFindings {
		t.Errorf("stdin: got %d\n%s", code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || doc.Kind != "Lint" || len(doc.Findings) != 1 ||
		doc.Findings[0].File != "stdin" || doc.Findings[0].Severity != lint.Error {
		t.Errorf("want a document, got %v\n%s", err, out.String())
	}
	if code, _, stderr := invoke(t, "lint", os.DevNull+"/none"); code != exitFailed || stderr == "" {
		t.Errorf("want an error of a file that is not there, got %d %s", code, stderr)
	}
	for _, args := range [][]string{{"lint"}, {"lint", "-o", "xml", bad}} {
		if code, _, _ := invoke(t, args...); code != exitUsage {
			t.Errorf("%v: want %d, got %d", args, exitUsage, code)
		}
	}
}

func TestLintKnowsTheModels(t *testing.T) {
	hpa := manifest(t, strings.ReplaceAll(flappingHPA, `name: "vllm:num_requests_waiting"}, target: {type: Value, value: 3}`,
		`name: inference_pending_requests, selector: {matchLabels: {model: gpt}}}, target: {type: AverageValue, averageValue: 3}`))
	cfg := file(t, strings.Replace(model, "%s", "vllm", 1))
	code, stdout, stderr := invoke(t, "lint", "--config", cfg, hpa)
	if code != exitFindings || !strings.Contains(stdout, "it has llama") {
		t.Errorf("want the models of the file named, got %d\n%s%s", code, stdout, stderr)
	}
}

func manifest(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hpa.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
