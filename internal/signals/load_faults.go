package signals

// The codes of faults that loading and supply give, beside the ErrorKinds.
const (
	FaultPartialResponse = "partial-response"
	FaultSourceRemark    = "source-remark"
	FaultSourceUnknown   = "source-unknown"
	FaultSupplyAssumed   = "supply-assumed"
	FaultSupplyUnknown   = "supply-unknown"
	FaultSupplyStale     = "supply-stale"
	FaultTargetUnseen    = "target-unseen"
)

// LoadFaultDocs are the faults of sources and supply, sorted by code.
func LoadFaultDocs() []FaultDoc {
	return []FaultDoc{
		{
			string(OverLimit), "a result has more series or samples than allowed",
			"scope models by namespace or job, or raise the limit",
		},
		{
			FaultPartialResponse, "the source left something out",
			"see the stores behind it; the fleet is not lowered meanwhile",
		},
		{
			string(BadQuery), "the source refused the query",
			"report it with the server's version; it is not repeated within the tick",
		},
		{string(TooLarge), "the answer is larger than the cap and was cut", "scope models, or raise maxResponseBytes"},
		{string(AuthRefused), "the source refuses the credentials", "check credentials and tenant"},
		{string(NotPrometheus), "what answers is no Prometheus API", "check the URL, mostly its path"},
		{FaultSourceRemark, "the source remarked something", "nothing is missing; see the text"},
		{string(TimedOut), "the source did not answer in time", "raise the timeout, or look at the load of the source"},
		{FaultSourceUnknown, "the model names a source that is not configured", "correct the model's source"},
		{string(Unreachable), "the source cannot be reached", "check the URL, DNS, TLS, and that the server is up"},
		{FaultSupplyAssumed, "replicas are counted from pods", "scrape kube-state-metrics or give a kubeconfig"},
		{FaultSupplyStale, "kube-state-metrics went silent", "check its scrape target"},
		{
			FaultSupplyUnknown, "nothing tells how many replicas there are",
			"scrape kube-state-metrics or give a kubeconfig",
		},
		{FaultTargetUnseen, "kube-state-metrics does not know the scale target", "check the variant's target"},
	}
}
