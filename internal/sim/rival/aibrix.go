package rival

import (
	"math"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// AIBrix's PodAutoscaler: vllm-project/aibrix e3e10f9 pkg/controller/podautoscaler/{algorithm,metrics,context} and
// podautoscaler_controller.go. It looks every 10 s (here: every tick) at the mean of a metric over its pods, in
// its samples KV-cache use, target 0.5, or at one from elsewhere. Two of its parts do not do in the code what they are named and
// documented for, so each algorithm is here twice: as coded, and as intended.
//
//   - KPA stores the mean per pod and wants ceil(mean/target), without the number of pods: as intended, the sum.
//     Its panic mode keeps no state, so that a tick without panic may decrease at once.
//   - The stabilisation keeps the lowest wish of the window of 300 s when shrinking: as intended, the highest.
//
// These were read in the source; nothing of AIBrix was run.
const (
	aibrixTarget    = 0.5 // of KV-cache use, samples/autoscaling/kpa.yaml
	aibrixTolerance = 0.1
	aibrixRate      = 2.0 // at most times this up, at most divided by this down
	aibrixStable    = 12  // ticks: 180 s
	aibrixPanic     = 4   // ticks: 60 s
	aibrixThreshold = 2.0
	aibrixDown      = 20 // ticks: 300 s
	aibrixOptimizer = 16 // ticks: 240 s
)

// aibrix is what its algorithms share.
type aibrix struct {
	most     float64
	intended bool
	wish     func(o *fluid.Observation) (float64, bool)
	down     *highest // of the wishes; negated, the lowest
}

// newAIBrix gets twice the peak's replicas, known beforehand, as maxReplicas: the API wants one, and while replicas
// load, use over target doubles the count with every look.
func newAIBrix(intended bool, c *fluid.Course, wish func(*fluid.Observation) (float64, bool)) fluid.Scaler {
	most := 2 * replicas(c.Load().Peak(0), c.World().Replica.Rate)
	return &aibrix{float64(most), intended, wish, newHighest(aibrixDown + 1)}
}

// heard passes on a wish that is made from the pods' own metrics.
func heard(wish func(o *fluid.Observation) float64) func(*fluid.Observation) (float64, bool) {
	return func(o *fluid.Observation) (float64, bool) {
		if o.Engines.Pods == 0 || o.Blind {
			return 0, false
		}
		return wish(o), true
	}
}

// Decide implements fluid.Scaler. Without a metric it holds.
func (a *aibrix) Decide(o *fluid.Observation) int {
	want, ok := a.wish(o)
	if !ok {
		return o.Spec
	}
	n := math.Max(float64(o.Spec), 1)
	want = min(max(want, math.Floor(n/aibrixRate)), math.Ceil(n*aibrixRate), a.most)
	if a.intended {
		return int(a.down.add(want))
	}
	if low := -a.down.add(-want); want < n {
		want = low
	}
	return int(want)
}

// aibrixAPA is ceil(n * use/target), where use is more than a tenth off target.
func aibrixAPA(intended bool) build {
	return func(target float64, c *fluid.Course) fluid.Scaler {
		return newAIBrix(intended, c, heard(func(o *fluid.Observation) float64 {
			return apa(float64(o.Spec), o.Engines.KV/target)
		}))
	}
}

// apa is n times the ratio of what is measured to the target, or n where that ratio is near 1.
func apa(n, ratio float64) float64 {
	if math.Abs(ratio-1) <= aibrixTolerance+1e-9 {
		return n
	}
	return math.Ceil(n*ratio - 1e-9)
}

// aibrixKPA is ceil(stable/target), in panic the larger of that and of the panic window's.
func aibrixKPA(intended bool) build {
	return func(target float64, c *fluid.Course) fluid.Scaler {
		stable, burst := newRecent(aibrixStable), newRecent(aibrixPanic)
		since, most := aibrixPanic, 0.0 // ticks since the newest moment of panic; the most wanted in it
		return newAIBrix(intended, c, heard(func(o *fluid.Observation) float64 {
			use := o.Engines.KV
			if intended {
				use *= float64(o.Engines.Pods)
			}
			stable.add(use)
			burst.add(use)
			want, inPanic := math.Ceil(stable.mean()/target-1e-9), math.Ceil(burst.mean()/target-1e-9)
			over := stable.mean() <= 0 || burst.mean()/stable.mean() > aibrixThreshold
			since = min(since+1, aibrixPanic)
			if over {
				since, want = 0, max(want, inPanic)
			}
			if !intended {
				return want
			}
			if since == aibrixPanic {
				most = 0
				return want
			}
			most = max(most, want, inPanic)
			return most
		}))
	}
}

// aibrixGPUs is the GPU optimizer with one kind of GPU and one kind of request: the larger of the mean rate of 240 s and
// the present one, over the profiled throughput. Its clustering of token lengths has nothing to do here. It moves no
// replicas itself: a PodAutoscaler reads its count as a metric, here the APA, so that tolerance, rates and stabilisation
// come after it.
func aibrixGPUs(intended bool) build {
	return func(share float64, c *fluid.Course) fluid.Scaler {
		per, window := share*c.World().Replica.Rate, newRecent(aibrixOptimizer)
		return newAIBrix(intended, c, func(o *fluid.Observation) (float64, bool) {
			if !o.Known {
				return 0, false
			}
			window.add(o.Rate)
			n := math.Max(float64(o.Spec), 1)
			return apa(n, float64(replicas(max(window.mean(), o.Rate), per))/n), true
		})
	}
}
