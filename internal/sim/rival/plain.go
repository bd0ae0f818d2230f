package rival

import (
	"math"
	"time"

	"github.com/forewarm/forewarm/internal/sim/fluid"
)

// maxWindow is the moving maximum's window: Google's Autopilot (Rzadca et al., EuroSys 2020) keeps the peak of
// a window; 30 minutes is the best one window for all of 5 to 180 minutes in the first experiments.
const maxWindow = 30 * time.Minute

// newMovingMax keeps enough replicas for the highest rate of the window at a share of their capacity.
func newMovingMax(share float64, c *fluid.Course) fluid.Scaler {
	per := share * c.World().Replica.Rate
	window := newHighest(int(maxWindow / c.Load().Step))
	return fluid.ScalerFunc(func(o *fluid.Observation) int {
		if !o.Known {
			return o.Spec
		}
		return replicas(window.add(o.Rate), per)
	})
}

// newStaticPeak never moves: a share of what the highest rate of the whole course needs, known beforehand.
func newStaticPeak(share float64, c *fluid.Course) fluid.Scaler {
	return always(replicas(share*c.Load().Peak(c.World().BurnIn), c.World().Replica.Rate))
}

// newAlways never moves: a multiple of what the mean rate of the whole course needs, known beforehand.
func newAlways(times float64, c *fluid.Course) fluid.Scaler {
	return always(replicas(times*c.Load().Mean(c.World().BurnIn), c.World().Replica.Rate))
}

func always(n int) fluid.Scaler {
	return fluid.ScalerFunc(func(*fluid.Observation) int { return n })
}

// replicas is how many carry a rate; rounding errors order nothing.
func replicas(rate, per float64) int { return int(math.Ceil(rate/per - 1e-9)) }
