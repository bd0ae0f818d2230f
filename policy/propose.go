package policy

import (
	"sort"

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

	in         Input
	rule       RuleID
	hold       bool       // inputs do not allow lowering
	caps       []Capacity // planned capacity of one replica, per variant
	start      []int      // replicas asked for in the cluster; the minimum where unknown
	counts     []int      // replicas wanted so far
	floors     []int      // replicas that present load needs whatever was forecast
	order      []int      // variants, most wanted first
	perRequest Work
	now        Work    // work of the arrivals now
	arrivals   float64 // requests per second, counted or seen to accumulate
	need       Work    // work that the wanted replicas must carry
	ahead      Work    // work that the forecast asks for
	rise       float64 // requests per second expected within the lead, where that is a rise; else 0
	asleep     bool    // the model is left at, or sent to, zero
	proven     bool    // zero replicas rest on proof
	mix        *mix    // a firm and a spot variant, decided as one; see ruleFold
	steps      []Step
}

// Propose decides what one model wants, all its variants together. It reads
// Learned as of the last tick and changes nothing.
func Propose(m Model, l Learned, in Input, f predictor.Forecast) Proposal {
	n := len(m.Variants)
	m.Variants = stay(m.Variants, in)
	l.Request = l.Request.orNow(m, in)
	d := &draft{
		m: m, l: l, in: in, f: f, caps: make([]Capacity, n), start: make([]int, n),
		counts: make([]int, n), floors: make([]int, n), order: preference(m),
	}
	for i, v := range m.Variants {
		d.start[i] = v.Min
		if s := supplyOf(in, i); s.Known {
			d.start[i] = s.Spec
		}
		d.counts[i] = d.start[i]
	}
	for _, r := range pipeline {
		d.rule = r.id
		r.apply(d)
	}
	return d.proposal()
}

func (d *draft) proposal() Proposal {
	p := Proposal{Model: d.m.ID, At: d.in.Now, Priority: d.m.Priority, Hold: d.hold, Active: d.active(), Steps: d.steps}
	for i, v := range d.m.Variants {
		s := supplyOf(d.in, i)
		p.Variants = append(p.Variants, VariantProposal{
			ID: VariantID{d.m.ID, v.Name}, Now: s.Spec, NowKnown: s.Known, Ready: s.Ready, Want: d.counts[i],
			Min: v.Min, Max: v.Max, GPUs: v.GPUs, Product: v.Product, Price: v.PricePerGPU,
			Guessed: !s.Known && d.quietInTheDark(),
		})
	}
	p.Layers = layers(d)
	return p
}

// active is true while there is work, a backlog, a need within the horizon, a
// load in progress, or anything unknown: false only if zero is proven.
func (d *draft) active() bool { return !d.proven }

// preference orders variants by who is asked first: on-demand and reserved
// before spot (hazards are not learned yet), then the cheaper replica per
// configured output token where both prices are known, then as configured.
func preference(m Model) []int {
	order := make([]int, len(m.Variants))
	for i := range order {
		order[i] = i
	}
	cost := func(i int) float64 {
		v := m.Variants[i]
		per := float64(v.PricePerGPU) * float64(v.GPUs)
		if v.Capacity.OutputTokens > 0 {
			per /= v.Capacity.OutputTokens
		} else {
			per /= PriorCapacity().OutputTokens
		}
		return per
	}
	sort.SliceStable(order, func(a, b int) bool {
		i, j := order[a], order[b]
		if si, sj := m.Variants[i].CapacityType == Spot, m.Variants[j].CapacityType == Spot; si != sj {
			return sj
		}
		if m.Variants[i].PricePerGPU <= 0 || m.Variants[j].PricePerGPU <= 0 {
			return false
		}
		return cost(i) < cost(j)
	})
	return order
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
