package signals

var llmdEPP = Preset{
	Name:       "llm-d-epp",
	Gateway:    true,
	ModelLabel: "target_model_name",
	Signals: map[Signal][]Metric{
		Queue: {
			{Name: "llm_d_epp_flow_control_queue_size", Late: true},
			{Name: "inference_extension_flow_control_queue_size", Late: true},
		},
		Arrivals: {
			{Name: "llm_d_epp_request_total", Kind: Counter, Late: true},
			{Name: "inference_objective_request_total", Kind: Counter, Late: true},
			{Name: "inference_model_request_total", Kind: Counter, Late: true},
		},
		Refused: {
			{Name: "llm_d_epp_request_error_total", Kind: Counter},
			{Name: "inference_objective_request_error_total", Kind: Counter},
			{Name: "inference_model_request_error_total", Kind: Counter},
		},
		Endpoints: {{Name: "llm_d_epp_ready_endpoints"}, {Name: "inference_pool_ready_pods"}},
	},
	Doc: "The endpoint picker of llm-d's router; it was the Gateway API Inference Extension's (GAIE). " +
		"GAIE up to 1.0 wrote inference_model_*, 1.2 and later inference_objective_* and inference_extension_*, " +
		"the router 0.9 and later llm_d_epp_*; both are written side by side and never summed. " +
		"The queue needs the flowControl gate; without it only arrivals are seen. " +
		"It holds requests at zero endpoints: noEndpointRequestTTL must exceed the warm-up. " +
		"Pool saturation is not read: an empty pool reads 1.0, which is not load.",
}

var productionStack = Preset{
	Name:       "production-stack",
	Gateway:    true,
	ModelLabel: "model",
	Signals: map[Signal][]Metric{
		Arrivals: {{Name: "vllm:num_incoming_requests_total", Kind: Counter, Late: true}},
	},
	Doc: "The vLLM production stack's router; counts also without backends. It re-exports vllm:num_requests_* of the " +
		"engines with a server label: those copies are not read. No queue.",
}

var dynamoFrontend = Preset{
	Name:       "dynamo",
	Gateway:    true,
	ModelLabel: "model",
	Signals: map[Signal][]Metric{
		Queue: {{Name: "dynamo_frontend_queued_requests", Late: true, Includes: []Signal{Pending}}},
		Arrivals: {
			{Name: "dynamo_frontend_requests_started_total", Kind: Counter, Late: true},
			{Name: "dynamo_frontend_requests_total", Kind: Counter, Late: true, AtEnd: true},
		},
		InFlight: {{Name: "dynamo_frontend_inflight_requests", Late: true}},
		Refused: {{
			Name: "dynamo_frontend_requests_total", Kind: Counter, Match: map[string]string{"status": "error"},
		}},
	},
	Doc: "NVIDIA Dynamo's frontend. queued_requests are those without a first token yet, also where an engine " +
		"already has them: what waits in the engines is subtracted. requests_total counts at the end, so the change " +
		"in flight is added; newer frontends have requests_started_total. Series appear with the first request.",
}

var aibrixGateway = Preset{
	Name:       "aibrix",
	Gateway:    true,
	ModelLabel: "model",
	Signals: map[Signal][]Metric{
		Queue: {{
			Name: "gateway_model_in_flight_requests", Late: true, Includes: []Signal{Pending, Running},
		}},
		Arrivals: {{Name: "gateway_request_total", Kind: Counter, Late: true}},
	},
	Doc: "AIBrix gateway plugins. In flight counts what the engines have as well, which is subtracted; at zero " +
		"replicas it vanishes with a fast 503, so arrivals are the signal to trust.",
}
