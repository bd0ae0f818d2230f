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
// what is configured (see configured); else what evidence has made of the prior (see
// observeCapacity), at most what fills the KV cache, at least what was carried
// while the SLO held. Requests per second count only where tokens are not known,
// because the tokens of a request drift.
//
// It always bounds what requests are known to ask for. What is configured may not:
// output tokens alone, of an engine that counts none, say as little of requests as
// nothing does, and are planned like it.
func PlanCapacity(m Model, l Learned, i int) (Capacity, CapacitySource) {
	return planCapacity(&m, &l, i)
}

func planCapacity(m *Model, l *Learned, i int) (Capacity, CapacitySource) {
	v, seen := &m.Variants[i], l.variant(i)
	if c, bounds := configured(v, l); bounds {
		return c, CapacityConfigured
	}
	prior, source := PriorCapacity(), CapacityPrior
	plan := seen.believed().zip(seen.Packed.full(), seen.Lower, func(p, full, lower float64) float64 {
		if full > 0 {
			p = min(p, full)
		}
		return max(p, lower)
	})
	if d := scarcest(Capacity(workPerRequest(l)), plan); Work(plan).dims()[d] != Work(prior).dims()[d] {
		source = CapacityLearned
	}
	if l.Request.known() {
		plan.Requests = 0
	}
	plan.Concurrency = v.Capacity.Concurrency // an effect of supply: it binds as configured (ruleFloor), and is not learned
	return plan, source
}

// configured is the configured capacity of a variant, and whether it bounds what
// requests are known to ask for. Concurrency does by Little's law,
//
//	requests per second = requests in flight / time in service
func configured(v *Variant, l *Learned) (Capacity, bool) {
	c := v.Capacity
	if !v.CapacityFixed || c.carries(workPerRequest(l)) > 0 {
		return c, v.CapacityFixed
	}
	service := l.Request.service()
	if c.Concurrency <= 0 || service <= 0 {
		return c, false
	}
	c.Requests = c.Concurrency / service
	return c, true
}

// ruleCapacity says what each replica is planned with.
func ruleCapacity(d *draft) {
	for i := range d.m.Variants {
		v := &d.m.Variants[i]
		c, source := planCapacity(&d.m, &d.l, i)
		d.caps[i] = c
		if v.CapacityFixed && source != CapacityConfigured {
			d.variantStep(i, "capacity-unbound", d.counts[i], v.Capacity.args())
		}
		if source == CapacityConfigured && c.Requests != v.Capacity.Requests {
			d.variantStep(i, "capacity-in-flight", d.counts[i], [4]float64{c.Requests, c.Concurrency, d.l.Request.service()})
			continue
		}
		why := WhyCode("capacity-prior")
		switch source {
		case CapacityConfigured:
			why = "capacity-configured"
		case CapacityLearned:
			why = "capacity-learned"
		case CapacityPrior:
		}
		d.variantStep(i, why, d.counts[i], c.args())
	}
}

// args are those of the steps of ruleCapacity that say a capacity.
func (c Capacity) args() [4]float64 {
	return [4]float64{c.OutputTokens, c.PromptTokens, c.Requests, c.Concurrency}
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
	return Capacity{
		Requests: c.Requests * k, PromptTokens: c.PromptTokens * k,
		OutputTokens: c.OutputTokens * k, Concurrency: c.Concurrency * k,
	}
}

func (c Capacity) highest(o Capacity) Capacity {
	return Capacity{
		Requests: max(c.Requests, o.Requests), PromptTokens: max(c.PromptTokens, o.PromptTokens),
		OutputTokens: max(c.OutputTokens, o.OutputTokens), Concurrency: max(c.Concurrency, o.Concurrency),
	}
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
