package policy

import (
	"strings"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// ModelID names one served model in one namespace. Name is a DNS-label slug,
// because model ids with '/' or ':' break HPA metric selectors.
type ModelID struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is namespace/name.
func (id ModelID) String() string { return id.Namespace + "/" + id.Name }

// Compare orders by namespace, then name.
func (id ModelID) Compare(o ModelID) int {
	if c := strings.Compare(id.Namespace, o.Namespace); c != 0 {
		return c
	}
	return strings.Compare(id.Name, o.Name)
}

// VariantID names one scalable object that serves a model.
type VariantID struct {
	Model   ModelID `json:"model"`
	Variant string  `json:"variant"`
}

// String is namespace/name/variant.
func (id VariantID) String() string { return id.Model.String() + "/" + id.Variant }

// Compare orders by model, then by name.
func (id VariantID) Compare(o VariantID) int {
	if c := id.Model.Compare(o.Model); c != 0 {
		return c
	}
	return strings.Compare(id.Variant, o.Variant)
}

// USDPerHour is money per hour.
type USDPerHour float64

// CapacityType is how a variant's nodes are bought.
type CapacityType string

// The capacity types.
const (
	OnDemand CapacityType = "on-demand"
	Spot     CapacityType = "spot"
	Reserved CapacityType = "reserved"
)

// BlindRule says what to do at zero replicas when no demand source answers.
type BlindRule string

// The blind rules.
const (
	BlindHold BlindRule = "hold" // stay at zero and say so
	BlindOne  BlindRule = "one"  // wake one replica
)

// SLO is what users were promised.
type SLO struct {
	TTFTP95    time.Duration `json:"ttftP95"`          // time to first token, gateway and engine queueing included
	ITLP95     time.Duration `json:"itlP95,omitempty"` // time between tokens; 0 = not promised
	Attainment float64       `json:"attainment"`       // share of requests, 0..1
}

// Idle is how a model may sleep.
type Idle struct {
	ToZero bool          `json:"toZero"`
	After  time.Duration `json:"after"` // full idle window before zero; 0 = learned
	// RestartCost is what a wake is worth avoiding besides its warm-up, for the users who wait for it: so much time
	// of an idle replica.
	RestartCost time.Duration `json:"restartCost"`
	OnBlind     BlindRule     `json:"onBlind"`
}

// Work is demand in raw units. A zero field asks for nothing in that dimension.
type Work struct {
	Requests     float64 `json:"requestsPerSecond"`
	PromptTokens float64 `json:"promptTokensPerSecond"` // uncached
	OutputTokens float64 `json:"outputTokensPerSecond"`
	Concurrency  float64 `json:"concurrency"` // requests in flight
}

// Capacity is what one ready replica sustains within the SLO, in the units of
// Work. A zero field means that nothing is known of that dimension.
type Capacity Work

// Target names the object that a variant scales, in the model's namespace.
// Rules do not read it; outputs do, to know whom a decision is for.
type Target struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// Variant is one scalable object serving a model, as configured.
type Variant struct {
	Name          string        `json:"name"`
	Target        Target        `json:"target"`
	Min           int           `json:"min"`
	Max           int           `json:"max"`
	GPUs          int           `json:"gpusPerReplica"`
	Product       string        `json:"product,omitempty"`
	CapacityType  CapacityType  `json:"capacityType"`
	PricePerGPU   USDPerHour    `json:"usdPerGPUHour"` // 0 = not known
	WarmUp        time.Duration `json:"warmUp"`        // prior until warm-ups were seen
	WarmUpFixed   bool          `json:"warmUpFixed"`   // configured: never replaced by observation
	Capacity      Capacity      `json:"capacity"`      // configured dimensions
	CapacityFixed bool          `json:"capacityFixed"` // configured: never replaced by observation
	Spot          SpotTerms     `json:"spot"`          // of a spot variant
	StepUp        int           `json:"stepUp"`        // most replicas asked for beyond those asked for now; 0 = no limit
	Tolerance     float64       `json:"tolerance"`     // relative difference that the autoscaler ignores
	// Paused means that its autoscaler was told to do nothing: it stays at what is asked for in the cluster.
	Paused bool `json:"paused,omitempty"`
	// NoRaise, NoLower and Awake mean that its autoscaler was told not to raise it, not to
	// lower it, and never to take it to zero.
	NoRaise bool `json:"noRaise,omitempty"`
	NoLower bool `json:"noLower,omitempty"`
	Awake   bool `json:"awake,omitempty"`
}

// Model is one served model, as configured or discovered, already validated.
type Model struct {
	ID       ModelID   `json:"id"`
	Engine   string    `json:"engine"` // preset, for example vllm: outputs also answer under its own names
	SLO      SLO       `json:"slo"`
	Priority int       `json:"priority"`
	Idle     Idle      `json:"idle"`
	Gateway  bool      `json:"gateway"` // a demand source exists at zero replicas
	Variants []Variant `json:"variants"`
	// Events are known in advance to bring more demand.
	Events []predictor.Event `json:"events,omitempty"`
}

// Budget is a shared limit on accelerators.
type Budget struct {
	Name     string `json:"name"`
	Resource string `json:"resource"`          // for example nvidia.com/gpu
	Product  string `json:"product,omitempty"` // "" = any product
	Limit    int    `json:"limit"`             // GPUs
}
