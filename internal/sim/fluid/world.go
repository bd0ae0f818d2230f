package fluid

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// WarmUp is how long a replica takes from order to ready: lognormal with this median, Sigma being the standard
// deviation of the logarithm; fixed if Sigma is 0. Rounded up to whole ticks.
type WarmUp struct {
	Median time.Duration
	Sigma  float64
}

// Sight says what demand looks like from outside.
type Sight struct {
	// Window is the span of the rate that is computed from a scraped counter, like rate(x[2m]). Zero is exact
	// sight: the rate of the last finished tick.
	Window time.Duration
	// Phase is when within each tick the counter is scraped, [0, step). Exact sight has none.
	Phase time.Duration
	// Delay is how many more ticks pass before a measurement can be read.
	Delay int
}

// Exact is the sight of the first experiments: the rate of the last finished tick, one scrape late.
func Exact() Sight { return Sight{Delay: 1} }

// Scraped is what the product sees by default: a two-minute rate window over a counter scraped in mid-tick.
func Scraped() Sight { return Sight{Window: 2 * time.Minute, Phase: 7500 * time.Millisecond} }

// Replica is one replica as a vessel. All but Rate serve only to show engines' metrics to policies that read
// them: neither the score nor the bill depends on them.
//
// A request occupies a slot for Service seconds whatever the load, so a replica at its capacity has
// Rate*Service requests in flight, and that is KV of its slots. Beyond its capacity requests first fill the
// remaining slots, then queue; they leave the queue unserved after Patience. A request in a slot holds its
// prompt and half its output in KV tokens, the mean over its life.
type Replica struct {
	Rate     float64       // requests/s that it sustains within the SLO, and all it ever serves
	Service  time.Duration // from first to last moment in a slot
	KV       float64       // KV-cache use at Rate, (0, 1]
	Prompt   float64       // tokens per request
	Output   float64       // tokens per request
	TTFT     time.Duration // p95 without a queue
	Patience time.Duration // how long a client waits in the queue; 0 = no queue at all
}

// DefaultReplica is the knee of one Qwen3-32B replica in the llm-d sweep (llm-d autoscaling PR 1249): 2
// requests/s of about 1,000 prompt and 640 output tokens. About 30 ms per token make 19 s of service. KV at
// that knee is set to 0.8, WVA's own saturation threshold: the value that flatters policies that read KV.
func DefaultReplica() Replica {
	return Replica{
		Rate: 2, Service: 19 * time.Second, KV: 0.8, Prompt: 1000, Output: 640,
		TTFT: 200 * time.Millisecond, Patience: time.Minute,
	}
}

// Slots is how many requests fit into one replica.
func (r Replica) Slots() float64 { return r.Rate * r.Service.Seconds() / r.KV }

// TokensPerSlot is what a request holds in the KV cache on average.
func (r Replica) TokensPerSlot() float64 { return r.Prompt + r.Output/2 }

// World is everything about a run but the demand and the policy.
type World struct {
	Replica Replica
	WarmUp  WarmUp
	Sight   Sight
	Faults  Faults
	Pools   []Pool  // the variants; none = one of on-demand replicas, with the limits below
	Quota   int     // GPUs that all pools together may use; 0 = no limit
	Spread  float64 // of the speeds of single replicas: standard deviation of the logarithm, mean 1; 0 = alike
	// AtFinish says that no gateway counts arrivals, see Observation.
	AtFinish bool
	Min      int // replicas; billed whatever the policy says
	Max      int // 0 = no limit
	Start    int // replicas of the first pool ready at the beginning; 0 = enough for the first tick
	BurnIn   int // ticks before the score and the bill begin; the policy is driven through them
	Points   int // length of the timeline; 0 = none
	Seed     uint64
	Begin    time.Time // of tick 0; a multiple of the step since the Unix epoch
}

// DefaultWorld warms up in five minutes and keeps at least one replica.
func DefaultWorld() World {
	return World{
		Replica: DefaultReplica(), WarmUp: WarmUp{Median: 5 * time.Minute}, Sight: Exact(), Min: 1, Seed: 1,
		Begin: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC),
	}
}

func (w World) check(step time.Duration) error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	r := w.Replica
	bad(r.Rate > 0 && !math.IsInf(r.Rate, 0), "replica.rate: want above 0, got %g", r.Rate)
	bad(r.Service > 0, "replica.service: want above 0, got %v", r.Service)
	bad(r.KV > 0 && r.KV <= 1, "replica.kv: want (0, 1], got %g", r.KV)
	bad(r.Prompt >= 0, "replica.prompt: want at least 0, got %g", r.Prompt)
	bad(r.Output >= 0, "replica.output: want at least 0, got %g", r.Output)
	bad(r.Patience >= 0, "replica.patience: want at least 0, got %v", r.Patience)
	bad(w.WarmUp.Median >= 0, "warmUp.median: want at least 0, got %v", w.WarmUp.Median)
	bad(w.WarmUp.Sigma >= 0, "warmUp.sigma: want at least 0, got %g", w.WarmUp.Sigma)
	bad(w.Sight.Window >= 0 && w.Sight.Delay >= 0, "sight: want a window and a delay of at least 0, got %v and %d",
		w.Sight.Window, w.Sight.Delay)
	bad(w.Sight.Phase >= 0 && w.Sight.Phase < step, "sight.phase: want within a tick of %v, got %v", step, w.Sight.Phase)
	bad(w.Min >= 0, "min: want at least 0, got %d", w.Min)
	bad(w.Max == 0 || w.Max >= w.Min, "max: want at least min (%d), got %d", w.Min, w.Max)
	bad(w.Quota >= 0, "quota: want at least 0 GPUs, got %d", w.Quota)
	bad(w.Spread >= 0, "spread: want at least 0, got %g", w.Spread)
	errs = append(errs, w.Faults.check())
	for _, p := range w.Pools {
		errs = append(errs, p.check())
	}
	bad(w.BurnIn >= 0, "burnIn: want at least 0, got %d", w.BurnIn)
	bad(w.Begin.UnixNano()%int64(step) == 0, "begin: want a multiple of %v, got %v", step, w.Begin)
	return errors.Join(errs...)
}
