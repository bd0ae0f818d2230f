package signals

var triton = Preset{
	Name:       "triton",
	ModelLabel: "model",
	Signals: map[Signal][]Metric{
		Pending: {
			{Name: "nv_trt_llm_request_metrics", Match: map[string]string{"request_type": "waiting"}},
			{Name: "nv_inference_pending_request_count"},
		},
		Running: {{Name: "nv_trt_llm_request_metrics", Match: map[string]string{"request_type": "scheduled"}}},
		KV: {{
			Name: "nv_trt_llm_kv_cache_block_metrics", Fold: Max,
			Match: map[string]string{"kv_cache_block_type": "used"},
			Over: &Metric{
				Name:  "nv_trt_llm_kv_cache_block_metrics",
				Match: map[string]string{"kv_cache_block_type": "max"},
			},
		}},
		Completions: {{
			Name: "nv_inference_request_success", Kind: Counter, Late: true,
			Plus: []Metric{{Name: "nv_inference_request_failure", Kind: Counter}},
		}},
		TTFT: {{Name: "nv_inference_first_response_histogram_ms", Kind: Histogram, Scale: 0.001, Late: true}},
	},
	Doc: "Triton with the TensorRT-LLM backend. KV is used over max blocks; the exported fraction is not to be " +
		"trusted (0.4875 with 1 of 6239 blocks used in upstream's own sample). " +
		"An ensemble exports its steps as models of their own: bind modelName to the one that runs the engine " +
		"(tensorrt_llm), or each request counts once per step. Histograms are in milliseconds. No token counters.",
}
