package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forewarm/forewarm/internal/config"
	"github.com/forewarm/forewarm/internal/lint"
)

// linted are the findings of a text as field [rule], with the models of a configuration if there is one.
func linted(t *testing.T, text, configuration string) []string {
	t.Helper()
	in := LintInput()
	if err := in.Read(strings.NewReader(text), "f.yaml"); err != nil {
		t.Fatal(err)
	}
	var cfg *config.Config
	if configuration != "" {
		var err error
		if cfg, err = config.Parse([]byte(configuration), Catalog()); err != nil {
			t.Fatal(err)
		}
	}
	LintModels(&in, cfg)
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
		"several":    {"spec.triggers[0] [mixed-metrics]"},
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
			if diff := cmp.Diff(kept[name], linted(t, string(text), "")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			damped := strings.ReplaceAll(string(text), "stabilizationWindowSeconds: 0", "stabilizationWindowSeconds: 600")
			damped = strings.ReplaceAll(damped, "stabilizationWindowSeconds: 300", "stabilizationWindowSeconds: 600")
			if !slices.ContainsFunc(linted(t, damped, ""), func(f string) bool { return strings.HasSuffix(f, "[double-damping]") }) {
				t.Errorf("want damping found beside a trigger that convert wrote, got %v", linted(t, damped, ""))
			}
		})
	}
}

// inline is a ScaledObject that defines qwen, on a Deployment of two GPUs, and an HPA that selects it.
const inline = `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: qwen, namespace: llm}
spec:
  scaleTargetRef: {name: qwen}
  minReplicaCount: 1
  maxReplicaCount: 4
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}
  triggers: [{type: external-push, metadata: {scalerAddress: "f:1", engine: vllm, modelName: Qwen/Qwen3-8B, slo.ttftP95: 2s, gpusPerReplica: "2"}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: qwen, namespace: llm}
spec: {template: {spec: {containers: [{name: engine, args: [--tensor-parallel-size=2], resources: {limits: {nvidia.com/gpu: "2"}}}]}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: other, namespace: llm}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: other}
  minReplicas: 1
  maxReplicas: 9
  metrics:
  - type: External
    external: {metric: {name: inference_pending_requests, selector: {matchLabels: {model: qwen}}}, target: {type: AverageValue, averageValue: "5"}}
`

// configured has a model of another name.
const configured = `apiVersion: forewarm.dev/v1alpha1
kind: Config
sources: [{name: default, url: "http://prometheus"}]
models:
- name: llama
  namespace: llm
  engine: vllm
  modelName: meta-llama/Llama-3.1-8B-Instruct
  slo: {ttftP95: 1s}
  variants: [{name: main, target: {kind: Deployment, name: llama}, replicas: {min: 1, max: 4}}]
`

// TestLintKnowsWhatScaledObjectsDefine: a model is no less there for being defined in a ScaledObject, and what that says
// of its replicas counts.
func TestLintKnowsWhatScaledObjectsDefine(t *testing.T) {
	for name, tc := range map[string]struct {
		text, configuration string
		want                []string
	}{
		"as it should be":         {inline, configured, nil},
		"and without a file":      {inline, "", nil},
		"of nobody":               {strings.Replace(inline, "{model: qwen}", "{model: qven}", 1), configured, []string{"spec.metrics[0].external.metric.selector [model-unknown]"}},
		"of nobody, or of others": {strings.Replace(inline, "{model: qwen}", "{model: qven}", 1), "", nil},
		"with other GPUs":         {strings.Replace(inline, `gpusPerReplica: "2"`, `gpusPerReplica: "4"`, 1), "", []string{"spec.template [parallelism]"}},
		"whose models are found": {
			strings.Replace(inline, "{model: qwen}", "{model: found}", 1), configured[:strings.Index(configured, "models:")], nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, linted(t, tc.text, tc.configuration)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestLintRefusesWhatTheScalerRefuses, key by key, before KEDA asks.
func TestLintRefusesWhatTheScalerRefuses(t *testing.T) {
	for metadata, want := range map[string][]string{
		`model: qwen, metric: queue, target: "0"`: {"metric", "target"},
		`engine: vllm`: {"slo.ttftP95"},
		`scalerAddress: "forewarm-scaler.f:1", mdoel: qwen`:  {"mdoel"},
		`model: qwen, target: "5"`:                           {"target"},
		`model: qwen, metric: kv, target: "0.8"`:             nil,
		`scalerAddress: "other:1", metric: queue, size: "0"`: nil, // somebody else's scaler
	} {
		var fields []string
		for _, key := range want {
			fields = append(fields, "spec.triggers[0].metadata."+key+" [trigger-refused]")
		}
		got := linted(t, "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: o, namespace: llm}\n"+
			"spec:\n  scaleTargetRef: {name: d}\n  minReplicaCount: 1\n  maxReplicaCount: 4\n"+
			"  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}\n"+
			"  triggers: [{type: external, metadata: {"+metadata+"}}]\n", "")
		if diff := cmp.Diff(fields, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", metadata, diff)
		}
	}
}

// TestLintFindsDefinitionsThatClash: each is fine by itself, and the scaler takes one only.
func TestLintFindsDefinitionsThatClash(t *testing.T) {
	object := func(name, promise string) string {
		return "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: " + name + ", namespace: llm}\n" +
			"spec:\n  scaleTargetRef: {name: " + name + "}\n  minReplicaCount: 1\n  maxReplicaCount: 4\n" +
			"  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}\n" +
			"  triggers: [{type: external, metadata: {engine: vllm, model: llama, variant: " + name + ", slo.ttftP95: " + promise + "}}]\n---\n"
	}
	clash := []string{"spec.triggers [trigger-refused]"}
	for name, tc := range map[string]struct {
		text, configuration string
		want                []string
	}{
		"two variants of one model":    {object("a", "2s") + object("b", "2s"), "", nil},
		"two promises for one model":   {object("a", "2s") + object("b", "3s"), "", clash},
		"one that is broken by itself": {object("a", "2s") + object("b", "soon"), "", []string{"spec.triggers[0].metadata.slo.ttftP95 [trigger-refused]"}},
		"a model that the file has":    {object("a", "2s"), configured, clash},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, linted(t, tc.text, tc.configuration)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
