package policy

import (
	"math"
	"sort"
	"time"
)

const (
	// controlDelay is what passes between a change of load and a new replica
	// being asked for: scrape, half a rate window, our tick, the autoscaler's sync.
	controlDelay = 90 * time.Second
	// cacheRefill is how long a new replica needs until its prefix cache is
	// worth that of the one it replaces.
	cacheRefill = 5 * time.Minute
	// maxWarmUp caps what one stuck pod can teach.
	maxWarmUp = 30 * time.Minute
	// warmUpQuantile of the observed warm-ups is planned with.
	warmUpQuantile = 0.9
)

// WarmUp is the time from asking for a replica of variant i to its first useful
// token: configured; else the 0.9 quantile of observed warm-ups, with the prior
// counting as two of them until three were seen. A replica that is still starting
// is a lower bound: it raises the answer once it is older. Starved replicas wait
// for a node, not for a model, and teach nothing.
func WarmUp(m Model, l Learned, in Input, i int) time.Duration {
	v := m.Variants[i]
	if v.WarmUpFixed {
		return v.WarmUp
	}
	seen := append([]time.Duration{v.WarmUp, v.WarmUp}, l.variant(i).WarmUps...)
	if len(l.variant(i).WarmUps) >= 3 {
		seen = seen[2:]
	}
	sort.Slice(seen, func(a, b int) bool { return seen[a] < seen[b] })
	w := seen[min(int(math.Ceil(float64(len(seen))*warmUpQuantile)), len(seen))-1]
	if ages := supplyOf(in, i).loading(); len(ages) > 0 {
		w = max(w, ages[0])
	}
	return min(w, maxWarmUp)
}

// Lead is how far ahead an order must look: the longest warm-up among the
// model's variants plus the control delay.
func Lead(m Model, l Learned, in Input) time.Duration {
	longest := time.Duration(0)
	for i := range m.Variants {
		longest = max(longest, WarmUp(m, l, in, i))
	}
	return longest + controlDelay
}

// Keep is the break-even time of a release: giving a replica back pays only if
// it is not needed again before it could be warm with a warm cache.
func Keep(m Model, l Learned, in Input) time.Duration { return Lead(m, l, in) + cacheRefill }

// Horizons are the horizons that Propose reads from a forecast, ascending.
func Horizons(m Model, l Learned, in Input) []time.Duration {
	return []time.Duration{time.Minute, Lead(m, l, in), Keep(m, l, in)}
}

// loading are the ages of the starting pods that have a node, oldest first.
func (s Supply) loading() []time.Duration { return s.Ages[min(s.Starved, len(s.Ages)):] }
