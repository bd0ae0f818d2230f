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
	Plain bool // the plain blend: no forest
	made  map[horizons]*branch
}

// fresh is a forecaster of the kind that is remembered.
func (m *Memo) fresh() *predictor.Forecaster {
	if m.Plain {
		return predictor.NewPlain(nil, 0)
	}
	return predictor.NewForecaster(nil, 0)
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
		return m.fresh().Forecast(h, at, ahead)
	}
	b := m.made[key]
	if b == nil {
		if m.made == nil {
			m.made = map[horizons]*branch{}
		}
		b = &branch{by: m.fresh(), made: map[int64]predictor.Forecast{}}
		m.made[key] = b
	}
	f, ok := b.made[at.UnixNano()]
	if !ok {
		f = b.by.Forecast(h, at, ahead)
		b.made[at.UnixNano()] = f
	}
	return f
}

// memo is what runs of the course share that count requests in a unit and forecast alike; for runs one after another. Where engines count
// what they finished, arrivals are seen as the decisions let them, and nothing is shared.
func (c *Course) memo(unit float64, plain bool) *Memo {
	key := kind{unit, plain}
	if c.world.AtFinish {
		return &Memo{Plain: plain}
	}
	if c.memos == nil {
		c.memos = map[kind]*Memo{}
	}
	if c.memos[key] == nil {
		c.memos[key] = &Memo{Plain: plain}
	}
	return c.memos[key]
}

// kind is what runs have to have in common to share forecasts.
type kind struct {
	unit  float64
	plain bool
}
