package signals

var rayServeLLM = Preset{
	Name:       "ray-serve-llm",
	ModelLabel: "model_name",
	PodLabels:  []string{"ReplicaId"},
	Signals: map[Signal][]Metric{
		Pending: {{Name: "ray_vllm_num_requests_waiting"}},
		Running: {{Name: "ray_vllm_num_requests_running"}},
		KV:      {{Name: "ray_vllm_kv_cache_usage_perc", Fold: Max}, {Name: "ray_vllm_gpu_cache_usage_perc", Fold: Max}},
		Completions: {
			{Name: "ray_vllm_request_success_total", Kind: Counter, Late: true},
			{Name: "ray_vllm_request_success", Kind: Counter, Late: true},
		},
		PromptTokens: {
			{Name: "ray_vllm_prompt_tokens_total", Kind: Counter, Late: true},
			{Name: "ray_vllm_prompt_tokens", Kind: Counter, Late: true},
		},
		CachedTokens: {
			{Name: "ray_vllm_prefix_cache_hits_total", Kind: Counter},
			{Name: "ray_vllm_prefix_cache_hits", Kind: Counter},
		},
		OutputTokens: {
			{Name: "ray_vllm_generation_tokens_total", Kind: Counter, Late: true},
			{Name: "ray_vllm_generation_tokens", Kind: Counter, Late: true},
		},
		TTFT: {{Name: "ray_vllm_time_to_first_token_seconds", Kind: Histogram, Late: true}},
		ITL: {
			{Name: "ray_vllm_inter_token_latency_seconds", Kind: Histogram, Late: true},
			{Name: "ray_vllm_time_per_output_token_seconds", Kind: Histogram, Late: true},
		},
	},
	Doc: "vLLM under Ray Serve: Ray writes : as _. The serving unit is the label ReplicaId, because pod is the Ray " +
		"node, which may hold several replicas or none: a missing replica cannot be told from the pods of the cluster. " +
		"Ray writes counters both with and without _total: never both. The router's queue is the gateway ray-serve.",
}

var rayServeRouter = Preset{
	Name:    "ray-serve",
	Gateway: true,
	Signals: map[Signal][]Metric{
		Queue:    {{Name: "ray_serve_deployment_queued_queries", Late: true}},
		Arrivals: {{Name: "ray_serve_num_router_requests_total", Kind: Counter, Late: true}},
	},
	Doc: "Ray Serve's router in front of a deployment. Match application and deployment: there is no model label.",
}
