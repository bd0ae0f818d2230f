package policy

import "time"

// Reading is a signal's value with its age. The zero value is unknown, which is
// not zero.
type Reading struct {
	Value float64       `json:"value"`
	Age   time.Duration `json:"age"`
	Known bool          `json:"known"`
}

// Seen is a known reading.
func Seen(value float64, age time.Duration) Reading {
	return Reading{Value: value, Age: age, Known: true}
}

// State tells why a reading is what it is.
type State string

// The states of a signal. Only Fresh readings are Known; Idle is a Known zero
// that rests on proof: the series appears only after first use and its target
// is up.
const (
	Fresh   State = "fresh"
	Idling  State = "idle"    // absent until first use, target up: a proven zero
	Stale   State = "stale"   // the last sample is too old
	Absent  State = "absent"  // no series where one was expected
	Invalid State = "invalid" // NaN, Inf, negative, or a ratio above one
)

// Fault is one thing that was wrong with the data, made visible.
type Fault struct {
	Code   string `json:"code"`             // stable, kebab-case: source-unreachable, series-stale, pod-missing, ...
	Signal string `json:"signal,omitempty"` // pending, kv, arrivals, supply, ...
	Object string `json:"object,omitempty"` // pod, source or series
	Text   string `json:"text"`             // one sentence: what, and the remedy
}

// Pod is what one engine pod reports.
type Pod struct {
	Name         string  `json:"name"`
	Variant      string  `json:"variant"` // "" = belongs to no known variant
	Pending      Reading `json:"pending"` // requests waiting in the engine
	Running      Reading `json:"running"` // requests being served
	KV           Reading `json:"kv"`      // KV-cache use, 0..1
	Completions  Reading `json:"completionsPerSecond"`
	PromptTokens Reading `json:"promptTokensPerSecond"` // uncached where the engine tells
	CachedTokens Reading `json:"cachedTokensPerSecond"` // prompt tokens from the prefix cache, beside PromptTokens
	OutputTokens Reading `json:"outputTokensPerSecond"`
	Partial      bool    `json:"partial,omitempty"` // part of the pod is silent (a rank): its readings may be too low
}

// ArrivalSource says where arrivals came from.
type ArrivalSource string

// The arrival sources.
const (
	FromGateway     ArrivalSource = "gateway"     // counted in front of the engines; also at zero replicas
	FromCompletions ArrivalSource = "completions" // completions plus change in flight
	FromNowhere     ArrivalSource = ""
)

// Signals is what a model's sources say at one moment.
type Signals struct {
	Pods          []Pod         `json:"pods"`           // sorted by name
	GatewayQueue  Reading       `json:"gatewayQueue"`   // requests held in front of the engines
	Arrivals      Reading       `json:"arrivals"`       // requests/s as counted; see FirstAttempts
	Refused       Reading       `json:"refused"`        // of them, answered by an error or 429, requests/s
	ArrivalSource ArrivalSource `json:"arrivalSource"`  //
	TTFTP95       Reading       `json:"ttftP95Seconds"` // seconds
	ITLP95        Reading       `json:"itlP95Seconds"`  // seconds
	Partial       bool          `json:"partial"`        // something expected is missing: may raise, never lower
}

// NodeWait is how long a pod waits for a node before its warm-up counts as one of
// a new node: a scheduler that has room is quicker, a provisioner is not.
const NodeWait = 30 * time.Second

// Supply is one variant's replicas as the cluster shows them.
type Supply struct {
	Variant  string          `json:"variant"`
	Known    bool            `json:"known"`
	Age      time.Duration   `json:"age"`
	Assumed  bool            `json:"assumed"`  // nobody told what is asked for: Spec is the pods that were seen
	Spec     int             `json:"spec"`     // replicas asked of the scale target
	Ready    int             `json:"ready"`    // serving
	Starting int             `json:"starting"` // asked for, not yet ready
	Ages     []time.Duration `json:"ages"`     // how long each starting pod has been starting, oldest first
	WarmUps  []time.Duration `json:"warmUps"`  // warm-ups completed since the last tick
	NewNodes []time.Duration `json:"newNodes"` // the same, of replicas that waited for a node: NodeWait or longer
	Homeless int             `json:"homeless"` // starting pods without a node
	Starved  int             `json:"starved"`  // of these, those that no node has accepted for too long
}

// Input is all that is known of one model at one moment. Supply has an entry
// per variant of the model, in the model's order.
type Input struct {
	Model   ModelID   `json:"model"`
	Now     time.Time `json:"now"`
	Signals Signals   `json:"signals"`
	Supply  []Supply  `json:"supply"`
	Faults  []Fault   `json:"faults,omitempty"`
}
