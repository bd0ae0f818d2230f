package signals

var nim = Preset{
	Name:       "nim",
	ModelLabel: "model_name",
	NeedsScope: true,
	Signals: map[Signal][]Metric{
		Pending:      {{Name: "num_requests_waiting"}},
		Running:      {{Name: "num_requests_running"}},
		KV:           {{Name: "gpu_cache_usage_perc", Fold: Max}},
		Completions:  {{Name: "request_finish_total", Kind: Counter, Late: true}},
		PromptTokens: {{Name: "prompt_tokens_total", Kind: Counter, Late: true}},
		OutputTokens: {{Name: "generation_tokens_total", Kind: Counter, Late: true}},
		TTFT:         {{Name: "time_to_first_token_seconds", Kind: Histogram, Late: true}},
		ITL:          {{Name: "time_per_output_token_seconds", Kind: Histogram, Late: true}},
	},
	Doc: "NVIDIA NIM for LLMs, at /v1/metrics. Names have no prefix, so that other software may have the same: " +
		"the binding must have matchers (job), or nothing is read. KV still has vLLM's old name.",
}
