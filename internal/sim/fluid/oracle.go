package fluid

import (
	"time"

	"github.com/forewarm/forewarm/predictor"
)

// Oracle is a forecaster that knows the course: every quantile of the window maximum is what it will be. What
// the product loses with it is not the forecast's fault.
type Oracle struct {
	Course *Course
	// Unit multiplies rates, as NewForewarm counts them; 0 = 1.
	Unit float64
}

// Forecast implements engine.Forecaster; it does not look at the history.
func (f Oracle) Forecast(_ *predictor.History, at time.Time, horizons []time.Duration) predictor.Forecast {
	l, unit := f.Course.load, f.Unit
	if unit == 0 {
		unit = 1
	}
	now := int(at.Sub(f.Course.world.Begin) / l.Step)
	if now < 0 || now >= len(l.Rate) || len(horizons) == 0 {
		return predictor.Forecast{}
	}
	g := predictor.Grid{At: at, Level: l.Rate[now] * unit, Horizons: horizons, Quantiles: predictor.Quantiles}
	for _, h := range horizons {
		n := l.ticks(h)
		future := highestOf(l.Rate[now:min(now+n+1, len(l.Rate))]) * unit
		for range g.Quantiles {
			g.Values = append(g.Values, future)
		}
		g.Past = append(g.Past, highestOf(l.Rate[max(now-n, 0):now+1])*unit)
	}
	out, err := predictor.NewForecast(g)
	if err != nil {
		return predictor.Forecast{} // a load is finite and not negative, so this grid is sound
	}
	return out
}

func highestOf(rates []float64) float64 {
	top := 0.0
	for _, r := range rates {
		top = max(top, r)
	}
	return top
}
