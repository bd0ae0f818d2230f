package fluid

import (
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/predictor"
)

// Spread makes a forecaster bolder or more careful: of what a forecast expects above the present level, only a
// share is passed on; 1 is all of it.
type Spread struct {
	Forecaster engine.Forecaster
	Share      float64
}

// Forecast implements engine.Forecaster.
func (s Spread) Forecast(h *predictor.History, at time.Time, horizons []time.Duration) predictor.Forecast {
	f := s.Forecaster.Forecast(h, at, horizons)
	if !f.Known() || s.Share == 1 {
		return f
	}
	g := f.Grid()
	for i, v := range g.Values {
		if v > g.Level {
			g.Values[i] = g.Level + s.Share*(v-g.Level)
		}
	}
	out, err := predictor.NewForecast(g)
	if err != nil {
		return f // a sound grid moved towards its level is sound
	}
	return out
}
