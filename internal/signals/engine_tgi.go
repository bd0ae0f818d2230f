package signals

var tgi = Preset{
	Name: "tgi",
	Signals: map[Signal][]Metric{
		Pending: {{Name: "tgi_queue_size", Late: true}},
		Running: {{Name: "tgi_batch_current_size", Late: true}},
		KV: {{
			Name: "tgi_batch_current_max_tokens", Fold: Max, Late: true,
			Over: &Metric{Name: "tgi_batch_max_total_tokens"},
		}},
		Completions:  {{Name: "tgi_request_success", Kind: Counter, Late: true}},
		OutputTokens: {{Name: "tgi_request_generated_tokens_sum", Kind: Counter, Late: true}},
		PromptTokens: {{Name: "tgi_request_input_length_sum", Kind: Counter, Late: true}},
		TTFT: {{
			Name: "tgi_request_queue_duration", Kind: Histogram, Late: true,
			Plus: []Metric{{
				Name: "tgi_batch_forward_duration", Kind: Histogram,
				Match: map[string]string{"method": "prefill"},
			}},
		}},
		ITL: {{Name: "tgi_request_mean_time_per_token_duration", Kind: Histogram, Late: true}},
	},
	Doc: "No model label: one model per namespace, or tell them apart by matchers (job). " +
		"Counters have no _total. There is no KV gauge: the proxy is current over largest tokens of the batch. " +
		"There is no TTFT: queue time plus prefill time is near it. Series appear at first use. " +
		"tgi_request_count counts entries, also those refused; tgi_request_success is what left.",
	Maintenance: "maintenance mode upstream",
}
