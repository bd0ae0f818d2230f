package backtest

import (
	"math"
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/signals"
	"github.com/forewarm/forewarm/policy"
)

// unknownCount is a replica count that nobody knows.
const unknownCount = -1

// History is what was seen of one model, tick by tick. Tick k begins Step*k after Begin.
type History struct {
	Model   policy.Model
	Begin   time.Time
	Step    time.Duration
	Rate    []float64 // requests/s; NaN = not known, or known in part only
	Partial int       // ticks whose rate was a lower bound
	Paid    [][]int   // per variant: replicas ready or starting; unknownCount = not known
	Ready   [][]int   // per variant: replicas serving
	Learned policy.Learned
	Lower   []float64       // per variant: most requests/s a replica carried while the SLO held; 0 = never seen
	Upper   []float64       // per variant: median requests/s a replica had while a queue stood; 0 = never seen
	WarmUps []time.Duration // that were seen, all variants
}

// recorder folds inputs of ascending moments, Step apart, into a History.
type recorder struct {
	h     *History
	upper [][]float64
}

func newRecorder(m policy.Model, begin time.Time, step time.Duration) *recorder {
	n := len(m.Variants)
	return &recorder{
		h: &History{
			Model: m, Begin: begin, Step: step, Paid: make([][]int, n), Ready: make([][]int, n),
			Lower: make([]float64, n), Upper: make([]float64, n),
		},
		upper: make([][]float64, n),
	}
}

// skip books a moment that could not be loaded.
func (r *recorder) skip() {
	r.h.Rate = append(r.h.Rate, math.NaN())
	for i := range r.h.Paid {
		r.h.Paid[i] = append(r.h.Paid[i], unknownCount)
		r.h.Ready[i] = append(r.h.Ready[i], unknownCount)
	}
}

// add books what was known at a moment.
func (r *recorder) add(in policy.Input) {
	h := r.h
	r.skip()
	last := len(h.Rate) - 1
	switch a := in.Signals.Arrivals; {
	case !a.Known || math.IsNaN(a.Value) || math.IsInf(a.Value, 0) || a.Value < 0:
	case slices.ContainsFunc(in.Faults, func(f policy.Fault) bool { return f.Code == signals.FaultArrivalsPartial }):
		h.Partial++
	default:
		h.Rate[last] = a.Value
	}
	r.supply(in.Supply, last)
	h.Learned = policy.Observe(h.Model, h.Learned, in)
	for i, l := range h.Learned.Variants {
		h.Lower[i] = max(h.Lower[i], l.Lower.Requests)
		if l.Missing > standingFor && l.Upper.Requests > 0 {
			r.upper[i] = append(r.upper[i], l.Upper.Requests)
		}
	}
}

// supply books the replicas of a tick.
func (r *recorder) supply(all []policy.Supply, tick int) {
	h := r.h
	for i, v := range h.Model.Variants {
		for _, s := range all {
			if s.Variant == v.Name && s.Known {
				h.Paid[i][tick], h.Ready[i][tick] = s.Ready+s.Starting, s.Ready
				h.WarmUps = append(append(h.WarmUps, s.WarmUps...), s.NewNodes...)
			}
		}
	}
}

// standingFor is for how long a queue must have stood before policy takes it for evidence.
const standingFor = time.Minute

// rateLag is by how much a rate reading trails the demand it describes: half of the window it is the mean of.
func rateLag(window time.Duration) time.Duration { return window / 2 }

// finish aligns rates with replicas, drops what lies before the first known rate, and returns the history.
// A reading is the mean of the rate window that ends with it, so it belongs to the tick in the window's middle.
func (r *recorder) finish(lag time.Duration) *History {
	h := r.h
	shift := int((lag + h.Step/2 + h.Step - 1) / h.Step)
	first := slices.IndexFunc(h.Rate, func(v float64) bool { return !math.IsNaN(v) })
	first = max(first-shift, 0)
	n := max(len(h.Rate)-shift, first)
	h.Rate = h.Rate[min(first+shift, len(h.Rate)):]
	for i := range h.Paid {
		h.Paid[i], h.Ready[i] = h.Paid[i][first:n], h.Ready[i][first:n]
		slices.Sort(r.upper[i])
		if k := len(r.upper[i]); k > 0 {
			h.Upper[i] = r.upper[i][k/2]
		}
	}
	h.Begin = h.Begin.Add(time.Duration(first) * h.Step)
	slices.Sort(h.WarmUps)
	return h
}

// usable says whether any demand is known.
func (h *History) usable() bool {
	return slices.ContainsFunc(h.Rate, func(v float64) bool { return !math.IsNaN(v) })
}

// counted says whether all variants' replicas are known in a tick.
func (h *History) counted(k int) bool {
	for i := range h.Paid {
		if h.Paid[i][k] == unknownCount {
			return false
		}
	}
	return len(h.Paid) > 0
}

// hasFleet says whether replicas are known in any tick whose demand is.
func (h *History) hasFleet() bool {
	for k, v := range h.Rate {
		if !math.IsNaN(v) && h.counted(k) {
			return true
		}
	}
	return false
}
