package backtest

import (
	"slices"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// run is one fleet, tick by tick, in the terms in which all fleets are scored.
type run struct {
	paid     []int     // replicas ready or starting; unknownCount = not known
	capacity []float64 // requests/s that the ready ones carry
	ready    []int     // nil = not kept
	pools    [][]int   // paid of each variant that takes part; nil where it is all the main one
}

// hours are the replica-hours of a variant on the scored ticks.
func (r run) hours(b *bench) func(variant int) float64 {
	return func(variant int) float64 {
		p, sum := slices.Index(b.parts, variant), 0.0
		for k, ok := range b.counts {
			switch {
			case !ok:
			case r.pools != nil && p >= 0:
				sum += float64(r.pools[k][p])
			case r.pools == nil && variant == b.main:
				sum += float64(r.paid[k])
			}
		}
		return sum * b.load.Step.Hours()
	}
}

// tally is what a run came to on the scored ticks.
type tally struct {
	Ticks      int
	Requests   float64 // that arrived
	Late       float64 // that arrived in ticks with more demand than ready capacity
	Unmet      float64 // that exceeded ready capacity
	Hours      float64 // replica-hours, starting ones included
	ColdStarts int     // replicas added
	Flaps      int     // changes against the direction of the one before, within fluid.FlapWithin
	Peak       int     // most replicas
}

// rounding keeps it from deciding whether a fleet carries exactly its capacity.
const rounding = 1e-9

// score books the ticks that count. A change of the count belongs to the tick in which it is seen.
func score(step time.Duration, rate []float64, counts []bool, r run) tally {
	var t tally
	before, changed, up := unknownCount, -1, false
	within := int(fluid.FlapWithin / step)
	for k, ok := range counts {
		n := r.paid[k]
		if n == unknownCount {
			continue
		}
		if before != unknownCount && n != before {
			if ok {
				t.ColdStarts += max(n-before, 0)
				if changed >= 0 && up != (n > before) && k-changed <= within {
					t.Flaps++
				}
			}
			changed, up = k, n > before
		}
		before = n
		if !ok {
			continue
		}
		came := rate[k] * step.Seconds()
		t.Ticks++
		t.Requests += came
		t.Hours += float64(n) * step.Hours()
		t.Peak = max(t.Peak, n)
		if over := rate[k] - r.capacity[k]; over > rounding*max(r.capacity[k], 1) {
			t.Late += came
			t.Unmet += over * step.Seconds()
		}
	}
	return t
}

// segment is the ticks [From, To).
type segment struct{ From, To int }

// stretches are the runs of ticks with the given verdict.
func stretches(counts []bool, verdict bool) []segment {
	var out []segment
	for k, ok := range counts {
		if ok != verdict {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To == k {
			out[n-1].To = k + 1
			continue
		}
		out = append(out, segment{k, k + 1})
	}
	return out
}
