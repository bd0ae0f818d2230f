package lint

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fleet is what the files' selectors can mean.
func fleet() []policy.Model {
	on := func(kind, name string, gpus int, warm time.Duration) []policy.Variant {
		return []policy.Variant{{Name: name, Target: policy.Target{APIVersion: "apps/v1", Kind: kind, Name: name}, GPUs: gpus, WarmUp: warm}}
	}
	return []policy.Model{
		{ID: policy.ModelID{Namespace: "llm", Name: "llama-3-70b"}, Engine: "vllm", Variants: on("Deployment", "llama-70b", 4, 4*time.Minute)},
		{ID: policy.ModelID{Namespace: "llm", Name: "qwen"}, Engine: "sglang", Variants: on("Deployment", "qwen", 1, 8*time.Minute)},
	}
}

// served is what an adapter knows.
func served(name string) (string, bool) {
	switch name {
	case "requests_per_second":
		return "inference_requests_per_second", true
	case "vllm:num_requests_waiting":
		return "inference_pending_requests", true
	case "inference_pending_requests", "inference_running_requests", "inference_kv_utilization":
		return name, true
	case "forewarm_desired_replicas", "inference_ttft_p95_seconds":
		return name, false
	}
	return "", false
}

// refusedKeys is what a scaler takes that knows one signal and wants a model named.
func refusedKeys(_ string, metadata map[string]string) []Problem {
	var out []Problem
	if metadata["model"] == "" && metadata["engine"] == "" {
		out = append(out, Problem{Text: "want model"})
	}
	if m := metadata["metric"]; m != "" && m != "desired" && m != "pending" {
		out = append(out, Problem{"metric", "want pending, got " + m})
	}
	return out
}

// judge is every finding of a file.
func judge(t *testing.T, file string, models []policy.Model) []Finding {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	in := Input{Models: models, Complete: models != nil, Served: served, Refused: refusedKeys}
	if err := in.Read(f, filepath.Base(file)); err != nil {
		t.Fatal(err)
	}
	return Check(in)
}

// TestRules reads a file per rule, with what it finds and what it must not. The
// file good.yaml is one for all.
func TestRules(t *testing.T) {
	for _, rule := range append(Rules(), "good") {
		t.Run(rule, func(t *testing.T) {
			findings := judge(t, filepath.Join("testdata", rule+".yaml"), fleet())
			golden := filepath.Join("testdata", rule+".golden")
			var lines []string
			of := 0
			for _, f := range findings {
				lines = append(lines, fmt.Sprintf("%s: %s: %s: %s; %s [%s]", f.Object, f.Severity, f.Field, f.Problem, f.Remedy, f.Rule))
				if f.Rule == rule {
					of++
				}
			}
			got := strings.Join(append(lines, ""), "\n")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if (of == 0) != (rule == "good") {
				t.Errorf("want findings of the rule itself, got %d", of)
			}
		})
	}
}

// TestEveryRuleIsDocumented, in the same order.
func TestEveryRuleIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/lint.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(doc)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	if !slices.Equal(names, Rules()) {
		t.Errorf("docs/lint.md has %v, want %v", names, Rules())
	}
}

// TestFieldsExist: the path of a finding is one in its object, or one to add.
func TestFieldsExist(t *testing.T) {
	for _, rule := range Rules() {
		for _, f := range judge(t, filepath.Join("testdata", rule+".yaml"), fleet()) {
			if !strings.HasPrefix(f.Field, "spec.") || strings.ContainsAny(f.Field, " %") || f.Problem == "" || f.Remedy == "" {
				b, _ := json.Marshal(f)
				t.Errorf("%s", b)
			}
		}
	}
}

// TestWithoutModelsNothingIsSaidOfThem: not known is not none.
func TestWithoutModelsNothingIsSaidOfThem(t *testing.T) {
	for _, file := range []string{"model-unknown", "cooldown-short"} {
		if got := judge(t, "testdata/"+file+".yaml", nil); len(got) != 0 {
			t.Errorf("%s: want nothing, got %+v", file, got)
		}
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	in := Input{}
	err := in.Read(strings.NewReader("a: [\n---\nkind: HorizontalPodAutoscaler\napiVersion: autoscaling/v2\nmetadata: {name: x}\n"+
		"spec: {maxReplica: 3}\n---\nkind: ScaledObject\nmetadata: {name: y}\nspec: {triggers: [{type: cron}]}\n"), "f.yaml")
	for _, want := range []string{"f.yaml: document 1", "document 2: HorizontalPodAutoscaler default/x", "maxReplica"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if len(in.Scaled) != 1 {
		t.Errorf("want the object after the bad ones, got %+v", in)
	}
}
