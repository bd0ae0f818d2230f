package backtest

import (
	"time"

	"github.com/forewarm/forewarm/internal/app"
	"github.com/forewarm/forewarm/internal/study"
)

// The identity of a Report.
const (
	ReportVersion = "forewarm.dev/v1alpha1"
	ReportKind    = "Backtest"
)

// Report is what `forewarm backtest` knows. Pointers are nil where something is unknown, which is never zero.
type Report struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	From       time.Time       `json:"from"` // asked for
	To         time.Time       `json:"to"`
	ReadFrom   time.Time       `json:"readFrom"`    // how far back the sources could be read
	Step       float64         `json:"stepSeconds"` // resolution of reading
	BurnIn     float64         `json:"burnInSeconds"`
	Sources    []app.SourceRef `json:"sources"`
	Models     []ModelReport   `json:"models"` // sorted by namespace and name
	Notes      []string        `json:"notes"`  // about all of it
	Faults     []app.Fault     `json:"faults"`
}

// ModelReport is one model.
type ModelReport struct {
	Namespace string      `json:"namespace"`
	Name      string      `json:"name"`
	Variant   string      `json:"variant"` // with the most replica-hours
	Begin     *time.Time  `json:"begin"`   // first known demand; null: none
	Scored    float64     `json:"scoredSeconds"`
	Requests  float64     `json:"requests"` // in the scored moments
	Gaps      Gaps        `json:"gaps"`
	Capacity  *Capacity   `json:"capacity"`
	WarmUp    *WarmUp     `json:"warmUp"`
	GPUs      *int        `json:"gpusPerReplica"`
	Price     *float64    `json:"usdPerGPUHour"`
	Policies  []PolicyRow `json:"policies"` // null: no usable history
	// Forecasts say how well the peak of demand within one lead was foreseen; null: no window to score.
	Forecasts []ForecastRow `json:"forecasts"`
	Notes     []string      `json:"notes"`
	Course    *study.Course `json:"-"` // for charts, at the middle capacity; nil: not asked for
}

// Gaps are moments that nobody is scored on: unknown demand, demand known in part only, or unknown replicas.
type Gaps struct {
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	Partial float64 `json:"partialSeconds"` // of them, where demand was a lower bound
	Longest []Gap   `json:"longest"`        // longest first, at most shownGaps
}

// Gap is [From, To).
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// shownGaps is how many gaps a report lists; it counts them all.
const shownGaps = 10

// PolicyRow is one fleet. Low and High are the same for the ends of the capacity interval; null if it is a point.
type PolicyRow struct {
	Name    string   `json:"name"` // fleet, hpa, keda-queue, keda-kv, forewarm or optimum
	Doc     string   `json:"doc"`
	Setting string   `json:"setting"`
	Figures Figures  `json:"figures"`
	Low     *Figures `json:"atLowCapacity"`
	High    *Figures `json:"atHighCapacity"`
}

// Figures are what a fleet came to on the scored moments.
type Figures struct {
	ReplicaHours *float64 `json:"replicaHours"`
	GPUHours     *float64 `json:"gpuHours"`
	USD          *float64 `json:"usd"`
	Misses       *float64 `json:"misses"` // share of requests in moments of demand above ready capacity, 0..1
	Unmet        *float64 `json:"unmet"`  // share of requests above ready capacity, 0..1
	ColdStarts   *int     `json:"coldStarts"`
	Flaps        *int     `json:"flaps"`
	Peak         *int     `json:"peakReplicas"`
	Cost         *float64 `json:"costOverOptimum"` // replica-hours over the clairvoyant's
}

// Usable is how many models have a history to score.
func (r Report) Usable() int {
	n := 0
	for _, m := range r.Models {
		if len(m.Policies) > 0 {
			n++
		}
	}
	return n
}
