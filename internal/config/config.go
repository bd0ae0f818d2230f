package config

import "github.com/forewarm/forewarm/policy"

// The identity of the file format.
const (
	APIVersion = "forewarm.dev/v1alpha1"
	Kind       = "Config"
)

// Config is the configuration file. Parse and Complete leave no optional scalar
// nil, so what follows may dereference them.
type Config struct {
	// Version of the file format.
	APIVersion string `json:"apiVersion" jsonschema:"enum=forewarm.dev/v1alpha1"`
	// Kind of the file.
	Kind string `json:"kind" jsonschema:"enum=Config"`
	// Prometheus-compatible servers to read from. May be left out if the command line names one.
	Sources []Source `json:"sources,omitempty"`
	// Time between two decisions, 1s to 10m.
	Interval *Duration `json:"interval,omitempty"`
	// How far back to read and replay at start, 0s to 90d.
	History *Duration `json:"history,omitempty"`
	// A sample older than this is stale.
	MaxAge *Duration `json:"maxAge,omitempty"`
	// How long the last good decision is served when inputs no longer allow one; then the answer is an error.
	HoldFor *Duration `json:"holdFor,omitempty"`
	// Limits on accelerators that models share.
	Budgets []Budget `json:"budgets,omitempty"`
	// Served models. Without any, they are discovered from engine metrics.
	Models []Model `json:"models,omitempty"`
	// Warnings found while checking: nothing is wrong, but something has no effect.
	Warnings []string `json:"-"`
}

// Source is one Prometheus-compatible server.
type Source struct {
	// Unique name, a DNS label.
	Name string `json:"name"`
	// Base URL, http or https; a path prefix is kept. No user, password, query or fragment.
	URL string `json:"url"`
	// Authentication, TLS, proxy and headers in Prometheus' own form (http_config).
	HTTP *HTTP `json:"http,omitempty"`
	// AWS Signature Version 4 in Prometheus' own form; excludes http authentication.
	SigV4 *SigV4 `json:"sigv4,omitempty"`
	// Tenant header of multi-tenant servers.
	Tenant *Tenant `json:"tenant,omitempty"`
	// Parameters added to every query, for example dedup or extra_label.
	QueryParameters map[string]string `json:"queryParameters,omitempty"`
	// Longest time one query may take.
	Timeout *Duration `json:"timeout,omitempty"`
	// Largest response body in bytes.
	MaxResponseBytes *int64 `json:"maxResponseBytes,omitempty" jsonschema:"minimum=1024"`
	// Most series one query may return.
	MaxSeries *int `json:"maxSeries,omitempty" jsonschema:"minimum=1"`
	// Names of identifying labels on this source's series.
	Labels Labels `json:"labels,omitzero"`
}

// Tenant is the header that selects a tenant.
type Tenant struct {
	// Header name, for example X-Scope-OrgID.
	Header string `json:"header,omitempty"`
	// Tenant id.
	Value string `json:"value"`
}

// Labels are names of labels that identify things on engine series.
type Labels struct {
	// Label that holds the namespace.
	Namespace string `json:"namespace,omitempty"`
	// Label that holds the pod name.
	Pod string `json:"pod,omitempty"`
	// Label that holds the served model's id; empty takes the engine's own.
	Model string `json:"model,omitempty"`
}

// Budget is a shared limit on accelerators.
type Budget struct {
	// Unique name, a DNS label.
	Name string `json:"name"`
	// Resource name that is limited.
	Resource string `json:"resource,omitempty"`
	// GPU product the limit is for; empty means any.
	Product string `json:"product,omitempty"`
	// Most GPUs in use at once.
	Limit *int `json:"limit" jsonschema:"minimum=1"`
}

// Model is one served model in one namespace.
type Model struct {
	// Name, a DNS label, unique in the namespace; need not be the engine's model id.
	Name string `json:"name"`
	// Namespace that the model's pods run in.
	Namespace string `json:"namespace"`
	// Engine preset, for example vllm.
	Engine string `json:"engine"`
	// Value of the model label on the engine's series; empty means every model in the namespace.
	ModelName string `json:"modelName,omitempty"`
	// Name of the source; needed only if there are several and none is called default.
	Source string `json:"source,omitempty"`
	// Gateway in front of the engines: where arrivals, and the queue at zero replicas, come from.
	Gateway *Gateway `json:"gateway,omitempty"`
	// Promise to users.
	SLO SLO `json:"slo"`
	// Higher is served first when a budget is short; 0 if absent.
	Priority int `json:"priority,omitempty"`
	// How the model may sleep.
	Idle Idle `json:"idle,omitzero"`
	// Names of identifying labels, where they differ from the source's.
	Labels Labels `json:"labels,omitzero"`
	// Further label values that the engine's series must have, for example job.
	Matchers map[string]string `json:"matchers,omitempty"`
	// Times at which more demand than usual is known to come.
	Events []Event `json:"events,omitempty"`
	// Scalable objects that serve the model.
	Variants []Variant `json:"variants" jsonschema:"minItems=1"`
	// Assumed says what discovery could not know; empty for models of the file.
	Assumed []string `json:"-"`
	// Origin says where the model was declared; empty means the file.
	Origin Origin `json:"-"`
}

// Event is a time at which more demand than usual is known to come. It raises the forecast and never lowers it.
type Event struct {
	// When it begins: a crontab schedule of five fields, for example 0 9 * * 1-5.
	Cron string `json:"cron"`
	// How long it lasts each time.
	For *Duration `json:"for"`
	// Demand during it, as a multiple of the hour before.
	Multiplier *float64 `json:"multiplier" jsonschema:"exclusiveMinimum=1,maximum=100"`
	// IANA name of the time zone that cron is in.
	TimeZone string `json:"timeZone,omitempty"`
}

