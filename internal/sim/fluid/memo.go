package fluid

import (
	"time"

	"github.com/forewarm/forewarm/internal/engine"
	"github.com/forewarm/forewarm/predictor"
)

// Memo shares forecasts between runs that show the product the same arrivals: the runs of one course with one
// unit, whatever they then decide. Each set of horizons has a forecaster of its own, as the product would have it.
// It is not for concurrent use; the zero value is ready.
type Memo struct {
	made map[horizons]*branch
}

// horizons are those of one forecast; more than the product asks for are not remembered.
type horizons [4]time.Duration

type branch struct {
	by   engine.Forecaster
	made map[int64]predictor.Forecast
}

// Forecast implements engine.Forecaster.
func (m *Memo) Forecast(h *predictor.History, at time.Time, ahead []time.Duration) predictor.Forecast {
	var key horizons
	if copy(key[:], ahead) < len(ahead) {
		return predictor.NewForecaster(nil, 0).Forecast(h, at, ahead)
	}
	b := m.made[key]
	if b == nil {
		if m.made == nil {
			m.made = map[horizons]*branch{}
		}
		b = &branch{by: predictor.NewForecaster(nil, 0), made: map[int64]predictor.Forecast{}}
		m.made[key] = b
	}
	f, ok := b.made[at.UnixNano()]
	if !ok {
		f = b.by.Forecast(h, at, ahead)
		b.made[at.UnixNano()] = f
	}
	return f
}

// memo is what runs of the course share that count requests in a unit; for runs one after another.
func (c *Course) memo(unit float64) *Memo {
	if c.memos == nil {
		c.memos = map[float64]*Memo{}
	}
	if c.memos[unit] == nil {
		c.memos[unit] = &Memo{}
	}
	return c.memos[unit]
}
