package policy

// PriorCapacity stands for one replica until it was configured or measured. It
// is the knee of one Qwen3-32B replica in the llm-d sweep (pull request 1249 of
// llm-d-autoscaling): 2 requests/s of about 640 output tokens within a p99 TTFT
// of 136 ms; prompt tokens from a 1,000-token prompt at four times that rate.
func PriorCapacity() Capacity {
	return Capacity{Requests: 2, PromptTokens: 8000, OutputTokens: 1280}
}

// CapacitySource says what a capacity rests on.
type CapacitySource string

// The capacity sources, best first.
const (
	CapacityConfigured CapacitySource = "configured"
	CapacityLearned    CapacitySource = "learned"
	CapacityPrior      CapacitySource = "prior"
)

// PlanCapacity is the capacity that one replica of variant i is planned with:
// what is configured; else the prior, clamped into the interval that was
// measured: at least the load carried while the SLO held, at most the load at
// which a queue stood. Requests per second count only where tokens are not
// known, because the tokens of a request drift.
func PlanCapacity(m Model, l Learned, i int) (Capacity, CapacitySource) {
	v, seen := m.Variants[i], l.variant(i)
	if v.CapacityFixed {
		return v.Capacity, CapacityConfigured
	}
	prior, source := PriorCapacity(), CapacityPrior
	plan := prior.zip(seen.Lower, seen.Upper, func(p, lower, upper float64) float64 {
		if upper > 0 {
			p = min(p, upper)
		}
		return max(p, lower)
	})
	if plan.OutputTokens != prior.OutputTokens || plan.PromptTokens != prior.PromptTokens {
		source = CapacityLearned
	}
	if l.Request.known() {
		plan.Requests = 0
	}
	return plan, source
}

// ruleCapacity says what each replica is planned with.
func ruleCapacity(d *draft) {
	for i := range d.m.Variants {
		c, source := PlanCapacity(d.m, d.l, i)
		d.caps[i] = c
		why := map[CapacitySource]WhyCode{
			CapacityConfigured: "capacity-configured", CapacityLearned: "capacity-learned", CapacityPrior: "capacity-prior",
		}[source]
		d.variantStep(i, why, d.counts[i], [4]float64{c.OutputTokens, c.PromptTokens, c.Requests, c.Concurrency})
	}
}

// zip combines three capacities dimension by dimension.
func (c Capacity) zip(a, b Capacity, f func(c, a, b float64) float64) Capacity {
	return Capacity{
		Requests:     f(c.Requests, a.Requests, b.Requests),
		PromptTokens: f(c.PromptTokens, a.PromptTokens, b.PromptTokens),
		OutputTokens: f(c.OutputTokens, a.OutputTokens, b.OutputTokens),
		Concurrency:  f(c.Concurrency, a.Concurrency, b.Concurrency),
	}
}

func (c Capacity) scale(k float64) Capacity {
	return c.zip(c, c, func(c, _, _ float64) float64 { return c * k })
}

func (c Capacity) highest(o Capacity) Capacity {
	return c.zip(o, o, func(c, o, _ float64) float64 { return max(c, o) })
}

// towards moves a learned bound towards a load; the first load sets it.
func (c Capacity) towards(load Capacity, gain float64) Capacity {
	return c.zip(load, load, func(c, o, _ float64) float64 {
		if c == 0 || o == 0 {
			return max(c, o)
		}
		return c + gain*(o-c)
	})
}

// forget drops an upper bound that has relaxed to so many times the lower or the
// prior that it bounds nothing.
func (c Capacity) forget(lower Capacity, times float64) Capacity {
	return c.zip(lower, PriorCapacity(), func(c, lower, prior float64) float64 {
		if c > times*max(lower, prior) {
			return 0
		}
		return c
	})
}

// carries is how many requests per second one replica carries when a request
// asks for w; 0 if nothing bounds it.
func (c Capacity) carries(perRequest Work) float64 {
	best := 0.0
	for d, need := range perRequest.dims() {
		if have := Work(c).dims()[d]; have > 0 && need > 0 && (best == 0 || have/need < best) {
			best = have / need
		}
	}
	return best
}
