package rival

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// Signal is what an HPA may follow in this world.
type Signal string

// The signals.
const (
	Arrivals Signal = "arrivals" // requests/s
	Queue    Signal = "queue"    // waiting requests
	KV       Signal = "kv"       // KV-cache use, 0..1 per replica
	Running  Signal = "running"  // requests being served
)

// Setup is an HPA as somebody configured it, or KEDA's.
type Setup struct {
	Metrics  []Target // the HPA takes the largest count
	Min, Max int
	Behavior *Behavior // spec.behavior; nil = none
}

// Behavior is spec.behavior; see sim.Behavior.
type Behavior = sim.Behavior

// Rules are those of one direction.
type Rules = sim.Rules

// Allowance is one policy of them.
type Allowance = sim.Allowance

// Select says which of several policies counts.
type Select = sim.Select

// DefaultBehavior is what the API fills in where a behavior leaves something out.
func DefaultBehavior() Behavior { return sim.DefaultBehavior() }

// Target is an AverageValue per replica.
type Target struct {
	Of    Signal
	Value float64
	Nulls bool // nothing scraped is zero: KEDA, unless ignoreNullValues is false
}

// NewSetup is that HPA for one run.
func NewSetup(s Setup) fluid.Scaler {
	h := newHPA(1, func(o *fluid.Observation) (float64, bool) { return s.want(o) })
	h.rule.Min, h.rule.Max, h.rule.Behavior = s.Least(), s.Max, s.Behavior
	return h
}

// Least is the minimum that is run: nothing here sleeps at zero.
func (s Setup) Least() int { return max(s.Min, 1) }

// DownWindow is how long a high wish keeps the replicas.
func (s Setup) DownWindow() time.Duration {
	if s.Behavior != nil {
		return s.Behavior.Down.Window
	}
	return sim.DefaultBehavior().Down.Window
}

// beside is a Setup per pool, each at work on its own.
type beside []fluid.Scaler

// NewSetups is one HPA per pool for one run; a pool whose Setup follows no metric stays as it is.
func NewSetups(all []Setup) fluid.Mixer {
	out := make(beside, len(all))
	for i, s := range all {
		if len(s.Metrics) > 0 {
			out[i] = NewSetup(s)
		}
	}
	return out
}

// Decide implements fluid.Scaler, for the first pool.
func (b beside) Decide(o *fluid.Observation) int {
	want := make([]int, len(o.Pools))
	for i, v := range o.Pools {
		want[i] = v.Spec
	}
	b.DecideAll(o, want)
	return want[0]
}

// DecideAll implements fluid.Mixer.
func (b beside) DecideAll(o *fluid.Observation, want []int) {
	for i, s := range b {
		if s != nil {
			own := o.Of(i)
			want[i] = s.Decide(&own)
		}
	}
}

// want is the largest number of replicas that a metric asks for, before rounding; false while nothing is known, and
// while something is unknown that may speak against a fall (horizontal.go, computeReplicasForMetrics).
func (s Setup) want(o *fluid.Observation) (float64, bool) {
	most, unknown := math.Inf(-1), false
	for _, m := range s.Metrics {
		v, ok := m.Of.read(o)
		if !ok && m.Nulls && o.Tick > 0 {
			v, ok = 0, true
		}
		if ok {
			most = max(most, v/m.Value)
		} else {
			unknown = true
		}
	}
	if unknown && math.Ceil(most-1e-9) < float64(o.Spec) {
		return 0, false
	}
	return most, true
}

func (s Signal) read(o *fluid.Observation) (float64, bool) {
	heard := o.Tick > 0 && !o.Blind
	switch s {
	case Arrivals:
		return o.Rate, o.Known
	case Queue:
		return o.Engines.Pending, heard
	case KV:
		return o.Engines.KV * float64(o.Engines.Pods), heard && o.Engines.Pods > 0
	case Running:
		return o.Engines.Running, heard && o.Engines.Pods > 0
	}
	return 0, false
}
