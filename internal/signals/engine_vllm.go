package signals

// vllm reads vLLM's V1 names first and V0's where a pod still has only those.
var vllm = Preset{
	Name:       "vllm",
	ModelLabel: "model_name",
	Scope:      map[string]string{"server": ""},
	Signals: map[Signal][]Metric{
		Pending: {
			{Name: "vllm:num_requests_waiting_by_reason"},
			{Name: "vllm:num_requests_waiting", Plus: []Metric{{Name: "vllm:num_requests_swapped"}}},
		},
		Running: {{Name: "vllm:num_requests_running"}},
		KV: {
			{Name: "vllm:kv_cache_usage_perc", Fold: Mean},
			{Name: "vllm:gpu_cache_usage_perc", Fold: Mean},
		},
		Completions:  {{Name: "vllm:request_success_total", Kind: Counter, Late: true}},
		PromptTokens: {{Name: "vllm:prompt_tokens_total", Kind: Counter, Late: true}},
		CachedTokens: {
			{Name: "vllm:prompt_tokens_cached_total", Kind: Counter},
			{Name: "vllm:prefix_cache_hits_total", Kind: Counter},
			{Name: "vllm:gpu_prefix_cache_hits_total", Kind: Counter},
		},
		OutputTokens: {{Name: "vllm:generation_tokens_total", Kind: Counter, Late: true}},
		TTFT:         {{Name: "vllm:time_to_first_token_seconds", Kind: Histogram, Late: true}},
		ITL: {
			{Name: "vllm:inter_token_latency_seconds", Kind: Histogram, Late: true},
			{Name: "vllm:time_per_output_token_seconds", Kind: Histogram, Late: true},
		},
	},
	Doc: "Pending is all that waits: the sum of waiting_by_reason over its reasons (capacity and deferred), " +
		"which equals num_requests_waiting, so that an upgrade changes nothing and requests are conserved; " +
		"V0 adds what was swapped out. " +
		"kv_cache_usage_perc is a ratio despite its name; gpu_cache_usage_perc was alone up to 0.9.1, both were " +
		"there from 0.9.2, the old one was hidden in 0.11 and gone in 0.12; the same for gpu_prefix_cache_*. " +
		"time_per_output_token_seconds became inter_token_latency_seconds (deprecated 0.11, hidden 0.12). " +
		"Data parallelism gives a series per engine: counts are summed, KV is averaged. " +
		"The production-stack router re-exports vllm:num_requests_* with a server label: only series without it count. " +
		"prompt_tokens_total includes cached tokens; prefix_cache_hits_total is in tokens. " +
		"request_success_total counts completions, not arrivals. " +
		"vLLM makes its counters at start; vLLM simulators only after the first request.",
}
