package backtest

import (
	"math"

	"github.com/forewarm/forewarm/internal/sim/fluid"
	"github.com/forewarm/forewarm/internal/study"
)

// moments thin a fleet to so many stretches; at tells what was wanted and what was ready in a tick. Unknown is NaN.
func (b *bench) moments(points int, at func(tick int) (wanted, ready float64)) []study.Moment {
	n := len(b.load.Rate)
	stride := max((n+points-1)/points, 1)
	var out []study.Moment
	for from := 0; from < n; from += stride {
		m := study.Moment{
			Day: float64(from) * b.load.Step.Hours() / 24, Load: math.NaN(), Wanted: math.NaN(), Ready: math.NaN(),
		}
		for k := from; k < min(from+stride, n); k++ {
			wanted, ready := at(k)
			m.Wanted, m.Ready = either(math.Max, m.Wanted, wanted), either(math.Min, m.Ready, ready)
			if !math.IsNaN(b.h.Rate[b.tickOf(k)]) {
				m.Load = either(math.Max, m.Load, b.load.Rate[k])
			}
		}
		out = append(out, m)
	}
	return out
}

// either is the one of two numbers that is one, or what pick makes of both.
func either(pick func(x, y float64) float64, x, y float64) float64 {
	switch {
	case math.IsNaN(x):
		return y
	case math.IsNaN(y):
		return x
	}
	return pick(x, y)
}

// asItWas is the fleet of the history over time, all variants together; wanted is what was ready or starting.
func (b *bench) asItWas(points int) study.Ride {
	return study.Ride{Policy: fleetRow, Points: b.moments(points, func(k int) (wanted, ready float64) {
		i := b.tickOf(k)
		if !b.h.counted(i) {
			return math.NaN(), math.NaN()
		}
		for v := range b.h.Paid {
			wanted, ready = wanted+float64(b.h.Paid[v][i]), ready+float64(b.h.Ready[v][i])
		}
		return wanted, ready
	})}
}

// ride drives a policy and keeps what it did over time, if points are asked for.
func (b *bench) ride(c *fluid.Course, name string, s fluid.Scaler, points int) (run, study.Ride) {
	out := study.Ride{Policy: name}
	if points == 0 {
		return drive(c, s), out
	}
	r := drive(c, out.Watch(c, s, points))
	out.Points = b.moments(points, func(k int) (wanted, ready float64) {
		return float64(r.paid[k]), float64(r.ready[k])
	})
	return r, out
}
