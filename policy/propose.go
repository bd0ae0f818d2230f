package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// The rules, in pipeline order. RuleBudget is Allocate's.
const (
	RuleHold      RuleID = "hold"
	RuleCapacity  RuleID = "capacity"
	RuleWork      RuleID = "work"
	RuleLookAhead RuleID = "look-ahead"
	RuleBurst     RuleID = "burst"
	RuleBacklog   RuleID = "backlog"
	RuleFloor     RuleID = "floor"
	RuleGrow      RuleID = "grow"
	RuleShrink    RuleID = "shrink"
	RuleSpot      RuleID = "spot"
	RuleZero      RuleID = "zero"
	RuleLimits    RuleID = "limits"
	RuleStarved   RuleID = "starved"
	RuleBudget    RuleID = "budget"
)

// pipeline is the policy: each rule is one small function in a file of its own.
// Adding a rule is one file, one line here, one sentence and one table test.
var pipeline = []struct {
	id    RuleID
	apply func(*draft)
}{
	{RuleHold, ruleHold},
	{RuleCapacity, ruleCapacity},
	{RuleWork, ruleWork},
	{RuleSpot, ruleFold},
	{RuleLookAhead, ruleLookAhead},
	{RuleBurst, ruleBurst},
	{RuleBacklog, ruleBacklog},
	{RuleFloor, ruleFloor},
	{RuleGrow, ruleGrow},
	{RuleShrink, ruleShrink},
	{RuleZero, ruleZero},
	{RuleSpot, ruleMix},
	{RuleLimits, ruleLimits},
	{RuleStarved, ruleStarved},
}

// draft is a proposal in the making; the rules pass it along.
type draft struct {
	m Model
	l Learned
	f predictor.Forecast

	in     Input
	census census     // of in
	caps   []Capacity // planned capacity of one replica, per variant
	start  []int      // replicas asked for in the cluster; the minimum where unknown
	counts []int      // replicas wanted so far
	floors []int      // replicas that present load needs whatever was forecast
	order  []int      // variants, most wanted first
	steps  []Step
	findings
	scratch
}

// findings are what the rules tell each other, beside the counts.
type findings struct {
	rule       RuleID
	hold       bool // inputs do not allow lowering
	perRequest Work
	now        Work          // work of the arrivals now
	arrivals   float64       // requests per second, counted or seen to accumulate
	need       Work          // work that the wanted replicas must carry
	ahead      Work          // work that the forecast asks for
	rise       float64       // requests per second expected within the lead, where that is a rise; else 0
	asleep     bool          // the model is left at, or sent to, zero
	proven     bool          // zero replicas rest on proof
	longest    time.Duration // the lead; 0 = not worked out yet
	mix        *mix          // a firm and a spot variant, decided as one; see ruleFold
}

// scratch is the part of a draft that the next one uses again.
type scratch struct {
	served, left, before, spares, asked []int
	per                                 []float64
	layers                              []Layer
	pods                                []Pod
	folded                              *mix
}

// Propose decides what one model wants, all its variants together. It reads
// Learned as of the last tick and changes nothing.
func Propose(m Model, l Learned, in Input, f predictor.Forecast) Proposal {
	var w Workspace
	return w.Propose(&m, &l, &in, &f)
}

// Propose is Propose with the workspace's memory.
func (w *Workspace) Propose(m *Model, l *Learned, in *Input, f *predictor.Forecast) Proposal {
	d := &w.draft
	d.begin(m, l, in, f)
	for i := range pipeline {
		d.rule = pipeline[i].id
		pipeline[i].apply(d)
	}
	p := Proposal{Model: d.m.ID, At: d.in.Now, Priority: d.m.Priority, Hold: d.hold, Active: d.active()}
	p.Variants = w.proposed.take(len(d.m.Variants))
	for i := range p.Variants {
		d.variant(i, &p.Variants[i])
	}
	p.Layers = w.layers.keep(layers(d))
	p.Steps = w.steps.keep(d.steps)
	return p
}

// begin takes up a new proposal.
func (d *draft) begin(m *Model, l *Learned, in *Input, f *predictor.Forecast) {
	n := len(m.Variants)
	d.m, d.l, d.in, d.f, d.census, d.findings = *m, *l, *in, *f, takeCensus(in), findings{}
	d.caps, d.start, d.counts = resized(d.caps, n), resized(d.start, n), resized(d.counts, n)
	d.floors, d.order, d.steps = zeros(d.floors, n), resized(d.order, n), d.steps[:0]
	d.m.Variants = stay(m.Variants, in)
	d.l.Request = l.Request.orNow(m, in, &d.census)
	rank(&d.m, d.order)
	for i := range d.m.Variants {
		d.start[i] = d.m.Variants[i].Min
		if s := supplyOf(in, i); s.Known {
			d.start[i] = s.Spec
		}
		d.counts[i] = d.start[i]
	}
}

// resized is a slice of n values, with the memory of another if that is enough; zeros are all 0.
func resized[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}

func zeros[T any](v []T, n int) []T {
	v = resized(v, n)
	clear(v)
	return v
}

// variant writes what is proposed for variant i.
func (d *draft) variant(i int, out *VariantProposal) {
	v, s := &d.m.Variants[i], supplyOf(&d.in, i)
	*out = VariantProposal{
		ID: VariantID{d.m.ID, v.Name}, Now: s.Spec, NowKnown: s.Known, Ready: s.Ready, Want: d.counts[i],
		Min: v.Min, Max: v.Max, GPUs: v.GPUs, Product: v.Product, Price: v.PricePerGPU,
		Guessed: !s.Known && d.quietInTheDark(),
	}
}

// active is true while there is work, a backlog, a need within the horizon, a
// load in progress, or anything unknown: false only if zero is proven.
func (d *draft) active() bool { return !d.proven }

// rank orders variants by who is asked first: on-demand and reserved
// before spot (hazards are not learned yet), then the cheaper replica per
// configured output token where both prices are known, then as configured.
func rank(m *Model, order []int) {
	for i := range order {
		order[i] = i
	}
	if len(order) < 2 {
		return
	}
	slices.SortStableFunc(order, func(a, b int) int {
		v, o := &m.Variants[a], &m.Variants[b]
		switch {
		case v.CapacityType == Spot != (o.CapacityType == Spot):
			return before(o.CapacityType == Spot)
		case v.PricePerGPU <= 0 || o.PricePerGPU <= 0:
			return 0
		}
		return cmp.Compare(v.costPerToken(), o.costPerToken())
	})
}

// costPerToken is the price of a replica per configured output token.
func (v *Variant) costPerToken() float64 {
	per := float64(v.PricePerGPU) * float64(v.GPUs)
	if v.Capacity.OutputTokens > 0 {
		return per / v.Capacity.OutputTokens
	}
	return per / PriorCapacity().OutputTokens
}

// step records what a rule said of the whole model.
func (d *draft) step(why WhyCode, from, to int, args [4]float64) {
	d.steps = append(d.steps, Step{
		Rule: d.rule, Variant: VariantID{Model: d.m.ID}, From: float64(from),
		To: float64(to), Why: why, Args: args,
	})
}

// variantStep records what a rule said of variant i and sets its count.
func (d *draft) variantStep(i int, why WhyCode, to int, args [4]float64) {
	d.steps = append(d.steps, Step{
		Rule: d.rule, Variant: VariantID{d.m.ID, d.m.Variants[i].Name},
		From: float64(d.counts[i]), To: float64(to), Why: why, Args: args,
	})
	d.counts[i] = to
}

func total(counts []int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}
