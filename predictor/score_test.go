package predictor

import (
	"math"
	"testing"
	"time"
)

// always forecasts one rate at every quantile, and remembers what it was shown.
type always struct {
	rate  float64
	peeks int // forecasts for which the history ended after the moment of asking
	asked int
}

func (a *always) Forecast(h *History, at time.Time, horizons []time.Duration) Forecast {
	a.asked++
	if h.Seen().After(at) {
		a.peeks++
	}
	g := Grid{At: at, Level: a.rate, Horizons: horizons, Quantiles: []float64{0.5}, Values: []float64{a.rate}, Past: []float64{0}}
	f, _ := NewForecast(g)
	return f
}

// minutes are samples, one a minute from noon; NaN is none.
func minutes(rates ...float64) []Sample {
	var out []Sample
	for i, r := range rates {
		if !math.IsNaN(r) {
			out = append(out, Sample{noon.Add(time.Duration(i) * time.Minute), r})
		}
	}
	return out
}

func TestScore(t *testing.T) {
	none := math.NaN()
	for name, tc := range map[string]struct {
		samples       []Sample
		says          float64
		origins       int
		mae, loss, in float64 // loss and coverage at .9
	}{
		"always right":                        {minutes(repeat(10, 4)...), 4, 5, 0, 0, 1},
		"half too low costs 9 tenths of it":   {minutes(repeat(10, 4)...), 2, 5, 0.5, 0.45, 0},
		"half too high costs a tenth of it":   {minutes(repeat(10, 4)...), 6, 5, 0.5, 0.05, 1},
		"a pause in the window scores nobody": {minutes(4, 4, 4, none, none, none, none, none, none, 4, 4), 4, 0, 0, 0, 0},
		"nothing to score":                    {nil, 4, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &always{rate: tc.says}
			c := Score(f, tc.samples, 3*time.Minute, noon)
			loss, in := c.At(0.9)
			if c.Origins != tc.origins || math.Abs(c.MAE-tc.mae) > 1e-9 || math.Abs(loss-tc.loss) > 1e-9 || in != tc.in {
				t.Errorf("got %d origins, MAE %g, loss %g, coverage %g", c.Origins, c.MAE, loss, in)
			}
			if f.peeks > 0 {
				t.Errorf("%d of %d forecasts saw the future", f.peeks, f.asked)
			}
		})
	}
}

func TestScoreBeginsWhereAsked(t *testing.T) {
	f := &always{rate: 4}
	if c := Score(f, minutes(repeat(20, 4)...), 3*time.Minute, noon.Add(10*time.Minute)); c.Origins != 6 || f.asked != 6 {
		t.Errorf("scored %d origins and asked %d times, want 6", c.Origins, f.asked)
	}
}

// The blend must beat the rule that it replaced where there is something to learn.
func TestTheForecasterBeatsTheLastValue(t *testing.T) {
	l := noisy(daily(), 11)
	var samples []Sample
	for k := range 4 * 4 * day {
		samples = append(samples, Sample{noon.Add(time.Duration(k) * 15 * time.Second), l(k / 4)})
	}
	from := noon.Add(72 * time.Hour)
	blend := Score(NewForecaster(nil, 0), samples, 10*time.Minute, from)
	last := Score(LastValue{}, samples, 10*time.Minute, from)
	for _, q := range []float64{0.9, 0.99} {
		a, _ := blend.At(q)
		b, _ := last.At(q)
		if a > 0.9*b {
			t.Errorf("loss at %g: %.5f, the last value's is %.5f", q, a, b)
		}
	}
}
