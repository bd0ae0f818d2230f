package sim

import (
	"math"
	"time"
)

// Reactive is the HorizontalPodAutoscaler rule on a per-pod average (pending or running requests), as the controller
// computes it:
//
//  1. ratio = average over pods with a reading / Target. Within Tolerance of 1: no change.
//  2. Pods without a reading (still starting) count as 0 when the ratio is above 1 and as Target when it
//     is below. If the corrected ratio is within Tolerance or points the other way: no change. Else
//     ceil(corrected ratio * pods), never moving against the ratio.
//  3. The largest proposal of the last Window holds, so shrinking waits for five quiet minutes.
//  4. At most max(2n, 4) per sync, then Min and Max.
//
// With a spec.behavior, 3 and 4 are Behavior's.
//
// The controller syncs every 15 s; the caller keeps that rhythm. No reading at all: no change.
type Reactive struct {
	Target    float64 // requests per pod
	Tolerance float64 // 0.1 is 10 %
	Window    time.Duration
	Min, Max  int
	Behavior  *Behavior // nil = none; with one, its windows and tolerances count

	past  extremes   // proposals, for the highest
	lows  extremes   // for the lowest
	moves []proposal // replicas added or, below zero, taken away, oldest first
}

type proposal struct {
	at time.Time
	n  int
}

const (
	defaultTolerance = 0.1
	defaultWindow    = 5 * time.Minute
)

// ReactiveSync is how often the controller runs by default.
const ReactiveSync = 15 * time.Second

// NewReactive returns the rule with the defaults of the controller.
func NewReactive(target float64, least, most int) *Reactive {
	return &Reactive{Target: target, Tolerance: defaultTolerance, Window: defaultWindow, Min: least, Max: most}
}

// Sync decides from the present spec, the pods with a reading and the sum of their readings.
func (h *Reactive) Sync(now time.Time, replicas, pods int, total float64) int {
	if replicas == 0 {
		return 0 // the controller is disabled at zero
	}
	if h.past == nil { // a controller starts from what it finds
		h.past, h.lows = extremes{{now, replicas}}, extremes{{now, replicas}}
	}
	n := h.propose(replicas, pods, total)
	if h.Behavior != nil {
		n = h.behave(now, replicas, n)
	} else {
		n = h.past.add(now, n, h.Window, func(old, n int) bool { return old > n })
		n = min(n, max(2*replicas, 4))
	}
	n = max(h.Min, min(h.Max, n))
	if n != replicas && h.Behavior != nil {
		h.moves = append(h.moves, proposal{now, n - replicas})
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
		return whole(total / h.Target)
	}
	if ratio < 1 {
		total += float64(missing) * h.Target
	}
	all := pods + missing
	corrected := total / float64(all) / h.Target
	if h.within(corrected) || (ratio > 1) != (corrected > 1) {
		return replicas
	}
	n := whole(corrected * float64(all))
	if (corrected < 1 && n > replicas) || (corrected > 1 && n < replicas) {
		return replicas
	}
	return n
}

// whole rounds up. The controller divides whole thousandths, so an exact multiple stays what it is; here a rounding
// error would order one more.
func whole(n float64) int { return int(math.Ceil(n - 1e-9)) }

func (h *Reactive) within(ratio float64) bool {
	up, down := h.Tolerance, h.Tolerance
	if b := h.Behavior; b != nil {
		up, down = b.Up.Tolerance, b.Down.Tolerance
	}
	return 1-down <= ratio && ratio <= 1+up
}

// extremes are the proposals of a window that no later one reaches; the first is the extreme.
type extremes []proposal

// add remembers a proposal and returns the extreme of those that are at most so old; the new one counts in any case.
// beyond says whether an old one still matters beside a new one.
func (e *extremes) add(now time.Time, n int, oldest time.Duration, beyond func(old, n int) bool) int {
	s := *e
	for len(s) > 0 && !beyond(s[len(s)-1].n, n) {
		s = s[:len(s)-1]
	}
	s = append(s, proposal{now, n})
	old := 0
	for old < len(s)-1 && now.Sub(s[old].at) > oldest {
		old++
	}
	*e = append(s[:0], s[old:]...)
	return (*e)[0].n
}
