package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// scene is one model at one moment; the zero scene is a quiet, healthy model
// with two ready replicas that carry 10 req/s each. Tests say only what differs.
type scene struct {
	spec, ready  int
	ages         []time.Duration
	starved      int
	arrivals     float64
	peak         float64 // forecast of the peak at every horizon and quantile; 0 = arrivals
	usual        float64 // median of the forecast, of a season; 0 = arrivals, and none
	past         float64 // highest forecast lately
	overshoot    float64 // of the load; 0 = not known
	pending      float64 // in the engine, over all pods
	queue        float64 // at the gateway
	running      float64
	completed    float64 // per second, over all pods; 0 = arrivals
	counted      float64 // arrivals then
	flew         float64 // in flight a quarter of a minute ago; 0 = not known
	rising       bool    // and rising
	kv           float64 // per pod
	ttft         float64 // seconds; 0 = unknown
	blind        bool    // arrivals unknown
	partial      bool
	deaf         bool // pods say nothing
	noSupply     bool
	noForecast   bool
	justStarted  bool
	idleFor      time.Duration
	toZero       bool
	onBlind      BlindRule
	minReplicas  int
	maxReplicas  int
	stepUp       int
	tolerance    float64 // of its autoscaler
	capacity     float64 // requests per second per replica
	concurrency  float64 // configured, per replica
	service      float64 // seconds per request, learned
	fromEngines  bool    // arrivals come from completions, not from a gateway
	extraVariant *Variant
	extraSpec    int
}

// two is a scene with n ready replicas asked for.
func with(n int, s scene) scene { s.spec, s.ready = n, n; return s }

func (s scene) model() Model {
	m := Model{
		ID: ModelID{"llm", "llama"}, SLO: SLO{TTFTP95: 2 * time.Second, Attainment: 0.99},
		Idle: Idle{ToZero: s.toZero, OnBlind: s.onBlind}, Gateway: !s.fromEngines,
		Variants: []Variant{{
			Name: "main", Min: s.minReplicas, Max: max(s.maxReplicas, 0), GPUs: 1,
			StepUp: s.stepUp, Tolerance: s.tolerance,
			CapacityType: OnDemand, WarmUp: 2 * time.Minute, WarmUpFixed: true,
			Capacity: Capacity{Requests: 10}, CapacityFixed: true,
		}},
	}
	if m.Variants[0].Max == 0 {
		m.Variants[0].Max = 20
	}
	if s.capacity > 0 {
		m.Variants[0].Capacity.Requests = s.capacity
	}
	m.Variants[0].Capacity.Concurrency = s.concurrency
	if s.extraVariant != nil {
		m.Variants = append(m.Variants, *s.extraVariant)
	}
	return m
}

func (s scene) input() Input {
	in := Input{Model: ModelID{"llm", "llama"}, Now: noon}
	in.Signals.Partial = s.partial
	in.Signals.ArrivalSource = FromGateway
	if s.fromEngines {
		in.Signals.ArrivalSource = FromCompletions
	} else {
		in.Signals.GatewayQueue = Seen(s.queue, 5*time.Second)
	}
	if !s.blind {
		in.Signals.Arrivals = Seen(s.arrivals, 5*time.Second)
	}
	if s.ttft > 0 {
		in.Signals.TTFTP95 = Seen(s.ttft, 0)
	}
	for i := range s.ready {
		if s.deaf {
			break
		}
		n := float64(s.ready)
		in.Signals.Pods = append(in.Signals.Pods, Pod{
			Name: fmt.Sprintf("pod-%d", i), Variant: "main",
			Pending: Seen(s.pending/n, 0), Running: Seen(s.running/n, 0), KV: Seen(s.kv, 0),
			Completions: Seen(s.completions()/n, 0),
		})
	}
	in.Supply = []Supply{{
		Variant: "main", Known: !s.noSupply, Spec: s.spec, Ready: s.ready,
		Starting: s.spec - s.ready, Ages: s.ages, Starved: s.starved,
	}}
	if s.extraVariant != nil {
		in.Supply = append(in.Supply, Supply{Variant: s.extraVariant.Name, Known: true, Spec: s.extraSpec, Ready: s.extraSpec})
	}
	return in
}

func (s scene) completions() float64 {
	if s.completed > 0 {
		return s.completed
	}
	return s.arrivals
}

func (s scene) learned() Learned {
	l := Learned{Since: noon.Add(-24 * time.Hour), At: noon, LastBusy: noon.Add(-s.idleFor)}
	if s.service > 0 {
		l.Request.Busy, l.Request.Served = 100*s.service, 100
	}
	if s.flew > 0 {
		before := noon.Add(-15 * time.Second)
		l.Flight.Looks[0] = Look{At: before, Of: before.Add(-5 * time.Second), Count: s.flew, Counted: s.counted}
		if s.rising {
			l.Flight.Rising = before
		}
	}
	if s.justStarted {
		l.Since = noon.Add(-time.Minute)
	}
	return l
}

func (s scene) forecast(t interface{ Fatal(...any) }) predictor.Forecast {
	if s.noForecast || s.blind {
		return predictor.Forecast{}
	}
	usual := max(s.usual, s.arrivals)
	peak := max(s.peak, usual)
	f, err := predictor.NewForecast(predictor.Grid{
		At: noon, Level: s.arrivals, Horizons: []time.Duration{time.Minute, time.Hour},
		Quantiles: []float64{0.5, 0.9}, Values: []float64{usual, peak, usual, peak}, Seasonal: s.usual > 0,
		Held: []float64{usual, max(s.past, peak), usual, max(s.past, peak)},
		Past: []float64{max(s.past, s.arrivals), max(s.past, s.arrivals)}, Overshoot: s.overshoot,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (s scene) propose(t *testing.T) Proposal {
	t.Helper()
	return Propose(s.model(), s.learned(), s.input(), s.forecast(t))
}

// codes are the why-codes of some steps, in order.
func codes(steps []Step) []WhyCode {
	var out []WhyCode
	for _, s := range steps {
		out = append(out, s.Why)
	}
	return out
}

func said(steps []Step, why WhyCode) bool {
	for _, s := range steps {
		if s.Why == why {
			return true
		}
	}
	return false
}
