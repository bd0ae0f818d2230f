package signals

var kedaHTTP = Preset{
	Name:            "keda-http-add-on",
	Gateway:         true,
	NamespaceLabels: []string{"route_namespace"},
	Signals: map[Signal][]Metric{
		Queue: {
			{Name: "interceptor_request_concurrency", Late: true, Includes: []Signal{Pending, Running}},
			{Name: "interceptor_pending_request_count", Late: true, Includes: []Signal{Pending, Running}},
		},
		Arrivals: {{Name: "interceptor_request_count_total", Kind: Counter, Late: true, AtEnd: true}},
		Refused:  {{Name: "interceptor_request_count_total", Kind: Counter, OneOf: turnedAway("code")}},
		InFlight: {
			{Name: "interceptor_request_concurrency", Late: true},
			{Name: "interceptor_pending_request_count", Late: true},
		},
	},
	Doc: "KEDA's HTTP interceptor; match route_name (0.14 and later) or host. Up to 0.13 the gauge was " +
		"interceptor_pending_request_count. Both gauges count all that is in flight at the interceptor, so what the " +
		"engines have is subtracted. It holds requests at zero replicas. The counter moves when a response ended.",
}

var knativeActivator = Preset{
	Name:            "knative",
	Gateway:         true,
	NamespaceLabels: []string{"namespace_name", "k8s_namespace_name"},
	Signals: map[Signal][]Metric{
		Queue: {
			{Name: "kn_revision_request_queued", Late: true},
			{Name: "kn_revision_request_concurrency", Late: true, Includes: []Signal{Pending, Running}},
			{Name: "activator_request_concurrency", Late: true, Includes: []Signal{Pending, Running}},
		},
	},
	Doc: "Knative's activator; match kn_revision_name (1.19 and later) or revision_name. Three generations: " +
		"activator_request_concurrency up to 1.18, kn_revision_request_concurrency from 1.19, " +
		"kn_revision_request_queued from 1.22. The activator leaves the path while there is capacity to spare, so it " +
		"is no counter of arrivals. Names from 1.19 on are inferred from OpenTelemetry's kn.* names.",
}
