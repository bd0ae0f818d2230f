package policy

import (
	"math"
	"slices"
	"time"
)

const (
	gapDecay   = 0.98 // weight of a gap relative to the one after it
	maxGaps    = 128  // of which the oldest weighs 8 % of the newest
	enoughGaps = 5    // before, the timeout is the restart cost
)

// idleTimeout is how long to stay idle before zero, from past gaps between work,
// oldest first, and what a restart costs in time of an idle replica (the warm-up,
// and what users who wait for it are worth):
//
//	argmin over tau of sum 0.98^age (min(gap, tau) + cost [gap > tau]),  MinIdle <= tau <= cost
//
// Staying for the restart cost itself, as in the ski-rental problem, pays at most
// twice of what hindsight pays (Karlin et al. 1988); a learned timeout that is
// never longer keeps a bound and pays less where gaps are alike.
func idleTimeout(gaps []time.Duration, cost time.Duration) time.Duration {
	cost = max(cost, MinIdle)
	if len(gaps) < enoughGaps {
		return cost
	}
	best, least := cost, math.Inf(1)
	candidates := append(slices.Clone(gaps), MinIdle, cost)
	slices.Sort(candidates)
	for _, tau := range candidates {
		if tau < MinIdle || tau > cost {
			continue
		}
		if c := idleCost(gaps, tau, cost); c < least-1e-9 {
			best, least = tau, c
		}
	}
	return best
}

// idleCost is what a timeout would have cost over past gaps, in seconds.
func idleCost(gaps []time.Duration, tau, cost time.Duration) float64 {
	sum, weight := 0.0, 1.0
	for _, gap := range slices.Backward(gaps) {
		paid := gap
		if gap > tau {
			paid = tau + cost
		}
		sum += weight * paid.Seconds()
		weight *= gapDecay
	}
	return sum
}

// addGap adds the gap that ends when work comes after at least MinIdle of proven
// idleness. Time that proves nothing ends a gap without a lesson.
func (l *Learned) addGap(in *Input, c *census) {
	if idle := in.Now.Sub(l.LastBusy); !l.LastBusy.IsZero() && idle >= MinIdle && working(in, c) {
		gaps := append(slices.Clone(l.Gaps), idle)
		l.Gaps = gaps[max(len(gaps)-maxGaps, 0):]
	}
}

// working says that some work is seen.
func working(in *Input, c *census) bool {
	return in.Signals.Arrivals.Value > 0 || in.Signals.GatewayQueue.Value > 0 || c.flight > 0
}
