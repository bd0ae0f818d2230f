package app

import (
	"strings"
	"testing"

	"github.com/forewarm/forewarm/adapter"
)

func TestEnginesKeepTheirOwnNames(t *testing.T) {
	names := EngineNames()
	for _, tc := range [][3]string{
		{"vllm", "vllm:num_requests_waiting", "inference_pending_requests"},
		{"vllm", "vllm_num_requests_waiting", "inference_pending_requests"},
		{"vllm", "vllm:num_requests_running", "inference_running_requests"},
		{"vllm", "vllm:kv_cache_usage_perc", "inference_kv_utilization"},
		{"vllm", "vllm:gpu_cache_usage_perc", "inference_kv_utilization"},
		{"vllm", "vllm:request_success_per_second", "inference_requests_per_second"},
		{"vllm", "vllm:generation_tokens_per_second", "inference_output_tokens_per_second"},
		{"vllm", "vllm:time_to_first_token_seconds_p95", "inference_ttft_p95_seconds"},
		{"sglang", "sglang:num_queue_reqs", "inference_pending_requests"},
		{"sglang", "sglang_token_usage", "inference_kv_utilization"},
		{"tgi", "tgi_queue_size", "inference_pending_requests"},
		{"ray-serve-llm", "ray_vllm_num_requests_waiting", "inference_pending_requests"},
		{"llama-cpp", "llamacpp:requests_deferred", "inference_pending_requests"},

		{"vllm", "vllm:prompt_tokens_per_second", ""}, // ours are without what the cache answered
		{"vllm", "sglang:num_queue_reqs", ""},
		{"tgi", "tgi_batch_current_max_tokens", ""},                    // a part of a quotient
		{"triton", "nv_trt_llm_request_metrics", ""},                   // one name for many things
		{"triton", "nv_inference_first_response_histogram_ms_p95", ""}, // milliseconds
	} {
		if got := names[tc[0]][tc[1]]; got != tc[2] {
			t.Errorf("%s of %s: want %q, got %q", tc[1], tc[0], tc[2], got)
		}
	}
	for engine, of := range names {
		for name, ours := range of {
			if _, _, ok := adapter.Names(nil).Canonical(ours); !ok || strings.ContainsAny(name, "/ ") {
				t.Errorf("%s: %q becomes %q, which nobody serves", engine, name, ours)
			}
		}
	}
}
