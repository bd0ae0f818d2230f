package signals

var envoyAIGateway = Preset{
	Name:       "envoy-ai-gateway",
	Gateway:    true,
	ModelLabel: "gen_ai_original_model",
	Signals: map[Signal][]Metric{
		Arrivals: {{Name: "gen_ai_server_request_duration_seconds_count", Kind: Counter, Late: true, AtEnd: true}},
		Refused: {{
			Name: "gen_ai_server_request_duration_seconds_count", Kind: Counter, Match: map[string]string{"error_type": "_OTHER"},
		}},
	},
	Doc: "Envoy AI Gateway has no queue: at zero replicas only failed calls show (error_type). The counter moves when " +
		"a response ended, so the change in flight in the engines is added.",
}

var istio = Preset{
	Name:            "istio",
	Gateway:         true,
	NamespaceLabels: []string{"destination_service_namespace"},
	Signals: map[Signal][]Metric{
		Arrivals: {{
			Name: "istio_requests_total", Kind: Counter, Late: true, AtEnd: true,
			Match: map[string]string{"reporter": "source"},
		}},
		Refused: {{
			Name: "istio_requests_total", Kind: Counter,
			Match: map[string]string{"reporter": "source"}, OneOf: turnedAway("response_code"),
		}},
	},
	Doc: "Match destination_service_name. Only reporter=source: the destination's own report cannot exist at zero " +
		"replicas, and both together count twice. No queue; response flags UH, UF and NR are calls that found no " +
		"endpoint and count as arrivals. The counter moves when a response ended. Every client's proxy is a target " +
		"of its own: match the ingress gateway's labels too, or one silent proxy forbids zero.",
}

var envoy = Preset{
	Name:    "envoy",
	Gateway: true,
	Mangled: true,
	Signals: map[Signal][]Metric{
		Queue: {{Name: "envoy_cluster_upstream_rq_pending_active", Late: true}},
		Arrivals: {{
			Name: "envoy_cluster_upstream_rq_total", Kind: Counter, Late: true,
			Plus: []Metric{{Name: "envoy_cluster_upstream_cx_none_healthy", Kind: Counter}},
		}},
		Refused:   {{Name: "envoy_cluster_upstream_rq", Kind: Counter, OneOf: turnedAway("envoy_response_code")}},
		Endpoints: {{Name: "envoy_cluster_membership_healthy"}},
	},
	Doc: "Match envoy_cluster_name. Envoy writes : as _ in its names, so both spellings match. A call that finds no " +
		"healthy endpoint fails at once: it counts as an arrival (upstream_cx_none_healthy), not in the queue. " +
		"upstream_rq_total counts Envoy's own retries as well.",
}
