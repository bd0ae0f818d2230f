package signals

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/promql"

	"github.com/forewarm/forewarm/policy"
)

// TestPromQLAgrees compares evaluation with the PromQL that people would write, on
// the same fixtures, through the real engine.
func TestPromQLAgrees(t *testing.T) {
	nimBinding := engineBinding("nim", "meta/llama3-8b-instruct")
	nimBinding.Matchers = map[string]string{"job": "nim"}
	vllmBinding := engineBinding("vllm", "meta-llama/Llama-3.1-8B-Instruct")
	const byPod, noRanks = "sum by (namespace,pod,model_name) ", "max without (tp_rank,pp_rank,moe_ep_rank) "
	qwen := engineBinding("sglang", "qwen2.5-72b")
	for query, tc := range map[string]struct {
		binding Binding
		of      func(policy.Pod) policy.Reading
		unit    string
	}{
		byPod + `(vllm:num_requests_waiting{server=""})`: {vllmBinding, pending, "pod"},
		byPod + `(vllm:num_requests_running{server=""})`: {vllmBinding, running, "pod"},
		`avg by (namespace,pod,model_name) ` +
			`(vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc)`: {vllmBinding, kv, "pod"},
		byPod + `(rate(vllm:request_success_total[2m]))`:   {vllmBinding, done, "pod"},
		byPod + `(rate(vllm:generation_tokens_total[2m]))`: {vllmBinding, output, "pod"},
		byPod + `(rate(vllm:prompt_tokens_total[2m])) - (` + byPod + `(rate(vllm:prompt_tokens_cached_total[2m])) or 0 * ` +
			byPod + `(rate(vllm:prompt_tokens_total[2m])))`: {vllmBinding, prompt, "pod"},
		byPod + `(` + noRanks + `(sglang:num_queue_reqs)) + (` + byPod +
			`(` + noRanks + `(sglang:num_grammar_queue_reqs)) or 0 * ` + byPod +
			`(sglang:num_queue_reqs))`: {qwen, pending, "pod"},
		byPod + `(` + noRanks + `(sglang:num_running_reqs))`: {
			qwen, running, "pod",
		},
		`max by (namespace,pod,model_name) (sglang:token_usage)`:      {qwen, kv, "pod"},
		byPod + `(rate(sglang:generation_tokens_total[2m]))`:          {qwen, output, "pod"},
		`sum by (namespace,pod) (llamacpp:requests_deferred)`:         {engineBinding("llama-cpp", ""), pending, "pod"},
		`sum by (namespace,pod) (llamacpp:requests_processing)`:       {engineBinding("llama-cpp", ""), running, "pod"},
		byPod + `(num_requests_waiting{job=~".*nim.*"})`:              {nimBinding, pending, "pod"},
		byPod + `(rate(generation_tokens_total{job=~".*nim.*"}[2m]))`: {nimBinding, output, "pod"},
		`sum by (namespace,model_name,ReplicaId) (ray_vllm_num_requests_waiting)`: {
			engineBinding("ray-serve-llm", "qwen"), pending, "ReplicaId",
		},
		`sum by (namespace,pod,model) (nv_trt_llm_request_metrics{request_type="waiting"})`: {
			engineBinding("triton", "tensorrt_llm"), pending, "pod",
		},
		`max by (namespace,pod,model) (nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="used"} / ` +
			`ignoring(kv_cache_block_type) nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max"})`: {
			engineBinding("triton", "tensorrt_llm"), kv, "pod",
		},
		byPod + `(lmdeploy:num_requests_waiting) + ` + byPod + `(lmdeploy:num_api_requests_waiting)`: {
			engineBinding("lmdeploy", "internlm"), pending, "pod",
		},
	} {
		t.Run(query, func(t *testing.T) {
			f := loadFixture(t, tc.binding.Engine)
			vector, ok := f.query(t, query, fixtureAt).(promql.Vector)
			if !ok || len(vector) == 0 {
				t.Fatalf("want a vector, got %v", vector)
			}
			want := map[string]float64{}
			for _, s := range vector {
				want[s.Metric.Get(tc.unit)] = s.F
			}
			w := f.window(t, tc.binding, fixtureAt)
			signals, _ := NewEvaluator(DefaultOptions()).Signals(tc.binding, w, fixtureAt, nil)
			got := map[string]float64{}
			for _, p := range signals.Pods {
				got[p.Name] = tc.of(p).Value
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 1e-9)); diff != "" {
				t.Errorf("PromQL and evaluation differ (-PromQL +ours):\n%s", diff)
			}
		})
	}
}

func pending(p policy.Pod) policy.Reading { return p.Pending }
func running(p policy.Pod) policy.Reading { return p.Running }
func kv(p policy.Pod) policy.Reading      { return p.KV }
func done(p policy.Pod) policy.Reading    { return p.Completions }
func prompt(p policy.Pod) policy.Reading  { return p.PromptTokens }
func output(p policy.Pod) policy.Reading  { return p.OutputTokens }

// TestArrivalsAgreeWithDeriv compares the integration with the PromQL estimate.
func TestArrivalsAgreeWithDeriv(t *testing.T) {
	b := engineBinding("vllm", "meta-llama/Llama-3.1-8B-Instruct")
	f := loadFixture(t, "vllm")
	q := `clamp_min(sum by (namespace,model_name) (rate(vllm:request_success_total[2m])) + sum by (namespace,model_name) ` +
		`(deriv(vllm:num_requests_running{server=""}[2m]) + deriv(vllm:num_requests_waiting{server=""}[2m])), 0)`
	vector, ok := f.query(t, q, fixtureAt).(promql.Vector)
	if !ok || len(vector) != 1 {
		t.Fatalf("want one sample, got %v", vector)
	}
	got, _ := NewEvaluator(DefaultOptions()).Signals(b, f.window(t, b, fixtureAt), fixtureAt, nil)
	if math.Abs(got.Arrivals.Value-vector[0].F) > 1e-9 {
		t.Errorf("arrivals: PromQL says %g, evaluation %g", vector[0].F, got.Arrivals.Value)
	}
}
