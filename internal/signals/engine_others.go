package signals

var llamaCPP = Preset{
	Name: "llama-cpp",
	Signals: map[Signal][]Metric{
		Pending:      {{Name: "llamacpp:requests_deferred"}},
		Running:      {{Name: "llamacpp:requests_processing"}},
		KV:           {{Name: "llamacpp:kv_cache_usage_ratio"}},
		PromptTokens: {{Name: "llamacpp:prompt_tokens_total", Kind: Counter}},
		OutputTokens: {{Name: "llamacpp:tokens_predicted_total", Kind: Counter}},
	},
	Doc: "Needs --metrics. No labels at all: tell models apart by namespace or matchers. " +
		"kv_cache_usage_ratio is gone in the builds of 2026, so KV is mostly unknown. " +
		"No counter of requests: arrivals need a gateway. No latency histograms.",
}

var lmdeploy = Preset{
	Name:       "lmdeploy",
	ModelLabel: "model_name",
	Signals: map[Signal][]Metric{
		Pending: {{
			Name: "lmdeploy:num_requests_waiting",
			Plus: []Metric{{Name: "lmdeploy:num_api_requests_waiting"}},
		}},
		Running: {{Name: "lmdeploy:num_requests_running"}},
		KV:      {{Name: "lmdeploy:gpu_cache_usage_perc", Fold: Max}},
		Completions: {{
			Name: "lmdeploy:num_requests_succeeded", Kind: Counter,
			Plus: []Metric{{Name: "lmdeploy:num_requests_failed", Kind: Counter}},
		}},
		PromptTokens: {{Name: "lmdeploy:prompt_tokens_total", Kind: Counter, Late: true}},
		OutputTokens: {{Name: "lmdeploy:generation_tokens_total", Kind: Counter, Late: true}},
		TTFT:         {{Name: "lmdeploy:time_to_first_token_seconds", Kind: Histogram, Late: true}},
		ITL:          {{Name: "lmdeploy:inter_token_latency_seconds", Kind: Histogram, Late: true}},
	},
	Doc: "num_requests_succeeded is exported as a gauge, but counts up: read as a counter. " +
		"Requests wait in two places, for a request handle and in the engine: both count.",
}

var kserveHF = Preset{
	Name:       "kserve-huggingface",
	ModelLabel: "model_name",
	NeedsScope: true,
	Signals: map[Signal][]Metric{
		Completions: {{Name: "request_predict_seconds_count", Kind: Counter, Late: true}},
	},
	Doc: "KServe's Hugging Face server counts requests and nothing else; the name has no prefix, so the binding must " +
		"have matchers (job). With its vLLM backend use the engine vllm: the vllm: series are on port 8080.",
}
