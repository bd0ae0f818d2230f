package app

import (
	"fmt"
	"time"

	"sigs.k8s.io/yaml"
)

// The identity of a Report.
const (
	ReportVersion = "forewarm.dev/v1alpha1"
	ReportKind    = "Recommendation"
)

// Report is what `forewarm recommend` knows: every model with its inputs, its
// forecast, and per variant the recommended replicas. Pointers are nil where
// something is unknown, which is never the same as zero. See docs/output.md.
type Report struct {
	APIVersion  string        `json:"apiVersion"`
	Kind        string        `json:"kind"`
	At          time.Time     `json:"at"`      // the moment the recommendations are for
	Sources     []SourceRef   `json:"sources"` // servers that were read
	Models      []ModelReport `json:"models"`  // sorted by namespace and name
	Totals      Totals        `json:"totals"`
	Assumptions []string      `json:"assumptions"` // about all of it
	Faults      []Fault       `json:"faults"`      // not of one model
}

// SourceRef names a server that was read; the URL has no credentials.
type SourceRef struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// ModelReport is one served model.
type ModelReport struct {
	Namespace     string          `json:"namespace"`
	Name          string          `json:"name"`
	Engine        string          `json:"engine"`
	ModelName     string          `json:"modelName"`
	Source        string          `json:"source"`
	SLO           SLOReport       `json:"slo"`
	Work          WorkReport      `json:"work"`
	Forecast      *ForecastReport `json:"forecast"` // null: no forecast
	Signals       []SignalReport  `json:"signals"`  // everything that was read, in reading order
	TTFTP95       *float64        `json:"ttftP95Seconds"`
	ITLP95        *float64        `json:"itlP95Seconds"`
	Pending       *float64        `json:"pendingRequests"`
	Running       *float64        `json:"runningRequests"`
	KV            *float64        `json:"kvUtilization"` // mean over pods, 0..1
	Partial       bool            `json:"partial"`       // something expected is missing
	AgeSeconds    *float64        `json:"ageSeconds"`    // age of the arrivals
	Active        bool            `json:"active"`
	Hold          bool            `json:"hold"` // inputs do not allow a lower count
	Variants      []VariantReport `json:"variants"`
	Steps         []StepReport    `json:"steps"` // of the whole model and of every variant, in order
	Assumptions   []string        `json:"assumptions"`
	Faults        []Fault         `json:"faults"`
	ArrivalSource string          `json:"arrivalSource"` // gateway, completions or empty
}

// SLOReport is what users were promised.
type SLOReport struct {
	TTFTP95    float64  `json:"ttftP95Seconds"`
	ITLP95     *float64 `json:"itlP95Seconds"` // null: not promised
	Attainment float64  `json:"attainment"`
}

// WorkReport is what arrives now.
type WorkReport struct {
	Requests     *float64 `json:"requestsPerSecond"`
	PromptTokens *float64 `json:"promptTokensPerSecond"`
	OutputTokens *float64 `json:"outputTokensPerSecond"`
}

// ForecastReport is the forecast that the decision read. Peak is the rate that
// demand stays under over the horizon with probability 0.95.
type ForecastReport struct {
	At        time.Time     `json:"at"`
	Horizon   float64       `json:"horizonSeconds"` // until help ordered now is warm
	Level     float64       `json:"levelRequestsPerSecond"`
	Peak      float64       `json:"p95RequestsPerSecond"`
	Evidence  int           `json:"residuals"` // past errors that the spread rests on
	Overshoot float64       `json:"overshoot"` // see predictor.Forecast.Overshoot; 0 = unknown
	Quantiles []float64     `json:"quantiles"`
	Rows      []ForecastRow `json:"horizons"`
}

// ForecastRow is the forecast of the highest rate within a horizon.
type ForecastRow struct {
	Horizon float64   `json:"seconds"`
	Max     []float64 `json:"maxRequestsPerSecond"` // one per quantile
}

