package fluid

import (
	"time"

	"github.com/forewarm/forewarm/internal/sim"
)

// Under is the world under conditions. Delays and outages are rounded up to whole ticks.
func (w World) Under(c sim.Conditions, step time.Duration) World {
	ticks := func(d time.Duration) int { return int((d + step - 1) / step) }
	w.Quota, w.WarmUp.Sigma, w.Spread, w.AtFinish = c.Quota, c.WarmUpSpread, c.SpeedSpread, c.AtFinish
	w.Faults = Faults{Delay: ticks(c.Delay), Lost: c.Lost, NaN: c.NaN}
	for _, o := range c.Outages {
		w.Faults.Outages = append(w.Faults.Outages, Span{ticks(o.After), ticks(o.After + o.For)})
	}
	switch c.Sight {
	case sim.Exact:
		w.Sight = Exact()
	case sim.Scraped:
		w.Sight = Scraped()
	case sim.UsualSight:
	}
	return w
}

// Conditions are those that the world is under, for another resolution.
func (w World) Conditions(step time.Duration) sim.Conditions {
	span := func(ticks int) time.Duration { return time.Duration(ticks) * step }
	c := sim.Conditions{
		Quota: w.Quota, WarmUpSpread: w.WarmUp.Sigma, SpeedSpread: w.Spread, AtFinish: w.AtFinish,
		Lost: w.Faults.Lost, NaN: w.Faults.NaN, Delay: span(w.Faults.Delay), Sight: sim.Exact,
	}
	for _, o := range w.Faults.Outages {
		c.Outages = append(c.Outages, sim.Outage{After: span(o.From), For: span(o.To - o.From)})
	}
	if w.Sight.Window > 0 {
		c.Sight = sim.Scraped
	}
	return c
}
