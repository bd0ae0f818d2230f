package fluid

import (
	"math"

	"github.com/forewarm/forewarm/policy"
)

// Total is how many replicas of speed 1 a load needs, by whatever rule.
type Total func(o *Observation) float64

// Need knows what is to come within a warm-up: a total that is never wrong, so that what is compared is the split.
func Need(c *Course) Total {
	ahead := 0
	for _, p := range c.world.pools() {
		ahead = max(ahead, c.load.ticks(p.WarmUp.Median))
	}
	return func(o *Observation) float64 {
		until := min(o.Tick+ahead+1, len(c.load.Rate))
		return float64(c.need(highestOf(c.load.Rate[o.Tick:until])))
	}
}

// split is a Mixer: a total, and what to do with it.
type split struct {
	total Total
	over  func(o *Observation, total float64, want []int)
}

// DecideAll implements Mixer.
func (s split) DecideAll(o *Observation, want []int) {
	for i := range want {
		want[i] = 0
	}
	s.over(o, s.total(o), want)
}

// Decide implements Scaler.
func (s split) Decide(o *Observation) int {
	want := make([]int, len(o.Pools))
	s.DecideAll(o, want)
	return want[0]
}

// OnDemandOnly asks for all of it in the first pool that is not spot.
func OnDemandOnly(t Total) Mixer {
	return split{t, func(o *Observation, total float64, want []int) { firm(o, total, want) }}
}

// firm asks for a load in the first pool that is not spot.
func firm(o *Observation, load float64, want []int) {
	for i, p := range o.Pools {
		if p.Type != policy.Spot {
			want[i] = replicas(load, p.Speed)
			return
		}
	}
}

// EvenSpread is the naive way to save: the total evenly over all pools, whatever is there; spotOnly leaves out
// those that are not spot.
func EvenSpread(t Total, spotOnly bool) Mixer {
	return split{t, func(o *Observation, total float64, want []int) {
		n := 0
		for _, p := range o.Pools {
			if p.Type == policy.Spot || !spotOnly {
				n++
			}
		}
		for i, p := range o.Pools {
			if p.Type == policy.Spot || !spotOnly {
				want[i] = replicas(total/float64(n), p.Speed)
			}
		}
	}}
}

// SpotHedge is SkyServe's rule (Mao et al., arXiv 2411.01438): N + extra replicas on spot, spread evenly, and on
// demand what of them is not ready, at most N. Its choice of zones that were not preempted lately is left out.
func SpotHedge(t Total, extra float64) Mixer {
	return split{t, func(o *Observation, total float64, want []int) {
		spot, ready := 0, 0.0
		for _, p := range o.Pools {
			if p.Type == policy.Spot {
				spot++
				ready += float64(p.Ready) * p.Speed
			}
		}
		for i, p := range o.Pools {
			if p.Type == policy.Spot {
				want[i] = replicas((total+extra)/float64(spot), p.Speed)
			}
		}
		firm(o, min(total, max(total+extra-ready, 0)), want)
	}}
}

// replicas is how many of a speed carry a load; rounding errors order nothing.
func replicas(total, speed float64) int { return int(math.Ceil(total/speed - tolerance)) }
