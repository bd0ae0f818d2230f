package rival

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim"
	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// llm-d's Workload Variant Autoscaler with the saturation analyzer (V2): llm-d-incubation/workload-variant-
// autoscaler b08b1c7 internal/engines/analyzers/saturation_v2, internal/engines/pipeline. One variant.
const (
	wvaTicks     = 4    // of the tick: a loop every 60 s
	wvaSaturated = 0.80 // k1: KV tokens that a replica should hold, as a share of all
	wvaQueue     = 5    // waiting requests per replica from which its tokens in use are its capacity k2
	wvaHistory   = 10   // k2 observations that are averaged
	wvaUp        = 0.85 // up when demand exceeds this share of capacity
	wvaDown      = 0.70 // down while demand stays under this share of it
	wvaBatch     = 8192 // B: tokens per forward pass, vLLM's max_num_batched_tokens
	wvaSeqs      = 256  // S: vLLM's max_num_seqs

	// wvaWindow, wvaPods and wvaPeriod are the behavior, in both directions, of the HPA in its chart
	// (charts/workload-variant-autoscaler/values.yaml).
	wvaWindow = 240 * time.Second
	wvaPods   = 10
	wvaPeriod = 150 * time.Second
)

// wva works in tokens: what runs holds TokensPerSlot each, what waits will need its prompt.
type wva struct {
	share float64 // takes the place of wvaUp; wvaDown keeps its ratio to it
	r     fluid.Replica
	k2    *recent
}

func newWVA(share float64, c *fluid.Course) fluid.Scaler {
	return &wva{share: share, r: c.World().Replica, k2: newRecent(wvaHistory)}
}

// newWVABehindHPA is WVA as it is installed: it publishes wva_desired_replicas, and an HPA follows that with an average
// value of 1, with the HPA's tolerance and the chart's behavior. What it published stands until its next look.
func newWVABehindHPA(share float64, c *fluid.Course) fluid.Scaler {
	w, published := newWVA(share, c), 0
	return newHPA(1, func(o *fluid.Observation) (float64, bool) {
		if o.Tick%wvaTicks == 0 || published == 0 {
			published = w.Decide(o)
		}
		return float64(published), true
	}).behaving(func(b *sim.Behavior) {
		for _, r := range []*sim.Rules{&b.Up, &b.Down} {
			r.Window, r.Policies = wvaWindow, []sim.Allowance{{Pods: wvaPods, Period: wvaPeriod}}
		}
	})
}

// Decide implements fluid.Scaler.
func (w *wva) Decide(o *fluid.Observation) int {
	e := o.Engines
	if o.Tick%wvaTicks != 0 || e.Pods == 0 || o.Blind {
		return o.Spec
	}
	used := e.Running * w.r.TokensPerSlot()
	if e.Pending/float64(e.Pods) >= wvaQueue {
		w.k2.add(used / float64(e.Pods))
	}
	demand, capacity := used+e.Pending*w.r.Prompt, w.capacity()
	supply := float64(o.Ready+len(o.Warming)) * capacity
	if missing := demand/w.share - supply; missing > 0 {
		return o.Spec + int(math.Ceil(missing/capacity-1e-9))
	}
	spare := float64(o.Ready)*capacity - demand/(w.share*wvaDown/wvaUp)
	return o.Spec - max(int(math.Floor(spare/capacity+1e-9)), 0)
}

// capacity is min(k1, k2) of one replica in tokens. k2 is observed, else derived from the batch:
// N = min(B*O/(I+O), S) requests of I+O/2 tokens.
func (w *wva) capacity() float64 {
	k1 := wvaSaturated * w.r.Slots() * w.r.TokensPerSlot()
	if w.k2.len() > 0 {
		return math.Min(k1, w.k2.mean())
	}
	n := math.Min(wvaBatch*w.r.Output/(w.r.Prompt+w.r.Output), wvaSeqs)
	return math.Min(k1, n*w.r.TokensPerSlot())
}