// SignalReport is one reading. Value is null unless the state is fresh.
type SignalReport struct {
	Name  string   `json:"name"`
	Pod   string   `json:"pod"` // empty: of the whole model
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	Age   *float64 `json:"ageSeconds"`
	State string   `json:"state"` // fresh, stale or unknown
}

// VariantReport is one scalable object.
type VariantReport struct {
	Name         string         `json:"name"`
	Target       TargetRef      `json:"target"`
	State        VariantState   `json:"state"`
	Now          *int           `json:"replicasNow"`
	Recommended  *int           `json:"replicasRecommended"`
	Ready        *int           `json:"readyReplicas"`
	Starting     *int           `json:"startingReplicas"`
	Starved      *int           `json:"starvedReplicas"` // asked for, and no node or no pod is given
	Good         *time.Time     `json:"lastGood"`        // newest moment at which inputs allowed a decision
	Why          string         `json:"why"`
	GPUs         int            `json:"gpusPerReplica"`
	Product      string         `json:"product"`
	CapacityType string         `json:"capacityType"`
	Capacity     CapacityReport `json:"capacity"`
	WarmUp       float64        `json:"warmUpSeconds"`
	GPUHours     NowAndRec      `json:"gpuHoursPerDay"`
	USD          NowAndRec      `json:"usdPerDay"`
}

// VariantState says what kind of answer there is.
type VariantState string

// The variant states.
const (
	StateOK       VariantState = "ok"
	StateHold     VariantState = "hold"      // inputs are not whole: the count may rise, not fall
	StateStarved  VariantState = "starved"   // the cluster does not give all that is asked for; no more is asked
	StateNoAnswer VariantState = "no-answer" // nothing is known, not even a held count
	StateRefused  VariantState = "refused"   // the model is seen and cannot be watched; why says what to change
)

// TargetRef is the object to scale.
type TargetRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// CapacityReport is what one replica is planned to carry. Null: not bounded.
type CapacityReport struct {
	Source       string   `json:"source"` // configured, learned or prior
	Requests     *float64 `json:"requestsPerSecond"`
	PromptTokens *float64 `json:"promptTokensPerSecond"`
	OutputTokens *float64 `json:"outputTokensPerSecond"`
}

// NowAndRec is a figure for the replicas now and for those recommended.
type NowAndRec struct {
	Now         *float64 `json:"now"`
	Recommended *float64 `json:"recommended"`
}

// Totals sum the variants for which both figures are known.
type Totals struct {
	GPUHours     NowAndRec `json:"gpuHoursPerDay"`
	USD          NowAndRec `json:"usdPerDay"`
	Variants     int       `json:"variants"`
	WithGPUHours int       `json:"variantsWithGPUHours"` // summed in gpuHoursPerDay
	WithUSD      int       `json:"variantsWithUSD"`      // summed in usdPerDay
}

// StepReport is one thing a rule said.
type StepReport struct {
	Rule    string  `json:"rule"`
	Variant string  `json:"variant"` // empty: of the whole model
	From    float64 `json:"from"`    // replicas
	To      float64 `json:"to"`
	Why     string  `json:"why"`  // stable code
	Text    string  `json:"text"` // one English sentence
}

// Fault is one thing that was wrong with the data.
type Fault struct {
	Code   string `json:"code"`
	Signal string `json:"signal,omitempty"`
	Object string `json:"object,omitempty"`
	Text   string `json:"text"`
}

// Answers is how many variants have an answer, held ones included.
func (r Report) Answers() int {
	n := 0
	for _, m := range r.Models {
		for _, v := range m.Variants {
			if v.Recommended != nil {
				n++
			}
		}
	}
	return n
}

// FaultCount is how many faults the report lists in all.
func (r Report) FaultCount() int {
	n := len(r.Faults)
	for _, m := range r.Models {
		n += len(m.Faults)
	}
	return n
}

// YAML is the report as one document of a stream, with the field names of JSON.
func (r Report) YAML() ([]byte, error) {
	b, err := yaml.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the report as YAML: %w", err)
	}
	return append([]byte("---\n"), b...), nil
}
