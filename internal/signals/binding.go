package signals

import (
	"time"

	"github.com/forewarm/forewarm/policy"
)

// Labels are the label names that identify things on engine series; relabelling
// may have changed them, so all are configurable. See DefaultLabels.
type Labels struct {
	Namespace string
	Pod       string
	Model     string // "" = the engine preset's own ("model_name", "model", ...)
}

// DefaultLabels are what a PodMonitor or ServiceMonitor gives.
func DefaultLabels() Labels { return Labels{Namespace: "namespace", Pod: "pod"} }

// Binding says where the signals of one model are found. Built by internal/app
// from the configuration or from Discover.
type Binding struct {
	Model     policy.ModelID
	Source    string // name of the Prometheus source
	Engine    string // preset name: vllm, sglang, ...
	ModelName string // value of the model label; "" = any in the namespace
	Labels    Labels
	Matchers  map[string]string // further label values that engine series must have (job, ...)
	Gateway   *GatewayBinding   // nil = no demand source in front of the engines
	Variants  []VariantBinding  // in the model's order
}

// GatewayBinding says which series of a gateway preset belong to the model.
// Many gateways have no namespace label, so the join is explicit.
type GatewayBinding struct {
	Preset string            // llm-d-epp, production-stack, ...
	Match  map[string]string // label values; empty = the preset's model label equals ModelName
}

// VariantBinding joins pods to a variant: by owner (kube-state-metrics), else by
// name prefix.
type VariantBinding struct {
	Name       string
	APIVersion string
	Kind       string // Deployment, StatefulSet, LeaderWorkerSet, ...
	Target     string // name of the scale target
}

// Options are the shared limits of reading. See DefaultOptions.
type Options struct {
	ScrapeInterval time.Duration // expected; freshness is judged by MaxAge
	MaxAge         time.Duration // a sample older than this is stale
	RateWindow     time.Duration // counters become rates over this window
	StarvedAfter   time.Duration // unscheduled for longer = starved
	FutureSkew     time.Duration // samples further ahead than this are refused
}

// DefaultOptions suit a 15 s scrape.
func DefaultOptions() Options {
	return Options{
		ScrapeInterval: 15 * time.Second,
		MaxAge:         90 * time.Second,
		RateWindow:     2 * time.Minute,
		StarvedAfter:   10 * time.Minute,
		FutureSkew:     30 * time.Second,
	}
}