// Gateway says which demand source belongs to a model.
type Gateway struct {
	// Gateway preset, for example llm-d-epp.
	Preset string `json:"preset"`
	// Label values of the gateway's series that belong to the model; empty means that its model label equals modelName.
	Match map[string]string `json:"match,omitempty"`
	// URL of the gateway's own metrics page, read every second while the model is at zero, so that waking is prompt.
	Scrape string `json:"scrape,omitempty"`
}

// SLO is what users were promised.
type SLO struct {
	// Time to first token that 95 % of requests stay under, gateway and engine queueing included.
	TTFTP95 *Duration `json:"ttftP95"`
	// Time between tokens that 95 % stay under; absent means not promised.
	ITLP95 *Duration `json:"itlP95,omitempty"`
	// Share of requests the promise holds for, above 0 and below 1.
	Attainment *float64 `json:"attainment,omitempty" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1"`
}

// Idle says how a model may sleep.
type Idle struct {
	// Whether zero replicas are allowed when idle; needs a gateway; replicas.min holds while the model is awake.
	ToZero *bool `json:"toZero,omitempty"`
	// Proven idle time before zero; absent means learned from past gaps, at most the warm-up and restartCost together.
	After *Duration `json:"after,omitempty"`
	// What sparing users a wake is worth besides the warm-up: as much as one idle replica costs in this time.
	RestartCost *Duration `json:"restartCost,omitempty"`
	// What to do at zero replicas when no demand source answers.
	OnBlind policy.BlindRule `json:"onBlind,omitempty" jsonschema:"enum=hold,enum=one"`
}

// Variant is one scalable object serving a model.
type Variant struct {
	// Name, a DNS label, unique in the model.
	Name string `json:"name"`
	// Object to scale.
	Target Target `json:"target"`
	// Bounds on replicas.
	Replicas Replicas `json:"replicas"`
	// Accelerators of one replica.
	GPUs GPUs `json:"gpus,omitzero"`
	// How the nodes are bought.
	CapacityType policy.CapacityType `json:"capacityType,omitempty" jsonschema:"enum=on-demand,enum=spot,enum=reserved"`
	// What the accelerators cost; absent means not known.
	Price Price `json:"price,omitzero"`
	// Time from asking for a replica to its first useful token: auto, or a duration to start learning from.
	WarmUp *WarmUp `json:"warmUp,omitempty"`
	// What one ready replica sustains within the SLO: auto to learn it, or fixed values.
	Capacity *Capacity `json:"capacity,omitempty"`
	// How spot nodes come and go; only with capacityType spot.
	Spot *Spot `json:"spot,omitempty"`
	// Relative difference that the HPA ignores and cannot be told not to: 0.1 before Kubernetes 1.35.
	// An increase within it is published as the least one beyond it.
	Tolerance *float64 `json:"tolerance,omitempty" jsonschema:"minimum=0,maximum=0.5"`
	// Definers are the ScaledObjects that define the variant, by name; none for those of the file.
	Definers []string `json:"-"`
}

// Spot says how spot nodes come and go. With a price on both, a model of one on-demand (or reserved) and one spot
// variant is served from spot as far as that is cheaper, with on-demand standing in; its on-demand replicas.min is
// what a lost pool leaves.
type Spot struct {
	// Share of spot nodes asked for that are there, above 0 and at most 1.
	Availability *float64 `json:"availability,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// How often one replica loses its node, per hour.
	HazardPerHour *float64 `json:"hazardPerHour,omitempty" jsonschema:"minimum=0,maximum=60"`
	// From the warning to the end of the node.
	Notice *Duration `json:"notice,omitempty"`
}

// Target names an object with a scale subresource, in the model's namespace.
type Target struct {
	// API version; may be left out for Deployment, StatefulSet and LeaderWorkerSet.
	APIVersion string `json:"apiVersion,omitempty"`
	// Kind of the object.
	Kind string `json:"kind,omitempty"`
	// Name of the object.
	Name string `json:"name"`
}

// Replicas bounds a variant.
type Replicas struct {
	// Fewest replicas.
	Min *int `json:"min,omitempty" jsonschema:"minimum=0,maximum=10000"`
	// Most replicas, at least min.
	Max *int `json:"max" jsonschema:"minimum=1,maximum=10000"`
	// Most replicas asked for beyond those asked for now; absent means no limit.
	StepUp *int `json:"stepUp,omitempty" jsonschema:"minimum=1,maximum=10000"`
}

// GPUs are the accelerators of one replica.
type GPUs struct {
	// GPUs of one replica, over all its pods; 0 means it runs on CPUs. Absent means tensorParallel x pipelineParallel.
	PerReplica *int `json:"perReplica,omitempty" jsonschema:"minimum=0,maximum=4096"`
	// GPU product as on the node label, for example NVIDIA-A100-80GB.
	Product string `json:"product,omitempty"`
	// Tensor-parallel size; if given, tensorParallel x pipelineParallel must equal perReplica.
	TensorParallel *int `json:"tensorParallel,omitempty" jsonschema:"minimum=1"`
	// Pipeline-parallel size.
	PipelineParallel *int `json:"pipelineParallel,omitempty" jsonschema:"minimum=1"`
}

// Price is what the accelerators of a variant cost.
type Price struct {
	// US dollars per GPU and hour, above 0.
	USDPerGPUHour *float64 `json:"usdPerGPUHour,omitempty" jsonschema:"exclusiveMinimum=0"`
	// From is reserved for price feeds (karpenter, opencost); refused today.
	From string `json:"from,omitempty" jsonschema:"-"`
}
