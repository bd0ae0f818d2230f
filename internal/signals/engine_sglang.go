package signals

// sglangRanks repeat one scheduler's numbers, once per rank.
var sglangRanks = []string{"tp_rank", "pp_rank", "moe_ep_rank"}

var sglang = Preset{
	Name:       "sglang",
	ModelLabel: "model_name",
	Signals: map[Signal][]Metric{
		Pending: {{
			Name: "sglang:num_queue_reqs", Drop: sglangRanks,
			Plus: []Metric{
				{Name: "sglang:num_grammar_queue_reqs", Drop: sglangRanks},
				{Name: "sglang:num_prefill_bootstrap_queue_reqs", Drop: sglangRanks},
			},
		}},
		Running:      {{Name: "sglang:num_running_reqs", Drop: sglangRanks}},
		KV:           {{Name: "sglang:token_usage", Drop: sglangRanks, Fold: Max}},
		Completions:  {{Name: "sglang:num_requests_total", Kind: Counter, Drop: sglangRanks, Late: true}},
		PromptTokens: {{Name: "sglang:prompt_tokens_total", Kind: Counter, Drop: sglangRanks, Late: true}},
		CachedTokens: {{Name: "sglang:cached_tokens_total", Kind: Counter, Drop: sglangRanks}},
		OutputTokens: {{Name: "sglang:generation_tokens_total", Kind: Counter, Drop: sglangRanks, Late: true}},
		TTFT:         {{Name: "sglang:time_to_first_token_seconds", Kind: Histogram, Late: true}},
		ITL: {
			{Name: "sglang:inter_token_latency_seconds", Kind: Histogram, Late: true},
			{Name: "sglang:time_per_output_token_seconds", Kind: Histogram, Late: true},
		},
	},
	Doc: "Needs --enable-metrics. Tensor, pipeline and expert ranks repeat one scheduler's numbers: the largest " +
		"over tp_rank, pp_rank and moe_ep_rank counts; data-parallel ranks (dp_rank) are summed, KV is the fullest. " +
		"Pending adds the grammar queue and, with prefill and decode apart, the bootstrap queue of the prefill side; " +
		"the decode side's prealloc and transfer queues are left out, as the prefill side counts those requests. " +
		"num_requests_total counts finished requests. cached_tokens_total is summed over cache_source.",
}
