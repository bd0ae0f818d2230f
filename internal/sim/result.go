package sim

import "time"

// Spread is how a duration was distributed.
type Spread struct {
	Count              uint64
	Mean               time.Duration
	P50, P95, P99, Max time.Duration
}

// VariantResult is what one deployment cost.
type VariantResult struct {
	Deployment string
	GPUSeconds float64
	CostUSD    float64
}

// Result is what a run came to.
type Result struct {
	First      uint64 // first attempts: what users wanted
	Retries    uint64
	Answered   uint64 // in full, retries included
	Refused    uint64 // 429
	GaveUp     uint64 // no first token in time
	CutOff     uint64 // lost with their replica
	Unfinished uint64 // still under way at the end
	Evictions  uint64 // pods that lost their node

	Met        uint64  // first attempts answered in full, first token and pace within their goals
	Attainment float64 // Met / First: whatever is not finished is missed; 1 without any

	TTFT Spread // first attempts, from arrival at the gateway; without a token their age counts
	TPOT Spread // mean time between a request's tokens, answered requests
	ITL  Spread // time between tokens, every token; the largest is not known
	E2E  Spread // answered requests

	PromptTokens float64 // of requests with a first token
	OutputTokens float64
	PrefixHit    float64 // share of prompt tokens found in a prefix cache, 0..1
	Preemptions  uint64
	Variants     []VariantResult
	GPUSeconds   float64
	CostUSD      float64
}

// Result sums up the run so far, counting what is still under way as missed.
func (f *Fleet) Result() Result {
	a, t := &f.account, f.Totals()
	r := Result{
		First: t.Arrivals - t.Retries, Retries: t.Retries, Answered: t.Completed,
		Refused: t.Refused, GaveUp: t.GaveUp, CutOff: t.CutOff,
		Unfinished: t.Running + t.Waiting + t.Held, Evictions: a.evictions,
		Met: a.good, Attainment: 1,
		TPOT: a.tpot.spread(), E2E: a.e2e.spread(),
	}
	if r.First > 0 {
		r.Attainment = float64(r.Met) / float64(r.First)
	}
	ttft := a.ttft.Clone()
	f.eachWithoutToken(func(q *Request) {
		if q.arrival.Attempt == 0 {
			ttft.Observe(f.now - q.Arrived)
		}
	})
	r.TTFT = ttft.spread()
	work := f.stats()
	r.ITL, r.Preemptions = work.ITL.spread(), work.Preemptions
	r.PromptTokens, r.OutputTokens = work.PromptTokens, work.GeneratedTokens
	if work.PrefixQueries > 0 {
		r.PrefixHit = work.PrefixHits / work.PrefixQueries
	}
	for i, v := range f.variants {
		one := VariantResult{Deployment: v.Deployment, GPUSeconds: f.billed(i) * float64(v.GPUs)}
		one.CostUSD = one.GPUSeconds / 3600 * v.GPUHourUSD
		r.Variants = append(r.Variants, one)
		r.GPUSeconds += one.GPUSeconds
		r.CostUSD += one.CostUSD
	}
	return r
}

// stats are the counters of all replicas that ever were; of the histograms only ITL.
func (f *Fleet) stats() Stats {
	var sum Stats
	sum.add(&f.account.retired)
	for _, p := range f.pods {
		if p.rep != nil {
			sum.add(p.rep.stats())
		}
	}
	return sum
}

func (s *Sketch) spread() Spread {
	return Spread{
		Count: s.Count(), Mean: seconds(s.Mean()), P50: seconds(s.Quantile(0.5)), P95: seconds(s.Quantile(0.95)),
		P99: seconds(s.Quantile(0.99)), Max: seconds(s.Max()),
	}
}

func (h *Histogram) spread() Spread {
	n := h.Count()
	if n == 0 {
		return Spread{}
	}
	return Spread{
		Count: uint64(n), Mean: seconds(h.sum / n), P50: seconds(h.Quantile(0.5)), P95: seconds(h.Quantile(0.95)),
		P99: seconds(h.Quantile(0.99)),
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
