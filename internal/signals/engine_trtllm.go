package signals

var trtllmServe = Preset{
	Name:       "trtllm-serve",
	ModelLabel: "model_name",
	Signals: map[Signal][]Metric{
		Pending: {{Name: "trtllm_num_requests_waiting"}, {Name: "trtllm:num_requests_waiting"}},
		Running: {{Name: "trtllm_num_requests_running"}, {Name: "trtllm:num_requests_running"}},
		KV: {
			{Name: "trtllm_kv_cache_utilization", Fold: Max},
			{Name: "trtllm_kv_cache_used_blocks", Fold: Max, Over: &Metric{Name: "trtllm_kv_cache_max_blocks"}},
			{Name: "trtllm:kv_cache_utilization", Fold: Max},
		},
		Completions: {
			{Name: "trtllm_request_success_total", Kind: Counter, Late: true},
			{Name: "trtllm_num_requests_completed_total", Kind: Counter, Late: true},
			{Name: "trtllm:request_success_total", Kind: Counter, Late: true},
		},
		PromptTokens: {{Name: "trtllm_prompt_tokens_total", Kind: Counter, Late: true}},
		CachedTokens: {{Name: "trtllm_prompt_cached_tokens_total", Kind: Counter}},
		OutputTokens: {
			{Name: "trtllm_generation_tokens_total", Kind: Counter, Late: true},
			{Name: "trtllm:generation_tokens_total", Kind: Counter, Late: true},
		},
		TTFT: {
			{Name: "trtllm_time_to_first_token_seconds", Kind: Histogram, Late: true},
			{Name: "trtllm:time_to_first_token_seconds", Kind: Histogram, Late: true},
		},
		ITL: {
			{Name: "trtllm_time_per_output_token_seconds", Kind: Histogram, Late: true},
			{Name: "trtllm:time_per_output_token_seconds", Kind: Histogram, Late: true},
		},
	},
	Doc: "Dynamo up to 0.7 wrote the prefix as trtllm: with a colon. Token counters move when a request finishes.",
}
