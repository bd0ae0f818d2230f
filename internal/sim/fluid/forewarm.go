package fluid

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/policy"
)

// Product says how the real product is set up for a course.
type Product struct {
	// Headroom is the configured capacity as a share of the true one; 0 = no capacity is configured and the
	// product learns it.
	Headroom float64
	// Prior is how wrong the product's built-in capacity prior is: prior / truth, 1 = right. It matters only
	// while capacity is learned. See Forewarm for how it is done without touching the prior.
	Prior float64
	// WarmUpKnown configures the course's median warm-up; else it is learned from a prior.
	WarmUpKnown bool
	// Attainment is the share of requests that is promised to meet the SLO; 0 = the usual one.
	Attainment float64
	// Plain says that a yardstick forecasts by the plain blend.
	Plain bool
	// Forecaster replaces the engine's; nil = the engine's own default.
	Forecaster engine.Forecaster
}

const (
	// warmUpPrior is what the product assumes of a warm-up that it is not told: internal/config's default.
	warmUpPrior = 4 * time.Minute
	// productLimit is a variant's maximum that never binds; the world has its own limit.
	productLimit = 1 << 20
	productTTFT  = 2 * time.Second
	// usualAttainment is internal/config's default.
	usualAttainment = 0.99
)

// Forewarm is the real product as a Scaler: internal/engine ticks on virtual time over a Source that says what
// the fluid world shows, and its decision is applied. Nothing of the policy is re-implemented here.
//
// What the source says each tick, in the product's own terms:
//
//	arrivals    the gateway's counter as the World's Sight shows it, with its age
//	pods        the serving replicas share completions, tokens, running and pending requests evenly; those
//	            that became ready with this tick report zeros
//	TTFT        the vessel's p95
//	supply      spec, ready and starting replicas with their ages, and the warm-ups that just ended
//
// The product's capacity prior is a constant of 2 requests/s. A prior that is wrong by a factor is had by
// counting requests in a unit that makes the true capacity 2/Prior: the same world, other numbers.
type Forewarm struct {
	product Product
	options engine.Options
	engine  *engine.Engine
	source  *window
	ids     []policy.VariantID // one per pool
	// Held counts ticks without an answer; the fleet then stays as it is.
	Held int
}

// NewForewarm sets up the product for one run of a course.
func NewForewarm(c *Course, p Product) *Forewarm {
	w, unit := c.World(), p.unit(c)
	m := policy.Model{
		ID: policy.ModelID{Namespace: "fluid", Name: "model"}, SLO: policy.SLO{TTFTP95: productTTFT, Attainment: cmp.Or(p.Attainment, usualAttainment)},
		Idle: policy.Idle{OnBlind: policy.BlindHold}, Gateway: !w.AtFinish,
	}
	for _, pool := range w.pools() {
		m.Variants = append(m.Variants, p.variant(w, pool))
	}
	opts := engine.DefaultOptions()
	opts.Interval, opts.Models = c.load.Step, []policy.Model{m}
	opts.LoadTimeout, opts.Fleeting = -1, true // the source waits for nobody, and the plan is read at once
	if p.Forecaster != nil {
		opts.Forecaster = p.Forecaster
	}
	if w.Quota > 0 {
		opts.Budgets = []policy.Budget{{Name: "quota", Resource: "nvidia.com/gpu", Limit: w.Quota}}
	}
	source := newWindow(m, w.Replica, unit)
	f := &Forewarm{product: p, options: opts, engine: engine.New(opts, source), source: source}
	for _, v := range m.Variants {
		f.ids = append(f.ids, policy.VariantID{Model: m.ID, Variant: v.Name})
	}
	return f
}

// unit is how many requests the product counts per request of the course, so that its prior is as wrong as Prior
// says.
func (p Product) unit(c *Course) float64 {
	if p.Headroom <= 0 && p.Prior > 0 {
		return policy.PriorCapacity().Requests / p.Prior / c.world.Replica.Rate
	}
	return 1
}

// variant is a pool as the product's configuration says it.
func (p Product) variant(w World, pool Pool) policy.Variant {
	v := policy.Variant{
		Name: pool.Name, Min: pool.Min, Max: pool.Max, GPUs: pool.GPUs, CapacityType: pool.Type, WarmUp: warmUpPrior,
		PricePerGPU: policy.USDPerHour(pool.Price / float64(pool.GPUs)), Spot: pool.Spot,
	}
	if v.Spot == (policy.SpotTerms{}) {
		v.Spot = policy.DefaultSpotTerms()
		v.Spot.Notice = pool.Notice
	}
	if v.Max == 0 {
		v.Max = productLimit
	}
	if p.WarmUpKnown {
		v.WarmUp, v.WarmUpFixed = pool.WarmUp.Median, true
	}
	if p.Headroom > 0 {
		v.Capacity, v.CapacityFixed = policy.Capacity{Requests: p.Headroom * w.Replica.Rate * pool.Speed}, true
	}
	return v
}

// Product is f: what wraps it has this too, and can be told from a rival by it.
func (f *Forewarm) Product() *Forewarm { return f }

// Options are how the engine is set up, for an engine on the same course in another resolution. A capacity prior that is
// wrong is had by counting in another unit, see unit, which is of the fluid world alone.
func (f *Forewarm) Options() (engine.Options, error) {
	opts := f.options
	if p := f.product; p.Headroom <= 0 && p.Prior > 0 && p.Prior != 1 {
		return opts, fmt.Errorf("a capacity prior of %g times the truth: only the fluid world can count in the unit it takes", p.Prior)
	}
	if m, ok := opts.Forecaster.(*Memo); ok { // of what is seen in the fluid world
		opts.Forecaster = m.fresh()
	}
	return opts, nil
}

// Engine is the engine inside, for those who want to read its Board.
func (f *Forewarm) Engine() *engine.Engine { return f.engine }

// Decide implements Scaler, for the first pool.
func (f *Forewarm) Decide(o *Observation) int {
	want := make([]int, len(f.ids))
	for i, v := range o.Pools {
		want[i] = v.Spec
	}
	f.DecideAll(o, want)
	return want[0]
}

// DecideAll implements Mixer. Without an answer a pool stays as it is.
func (f *Forewarm) DecideAll(o *Observation, want []int) {
	f.source.show(o)
	if err := f.engine.Tick(context.Background(), o.Now); err != nil {
		f.Held++
		return
	}
	plan := f.engine.Board().Load().Plan
	held := false
	for i, id := range f.ids {
		d, ok := plan.Find(id)
		if !ok || !d.Known {
			held = true
			continue
		}
		want[i] = d.Replicas
	}
	if held {
		f.Held++
	}
}

// Learn implements Learner.
func (f *Forewarm) Learn(o *Observation) {
	f.source.show(o)
	if err := f.engine.Learn(context.Background(), o.Now); err != nil {
		f.Held++
	}
}
