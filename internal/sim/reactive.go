package sim

import (
	"math"
	"time"
)

// Reactive is the plain HorizontalPodAutoscaler rule on a per-pod average (pending or running requests),
// without spec.behavior, as the controller computes it:
//
//  1. ratio = average over pods with a reading / Target. Within Tolerance of 1: no change.
//  2. Pods without a reading (still starting) count as 0 when the ratio is above 1 and as Target when it
//     is below. If the corrected ratio is within Tolerance or points the other way: no change. Else
//     ceil(corrected ratio * pods), never moving against the ratio.
//  3. The largest proposal of the last Window holds, so shrinking waits for five quiet minutes.
//  4. At most max(2n, 4) per sync, then Min and Max.
//
// The controller syncs every 15 s; the caller keeps that rhythm. No reading at all: no change.
type Reactive struct {
	Target    float64 // requests per pod
	Tolerance float64 // 0.1 is 10 %
	Window    time.Duration
	Min, Max  int
	// DownStep is how many replicas may go within DownEvery (a Pods policy of behavior.scaleDown); 0 = any.
	DownStep  int
	DownEvery time.Duration

	past []proposal // of the window, without those that a later one reaches: descending
	gone []proposal // replicas taken away, for DownStep
}

type proposal struct {
	at time.Time
	n  int
}

// ReactiveSync is how often the controller runs by default.
const ReactiveSync = 15 * time.Second

// NewReactive returns the rule with the defaults of the controller.
func NewReactive(target float64, least, most int) *Reactive {
	return &Reactive{Target: target, Tolerance: 0.1, Window: 5 * time.Minute, Min: least, Max: most}
}

// Sync decides from the present spec, the pods with a reading and the sum of their readings.
func (h *Reactive) Sync(now time.Time, replicas, pods int, total float64) int {
	if replicas == 0 {
		return 0 // the controller is disabled at zero
	}
	if h.past == nil {
		h.past = append(h.past, proposal{now, replicas}) // a controller starts from what it finds
	}
	n := h.stabilise(now, h.propose(replicas, pods, total))
	n = min(n, max(2*replicas, 4))
	return max(h.Min, min(h.Max, h.slowly(now, replicas, n)))
}

// slowly lets no more replicas go than DownStep allows.
func (h *Reactive) slowly(now time.Time, replicas, n int) int {
	if h.DownStep <= 0 || n >= replicas {
		return n
	}
	left, kept := h.DownStep, h.gone[:0]
	for _, p := range h.gone {
		if now.Sub(p.at) < h.DownEvery {
			kept = append(kept, p)
			left -= p.n
		}
	}
	h.gone = kept
	n = max(n, replicas-max(left, 0))
	if n < replicas {
		h.gone = append(h.gone, proposal{now, replicas - n})
	}
	return n
}

func (h *Reactive) propose(replicas, pods int, total float64) int {
	if pods <= 0 {
		return replicas
	}
	ratio := total / float64(pods) / h.Target
	if h.within(ratio) {
		return replicas
	}
	missing := max(0, replicas-pods)
	if missing == 0 {
		return int(math.Ceil(ratio * float64(pods)))
	}
	if ratio < 1 {
		total += float64(missing) * h.Target
	}
	all := pods + missing
	corrected := total / float64(all) / h.Target
	if h.within(corrected) || (ratio > 1) != (corrected > 1) {
		return replicas
	}
	n := int(math.Ceil(corrected * float64(all)))
	if (corrected < 1 && n > replicas) || (corrected > 1 && n < replicas) {
		return replicas
	}
	return n
}

func (h *Reactive) within(ratio float64) bool { return math.Abs(1-ratio) <= h.Tolerance }

// stabilise remembers a proposal and returns the largest of the window.
func (h *Reactive) stabilise(now time.Time, n int) int {
	for len(h.past) > 0 && h.past[len(h.past)-1].n <= n {
		h.past = h.past[:len(h.past)-1]
	}
	h.past = append(h.past, proposal{now, n})
	old := 0
	for now.Sub(h.past[old].at) > h.Window {
		old++
	}
	h.past = append(h.past[:0], h.past[old:]...)
	return h.past[0].n
}
